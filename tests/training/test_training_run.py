"""Training a small random Gemma: runs, interruptions, gradients in four bits, bad bases."""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

REASON = "training needs [training] installed"
torch = pytest.importorskip("torch", reason=REASON)
for module in ("transformers", "peft", "trl", "datasets", "gguf"):
    pytest.importorskip(module, reason=REASON)

import tiny_gemma  # noqa: E402 # beside this file; what follows needs torch
from safetensors.torch import load_file, save_file  # noqa: E402

from pytest_gemmadev.types import GemmadevError  # noqa: E402
from training import extras, recipe  # noqa: E402
from training.align import main as align  # noqa: E402
from training.config import Config, load_config  # noqa: E402
from training.data.examples import Example, read_examples, write_line  # noqa: E402
from training.learn.base import (  # noqa: E402
    Base,
    check_device,
    find_base,
    load_config_of,
    load_model,
    load_tokenizer,
    start_of,
)
from training.learn.likelihood import Likelihood, likelihood  # noqa: E402
from training.learn.likelihood import main as compare_adapters  # noqa: E402
from training.learn.logits import SeenWords, counted_logits  # noqa: E402
from training.learn.pipeline import run  # noqa: E402
from training.learn.runfolder import last_checkpoint  # noqa: E402
from training.learn.runlog import read_log  # noqa: E402
from training.learn.sft import answers_in  # noqa: E402
from training.learn.speed import attend_plainly, widen  # noqa: E402
from training.learn.tokens import Encoded, ids  # noqa: E402
from training.release.blend import blend  # noqa: E402
from training.release.export import merged_model, unfinished  # noqa: E402
from training.run import main  # noqa: E402

STEPS = 4


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gemma.write(tmp_path_factory.mktemp("base") / "tiny.gguf")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "rows.jsonl"
    made = [
        Example(
            f"def f{n}(a):\n-    return a\n+", f"    return a + {n}\n", kind="line", license="MIT"
        )
        for n in range(24)
    ]
    file.write_text("".join(map(write_line, made)))
    return file


def settings(gguf: Path, rows: Path, folder: Path, *more: str) -> Config:
    return load_config(
        None,
        [
            f"model.base={gguf}",
            f"data.sources=['{rows}']",
            "data.humaneval=false",
            "data.max_tokens=128",
            f"output.folder={folder}",
            "output.export=false",
            f"train.max_steps={STEPS}",
            "train.save_every=2",
            "train.batch=2",
            "train.accumulation=2",
            "train.learning_rate=5e-3",
            "train.threads=1",
            *more,
        ],
    )


def losses(folder: Path) -> list[tuple[int, float, float]]:
    return [(r["step"], r["loss"], r["grad_norm"]) for r in read_log(folder) if "loss" in r]


