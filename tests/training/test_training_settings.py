"""Settings, logs, memory, corpora and instruction sets: what needs no torch."""

from __future__ import annotations

import ast
import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_gemmadev.types import GemmadevError
from training import extras, recipe
from training.config import DEFAULTS, load_config, to_toml
from training.data.corpus import load_corpus
from training.data.examples import Example, read_examples, write_line
from training.data.instructions import SETS, Cleaning, detokenized, instructions, prompt_of
from training.learn import memory
from training.learn.runfolder import counted
from training.learn.runlog import LOG, Log, duration, progress, read_log, write_report
from training.learn.tokens import Lengths, encode, encode_all
from training.release.card import TERMS, Card, render
from training.run import main

CODE = """\
def clamp(value, low, high):
    if value < low:
        return low
    if value > high:
        return high
    return value
"""
LONGEST = """\
def longest(words, least=1):
    found = ''
    for number, word in enumerate(words):
        if len(word) > len(found) and len(word) >= least:
            found = word + str(number + 1)
    return found
"""


# --- settings ------------------------------------------------------------------------------------


def test_a_file_replaces_defaults_and_the_command_line_replaces_both(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[train]\nbatch = 2\nseed = 7\n[data]\nsources = ['xlcost']\n")
    config = load_config(file, ["train.batch=8", "model.base=./folder", "train.fit=16GB"])
    assert (config.train.batch, config.train.seed, config.train.fit) == (8, 7, "16GB")
    assert config.data.sources == ("xlcost",)
    assert config.model.base == "./folder"
    assert config.adapter == load_config(None).adapter


def test_settings_come_back_as_they_were(tmp_path: Path) -> None:
    config = load_config(None, ["data.sources=['bugs:a b', 'é\"']", "train.learning_rate=1e-5"])
    file = tmp_path / "kept.toml"
    file.write_text(to_toml(config), encoding="utf-8")
    assert load_config(file) == config


def test_every_default_says_what_it_is() -> None:
    settings = [line for line in DEFAULTS.read_text().split("\n") if " = " in line]
    assert len(settings) > 30
    plain = {"rank", "alpha", "dropout", "seed", "epochs", "learning_rate", "folder"}
    plain |= {"weight_decay", "max_grad_norm", "double_quantization"}
    assert {s.split(" =")[0] for s in settings if "#" not in s} <= plain


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("train.bacth=2", "there is no setting train.bacth; there are seed, max_steps"),
        ("trian.batch=2", "there is no setting trian.batch"),
        ("train.batch=two", "train.batch: 'two' is no whole number"),
        ("train.batch=0", "train.batch: 0 is not positive"),
        ("train.batch=1.5", "is no whole number"),
        ("train.packing=1", "is no true or false"),
        ("train.through=32", "train.through: needs train.packing=false and train.batch=1"),
        ("train.longest_answer=-1", "train.longest_answer: -1 is negative"),
        ("data.sources=3", "is no list"),
        ("model.method=lorra", "model.method: 'lorra' is none of qlora, lora, full"),
        ("train.max_steps=0", "nothing to do"),
        ("batch", "write section.key=value"),
    ],
)
def test_wrong_settings_are_told(override: str, told: str) -> None:
    with pytest.raises(GemmadevError, match="(?s)" + told.replace("(", r"\(")):
        load_config(None, [override])


@pytest.mark.parametrize("text", ["[train", "batch = 2", "[train]\nbatch = 'x'", "\xff"])
def test_a_wrong_file_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(GemmadevError) as caught:
        load_config(file)
    assert "wrong.toml" in str(caught.value) or "train.batch" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_help_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from training.run import main; main(['--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "--qlora" in done.stdout
    assert "--fit" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--batch", "0"], "train.batch: 0 is not positive"),
        (["--config", "none.toml"], "none.toml: cannot be read (No such file or directory)"),
        (["--resume", "--output", "nowhere"], "--resume: nowhere holds no run"),
        (["--set", "nonsense"], "write section.key=value"),
    ],
)
def test_bad_options_are_one_line(
    arguments: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("training.run: ")
    assert told in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    extras.require("json")
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(GemmadevError, match=r"needs bitsandbytes.*pip install 'pytest-gemmadev\["):
        extras.require("bitsandbytes")


def test_too_little_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extras.check_space(tmp_path / "a" / "b", 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5 << 20))
    with pytest.raises(GemmadevError, match="the disk is full, 5 MB are free and 64 MB needed"):
        extras.check_space(tmp_path / "a" / "b", 64 << 20)


# --- memory --------------------------------------------------------------------------------------


