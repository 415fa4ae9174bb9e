"""The findings of the hook as a `RepairReport`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_gemmadev.text.diff import unified_diff
from pytest_gemmadev.types import (
    Candidate,
    ErrorKind,
    ErrorStack,
    Frame,
    Origin,
    OriginKind,
    Outcome,
    RankedPatch,
    RepairReport,
    Role,
    Status,
)

if TYPE_CHECKING:
    from pytest_gemmadev.hook.broken_files import Finding


def make_report(
    findings: Sequence[Finding], *, model: str, min_confidence: float, written: frozenset[str]
) -> RepairReport:
    """One outcome for each finding; ``written`` are the paths that were repaired in place."""
    outcomes = tuple(_make_outcome(f, min_confidence, f.path in written) for f in findings)
    diffs = [p.diff for o in outcomes for p in o.patches if p.chosen]
    return RepairReport(
        model=model, adapter="", seed=0, seconds=sum(f.seconds for f in findings),
        outcomes=outcomes, overlay={}, diff="".join(diffs),
    )  # fmt: skip


def _make_outcome(finding: Finding, min_confidence: float, is_written: bool) -> Outcome:
    path = _path(finding.path)
    kind = ErrorKind.INDENTATION if "indent" in finding.message else ErrorKind.SYNTAX
    error = "IndentationError" if kind is ErrorKind.INDENTATION else "SyntaxError"
    frame = Frame(path, max(1, finding.line), "<module>", Role.SOURCE)
    stack = ErrorStack(path, "collect", kind, error, finding.message, (frame,))
    if not finding.is_repairable:
        return Outcome(path, stack, Status.UNREPAIRED,
                       finding.explanation or "no edit makes it compile", (), 0,
                       finding.seconds)  # fmt: skip
    sure = finding.confidence >= min_confidence
    diff = unified_diff(path, finding.before, finding.after)
    candidate = Candidate(
        finding.edits, Origin(OriginKind.SYNTAX, finding.names[0]), 0.0, finding.explanation
    )
    reason = (
        f"it compiles; {finding.confidence:.0%} sure among {finding.others + 1}"
        if sure
        else f"a guess of no more than {finding.confidence:.0%}: {finding.explanation}"
    )
    status = Status.REPAIRED if is_written else Status.PROPOSED if sure else Status.UNREPAIRED
    patch = RankedPatch(candidate, diff, 1, chosen=sure, probability=finding.confidence)
    return Outcome(path, stack, status, reason, (patch,), 1, finding.seconds)


def _path(name: str) -> str:
    """A path for patches and pages: relative to the current folder where it lies below that."""
    here = os.path.relpath(name)
    return (name if here.startswith(os.pardir) else here).replace(os.sep, "/")
