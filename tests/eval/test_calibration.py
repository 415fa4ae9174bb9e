"""How true the probabilities are, against numbers worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval import run as eval_run
from eval.report.calibration import (
    JudgedPatch,
    brier_score,
    calibration_error,
    calibration_error_interval,
    judged_patches,
    reliability,
    totals_line,
    totals_of,
    without_probability,
)
from eval.report.plots import reliability_plot
from eval.report.result import Result, Score, result_to_row
from pytest_gemmadev.types import Confidence


def judged(
    probability: float, right: bool, *, case: str = "c", written: bool | None = None
) -> JudgedPatch:
    name = Confidence.of(probability)
    is_written = name is not Confidence.GUESS if written is None else written
    return JudgedPatch(case, 0, probability, name.value, right, "pattern:x", 1, is_written)


FIVE = [
    judged(0.96, True, case="a"),
    judged(0.98, True, case="b"),
    judged(0.9, False, case="c"),
    judged(0.85, True, case="d"),
    judged(0.4, True, case="e"),
]


def patch(probability: float | None, **more: Any) -> dict[str, Any]:
    name = None if probability is None else Confidence.of(probability).value
    return {
        "origin": "pattern:x",
        "rank": 3,
        "probability": probability,
        "confidence": name,
        "written": True,
        **more,
    }


def result(score: Score, *patches: dict[str, Any], **more: Any) -> Result:
    return Result("case", "s", ("logic",), 0, score, patches=patches, **more)


# --- which patches are right ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "more", "expected"),
    [
        pytest.param(Score.CORRECT, {}, True, id="written and right"),
        pytest.param(Score.OVERFITTING, {}, False, id="written and wrong"),
        pytest.param(
            Score.FAILED, {"suggested": True, "suggested_correct": True}, True, id="offer"
        ),
        pytest.param(Score.FAILED, {"suggested": True}, False, id="wrong offer"),
        pytest.param(Score.FAILED, {}, False, id="in part"),
        # A suggestion leaves sound code as it is, which is correct; the patch itself is not.
        pytest.param(Score.CORRECT, {"faulty_test": True}, False, id="offer for sound code"),
        pytest.param(Score.OVERFITTING, {"faulty_test": True}, False, id="sound code changed"),
    ],
)
def test_which_patches_are_right(score: Score, more: dict[str, Any], expected: bool) -> None:
    [found] = judged_patches([result(score, patch(0.9), **more)])
    assert (found.right, found.confidence, found.rank) == (expected, "likely", 3)


def test_patches_without_a_probability_and_runs_without_a_score_are_left_out() -> None:
    results = [
        result(Score.CORRECT, patch(None), patch(0.0)),
        result(Score.NOT_SCORED, patch(0.9), patch(None)),
    ]
    assert [p.probability for p in judged_patches(results)] == [0.0]
    assert without_probability(results) == 1


# --- the numbers ---------------------------------------------------------------------------------


def test_calibration_error() -> None:
    # Bin 0.9: 0.96 + 0.98 + 0.9 - 2 = 0.84; bin 0.8: 0.15; bin 0.4: 0.6; of five.
    assert calibration_error(FIVE) == pytest.approx((0.84 + 0.15 + 0.6) / 5)


def test_what_is_as_told_has_no_calibration_error() -> None:
    four = [judged(0.75, right) for right in (True, True, True, False)]
    assert calibration_error(four) == 0.0


def test_brier_score() -> None:
    squares = 0.04**2 + 0.02**2 + 0.9**2 + 0.15**2 + 0.6**2
    assert brier_score(FIVE) == pytest.approx(squares / 5)


def test_reliability_has_ten_bins_with_one_in_the_last() -> None:
    rows = reliability([judged(0.0, False), judged(0.9, True), judged(1.0, False)])
    assert [row["n"] for row in rows] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert (rows[9]["probability"], rows[9]["right"], rows[9]["share"]) == (0.95, 1, 0.5)
    assert rows[9]["interval"] == [0.0945, 0.9055]  # Wilson's for 1 of 2
    assert (rows[1]["probability"], rows[1]["share"], rows[1]["interval"]) == (None, None, [0, 1])


def test_bins_begin_at_their_lower_edge() -> None:
    rows = reliability([judged(number / 10, True) for number in range(10)])
    assert [row["n"] for row in rows] == [1] * 10


def test_by_name_and_by_level() -> None:
    totals = totals_of(FIVE)
    names = {name: (row["n"], row["right"]) for name, row in totals["confidence"].items()}
    assert names == {"sure": (2, 2), "likely": (2, 1), "guess": (1, 1)}
    levels = {
        level: (row["written"], row["wrong"]["count"], row["kept"]["count"], row["kept"]["share"])
        for level, row in totals["accept"].items()
    }
    assert levels == {"sure": (2, 0, 2, 0.5), "likely": (4, 1, 3, 0.75), "guess": (5, 1, 4, 1.0)}
    assert totals["accept"]["likely"]["wrong"]["share"] == 0.25


def test_what_was_held_back_is_written_at_no_level() -> None:
    totals = totals_of([judged(0.97, False, written=False), judged(0.97, True)])
    assert totals["held_back"] == 1
    assert [row["written"] for row in totals["accept"].values()] == [1, 1, 1]
    assert [row["wrong"]["count"] for row in totals["accept"].values()] == [0, 0, 0]


def test_interval_is_the_same_for_the_same_seed() -> None:
    interval = calibration_error_interval(FIVE)
    assert interval == calibration_error_interval(FIVE[::-1])
    assert interval is not None
    assert interval[0] < interval[1]


def test_interval_resamples_cases() -> None:
    """A hundred patches of one case are one draw, whatever their number."""
    assert calibration_error_interval([judged(0.9, True, case="a")] * 100) == [0.1, 0.1]
    # Two cases in one bin: both drawn twice or each once, so the gaps are -0.1, 0.4 or 0.9.
    two = [judged(0.9, True, case="a")] * 50 + [judged(0.9, False, case="b")] * 50
    assert calibration_error_interval(two) == [0.1, 0.9]


def test_nothing_to_count() -> None:
    totals = totals_of([])
    assert (totals["n"], totals["calibration_error"], totals["brier"]) == (0, None, None)
    assert totals_line(totals) == "no chosen patch has a probability"


# --- the command ---------------------------------------------------------------------------------


def kept_run(folder: Path, *results: Result) -> Path:
    folder.mkdir()
    (folder / "settings.json").write_text('{"benchmark": "repair"}', encoding="utf-8")
    lines = "".join(json.dumps(result_to_row(each)) + "\n" for each in results)
    (folder / "eval.jsonl").write_text(lines, encoding="utf-8")
    return folder


def escaped(path: Path) -> str:
    return str(path).replace("_", "\\_")


def test_command_reads_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = kept_run(tmp_path / "first", result(Score.CORRECT, patch(0.9)))
    second = kept_run(
        tmp_path / "second",
        result(Score.FAILED, patch(0.5, written=False), suggested=True),
        result(Score.CORRECT, patch(None)),
    )
    output = tmp_path / "output"
    command = ["calibration", "--runs", str(first), str(second), "--output", str(output)]
    assert eval_run.main(command) == 0
    rows = [json.loads(line) for line in (output / "eval.jsonl").read_text().splitlines()]
    assert [(row["probability"], row["right"], row["written"]) for row in rows] == [
        (0.9, True, True),
        (0.5, False, False),
    ]
    assert set(rows[0]) == {
        *("case", "seed", "probability", "confidence", "right", "origin", "rank", "written")
    }
    totals = json.loads((output / "report.json").read_text())["totals"]
    assert (totals["n"], totals["without_probability"]) == (2, 1)
    assert totals["calibration_error"] == pytest.approx((0.1 + 0.5) / 2)
    assert "right of what is called sure 0/0, likely 1/1, guess 0/1" in capsys.readouterr().out
    assert "| likely | 1 | 1 | 100% |" in (output / "report.md").read_text()
    assert "runs: " + ", ".join(map(escaped, (first, second))) in (output / "report.md").read_text()
    assert "<svg" in (output / "reliability.svg").read_text()
    assert eval_run.main(command) == 0  # the same once more


def test_command_never_writes_over_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = kept_run(tmp_path / "first", result(Score.CORRECT, patch(0.9)))
    second = kept_run(tmp_path / "second", result(Score.CORRECT, patch(0.9)))
    before = (first / "eval.jsonl").read_bytes()
    for runs in ([first], [second]):
        command = ["calibration", "--runs", *map(str, runs), "--output", str(first)]
        assert eval_run.main(command) == 2
        assert "choose another --output" in capsys.readouterr().err
    assert (first / "eval.jsonl").read_bytes() == before


def test_folders_without_a_repair_run_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = kept_run(tmp_path / "other")
    assert eval_run.main(["calibration", "--runs", str(other)]) == 2
    assert "holds no run of repair" in capsys.readouterr().err
    (other / "eval.jsonl").write_text('{"case": "a", "parses": true}\n', encoding="utf-8")
    assert eval_run.main(["calibration", "--runs", str(other)]) == 2
    assert "another benchmark" in capsys.readouterr().err


def test_command_runs_cases_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs: list[Path] = []

    def repaired(options: Any, summarize: Any) -> int:
        outputs.append(options.output)
        summarize([result(Score.OVERFITTING, patch(0.96))])
        return 0

    monkeypatch.setattr("eval.bench.repair_run.run", repaired)
    output = tmp_path / "output"
    assert eval_run.main(["calibration", "--cases", "x", "--output", str(output)]) == 0
    assert outputs == [output / "repair"]
    totals = json.loads((output / "report.json").read_text())["totals"]
    assert totals["confidence"]["sure"] == {
        "n": 1, "right": 0, "share": 0.0, "interval": [0.0, 0.7935],
    }  # fmt: skip


def test_diagram_tells_how_many() -> None:
    svg = reliability_plot([(0.9, 0.8, 0.6, 0.9, 1234)])
    assert ">1234<" in svg
    assert reliability_plot([]) == ""
