"""Two runs side by side, whatever the benchmark."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from eval.report.compare import Verdict, Verdicts, compare, of_repair
from eval.report.result import Result, Score, result_to_row
from eval.report.runs import open_run
from eval.run import main
from pytest_gemmadev.types import GemmadevError


def repaired(case: str, score: Score, *, seed: int = 0, validations: int = 7) -> dict[str, Any]:
    return result_to_row(Result(case, "s", (), seed, score, validations=validations))


@pytest.mark.slow
def test_counts_and_what_changed() -> None:
    first = of_repair([repaired("a", Score.CORRECT), repaired("b", Score.FAILED)])
    second = of_repair([repaired("a", Score.CORRECT), repaired("b", Score.OVERFITTING)])
    lines = compare(first, second).splitlines()
    assert lines[0] == "2 results in both runs"
    assert lines[1].startswith("plausible: 1 and 2; only the first 0, only the second 1; exact")
    assert lines[2].startswith("correct: 1 and 1; only the first 0, only the second 0; exact")
    assert lines[3] == "validations until plausible: median 7 and 7 of 1 cases; Wilcoxon p = 1"
    assert lines[4].startswith("seconds until plausible: median 0 and 0 of 1 cases")
    assert lines[5:] == ["  b seed 0: failed -> overfitting"]


@pytest.mark.slow
def test_seeds_are_counted_by_cases_as_well() -> None:
    def run(good: int, validations: int) -> Verdicts:
        return of_repair(
            [
                repaired(case, Score.CORRECT if seed < good else Score.FAILED, seed=seed,
                         validations=validations + seed)
                for case in "ab"
                for seed in range(3)
            ]
        )  # fmt: skip

    told = compare(run(2, 10), run(3, 20))
    assert "\ncorrect: 4 and 6; only the first 0, only the second 2; exact" in told
    assert "\ncorrect with every seed: 0 and 2; only the first 0, only the second 2; exact" in told
    assert "validations until plausible: median 10.5 and 21 of 2 cases; Wilcoxon p = 0.5" in told


def test_chance_of_the_split() -> None:
    good, bad = Verdict("passed", {"passed": True}), Verdict("failed", {"passed": False})
    first = {(f"c{n}", ""): bad for n in range(6)}
    assert "p = 0.0312" in compare(first, dict.fromkeys(first, good))
    assert "p = 1" in compare(first, first)


def test_what_was_not_scored_is_left_out() -> None:
    first = of_repair([repaired("a", Score.NOT_SCORED), repaired("b", Score.CORRECT)])
    with pytest.raises(GemmadevError, match="share no case"):
        compare(first, of_repair([repaired("a", Score.CORRECT)]))


SAMPLE = {"task_id": "t", "seed": 0, "sample": 2}
RUNS: dict[str, tuple[str, str, Mapping[str, Any], Mapping[str, Any], str]] = {
    "repair": (
        "repair", "eval.jsonl", repaired("a", Score.FAILED), repaired("a", Score.CORRECT),
        "  a seed 0: failed -> correct",
    ),
    "humaneval": (
        "humaneval", "eval.jsonl_results.jsonl",
        {**SAMPLE, "passed": True}, {**SAMPLE, "passed": False},
        "  t seed 0 sample 2: passed -> failed",
    ),
    "syntax": (
        "syntax", "eval.jsonl",
        {"case": "a", "parses": True, "same_tree": False},
        {"case": "a", "parses": True, "same_tree": True},
        "  a: parses -> same tree",
    ),
}  # fmt: skip


def run_folder(path: Path, benchmark: str, file: str, row: Mapping[str, Any]) -> str:
    open_run(path, {"benchmark": benchmark})
    (path / file).write_text(json.dumps(row) + "\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("command", ["compare", "--compare"])
@pytest.mark.parametrize(("benchmark", "file", "before", "after", "line"), RUNS.values(), ids=RUNS)
def test_two_folders(
    command: str,
    benchmark: str,
    file: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    line: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = run_folder(tmp_path / "first", benchmark, file, before)
    second = run_folder(tmp_path / "second", benchmark, file, after)
    assert main([command, first, second]) == 0
    assert line in capsys.readouterr().out.splitlines()
    assert main([command, first, first]) == 0
    assert "->" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("second", "message"), [("humaneval", "two benchmarks"), ("", "holds no run")]
)
def test_misuse_is_one_line(
    second: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run_folder(tmp_path / "a", "repair", "eval.jsonl", repaired("a", Score.CORRECT))
    other = str(tmp_path / "b")
    if second:
        run_folder(tmp_path / "b", second, "eval.jsonl_results.jsonl", {**SAMPLE, "passed": True})
    assert main(["compare", first, other]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
