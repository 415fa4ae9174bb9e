"""Which candidates repair a part: they do not turn a test green, and bring it further."""

from __future__ import annotations

from pytest_gemmadev.text.lines import line_number, line_starts
from pytest_gemmadev.types import Candidate, ErrorKind, ErrorStack, RepairTask, Role, StillFailing

_SOFT = (ErrorKind.ASSERTION, ErrorKind.TIMEOUT)


def is_progress(task: RepairTask, candidate: Candidate, verdict: StillFailing) -> bool:
    """True when the failing set fails less, or fails later and for another reason.

    An error raised on a line that the candidate wrote is the candidate's own and never progress.
    """
    if 0 < verdict.passed < verdict.total:
        return True
    if not verdict.stacks or not task.stacks:
        return False
    before = task.stacks[0]
    after = next((s for s in verdict.stacks if s.nodeid == before.nodeid), verdict.stacks[0])
    if (after.error, after.message) == (before.error, before.message):
        return False
    if _raised_by(candidate, task, after):
        return False
    if before.kind in _SOFT:
        # Another wrong value is no progress, a later assertion of the same test is.
        return after.kind in _SOFT and reached_test_line(after) > reached_test_line(before)
    if after.kind in _SOFT:
        return True
    return _place(after) != _place(before) or after.facts.name != before.facts.name


def _raised_by(candidate: Candidate, task: RepairTask, stack: ErrorStack) -> bool:
    if not stack.project_frames or stack.kind in _SOFT:
        return False
    frame = stack.project_frames[-1]
    name = stack.facts.name
    for edit in candidate.edits:
        if edit.path != frame.path:
            continue
        first = line_number(line_starts(task.sources[edit.path]), edit.start)
        if first <= frame.line <= first + edit.replacement.count("\n"):
            # A second misspelt name on the same line was there before.
            return not name or name in edit.replacement
    return False


def _place(stack: ErrorStack) -> tuple[str, int]:
    frames = stack.project_frames or stack.frames
    return (frames[-1].path, frames[-1].line) if frames else ("", 0)


def reached_test_line(stack: ErrorStack) -> int:
    """The line that the test itself had reached; 0 when it is not in the stack."""
    tests = [f for f in stack.frames if f.role is Role.TEST]
    return tests[0].line if tests else 0
