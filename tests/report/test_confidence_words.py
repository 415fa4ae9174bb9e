"""How sure a patch is, what tells it from others and what speaks against a test, in each report."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from pytest_gemmadev.report.json_report import to_json
from pytest_gemmadev.report.markdown import to_markdown
from pytest_gemmadev.report.patch_files import patch_files
from pytest_gemmadev.report.proposal import proposal_files, workflow_commands
from pytest_gemmadev.report.question_text import choices, sentence
from pytest_gemmadev.report.sarif import to_sarif
from pytest_gemmadev.report.terminal import render_terminal
from pytest_gemmadev.report.wording import headline, percent, result_words
from pytest_gemmadev.text.diff import unified_diff
from pytest_gemmadev.types import (
    Answer,
    Candidate,
    Edit,
    ErrorKind,
    ErrorStack,
    Frame,
    Outcome,
    Question,
    RankedPatch,
    RepairReport,
    Role,
    Status,
    SuspectTest,
)

OLD = b"def total(xs):\n    return sum(x)\n"
QUESTION = Question("total([])", (Answer("0", (0,)), Answer("None", (1,))), "shop/cart.py")
SUSPECT = SuspectTest(
    "tests/test_cart.py",
    12,
    "11",
    "10",
    ('the docstring says "no more than high"', "only a constant satisfies it"),
    unified_diff("tests/test_cart.py", b"assert f() == 11\n", b"assert f() == 10\n"),
    0.93,
)


def outcome(
    status: Status,
    probability: float = 0.97,
    *,
    nodeid: str = "tests/test_cart.py::test_total",
    question: Question | None = None,
    suspect: SuspectTest | None = None,
) -> Outcome:
    frames = (
        Frame("tests/test_cart.py", 12, "test_total", Role.TEST),
        Frame("shop/cart.py", 2, "total", Role.SOURCE),
    )
    stack = ErrorStack(
        nodeid, "call", ErrorKind.ASSERTION, "AssertionError", "assert 1 == 2", frames
    )
    edit = Edit("shop/cart.py", 30, 31, "xs")
    patches = tuple(
        RankedPatch(
            Candidate((edit,), "pattern:x", -1.0, "another name"),
            unified_diff("shop/cart.py", OLD, OLD.replace(b"sum(x)", text)),
            rank,
            rank == 1,
            probability=likely,
            group=rank,
        )
        for rank, (text, likely) in enumerate(
            ((b"sum(xs)", probability), (b"sum(xs) or None", 0.02)), 1
        )
    )
    has_none = status in (Status.UNREPAIRED, Status.FLAKY)
    return Outcome(
        nodeid,
        stack,
        status,
        "it passes",
        () if has_none else patches,
        question=question,
        suspect_test=suspect,
    )


def report(*outcomes: Outcome) -> RepairReport:
    return RepairReport("none", "", 0, 1.0, outcomes, {}, "")


def rendered(*outcomes: Outcome) -> str:
    out = io.StringIO()
    render_terminal(report(*outcomes), Console(file=out, width=200, highlight=False))
    return out.getvalue()


@pytest.mark.parametrize(
    ("status", "probability", "words"),
    [
        pytest.param(Status.REPAIRED, 0.97, "repaired, sure (97 %)", id="sure"),
        pytest.param(Status.REPAIRED, 0.85, "repaired, likely right, read it (85 %)", id="likely"),
        pytest.param(Status.REPAIRED, 0.4, "written, but only a guess (40 %)", id="guess"),
        pytest.param(Status.PROPOSED, 0.999, "patch proposed, sure (over 99 %)", id="proposed"),
        pytest.param(Status.SUGGESTED, 0.99, "suggested, not written (99 %)", id="destructive"),
        pytest.param(
            Status.SUGGESTED, 0.9, "suggested as likely right, not written (90 %)", id="not sure"
        ),
        pytest.param(Status.SUGGESTED, 0.3, "only a guess, not written (30 %)", id="a guess"),
        pytest.param(Status.UNREPAIRED, 0.0, "not repaired", id="nothing"),
        pytest.param(Status.FLAKY, 0.0, "flaky, left alone", id="flaky"),
    ],
)
def test_words_differ_as_the_facts_do(status: Status, probability: float, words: str) -> None:
    found = outcome(status, probability)
    assert result_words(found) == words
    assert f"  {words}: it passes\n" in rendered(found)
    assert f"| {words}: it passes |" in to_markdown(report(found))


def test_a_probability_is_never_certain() -> None:
    assert [percent(p) for p in (0.0, 0.004, 0.5, 0.949, 0.996, 1.0)] == [
        "under 1 %", "under 1 %", "50 %", "95 %", "over 99 %", "over 99 %"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        pytest.param(
            [outcome(Status.REPAIRED), outcome(Status.REPAIRED, 0.85), outcome(Status.SUGGESTED)],
            "2 of 3 failures repaired, 1 of them likely, 1 suggested in 1.0 s",
            id="likely",
        ),
        pytest.param(
            [outcome(Status.REPAIRED, 0.3), outcome(Status.TEST_SUSPECT, suspect=SUSPECT)],
            "1 of 2 failures repaired, 1 a guess, 1 test suspected in 1.0 s",
            id="a guess and a suspect",
        ),
    ],
)
def test_the_last_line(outcomes: list[Outcome], expected: str) -> None:
    assert headline(report(*outcomes)) == expected


def test_a_question_is_one_line_and_says_what_settles_it() -> None:
    assert sentence(QUESTION) == "`total([])`: 0 or None?"
    text = rendered(outcome(Status.SUGGESTED, 0.4, question=QUESTION))
    assert "  which is right? `total([])`: 0 or None?\n" in text
    assert "gemmadev apply 1 --answer 1 for 0, --answer 2 for None; with --test" in text
    written = rendered(outcome(Status.REPAIRED, 0.9, question=QUESTION))
    assert "gemmadev apply" not in written
    assert "one more assertion settles it" in written


def test_results_are_shown_where_they_differ() -> None:
    long = "[" + "1, " * 200
    asked = Question("f()", (Answer(f"{long}2]", (0,)), Answer(f"{long}3]", (1,))))
    one, other = choices(asked)
    assert one != other
    assert one.endswith("2]")
    assert len(one) < 100


def test_a_suspect_test_is_named_with_its_evidence_and_its_command() -> None:
    text = rendered(outcome(Status.UNREPAIRED), outcome(Status.TEST_SUSPECT, suspect=SUSPECT))
    assert "the test is the suspect, nothing written: it passes" in text
    assert "tests/test_cart.py:12 expects 11, the code gives 10, 93 % sure\n" in text
    assert "    - only a constant satisfies it\n" in text
    assert "    +assert f() == 10\n" in text
    assert "gemmadev apply 1 --test\n" in text
    assert "what makes the test pass all the same:\n" in text
    without = rendered(outcome(Status.TEST_SUSPECT, suspect=replace(SUSPECT, diff="")))
    assert "--test" not in without


def test_json_holds_the_question_with_ready_tests_and_the_suspect() -> None:
    found = to_json(report(outcome(Status.SUGGESTED, 0.4, question=QUESTION, suspect=SUSPECT)))
    (failure,) = found["failures"]
    assert failure["question"]["call"] == "total([])"
    assert failure["question"]["answers"][1]["result"] == "None"
    assert failure["question"]["answers"][1]["patches"] == [1]
    assert "assert total([]) is None" in failure["question"]["answers"][1]["test"]
    assert failure["suspect_test"] == {
        "file": "tests/test_cart.py",
        "line": 12,
        "expected": "11",
        "got": "10",
        "evidence": list(SUSPECT.evidence),
        "diff": SUSPECT.diff,
        "probability": 0.93,
    }
    assert [p["confidence"] for p in failure["patches"]] == ["guess", "guess"]


def test_a_proposal_holds_patches_of_what_is_accepted_and_tests_for_the_rest() -> None:
    found = report(
        outcome(Status.PROPOSED, nodeid="t.py::test_a"),
        outcome(Status.SUGGESTED, 0.4, nodeid="t.py::test_b", question=QUESTION),
        outcome(Status.TEST_SUSPECT, 0.4, nodeid="t.py::test_c", suspect=SUSPECT),
    )
    assert list(patch_files(found)) == ["0001-t-test-a.patch"]
    summary = proposal_files(found)["SUMMARY.md"]
    assert "t.py::test_b (only a guess, not written (40 %))" in summary
    assert "Which is right? `` `total([])`: 0 or None? ``" in summary
    assert "```python\nfrom shop.cart import total\n" in summary
    assert "`gemmadev apply 2 --test` changes the test." in summary
    marks = workflow_commands(found)
    assert [mark.partition(" ")[0] for mark in marks] == ["::error", "::error", "::warning"]
    assert "which is right?" in marks[1]
    assert "is the test at fault? tests/test_cart.py:12 expects 11" in marks[2]


@pytest.mark.parametrize(
    ("found", "fixes", "level", "says"),
    [
        pytest.param(
            outcome(Status.REPAIRED), 1, "error", "Repaired by: another name (sure)", id="sure"
        ),
        pytest.param(
            outcome(Status.REPAIRED, 0.4), 0, "error", "another name (guess)", id="a guess"
        ),
        pytest.param(
            outcome(Status.SUGGESTED, 0.4, question=QUESTION),
            0,
            "error",
            "Which is right? `total([])`: 0 or None?",
            id="suggested",
        ),
        pytest.param(
            outcome(Status.TEST_SUSPECT, 0.97, suspect=SUSPECT),
            0,
            "warning",
            "expects 11, the code gives 10",
            id="the test",
        ),
    ],
)
def test_only_what_is_sound_is_a_fix(found: Outcome, fixes: int, level: str, says: str) -> None:
    (result,) = to_sarif(report(found))["runs"][0]["results"]
    assert (len(result.get("fixes", ())), result["level"]) == (fixes, level)
    assert says in result["message"]["text"]
    if found.status is Status.TEST_SUSPECT:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "tests/test_cart.py"
        assert place["region"] == {"startLine": 12}
