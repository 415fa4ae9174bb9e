"""Anti-patterns: what nobody would write, though tests may pass with it. They are not tried at all.

They answer the question that was asked instead of the one that was meant, or step around the line
that complains. The word is that of Tan, Yoshida, Prasad and Roychoudhury, "Anti-patterns in
search-based program repair" (2016). What may be right and only smells of overfitting is ranked
lower (`search.rank`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from pytest_gemmadev.search.rank import lines_before_and_after, literals
from pytest_gemmadev.text.lines import line_around, line_at, line_number, line_starts, lines_of
from pytest_gemmadev.types import Candidate, ErrorKind, Frame, RepairTask

_HELPERS = re.compile(
    r"(?:^|/)_?(?:testing|test_?(?:utils?|helpers?|support)|assertions?)(?:/|\.py$)"
)
_ASSERT = re.compile(r"^[ \t]*assert\b", re.MULTILINE)
_STATEMENT_LINES = 12  # of a statement that a traceback names by its first line
_UNDEFINED = re.compile(r"name '(\w+)' is not defined")
_FUNCTION_HEADS = ("def ", "async def ")
_UNBOUND = re.compile(r"local variable '(\w+)'(?: where it is not| referenced before)")
_IDLE_ARITHMETIC = re.compile(
    r"[+\-]=?\s*0\b(?![.\w])|(?:\*\*?|//?)=?\s*1\b(?![.\w])"
    r"|\+\s*(\w+)\s*-\s*\1\b|-\s*(\w+)\s*\+\s*\2\b"
)


def is_antipattern(candidate: Candidate, task: RepairTask) -> bool:
    """True for what is not tried."""
    return (
        copies_expected_number(candidate, task)
        or leaves_undefined(candidate, task)
        or adds_idle_arithmetic(candidate, task)
        or silences_check(candidate, task)
    )


def adds_idle_arithmetic(candidate: Candidate, task: RepairTask) -> bool:
    """True for arithmetic that changes nothing, such as ``x + 0``."""
    for edit in candidate.edits:
        old, new = lines_before_and_after(task.sources[edit.path], edit)
        if _IDLE_ARITHMETIC.search(new) and not _IDLE_ARITHMETIC.search(old):
            return True
    return False


def copies_expected_number(candidate: Candidate, task: RepairTask) -> bool:
    """True when it writes a number that stands in the tests and nowhere in the file it changes.

    Such a patch answers the question that was asked instead of the one that was meant. A number
    one off from what stood there is let pass: it may well be the bound that was missed.
    """
    for edit in candidate.edits:
        text = task.sources[edit.path]
        added = _numbers(edit.replacement) - _numbers(text)
        if not added:
            continue
        start, _end = line_around(text, edit.start, edit.end)
        old = [float(n) for n in (*_numbers(text[start : edit.end]), "0", "1", "2")]
        added = frozenset(n for n in added if all(abs(float(n) - o) > 1 for o in old))
        if any(added & _numbers(test) for test in task.context.values()):
            return True
    return False


def silences_check(candidate: Candidate, task: RepairTask) -> bool:
    """True when it takes out the project's own ``assert`` at which the failing test stops.

    Whatever that asserts, the test asks for it: helpers of tests are often part of a package. A file
    that is named as such and complains is not what has to change.
    """
    if not task.stacks or task.stacks[0].kind is not ErrorKind.ASSERTION:
        return False
    raised = task.stacks[0].frames[-1:]
    if not _is_source(raised, task):
        return False
    path, line = raised[0].path, raised[0].line
    if _HELPERS.search(path) and any(edit.path == path for edit in candidate.edits):
        return True
    text = task.sources[path]
    starts = line_starts(text)
    if line > len(starts) or not text[starts[line - 1] :].lstrip(" \t").startswith("assert"):
        return False
    checks = 0  # that the edits take out, at the line or around it
    for edit in candidate.edits:
        first, last = line_number(starts, edit.start), line_number(starts, edit.end)
        if edit.path == path and first <= line <= last:
            old, new = lines_before_and_after(text, edit)
            checks += len(_ASSERT.findall(old)) - len(_ASSERT.findall(new))
    return checks > 0


def leaves_undefined(candidate: Candidate, task: RepairTask) -> bool:
    """True when the error is a name that nothing defines, and the edits do not concern it.

    What makes such a failure vanish has only stepped around the line. A name in code that the project
    writes and runs is another matter: it stands in no file.
    """
    if not task.stacks or task.stacks[0].kind is not ErrorKind.NAME:
        return False
    match = _UNDEFINED.search(task.stacks[0].message)
    if match is None:
        return _leaves_unbound(candidate, task)
    name = re.compile(rf"\b{match[1]}\b")
    raised = task.stacks[0].frames[-1:]
    lines = lines_of(task.sources[raised[0].path]) if _is_source(raised, task) else []
    if not lines or name.search("\n".join(lines[raised[0].line - 1 :][:_STATEMENT_LINES])) is None:
        return False
    for edit in candidate.edits:
        old, new = lines_before_and_after(task.sources[edit.path], edit)
        is_moved = name.search(new) is not None and old.split() == new.split()
        if is_moved or len(name.findall(old)) != len(name.findall(new)) or "import *" in new:
            return False
    return True


def _leaves_unbound(candidate: Candidate, task: RepairTask) -> bool:
    """The same of a local variable: binding it may hang on a condition, which may be what is wrong."""
    match = _UNBOUND.search(task.stacks[0].message)
    raised = task.stacks[0].frames[-1:]
    if match is None or not _is_source(raised, task):
        return False
    name = re.compile(rf"\b{match[1]}\b")
    path, line = raised[0].path, raised[0].line
    lines = lines_of(task.sources[path])
    heads = _heads_around(lines, line) - _heads_of_uses(lines, name, line)
    for edit in candidate.edits:
        text = task.sources[edit.path]
        old, new = lines_before_and_after(text, edit)
        first = line_at(text, edit.start)
        touched = set(range(first, first + max(1, old.count("\n"))))
        if edit.path != path or name.search(new) or not touched <= heads:
            return False
    return True


def _heads_around(lines: Sequence[str], line: int) -> set[int]:
    """Numbers of the lines under whose blocks ``line`` stands, up to its function's."""
    found: set[int] = set()
    depth = _depth(lines[line - 1]) if line <= len(lines) else 0
    for number in range(min(line, len(lines)) - 1, 0, -1):
        text = lines[number - 1]
        if text.strip() and _depth(text) < depth:
            if text.lstrip().startswith(_FUNCTION_HEADS):
                break
            depth = _depth(text)
            found.add(number)
    return found


def _heads_of_uses(lines: Sequence[str], name: re.Pattern[str], line: int) -> set[int]:
    """Numbers of the lines under whose blocks the name stands before ``line``, in its function."""
    found: set[int] = set()
    for number in range(min(line, len(lines)) - 1, 0, -1):
        if lines[number - 1].lstrip().startswith(_FUNCTION_HEADS):
            break
        if name.search(lines[number - 1]):
            found |= {number, *_heads_around(lines, number)}
    return found


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_source(frames: Sequence[Frame], task: RepairTask) -> bool:
    return bool(frames) and frames[0].in_project and frames[0].path in task.sources


@lru_cache(maxsize=1024)
def _numbers(text: str) -> frozenset[str]:
    """Decimal numbers in ``text``, the commonest left out."""
    return frozenset(x for x in literals(text) if re.fullmatch(r"\d+(\.\d*)?", x))