def model(layers: int, hidden: int, inner: int, *, vocabulary: int = 262_144) -> Any:
    text = SimpleNamespace(
        num_hidden_layers=layers,
        hidden_size=hidden,
        intermediate_size=inner,
        vocab_size=vocabulary,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=256,
    )
    return SimpleNamespace(get_text_config=lambda: text)


SMALL = model(18, 640, 2048)
LARGE = model(34, 2560, 10240)


def test_the_shape_of_the_packaged_model() -> None:
    shape = memory.shape_of(SMALL)
    assert shape.linear + shape.embedded == pytest.approx(268e6, rel=0.01)


@pytest.mark.parametrize("method", ["qlora", "lora"])
def test_a_batch_that_fits_keeps_the_examples_of_a_step(method: str) -> None:
    chosen = [f"model.method={method}", "train.batch=16", "train.accumulation=2"]
    for size in ("16GB", "40GB", "80GB"):
        config = load_config(None, [*chosen, f"train.fit={size}"])
        fitted = memory.fitted(config, SMALL)
        assert fitted.train.batch * fitted.train.accumulation == 32
        needed = memory.step_bytes(
            memory.shape_of(SMALL),
            fitted,
            fitted.train.batch,
            checkpointing=fitted.train.checkpointing,
        )
        assert needed <= 0.9 * memory.parse_size(size)


def test_with_more_memory_less_is_computed_again_or_more_at_once() -> None:
    found = [
        memory.fitted(load_config(None, [f"train.fit={n}GB"]), LARGE).train for n in (8, 24, 80)
    ]
    order = [(not train.checkpointing, train.batch) for train in found]
    assert order == sorted(order)
    assert order[0] < order[-1]


def test_what_cannot_fit_is_told() -> None:
    config = load_config(None, ["train.fit=4GB", "model.method=full"])
    with pytest.raises(GemmadevError, match=r"--fit 4GB: needs \d+\.\d GB at least"):
        memory.fitted(config, LARGE)
    assert memory.fitted(dataclasses.replace(config, train=load_config(None).train), LARGE)


@pytest.mark.parametrize(
    ("text", "size"), [("16GB", 16e9), ("16", 16e9), ("512 MB", 512e6), ("1.5GiB", 1.5e9)]
)
def test_sizes(text: str, size: float) -> None:
    assert memory.parse_size(text) == size


def test_a_wrong_size() -> None:
    with pytest.raises(GemmadevError, match="write a size such as 16GB"):
        memory.parse_size("much")


# --- logs and reports ----------------------------------------------------------------------------


def test_a_log_goes_on_after_the_checkpoint(tmp_path: Path) -> None:
    log = Log.opened(tmp_path, after_step=0)
    for step in (1, 2, 3):
        log.add({"step": step, "loss": 1.0 / step})
    with (tmp_path / LOG).open("a") as file:
        file.write('{"step": 4, "lo')  # killed here
    assert [row["step"] for row in read_log(tmp_path)] == [1, 2, 3]
    again = Log.opened(tmp_path, after_step=2)
    again.add({"step": 3, "loss": 0.3})
    assert read_log(tmp_path) == again.rows
    assert [row["loss"] for row in again.rows] == [1.0, 0.5, 0.3]


def test_progress_is_one_line() -> None:
    row = {"step": 3, "loss": 1.25, "learning_rate": 2e-4, "tokens_per_s": 61.7, "left_s": 3725}
    assert progress(row, steps=50) == (
        "step 3/50  loss 1.2500  lr 2.00e-04  62 tokens/s  1h02m left"
    )
    assert progress({"step": 3, "eval_loss": 2.0}, steps=50) == "step 3/50  held-out loss 2.0000"
    assert [duration(s) for s in (5, 65, 3600)] == ["5s", "1m05s", "1h00m"]


def test_a_report_shows_facts_and_pictures(tmp_path: Path) -> None:
    write_report(tmp_path, "Run", {"steps": 3}, ["loss.png", "learning_rate.png"])
    text = (tmp_path / "report.md").read_text()
    assert "| steps | 3 |" in text
    assert "![learning rate against steps](learning_rate.png)" in text


def test_the_card_holds_data_licenses_and_terms() -> None:
    rows = [
        Example("p", "c", kind="line", proof="executed", license="MIT"),
        Example("p", "c", kind="line", proof="executed", license="PSF-2.0"),
        Example("p", "c"),
    ]
    data, licenses = counted(rows)
    assert data == {"executed, line": 2, "instruction, text": 1}
    card = Card(
        "gemma",
        "qlora",
        "gemmadev",
        5,
        (2.0, 1.0),
        0,
        data,
        licenses,
        "",
        to_toml(load_config(None)),
    )
    text = render(card)
    for wanted in ("| executed, line | 2 |", "| MIT | 1 |", "2.0000", TERMS, "license: gemma"):
        assert wanted in text


