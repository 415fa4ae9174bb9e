"""What was written, suggested, asked and suspected, as the benchmark counts it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.bench.answered import trees_of_answers
from eval.bench.faulty_tests import faulty_totals
from eval.bench.repair import repair_case
from eval.cases.case import Case, load_cases
from eval.report.result import Result, Score, result_from_row, result_to_row
from eval.report.totals import totals_line, totals_of
from pytest_gemmadev.text.diff import unified_diff

QUICK = ("env", "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1", sys.executable, "-m", "pytest", "-q")
CODE = b"def add(a, b):\n    return a - b\n"
CASE = Case(
    id="sum/one",
    slice="sum",
    kinds=("logic",),
    project={
        "calc.py": CODE,
        "test_calc.py": b"from calc import add\n\ndef test_add():\n    assert add(2, 2) == 4\n",
    },
    hidden={
        "test_hidden.py": b"from calc import add\n\ndef test_add():\n    assert add(2, 3) == 5\n"
    },
    reference={"calc.py": CODE.replace(b"-", b"+")},
    buggy_files=("calc.py",),
    visible_tests=("test_calc.py",),
    hidden_tests=("test_hidden.py",),
    command=QUICK,
)


def patch(new: str, chosen: bool, probability: float, confidence: str) -> dict[str, Any]:
    return {
        "origin": "pattern:x",
        "rank": 1,
        "chosen": chosen,
        "log_likelihood": None,
        "probability": probability,
        "confidence": confidence,
        "diff": unified_diff("calc.py", CODE, CODE.replace(b"a - b", new.encode())),
    }


def failure(status: str, *patches: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "nodeid": "test_calc.py::test_add",
        "kind": "assertion",
        "error": "AssertionError",
        "status": status,
        "reason": "because",
        "validations": 7,
        "patches": list(patches),
        **more,
    }


QUESTION = {
    "call": "add(2, 3)",
    "answers": [{"result": "4", "patches": [0]}, {"result": "5", "patches": [1]}],
}
WRONG, RIGHT = patch("4", True, 0.6, "guess"), patch("a + b", False, 0.3, "guess")


def ran(case: Case, *failures: dict[str, Any], writes: str = "") -> Result:
    """The result of a tool that leaves such a report, and perhaps another ``calc.py``."""
    text = CODE.decode().replace("a - b", writes or "a - b")
    code = (
        "import json, pathlib, sys\n"
        f"pathlib.Path('calc.py').write_text({text!r})\n"
        f"pathlib.Path(sys.argv[1]).write_text({json.dumps({'failures': failures})!r})\n"
    )
    return repair_case(
        case, 0, lambda _case, _seed, report: [sys.executable, "-c", code, str(report)],
        timeout_s=30,
    )  # fmt: skip


@pytest.mark.slow
def test_an_answer_may_be_right_where_the_suggestion_is_wrong() -> None:
    result = ran(CASE, failure("suggested", WRONG, RIGHT, question=QUESTION))
    assert (result.score, result.suggested, result.suggested_correct) == (Score.FAILED, True, False)
    assert result.correct_after_question is True
    assert result.question == QUESTION
    assert result.patches[0]["confidence"] == "guess"
    assert result_from_row(json.loads(json.dumps(result_to_row(result)))) == result


@pytest.mark.slow
@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        pytest.param([failure("suggested", WRONG)], None, id="no question"),
        pytest.param(
            [failure("suggested", WRONG, patch("b * 2", False, 0.1, "guess"), question=QUESTION)],
            False,
            id="no answer is right",
        ),
    ],
)
def test_without_a_right_answer(failures: list[dict[str, Any]], expected: bool | None) -> None:
    assert ran(CASE, *failures).correct_after_question is expected


def test_the_answer_takes_the_place_of_what_was_written() -> None:
    written = {**CASE.project, "calc.py": CODE.replace(b"a - b", b"4")}
    trees = dict(
        trees_of_answers(
            CASE.project, written, [failure("repaired", WRONG, RIGHT, question=QUESTION)]
        )
    )
    assert {result: tree["calc.py"] for result, tree in trees.items()} == {
        "4": written["calc.py"], "5": CODE.replace(b"-", b"+")
    }  # fmt: skip


FAULTY = replace(CASE, faulty_test=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("writes", "failures", "score", "named"),
    [
        pytest.param("", [failure("unrepaired")], Score.CORRECT, False, id="left alone"),
        pytest.param("", [failure("test_suspect")], Score.CORRECT, True, id="named"),
        pytest.param(
            "", [failure("suggested", WRONG, suspect_test={"line": 3})], Score.CORRECT, True,
            id="named beside a suggestion",
        ),
        pytest.param("4", [failure("repaired", WRONG)], Score.OVERFITTING, False, id="changed"),
    ],
)  # fmt: skip
def test_sound_code_is_right_as_it_is(
    writes: str, failures: list[dict[str, Any]], score: Score, named: bool
) -> None:
    result = ran(FAULTY, *failures, writes=writes)
    assert (result.score, result.suspected) == (score, named)
    assert result.plausible is (score is Score.OVERFITTING)
    assert result.suggested is False
    totals = faulty_totals([result, replace(result, faulty_test=False)])
    assert totals["cases"] == 1
    assert totals["changed"]["count"] == (score is Score.OVERFITTING)
    assert totals["named"]["count"] == named


def test_a_case_says_that_its_test_is_false(tmp_path: Path) -> None:
    row = {
        "id": "x", "project": {"a.py": ""}, "hidden_tests_files": {}, "reference": {},
        "buggy_files": ["a.py"], "visible_tests": ["t.py"], "hidden_tests": ["h.py"],
    }  # fmt: skip
    rows = [row, {**row, "id": "y", "faulty_test": True}]
    (tmp_path / "cases.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    assert [c.faulty_test for c in load_cases(tmp_path / "cases.jsonl")] == [False, True]


def result(case: str, score: Score, confidence: str = "", **more: Any) -> Result:
    patches = ({"confidence": confidence, "written": True},) if confidence else ()
    return Result(case, "s", ("logic",), 0, score, patches=patches, **more)


def test_every_case_is_counted_once() -> None:
    totals = totals_of(
        [
            result("a", Score.CORRECT, "sure"),
            result("b", Score.CORRECT, "likely", correct_after_question=True),
            result("c", Score.OVERFITTING, "likely"),
            result("d", Score.FAILED, suggested=True, suggested_correct=True),
            result("e", Score.FAILED, suggested=True, correct_after_question=False),
            result("f", Score.FAILED, suspected=True),
        ]
    )
    assert [totals[name] for name in ("correct", "overfitting", "suggested", "unrepaired")] == [
        2, 1, 2, 1
    ]  # fmt: skip
    assert (totals["suggested_correct"], totals["suspected"]) == (1, 1)
    assert totals["wrong_of_written"] == pytest.approx(1 / 3, abs=0.001)
    assert {n: (c["correct"], c["written"]) for n, c in totals["confidence"].items()} == {
        "sure": (1, 1), "likely": (1, 2), "guess": (0, 0)
    }  # fmt: skip
    assert totals["questions"] == {"asked": 2, "correct": 1}
    line = totals_line(totals)
    assert "1 overfitting, 2 suggested (1 correct), 1 unrepaired" in line
    assert "right of what is called sure 1/1, likely 1/2; 1/2 after a question" in line
