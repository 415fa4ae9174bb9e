"""The syntax benchmark: what it counts, that it goes on where it was ended, and its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.bench import syntax
from eval.report.runs import read_rows
from eval.run import main

RIGHT = "def double(x):\n    return 2 * x\n"
TESTS = "from m import double\n\n\ndef test_double():\n    assert double(2) == 4\n"


def case(name: str, broken: str, right: str = RIGHT, **more: Any) -> dict[str, Any]:
    return {
        "id": name, "slice": "made", "buggy_files": ["m.py"],
        "project": {"m.py": broken}, "reference": {"m.py": right}, **more,
    }  # fmt: skip


CASES = [
    case("colon", RIGHT.replace(":", "")),
    case("other", RIGHT.replace(":", ""), right=RIGHT.replace("2", "3")),
    case("whole", RIGHT),
]
TESTED = {"hidden_tests": ["test_m.py"], "hidden_tests_files": {"test_m.py": TESTS}}


def write(folder: Path, rows: list[dict[str, Any]]) -> list[str]:
    """Arguments that run the cases, results beside them."""
    file = folder / "cases.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return ["syntax", "--cases", str(file), "--output", str(folder / "out")]


def test_a_file_is_compared_with_its_reference(tmp_path: Path) -> None:
    assert main([*write(tmp_path, CASES), "--no-tests"]) == 0
    rows = {row["case"]: row for row in read_rows(tmp_path / "out")}
    assert {name: (row["parses"], row["same_tree"]) for name, row in rows.items()} == {
        "colon": (True, True),
        "other": (True, False),
        "whole": (False, False),  # nothing is broken there: nothing was repaired
    }
    assert rows["other"]["diff"].endswith("+def double(x):\n     return 2 * x\n")
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    totals = report["totals"]
    assert (totals["cases"], totals["parses"], totals["same_tree"]) == (3, 2, 1)
    assert totals["same_tree_interval"][0] < 1 / 3 < totals["same_tree_interval"][1]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Another tree: 2" in page
    assert (tmp_path / "out" / "report.md").is_file()


@pytest.mark.slow
def test_a_run_continues_where_it_was_ended(tmp_path: Path) -> None:
    arguments = [*write(tmp_path, CASES), "--no-tests"]
    assert main([*arguments, "--limit", "1"]) == 0
    first = read_rows(tmp_path / "out")
    assert main(arguments) == 0
    assert read_rows(tmp_path / "out")[0] == first[0]
    assert [row["case"] for row in read_rows(tmp_path / "out")] == ["colon", "other", "whole"]


@pytest.mark.slow
def test_hidden_tests_judge_side_by_side(tmp_path: Path) -> None:
    wrong = case("wrong", RIGHT.replace(":", "").replace("2 *", "3 *"), **TESTED)
    rows = [case("right", RIGHT.replace(":", ""), **TESTED), wrong]
    assert main([*write(tmp_path, rows), "--jobs", "2"]) == 0
    found = {row["case"]: row["correct"] for row in read_rows(tmp_path / "out")}
    assert found == {"right": True, "wrong": False}


@pytest.mark.parametrize(
    ("row", "more", "message"),
    [
        ({"id": "a"}, [], "cases.jsonl:1: no syntax case"),
        (CASES[0], ["--jobs", "2", "--model", "gemmadev"], "--jobs must be 1"),
        (CASES[0], ["--jobs", "0"], "--jobs must be 1"),
        (CASES[0], ["--cases", "/nowhere"], "no such file"),
    ],
)
def test_misuse_is_one_line(
    row: dict[str, Any],
    more: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*write(tmp_path, [row]), *more]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_strays_are_lines_that_were_not_reported() -> None:
    assert not syntax._strays("a\nb\nc", "a\nB\nc", [2])
    assert syntax._strays("a\nb\nc", "a\nB\nC", [2])