# --- tokens --------------------------------------------------------------------------------------


class Letters:
    """A tokenizer with a token for each character."""

    bos_token_id, eos_token_id, chat_template = 2, 1, None

    def encode(self, text: str, **options: object) -> list[int]:
        assert options == {"add_special_tokens": False, "split_special_tokens": True}
        return [ord(letter) for letter in text]


def test_only_the_completion_counts() -> None:
    encoded = encode(Letters(), Example("ab", "c\n", kind="line"))
    row = encoded.row()
    assert row["input_ids"] == [2, 97, 98, 99, 10]
    assert row["labels"] == [-100, -100, -100, 99, 10]
    assert encode(Letters(), Example("ab", "c")).completion == (99, 1)  # an instruction ends


def test_of_several_answers_what_stands_between_does_not_count() -> None:
    row = Example("a+", "b\n c\n-d\n+e\n", kind="lines")
    encoded = encode(Letters(), row)
    assert encoded.counted == 4
    labels = encoded.row()["labels"]
    assert "".join(chr(i) for i in encoded.row()["input_ids"][1:]) == row.prompt + row.completion
    assert [chr(i) if i > 0 else "." for i in labels] == [*"...", *"b\n", *".......", *"e\n"]


def test_what_is_too_long_is_counted() -> None:
    lengths = Lengths()
    rows = [Example("ab", "c", kind="line"), Example("ab" * 9, "c"), Example("a", "b", chat=True)]
    found = encode_all(Letters(), rows, max_tokens=8, lengths=lengths)
    assert [e.completion for e in found] == [(99,)]
    told = "\n".join(lengths.lines())
    assert "line: 1 examples, 4 tokens" in told
    assert "1 longer than 8 tokens" in told
    assert "1 for a chat template" in told


# --- corpora -------------------------------------------------------------------------------------


def corpus_of(*overrides: str) -> Any:
    settings = load_config(None, ["data.humaneval=false", *overrides]).data
    return load_corpus(settings, seed=0, say=lambda line: None)


def test_sources_are_mixed_and_the_last_stay_last(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "clamp.py").write_text(CODE)
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(write_line(Example(f"p{n}", "c", kind="line")) for n in range(9)) * 2)
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text(json.dumps({"buggy": CODE.replace("< low", "> low"), "fixed": CODE}))
    corpus = corpus_of(
        f"data.sources=['bugs:{tmp_path}/project', '{rows}']",
        f"data.last=['{pairs}']",
        "data.execute=false",
    )
    assert {row.proof for row in corpus.last} == {"real"}
    assert {row.proof for row in corpus.first} == {"parsed", ""}
    given = [row.prompt for row in corpus.first if not row.proof]
    assert sorted(given) == [f"p{n}" for n in range(9)]  # each once
    assert given != sorted(given)


def test_a_limit_draws_from_the_whole_source(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(write_line(Example(f"p{n}", "c")) for n in range(200)))
    one, same = (corpus_of(f"data.sources=['{rows}']", "data.limit=20") for _ in range(2))
    numbers = sorted(int(row.prompt[1:]) for row in one.first)
    assert len(set(numbers)) == 20
    assert numbers[0] < 60
    assert numbers[-1] > 140
    assert one == same


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("alpacca", "data set 'alpacca' is unknown; there are bugs:PATH"),
        ("nowhere.jsonl", "nowhere.jsonl: cannot be read"),
        ("EMPTY", "the set is empty"),
        ("BAD", "bad.jsonl:1: a row needs the texts"),
        ("bugs:no_such_package", "no file, folder or installed package"),
    ],
)
def test_data_that_cannot_be_used(tmp_path: Path, source: str, told: str) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "bad.jsonl").write_text('{"prompt": 3}\n')
    name = {"EMPTY": f"{tmp_path}/empty.jsonl", "BAD": f"{tmp_path}/bad.jsonl"}.get(source, source)
    with pytest.raises(GemmadevError, match=told):
        corpus_of(f"data.sources=['{name}']")


def test_no_data_at_all() -> None:
    with pytest.raises(GemmadevError, match="no data: name some with --data"):
        corpus_of()


# --- instruction sets ----------------------------------------------------------------------------


def test_the_template() -> None:
    assert prompt_of("Add.", "1 2") == (
        "### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### Response:\n"
    )
    assert "Input" not in prompt_of("Add.")