@pytest.fixture(scope="module")
def whole(gguf: Path, rows: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing interrupted, with an evaluation in its middle."""
    folder = tmp_path_factory.mktemp("whole")
    return run(settings(gguf, rows, folder, "train.eval_every=2"), folder, resume=False, say=str)


def test_a_run_leaves_log_report_plots_and_adapter(whole: Path) -> None:
    found = losses(whole)
    assert [step for step, _, _ in found] == [1, 2, 3, 4]
    assert all(norm > 0 for _, _, norm in found)
    assert found[-1][1] < found[0][1]
    assert [r["step"] for r in read_log(whole) if "eval_loss" in r] == [2, 4]
    report = (whole / "report.md").read_text()
    for wanted in ("tokens/s", "peak memory", "(loss.png)", "(learning_rate.png)", "tiny.gguf"):
        assert wanted in report
    assert (whole / "loss.png").read_bytes().startswith(b"\x89PNG")
    adapter = json.loads((whole / "adapter" / "adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == "tiny.gguf"
    assert "/" not in (whole / "config.toml").read_text().split("[data]")[0].split("base")[0]


def test_a_run_goes_on_from_an_adapter(whole: Path, gguf: Path, rows: Path, tmp_path: Path) -> None:
    adapter = whole / "adapter"
    config = settings(gguf, rows, tmp_path, f"model.adapter={adapter}", "train.learning_rate=1e-12")
    run(config, tmp_path, resume=False, say=str)
    one, other = (
        load_file(f / "adapter_model.safetensors") for f in (adapter, tmp_path / "adapter")
    )
    assert one.keys() == other.keys()
    moved = max(float((one[name] - other[name]).abs().max()) for name in one)
    assert moved < 1e-3  # trl rounds a quantized model's adapter to 16 bits when it begins
    assert max(float(one[name].abs().max()) for name in one) > 0.02
    assert losses(tmp_path)[0][1] < losses(whole)[0][1]


def test_a_blend_lies_between(whole: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(whole / "adapter", other)
    weights = load_file(other / "adapter_model.safetensors")
    save_file(
        {name: value + 1 for name, value in weights.items()}, other / "adapter_model.safetensors"
    )
    blend(whole, other, 0.25, tmp_path / "between")
    made = load_file(tmp_path / "between" / "adapter" / "adapter_model.safetensors")
    for name, value in weights.items():
        torch.testing.assert_close(made[name], value + 0.25)
    assert (tmp_path / "between" / "log.jsonl").read_bytes() == (whole / "log.jsonl").read_bytes()
    with pytest.raises(GemmadevError, match="is a part of 1"):
        blend(whole, other, 1.5, tmp_path / "beyond")
    assert not (tmp_path / "beyond").exists()


def test_adapters_are_compared_by_held_out_answers(
    whole: Path,
    gguf: Path,
    rows: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "training.learn.likelihood.CAP", 1000.0
    )  # a model of random weights knows little
    untrained = tmp_path / "untrained"
    shutil.copytree(whole / "adapter", untrained)
    weights = load_file(untrained / "adapter_model.safetensors")
    save_file(
        {name: torch.zeros_like(value) for name, value in weights.items()},
        untrained / "adapter_model.safetensors",
    )
    asked = [str(rows), "--base", str(gguf), "--limit", "8", "--share", "0.5"]
    assert compare_adapters([*asked, "--adapter", str(untrained), str(whole)]) == 0
    told = capsys.readouterr().out.strip().split("\n")
    nats = [float(re.search(r": ([0-9.]+) nats", line)[1]) for line in told]  # type: ignore[index]
    assert told[0].startswith(f"{untrained}, rows.jsonl")
    assert "+0.000 to +0.000), " in told[0]
    assert "of 8 first" in told[0]
    assert nats[1] < nats[2] < nats[0]
    assert compare_adapters([*asked, "--adapter", str(whole)]) == 1
    assert "a blend needs a second" in capsys.readouterr().err


def test_what_stands_between_answers_is_not_counted(gguf: Path) -> None:
    config = load_config(None, [f"model.base={gguf}", "adapter.dropout=0.0"])
    model = load_model(find_base(config.model), "lora", config.adapter, seed=0).float().eval()
    prompt, first, between, second = (2, 270, 271), (280, 281), (290, 291, 292), (285, 286, 287)
    whole = Encoded(prompt, (*first, *between, *second), (range(2, 5),))
    apart = [
        Encoded(prompt, first),
        Encoded((*prompt, *first, *between), second),
        Encoded((*prompt, *first), between),
    ]
    nats = [likelihood(model, [each]).nats[0] for each in (whole, *apart)]
    assert nats[0] == pytest.approx(nats[1] + nats[2], rel=1e-4)
    assert nats[3] > 1.0  # it would have shown


def test_a_difference_has_an_interval_over_questions() -> None:
    one = Likelihood((1.0, 2.0, 30.0, 4.0), (True, False, False, False))
    other = Likelihood((2.0, 4.0, 10.0, 4.0), (False, False, False, False))
    assert one.mean == 4.25  # ten nats of an answer at most
    difference, low, high = one.against(other)
    assert difference == -0.75
    assert low < -0.75 < high
    assert (low + high) / 2 == pytest.approx(-0.75)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        pytest.param("model.adapter=/nowhere", "holds no PEFT adapter", id="no folder"),
        pytest.param("model.method=full", "--full trains no adapter", id="full"),
    ],
)
def test_an_adapter_that_cannot_be_begun_with_is_refused(override: str, told: str) -> None:
    config = load_config(None, ["model.adapter=gemmadev", override])
    with pytest.raises(GemmadevError, match=told):
        start_of(config.model)


def test_the_adapter_that_ships_can_be_begun_with() -> None:
    folder = start_of(load_config(None, ["model.adapter=gemmadev", "model.method=lora"]).model)
    assert folder is not None
    assert (folder / "adapter_model.safetensors").is_file()
    assert start_of(load_config(None, []).model) is None


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", [1, 3])
def test_a_killed_run_goes_on_as_if_it_had_not_been(
    at: int, whole: Path, gguf: Path, rows: Path, tmp_path: Path
) -> None:
    def kill(line: str) -> None:
        if line.startswith(f"step {at}/"):
            raise Killed

    config = settings(gguf, rows, tmp_path, "train.eval_every=2")
    with pytest.raises(Killed):
        run(config, tmp_path, resume=False, say=kill)
    half = tmp_path / "checkpoints" / "checkpoint-9"  # a kill while it was written
    half.mkdir(parents=True)
    found = last_checkpoint(tmp_path)
    assert (found.name if found else "") == ("checkpoint-2" if at > 2 else "")
    half.rmdir()
    run(config, tmp_path, resume=True, say=str)
    assert losses(tmp_path) == losses(whole)  # to the last bit
    one, other = (f / "adapter" / "adapter_model.safetensors" for f in (tmp_path, whole))
    assert one.read_bytes() == other.read_bytes()


def test_the_last_checkpoint_is_an_adapter_too(whole: Path, tmp_path: Path) -> None:
    found = unfinished(whole)
    assert found == whole / "step-4"
    one, other = (load_file(f / "adapter" / "adapter_model.safetensors") for f in (found, whole))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    settings_ = json.loads((found / "adapter" / "adapter_config.json").read_text())
    assert settings_["base_model_name_or_path"] == "tiny.gguf"
    assert losses(found) == losses(whole)
    with pytest.raises(GemmadevError, match="holds no checkpoint of an adapter"):
        unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_all_weights_can_be_trained(gguf: Path, rows: Path, tmp_path: Path) -> None:
    config = settings(gguf, rows, tmp_path, "model.method=full", "train.max_steps=1")
    run(config, tmp_path, resume=False, say=str)
    assert (tmp_path / "model" / "model.safetensors").is_file()
    assert not (tmp_path / "adapter").exists()


# --- four bits -----------------------------------------------------------------------------------


def gradients(model: Any, tokens: Any) -> dict[str, Any]:
    model.train()
    model.zero_grad()
    model(input_ids=tokens, labels=tokens).loss.backward()
    return {n: p.grad.clone().float() for n, p in model.named_parameters() if p.grad is not None}


def test_gradients_in_four_bits_are_those_of_the_dequantized_weights(gguf: Path) -> None:
    pytest.importorskip("bitsandbytes", reason=REASON)
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn import Linear4bit

    base = find_base(load_config(None, [f"model.base={gguf}"]).model)
    adapter = load_config(None, ["adapter.dropout=0.0"]).adapter
    four = load_model(base, "qlora", adapter, seed=0)
    plain = load_model(base, "lora", adapter, seed=0)
    modules = dict(plain.named_modules())
    for name, module in four.named_modules():
        if isinstance(module, Linear4bit):
            weight = dequantize_4bit(module.weight.data, module.weight.quant_state)
            modules[name].weight.data.copy_(weight)
    for (name, one), (other_name, other) in zip(
        four.named_parameters(), plain.named_parameters(), strict=True
    ):
        if one.requires_grad:
            assert name == other_name
            values = torch.randn(one.shape, generator=torch.Generator().manual_seed(len(name)))
            one.data.copy_(0.05 * values)
            other.data.copy_(0.05 * values)
    tokens = torch.tensor([[2, *range(260, 292)]])
    wanted, before = gradients(plain, tokens), gradients(four, tokens)
    with torch.no_grad():  # an evaluation in the middle of training
        four.eval()
        four(input_ids=tokens, labels=tokens)
    after = gradients(four, tokens)
    assert wanted.keys() == before.keys() == after.keys()
    for name, value in wanted.items():
        scale = value.norm() + 1e-6
        assert (before[name] - value).norm() / scale < 0.05, name
        assert (after[name] - value).norm() / scale < 0.05, name


def test_plain_attention_sees_what_the_fused_one_sees(gguf: Path) -> None:
    """Two packed sequences: neither sees the other, whichever way attention is computed."""
    base = find_base(load_config(None, [f"model.base={gguf}"]).model)
    model = load_model(base, "lora", load_config(None, []).adapter, seed=0).eval()
    model.float()
    one, other = [2, *range(260, 280)], [2, *range(300, 330)]
    packed = torch.tensor([one + other])
    positions = torch.tensor([[*range(len(one)), *range(len(other))]])

    def logits(tokens: torch.Tensor, at: torch.Tensor | None = None) -> torch.Tensor:
        with torch.no_grad():
            return model(input_ids=tokens, position_ids=at, use_cache=False).logits[0]

    apart = torch.cat([logits(torch.tensor([some])) for some in (one, other)])
    fused = logits(packed, positions)
    attend_plainly(model, packed.numel())
    assert model.config._attn_implementation == "eager"
    torch.testing.assert_close(fused, apart, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(logits(packed, positions), apart, atol=1e-4, rtol=1e-4)


def test_a_gradient_passes_through_the_end_of_a_prompt(gguf: Path) -> None:
    """As far back as wanted, and what is said of the answer is the same; all the way, it is whole."""
    base = find_base(load_config(None, [f"model.base={gguf}"]).model)
    model = load_model(base, "lora", load_config(None, ["adapter.dropout=0.0"]).adapter, seed=0)
    model = model.float().train()
    random_ = torch.Generator().manual_seed(5)
    trained = [p for p in model.parameters() if p.requires_grad]
    for weight in trained:
        weight.data = 0.05 * torch.randn(weight.shape, generator=random_)
    tokens = torch.tensor([[2, *range(260, 299)]])
    counted = torch.zeros(1, 39, dtype=torch.bool)
    counted[0, 33:] = True  # the last six tokens are the answer

    def passed(through: int) -> tuple[torch.Tensor, torch.Tensor]:
        model.zero_grad()
        logits = counted_logits(model, {"input_ids": tokens}, counted, through=through)
        torch.nn.functional.cross_entropy(logits, tokens[0, 34:]).backward()
        return logits.detach(), torch.cat([p.grad.flatten() for p in trained])

    whole_logits, whole_gradient = passed(0)
    alike = []
    for through in (1, 12, 34, 99):
        logits, gradient = passed(through)
        torch.testing.assert_close(logits, whole_logits, atol=1e-4, rtol=1e-4)
        alike.append(float(torch.cosine_similarity(gradient, whole_gradient, dim=0)))
    assert alike[0] < alike[1] < 0.9999
    assert alike[2:] == pytest.approx([1.0, 1.0], abs=1e-5)


def test_the_recipe_times_steps_of_what_it_will_read(
    gguf: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Long questions of one package and short ones of another, in turns, in the trial as in the run."""
    timed = recipe._rate
    monkeypatch.setattr(recipe, "_rate", lambda folder: (0.06, timed(folder)[1]))  # 20 steps
    corpus = tmp_path / "data" / recipe.EXECUTED
    corpus.mkdir(parents=True)
    for name, length in (("long", 60), ("short", 5)):
        made = [
            Example(
                f"def {name}{n}(a):\n" + "    a += 1\n" * length + "+",
                f"    return {n}\n",
                kind="line",
                proof="executed",
                license="MIT",
            )
            for n in range(200)
        ]
        (corpus / f"{name}.jsonl").write_text("".join(map(write_line, made)))
    output = tmp_path / "out"
    arguments = ["train", "--data", str(corpus.parent), "--output", str(output)]
    arguments += ["--base", str(gguf), "--minutes", "0.02"]
    for setting in ("max_tokens=1024", "humaneval=false"):
        arguments += ["--set", f"data.{setting}"]
    for setting in ("packing=false", "threads=1", "through=8"):
        arguments += ["--set", f"train.{setting}"]
    assert recipe.main([*arguments, "--set", "output.export=false"]) == 0
    told = re.search(r"(\d+) steps of (\d+) tokens", capsys.readouterr().out)
    assert told is not None
    rows = [row for row in read_log(output / "sft") if "tokens" in row]
    assert rows[-1]["tokens"] / len(rows) == pytest.approx(int(told[2]), rel=0.4)
    read = list(read_examples(output / "mix" / "first.jsonl"))
    assert abs(sum("long" in row.prompt for row in read) - len(read) / 2) <= 1


def test_a_softmax_over_the_words_that_the_data_holds(gguf: Path) -> None:
    """Scores are those of the whole vocabulary, at these words' places."""
    base = find_base(load_config(None, [f"model.base={gguf}"]).model)
    model = load_model(base, "lora", load_config(None, ["adapter.dropout=0.0"]).adapter, seed=0)
    model = model.float().eval()
    data = [[2, 260, 275, 261], [2, 270, 299]]
    seen = SeenWords.of(model, data)
    assert seen.ids.tolist() == [2, 260, 261, 270, 275, 299]
    assert seen.ids[seen.places(torch.tensor([275, 2, 299]))].tolist() == [275, 2, 299]
    counted = torch.tensor([[False, True, True]])
    inputs = {"input_ids": torch.tensor(data[:1])}
    with torch.no_grad():
        whole = counted_logits(model, inputs, counted)
        scored = counted_logits(model, inputs, counted, head=seen.head)
    torch.testing.assert_close(scored, whole[:, seen.ids], atol=1e-5, rtol=1e-5)


def test_a_trained_projection_has_no_words_left_out(gguf: Path) -> None:
    base = find_base(load_config(None, [f"model.base={gguf}"]).model)
    model = load_model(base, "full", load_config(None, []).adapter, seed=0)
    with pytest.raises(GemmadevError, match="seen_words: needs a projection"):
        SeenWords.of(model, [[2]])


def test_a_run_on_seen_words_learns_as_on_all(gguf: Path, rows: Path, tmp_path: Path) -> None:
    """Words that the data lacks take some of the likelihood at first, of random weights."""
    found = []
    for seen in ("false", "true"):
        config = settings(gguf, rows, tmp_path / seen, f"train.seen_words={seen}")
        run(config, tmp_path / seen, resume=False, say=str)
        found.append([loss for _, loss, _ in losses(tmp_path / seen)])
    assert len(found[0]) == STEPS
    assert all(few < all_ for all_, few in zip(*found, strict=True))
    assert found[1][-1] < found[1][0]


def test_a_long_answer_counts_as_a_short_one(gguf: Path, tmp_path: Path) -> None:
    """The first loss of a run on one long answer, at half of the tokens that it has."""
    row = Example("def f(a):\n-    x\n+", "    return a + 12345678\n", kind="line", license="MIT")
    file = tmp_path / "one.jsonl"
    file.write_text("".join(map(write_line, [row] * 4)))
    alone = ["train.packing=false", "train.batch=1", "train.max_steps=1", "train.accumulation=1"]
    found = []
    for number, longest in enumerate((0, 4, 1000)):
        folder = tmp_path / str(number)
        config = settings(gguf, file, folder, *alone, f"train.longest_answer={longest}")
        run(config, folder, resume=False, say=str)
        found.append(losses(folder)[0][1])
    answer = len(ids(load_tokenizer(find_base(config.model)), row.completion))
    assert answer > 4
    assert found[1] == pytest.approx(found[0] * 4 / answer, rel=0.01)
    assert found[2] == pytest.approx(found[0], rel=0.01)


def test_answers_are_counted_by_the_stretches_of_what_counts() -> None:
    for row, wanted in (("0110", 1), ("1101", 2), ("0010101", 3), ("1", 1)):
        counted = torch.tensor([[letter == "1" for letter in row]])
        assert answers_in(counted) == wanted


def test_long_rows_keep_the_fused_attention(gguf: Path) -> None:
    base = find_base(load_config(None, [f"model.base={gguf}"]).model)
    model = load_model(base, "lora", load_config(None, []).adapter, seed=0)
    attend_plainly(model, 16 * 1024)
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize(
    ("half_is_faster", "fit", "wanted"),
    [(False, "", torch.float32), (True, "", torch.bfloat16), (False, "16GB", torch.bfloat16)],
)
def test_weights_are_widened_where_that_is_faster_and_memory_is_not_told(
    half_is_faster: bool, fit: str, wanted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.learn.speed.multiplies_half", lambda: half_is_faster)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    model = torch.nn.Linear(4, 2).to(torch.bfloat16)
    widen(model, fit=fit)
    assert {weight.dtype for weight in model.parameters()} == {wanted}


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's own setting")
def test_freed_memory_stays_with_the_process() -> None:
    """In a process of its own, for it cannot be taken back; faults are pages got from the kernel."""
    code = """
import ctypes, resource, sys
import torch
from training.learn.speed import keep_freed
if sys.argv[1] == "keep":
    assert keep_freed()
else:  # left to itself, glibc gives back or not by what happens to lie above
    assert ctypes.CDLL(None).mallopt(-3, 128 * 1024) == 1  # M_MMAP_THRESHOLD, as it begins
for number in range(8):  # as the activations of a step come and go
    held = [torch.ones(5_000_000) for _ in range(20)]
    del held
    if number == 2:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

    def faults(how: str) -> int:
        command = [sys.executable, "-c", code, how]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert 10 * faults("keep") < faults("give back")


def test_a_packed_layer_is_told(gguf: Path) -> None:
    pytest.importorskip("bitsandbytes", reason=REASON)
    from bitsandbytes.nn import Linear4bit

    from training.learn.guard import check_gradients, keep_gradients

    base = find_base(load_config(None, [f"model.base={gguf}"]).model)
    model = load_model(base, "qlora", load_config(None).adapter, seed=0)
    assert keep_gradients(model) == 7 * tiny_gemma.LAYERS
    layer = next(m for m in model.modules() if isinstance(m, Linear4bit))
    layer.weight.quant_state.packing_format_for_cpu = True
    with pytest.raises(GemmadevError, match="gives no gradients any more"):
        check_gradients(model)


# --- bad input -----------------------------------------------------------------------------------


@pytest.fixture
def bases(tmp_path: Path, gguf: Path) -> Callable[[str], str]:
    def named(kind: str) -> str:
        folder = tmp_path / "bases"
        folder.mkdir(exist_ok=True)
        if kind == "text":
            (folder / "note.gguf").write_text("a note")
            return str(folder / "note.gguf")
        if kind == "cut":
            (folder / "cut.gguf").write_bytes(gguf.read_bytes()[:5000])
            return str(folder / "cut.gguf")
        if kind == "llama":
            (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
        return str(folder)

    return named


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("text", "is a file, but not in GGUF format"),
        ("cut", "cut.gguf: cannot be read"),
        ("llama", "is a llama, not a Gemma"),
        ("empty", "the folder holds no config.json"),
    ],
)
def test_bad_bases_are_one_line_and_leave_nothing(
    kind: str,
    told: str,
    bases: Callable[[str], str],
    rows: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "out"
    arguments = ["--qlora", "--base", bases(kind), "--data", str(rows), "--output", str(output)]
    assert main(arguments) == 1
    error = capsys.readouterr().err.strip().split("\n")[-1]
    assert error.startswith("training.run: ")
    assert told in error
    assert not output.exists()


def test_a_large_model_is_not_trained_in_full_without_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from transformers import Gemma3TextConfig

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    large = Gemma3TextConfig(num_hidden_layers=34, hidden_size=2560, intermediate_size=10240)
    with pytest.raises(GemmadevError, match=r"--full on \d\.\d B parameters needs a GPU"):
        check_device("full", large)
    check_device("lora", large)
    check_device("full", Gemma3TextConfig(num_hidden_layers=2, hidden_size=64))


def test_four_bits_need_bitsandbytes(gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = load_config_of(find_base(load_config(None, [f"model.base={gguf}"]).model))
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "bitsandbytes" else True)
    with pytest.raises(GemmadevError, match="needs bitsandbytes, which is not installed"):
        check_device("qlora", config)
    check_device("lora", config)


@pytest.mark.parametrize("name", ["./nowhere", "nothing", "file.gguf", "a/b/c"])
def test_a_base_that_is_nowhere(name: str) -> None:
    with pytest.raises(GemmadevError, match="no such file or folder"):
        find_base(load_config(None, [f"model.base={name}"]).model)
    assert find_base(load_config(None, ["model.base=google/gemma"]).model) == Base(
        "google/gemma", "google/gemma"
    )


def test_examples_that_are_all_too_long(
    gguf: Path, rows: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--base", str(gguf), "--data", str(rows), "--max-tokens", "8"]
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 1
    assert "no example fits into 8 tokens" in capsys.readouterr().err


# --- from the base to a repair -------------------------------------------------------------------

BOUNDS = '''\
def clamp(value, low=0, high=10):
    """Between the bounds.

    >>> clamp(12, high=11)
    11
    >>> clamp(-3)
    0
    """
    return max(low, min(value, high))
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "bounds.py").write_text(BOUNDS)
    return folder


def test_from_the_base_to_a_repair(
    whole: Path, gguf: Path, project: Path, tmp_path: Path, pytester: pytest.Pytester
) -> None:
    """SFT was `whole`; then DPO, export, the check in the runtime, and the plugin with the adapter."""
    pytest.importorskip("xllamacpp", reason="the runtime is not installed")
    pairs = tmp_path / "pairs.jsonl"
    assert align(["prefer", "--from", str(project), "--output", str(pairs)]) == 0
    aligned = tmp_path / "aligned"
    settings = ["--set", "align.batch=1", "--set", "align.accumulation=1"]
    settings += ["--set", "data.max_tokens=1024", "--set", "output.export=true"]
    chosen = ["dpo", str(whole), "--data", str(pairs), "--output", str(aligned)]
    assert align([*chosen, "--max-steps", "2", *settings]) == 0
    assert len(losses(aligned)) == 2
    sft, dpo = (f / "adapter" / "adapter_model.safetensors" for f in (whole, aligned))
    assert sft.read_bytes() != dpo.read_bytes()
    card = (aligned / "adapter" / "README.md").read_text()
    assert "runtime and transformers differ by" in card
    assert "Gemma Terms of Use" in card

    merged = merged_model(
        aligned / "adapter",
        find_base(load_config(aligned / "config.toml").model),
        tmp_path / "merged",
    )
    assert (merged / "model.safetensors").is_file()

    pytester.makepyfile(bounds=BOUNDS.replace("min(value", "max(value"))
    pytester.makepyfile("from bounds import clamp\n\ndef test_it():\n    assert clamp(12) == 10\n")
    report = tmp_path / "report.json"
    done = pytester.runpytest_subprocess(
        "--gemmadev-fix",
        f"--gemmadev-model=gguf:{gguf}",
        f"--gemmadev-adapter={aligned / 'adapter.gguf'}",
        f"--gemmadev-report={report}",
        "--gemmadev-budget=120",
    )
    assert done.ret == 0
    found = json.loads(report.read_text())
    assert found["adapter"].endswith("adapter.gguf")
    assert [failure["status"] for failure in found["failures"]] == ["repaired"]


@pytest.mark.parametrize("sft", [0.0, 0.5])
def test_preferences_cost_what_trl_says_they_cost(
    sft: float, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss over the answers' positions alone, against trl's own over all of them."""
    rows = [
        Example("def f(a):\n    return ", f"a + {n}\n", rejected=f"a - {n}{n}\n", kind="line")
        for n in range(8)
    ]
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(map(write_line, rows)))
    found = []
    for name, may_count in (("ours", True), ("theirs", False)):
        if not may_count:
            monkeypatch.setattr("training.learn.dpo.can_count", lambda *_, **__: False)
        folder = tmp_path / name
        options = ["--max-steps", "3", "--no-export", "--set", "align.learning_rate=5e-3"]
        options += ["--set", f"align.sft={sft}"]
        assert (
            align(["dpo", str(whole), "--data", str(pairs), "--output", str(folder), *options]) == 0
        )
        found.append([loss for _, loss, _ in losses(folder)])
    assert found[0] == pytest.approx(found[1], abs=2e-3)
    assert found[0][-1] < found[0][0]
    if not sft:
        assert found[0][0] == pytest.approx(0.693, abs=1e-3)
    else:  # the right answers' loss comes on top
        assert found[0][0] > 0.75


def test_tests_as_the_reward(whole: Path, project: Path, tmp_path: Path) -> None:
    aligned = tmp_path / "aligned"
    settings = ["align.samples=2", "align.batch=2", "align.accumulation=1", "align.answer_tokens=8"]
    chosen = ["grpo", str(whole), "--from", str(project), "--output", str(aligned), "--no-export"]
    options = [part for setting in settings for part in ("--set", setting)]
    assert align([*chosen, "--max-steps", "1", *options]) == 0
    assert (aligned / "adapter" / "adapter_model.safetensors").is_file()
    assert [row["step"] for row in read_log(aligned)] == [1]
