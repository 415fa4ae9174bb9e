"""The candidate that came nearest to a repair, kept for a person to read where none was found."""

from __future__ import annotations

from pytest_gemmadev.report.wording import show_first_line
from pytest_gemmadev.search.found import Applied, Closest
from pytest_gemmadev.search.patches import Read, standalone_diff
from pytest_gemmadev.text.edits import text_overlay
from pytest_gemmadev.types import (
    FailingCandidate,
    Inapplicable,
    Regressed,
    RepairTask,
    StillFailing,
)

_NAMED = 3  # tests that are named


def nearer(one: Closest | None, other: Closest) -> Closest:
    """The one that gets further, the first of equals."""
    return other if one is None or other.merit > one.merit else one


def describe_closest(
    applied: tuple[Applied, ...], verdict: StillFailing | Regressed, *, targets: int
) -> Closest:
    """How far a candidate gets with which the error moves on, or something else fails."""
    if isinstance(verdict, StillFailing):
        error = show_first_line(verdict.stacks[0]) if verdict.stacks else ""
        return Closest(applied, verdict.passed, verdict.total, len(applied), error)
    some = ", ".join(verdict.nodeids[:_NAMED])
    more = len(verdict.nodeids) - _NAMED
    names = f"{some} and {more} more" if more > 0 else some
    error = verdict.reason or f"{names or 'something else'} passes without it, and not with it"
    return Closest(applied, targets, targets, len(applied), error)


def failing_candidate(closest: Closest, task: RepairTask, read: Read) -> FailingCandidate | None:
    """As the report shows it, against the files on disk; None where its text cannot be encoded.

    ``task`` is the one that the search began with.
    """
    texts: dict[str, str] = {}
    for _, changed in closest.applied:
        texts |= changed
    overlay = text_overlay(task.overlay, read, texts)
    if isinstance(overlay, Inapplicable):
        return None
    diffs = [standalone_diff(path, task.overlay, overlay, read=read)[0] for path in sorted(texts)]
    return FailingCandidate("".join(diffs), closest.passed, closest.total, closest.error)