@pytest.mark.parametrize(
    ("tokens", "code"),
    [
        ("x = 1 NEW_LINE print ( x )", "x = 1\nprint(x)\n"),
        (
            "def f ( a ) : NEW_LINE INDENT if a : NEW_LINE INDENT return 1 NEW_LINE DEDENT "
            "return 2 NEW_LINE DEDENT f ( 1 )",
            "def f(a):\n    if a:\n        return 1\n    return 2\nf(1)\n",
        ),
        ("def f ( :", "def f ( :\n"),
    ],
)
def test_tokens_become_code(tokens: str, code: str) -> None:
    assert detokenized(tokens) == code


ALPACA = [
    {"instruction": "Add two.", "input": "", "output": "def add(a, b):\n    return a + b"},
    {"instruction": "add  TWO.", "input": "", "output": "def add2(a, b):\n    return a + b"},
    {"instruction": "Say hi.", "input": "Not applicable", "output": "print('hi there')"},
    {"instruction": "In C.", "input": "", "output": "```c\nint main() { return 0; }\n```"},
    {"instruction": "Poem.", "input": "", "output": "roses are red, violets are blue"},
    {"instruction": "", "input": "", "output": "print('nothing at all')"},
]


def test_a_set_from_a_file_is_cleaned(tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="instruction sets are read by datasets")
    file = tmp_path / "alpaca.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ALPACA))
    cleaning = Cleaning()
    rows = list(instructions("alpaca-18k", cleaning, path=str(file)))
    assert [row.id for row in rows] == ["alpaca-18k/0", "alpaca-18k/2"]
    assert rows[1].prompt == "### Instruction:\nSay hi.\n\n### Response:\n"
    assert rows[1].completion == "print('hi there')\n"
    assert cleaning.dropped == {
        "duplicate": 1,
        "another language": 1,
        "no Python code": 1,
        "empty or too long": 1,
    }
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"instruction": "x"}\n')
    with pytest.raises(GemmadevError, match="row 0: needs the texts 'instruction' and 'output'"):
        list(instructions("alpaca-18k", Cleaning(), path=str(bad)))
    with pytest.raises(GemmadevError, match="no such file"):
        list(instructions("xlcost", Cleaning(), path=str(tmp_path / "none")))


def test_all_three_sets_are_known() -> None:
    assert set(SETS) == {"alpaca-18k", "xlcost", "evol-80k"}
    assert all(each.license and each.hub.count("/") == 1 for each in SETS.values())
    with pytest.raises(GemmadevError, match="data set 'other' is unknown"):
        list(instructions("other", Cleaning()))


# --- how it fits together ------------------------------------------------------------------------

TRAINING = Path(DEFAULTS).parent
MEETING = {
    "runtime.py",
    "trial.py",
    "project_tests.py",
    "in_process.py",
    "problems.py",
    "worker.py",
    "judge.py",
    "ask_model.py",
    "test_faults.py",
}  # where training meets the rest of the plugin
SHARED = {"types", "text", "files", "capture", "prompting", "search"}


def imports_of(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


@pytest.mark.slow
def test_training_asks_the_core_for_prompts_and_little_else() -> None:
    files = [file for file in TRAINING.rglob("*.py") if file.name not in MEETING]
    assert len(files) > 30
    for file in files:
        own = {name for name in imports_of(file) if name.startswith("pytest_gemmadev")}
        assert {name.split(".")[1] for name in own} <= SHARED, file


def test_the_recipe_tells_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "train",
        "--data",
        str(tmp_path),
        "--output",
        str(tmp_path / "o"),
        "--minutes",
        "1",
    ]
    assert recipe.main(arguments) == 1
    assert "holds no corpus; run prepare first" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


@pytest.mark.slow
def test_the_recipe_prepares_corpus_and_pairs(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "clamp.py").write_text(CODE)
    (folder / "longest.py").write_text(LONGEST)
    data = tmp_path / "data"
    arguments = ["prepare", "--packages", str(folder), "--output", str(data), "--jobs", "1"]
    arguments += ["--drills", "20"]
    assert recipe.main(arguments) == 0
    made = {name: data / name / "project.jsonl" for name in (recipe.EXECUTED, recipe.PARSED)}
    assert {row.proof for row in read_examples(made[recipe.EXECUTED])} == {"executed"}
    assert {row.proof for row in read_examples(made[recipe.PARSED])} == {"parsed"}
    assert (data / recipe.BODIES).is_file()
    assert len(list(read_examples(data / recipe.DRILLS))) == 20
    broken = list(read_examples(data / recipe.EXECUTED / "drills.jsonl"))
    assert {row.proof for row in broken} == {"executed"}
    assert len({row.origin for row in broken}) > 5
    assert all(row.rejected for row in read_examples(data / recipe.PAIRS))
    for proof in (recipe.EXECUTED, recipe.PARSED):
        several = list(read_examples(data / proof / recipe.SEVERAL))
        assert {(row.kind, row.proof) for row in several} == {("lines", proof)}
