"""Ablations: the command without a part, the table, and what is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from eval.bench import repair_run
from eval.bench.repair import Tool
from eval.cases.case import Case, load_cases
from eval.report.ablation import VARIANTS, WHOLE, ablation_table
from eval.report.page import page
from eval.report.records import record_of
from eval.report.result import Result, Score
from eval.run import main

DEBUG = Path(__file__).parents[2] / "eval" / "data" / "debug"


def result(case: str, score: Score, seconds: float = 2.0) -> Result:
    return Result(case, "s", ("name",), 0, score, seconds=seconds, validations=30)


def test_the_part_is_left_out_by_the_environment() -> None:
    case = load_cases(DEBUG)[0]
    less = Tool("none", None, 30, without="patterns").command(case, 0, Path("report.json"))
    whole = Tool("none", None, 30).command(case, 0, Path("report.json"))
    assert less == ["env", "GEMMADEV_WITHOUT=patterns", *whole]


@pytest.mark.slow
def test_each_variant_is_compared_with_everything() -> None:
    good = [result(name, Score.CORRECT) for name in "abcd"]
    less = [
        result("a", Score.CORRECT, 4.0),
        result("b", Score.OVERFITTING, 6.0),
        result("c", Score.FAILED, 30.0),
        result("d", Score.FAILED, 30.0),
    ]
    table = ablation_table({WHOLE: good, "without writing": less})
    whole, without = (dict(zip(table.heads, row, strict=True)) for row in table.rows)
    assert (whole["correct"], whole["against everything"]) == ("4", "-")
    assert (without["plausible"], without["correct"]) == ("2", "1")
    assert without["overfitting of plausible"] == "50%"
    assert (without["median s"], without["of those accepted"]) == ("18.0", "5.0")
    assert without["against everything"] == "3 lost, 0 won, exact McNemar p = 0.25"


@pytest.mark.slow
def test_every_variant_is_run_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def repaired(
        case: Case, seed: int, command: Callable[..., Sequence[str]], **_: object
    ) -> Result:
        ran.append(next((p for p in command(case, seed, tmp_path) if "WITHOUT" in p), ""))
        return result(case.id, Score.FAILED if "writing" in ran[-1] else Score.CORRECT)

    monkeypatch.setattr(repair_run, "repair_case", repaired)
    arguments = ["repair", "--cases", str(DEBUG), "--model", "none", "--limit", "2", "--ablate"]
    assert main([*arguments, "--output", str(tmp_path)]) == 0
    parts = [part for part in VARIANTS.values() for _ in range(2)]
    assert ran == [f"GEMMADEV_WITHOUT={part}" if part else "" for part in parts]
    kept = json.loads((tmp_path / "ablation.json").read_text(encoding="utf-8"))
    assert {name: totals["correct"] for name, totals in kept["variants"].items()} == {
        name: 0 if "writing" in name else 2 for name in VARIANTS
    }
    settings = json.loads((tmp_path / "without-writing" / "settings.json").read_text("utf-8"))
    assert settings["without"] == "writing"
    assert "| without writing | 2 | 0 | 0 |" in (tmp_path / "report.md").read_text("utf-8")
    ran.clear()
    assert main([*arguments, "--output", str(tmp_path)]) == 0
    assert ran == []  # all of it is there already


@pytest.mark.slow
def test_one_part_alone_can_be_left_out_and_the_record_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Sequence[str]] = []

    def repaired(
        case: Case, seed: int, command: Callable[..., Sequence[str]], **_: object
    ) -> Result:
        ran.append(command(case, seed, tmp_path)[:2])
        return result(case.id, Score.CORRECT)

    monkeypatch.setattr(repair_run, "repair_case", repaired)
    arguments = ["repair", "--cases", str(DEBUG), "--model", "none", "--limit", "1"]
    folder = tmp_path / "less"
    assert main([*arguments, "--without", "patterns", "--output", str(folder)]) == 0
    assert ran == [["env", "GEMMADEV_WITHOUT=patterns"]]
    record = record_of(folder)
    assert record["settings"]["without"] == "patterns"
    assert "s, without patterns |" in page([record])


def test_one_part_and_each_part_cannot_be_asked_for_together(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["debug-cases", "--without", "patterns", "--ablate"])
    assert "not allowed with" in capsys.readouterr().err
