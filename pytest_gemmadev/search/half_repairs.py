"""Half repairs: an error vanishes, and another failure that nobody repairs stands in its place.

They are looked for when a session ends, since what stands behind an error may still be repaired in
its turn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pytest_gemmadev.search.partial_repairs import reached_test_line
from pytest_gemmadev.search.patches import Read
from pytest_gemmadev.search.repairs import Repair
from pytest_gemmadev.text.diff import line_changes
from pytest_gemmadev.text.edits import decode_source
from pytest_gemmadev.text.lines import lines_with_ends
from pytest_gemmadev.types import ErrorStack, Inapplicable, Observation, OriginKind

_NAMING = (OriginKind.RULE, OriginKind.SYNTAX)  # follow from what the error itself names
_HIDES = re.compile(
    r"\b(if|else|or|and|try|except|pass|continue|break|return|suppress|None)\b|\.get\(|\bgetattr\("
)


@dataclass(frozen=True, slots=True)
class _Change:
    """What a repair does to the text of the project."""

    lines: frozenset[tuple[str, int]]  # that it has written, in numbers of the new files
    hides: bool  # it makes code run under a condition or not at all, or puts something in its place


def left_behind(repair: Repair, final: Observation, *, read: Read) -> tuple[ErrorStack, ...]:
    """The failures because of which a repair is to be taken back; none where it stands by itself.

    ``final`` is the last run of the session, on the tree with the repair. A repair stands by itself
    where it has turned a test green and what still fails has a reason of its own. Whether it has is
    told by where the test fails now and by what the patch is, not by the values that flow.
    """
    rest = _still_failing(repair, final)
    if not rest or not _has_green_test(repair, final):
        return rest
    change = _describe_change(repair, read)
    steps = repair.accepted.found.steps
    is_named = all(step.candidate.origin.kind in _NAMING for step in steps) and not change.hides
    old = {stack.nodeid: stack for stack in repair.failing.stacks}
    return tuple(
        stack
        for stack in rest
        if _is_on(change.lines, stack)
        or (stack.nodeid in old and _follows(stack, old[stack.nodeid], change, is_named=is_named))
    )


def _is_on(lines: frozenset[tuple[str, int]], stack: ErrorStack) -> bool:
    """Whether the error was raised on one of the lines."""
    return any((frame.path, frame.line) in lines for frame in stack.project_frames[-1:])


def _follows(after: ErrorStack, before: ErrorStack, change: _Change, *, is_named: bool) -> bool:
    """Whether a test that had the same error as the others fails now because of the patch."""
    if change.hides:
        return True
    return not is_named and reached_test_line(after) <= reached_test_line(before)


def _still_failing(repair: Repair, final: Observation) -> tuple[ErrorStack, ...]:
    """What fails in the place of the errors that the repair was for."""
    wanted = set(repair.failing.targets)
    collectors = tuple(f"{s.nodeid}::" for s in repair.failing.stacks if s.phase == "collect")
    return tuple(
        stack
        for stack in final.stacks
        if stack.nodeid in wanted or (collectors and stack.nodeid.startswith(collectors))
    )


def _has_green_test(repair: Repair, final: Observation) -> bool:
    """Whether a test of the failing set passes; of a file that can be collected now, one in it.

    That a program gets past an error is no test.
    """
    for stack in repair.failing.stacks:
        if stack.phase == "run":
            continue
        if stack.phase != "collect":
            if stack.nodeid in final.passing:
                return True
        elif any(nodeid.startswith(f"{stack.nodeid}::") for nodeid in final.passing):
            return True
    return False


def _describe_change(repair: Repair, read: Read) -> _Change:
    lines: set[tuple[str, int]] = set()
    hides = False
    for path, old, new in repair.changes(read):
        texts = [decode_source(data) for data in (old, new)]
        decoded = [
            lines_with_ends(each.text) for each in texts if not isinstance(each, Inapplicable)
        ]
        if len(decoded) != len(texts):
            continue
        before, after = decoded
        for change in line_changes(before, after):
            lines.update((path, n + 1) for n in range(change.new_start, change.new_end))
            removed = "".join(before[change.start : change.end])
            added = "".join(after[change.new_start : change.new_end])
            hides = hides or _may_hide(removed, added)
    return _Change(frozenset(lines), hides)


def _may_hide(removed: str, added: str) -> bool:
    if removed.strip() and not added.strip():
        return True
    return len(_HIDES.findall(added)) > len(_HIDES.findall(removed))
