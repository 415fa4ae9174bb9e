"""A failure that was not repaired: what helps, in each form of a report."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from pytest_gemmadev.report.json_report import to_json
from pytest_gemmadev.report.markdown import to_markdown
from pytest_gemmadev.report.sarif import to_sarif
from pytest_gemmadev.report.terminal import render_terminal
from pytest_gemmadev.report.wording import locate, message_lines, own_frame, show_error
from pytest_gemmadev.types import (
    ErrorKind,
    ErrorStack,
    FailingCandidate,
    Frame,
    Outcome,
    RepairReport,
    Role,
    Status,
)

DIFF = "--- a/shop/cart.py\n+++ b/shop/cart.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
MESSAGE = "1 validation error for User\nage\n  Input should be a valid integer"
TEST = Frame("tests/test_a.py", 3, "test_a", Role.TEST)
LIBRARY = Frame("/lib/pydantic/main.py", 253, "__init__", Role.OUTSIDE)
STACK = ErrorStack(
    "tests/test_a.py::test_a", "call", ErrorKind.VALUE, "ValidationError", MESSAGE, (TEST, LIBRARY)
)
OUTCOME = Outcome(
    STACK.nodeid,
    STACK,
    Status.UNREPAIRED,
    "none of 9 turned it green",
    advice=("likeliest place: shop/cart.py:1", "to try: a | model"),
    best_failing=FailingCandidate(DIFF, 2, 3, "KeyError: 'x'"),
)


def report(*outcomes: Outcome) -> RepairReport:
    return RepairReport("none", "", 0, 1.0, outcomes, {}, "")


def rendered(outcome: Outcome) -> str:
    out = io.StringIO()
    render_terminal(report(outcome), Console(file=out, width=120, highlight=False))
    return out.getvalue()


def test_the_terminal_shows_the_message_the_own_frame_and_what_helps() -> None:
    assert rendered(OUTCOME) == (
        "\n"
        "tests/test_a.py::test_a\n"
        "  ValidationError: 1 validation error for User\n"
        "    age\n"
        "      Input should be a valid integer\n"
        "  tests/test_a.py:3 in test_a\n"
        "  not repaired: none of 9 turned it green\n"
        "    likeliest place: shop/cart.py:1\n"
        "    to try: a | model\n"
        "    the nearest candidate does NOT repair it: 2 of 3 targets pass with it, and still KeyError: 'x'\n"
        "      --- a/shop/cart.py\n"
        "      +++ b/shop/cart.py\n"
        "      @@ -1 +1 @@\n"
        "      -x = 1\n"
        "      +x = 2\n"
        "\n"
        "0 of 1 failure repaired in 1.0 s\n"
    )


@pytest.mark.parametrize("status", [Status.REPAIRED, Status.FLAKY, Status.SUGGESTED])
def test_what_has_another_outcome_needs_no_help(status: Status) -> None:
    other = replace(OUTCOME, status=status)
    assert "NOT repair" not in rendered(other) + to_markdown(report(other))
    assert "to try" not in rendered(other) + to_markdown(report(other))


def test_json_keeps_the_nearest_candidate_apart_from_patches() -> None:
    found = to_json(report(OUTCOME))
    [failure] = found["failures"]
    assert failure["advice"] == ["likeliest place: shop/cart.py:1", "to try: a | model"]
    nearest = {"diff": DIFF, "passed": 2, "total": 3, "error": "KeyError: 'x'"}
    assert failure["best_failing"] == nearest
    assert (failure["patches"], found["diff"]) == ([], "")


def test_markdown_says_that_the_nearest_candidate_is_none() -> None:
    text = to_markdown(report(OUTCOME))
    assert "- likeliest place: shop/cart.py:1\n" in text
    assert "the nearest candidate does NOT repair it: 2 of 3 targets pass" in text
    assert "```diff\n--- a/shop/cart.py\n" in text
    assert "`ValidationError: 1 validation error for User age Input should be" in text


def test_sarif_has_the_whole_message_at_the_own_frame_and_no_fix() -> None:
    [result] = to_sarif(report(OUTCOME))["runs"][0]["results"]
    assert "User age Input should be a valid integer" in result["message"]["text"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "tests/test_a.py"
    assert place["region"]["startLine"] == 3
    assert "fixes" not in result


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param((), None, id="none"),
        pytest.param((LIBRARY,), None, id="a library only"),
        pytest.param((TEST, LIBRARY), TEST, id="the test"),
        pytest.param(
            (TEST, Frame("a.py", 1, "f", Role.SOURCE), LIBRARY),
            Frame("a.py", 1, "f", Role.SOURCE),
            id="the project",
        ),
    ],
)
def test_the_frame_that_is_shown_is_the_users_own(
    frames: tuple[Frame, ...], expected: Frame | None
) -> None:
    found = replace(STACK, frames=frames)
    assert own_frame(found) == expected
    place = locate(replace(OUTCOME, stack=found))
    assert place == ((expected.path, expected.line) if expected else ("tests/test_a.py", 1))


def test_a_long_message_is_cut_where_it_says_so() -> None:
    found = replace(STACK, message="\n".join(f"line {n}" for n in range(9)))
    assert message_lines(found)[0] == "ValidationError: line 0"
    assert message_lines(found)[-1] == "... (3 more lines)"
    assert len(message_lines(found)) == 7
    assert show_error(found).startswith("ValidationError: line 0 line 1 line 2")
    assert message_lines(replace(STACK, message="")) == ["ValidationError"]
