"""What a report says of a failure that was not repaired, beyond why: for each form of a report.

The nearest candidate fails. It never stands where patches do, and is named for what it is.
"""

from __future__ import annotations

from typing import Any

from pytest_gemmadev.report.safe_text import clip, count, decodable, one_line
from pytest_gemmadev.types import FailingCandidate, Outcome, Status

_HELPED = (Status.UNREPAIRED, Status.SKIPPED)
_DIFF_LINES = 40  # of the nearest candidate
_MAX_LINE = 300


def advice_of(outcome: Outcome) -> list[str]:
    """The sentences that help, each on one line; none where the failure has its patch."""
    if outcome.status not in _HELPED:
        return []
    return [clip(one_line(sentence), _MAX_LINE) for sentence in outcome.advice]


def nearest_of(outcome: Outcome) -> FailingCandidate | None:
    """The candidate that came nearest, where the failure has no patch."""
    return outcome.best_failing if outcome.status in _HELPED else None


def describe_nearest(nearest: FailingCandidate) -> str:
    """What the nearest candidate is: ``the nearest candidate does NOT repair it: …``."""
    passing = f"{nearest.passed} of {count(nearest.total, 'target')} pass with it"
    still = f", and still {one_line(nearest.error)}" if nearest.error else ""
    return f"the nearest candidate does NOT repair it: {clip(passing + still, _MAX_LINE)}"


def nearest_lines(nearest: FailingCandidate) -> list[str]:
    """The lines of its diff, the first of them."""
    lines = nearest.diff.splitlines()
    left = len(lines) - _DIFF_LINES
    return lines if left <= 0 else [*lines[:_DIFF_LINES], f"... ({count(left, 'more line')})"]


def to_plain(outcome: Outcome) -> dict[str, Any]:
    """The fields of a report that hold it."""
    nearest = outcome.best_failing
    return {
        "advice": [decodable(sentence) for sentence in outcome.advice],
        "best_failing": None
        if nearest is None
        else {
            "diff": decodable(nearest.diff),
            "passed": nearest.passed,
            "total": nearest.total,
            "error": decodable(nearest.error),
        },
    }
