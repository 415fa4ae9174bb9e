"""What speaks for a plausible patch and against it: the code that tests run, and how many do.

The commonest wrong patch does not repair the faulty line, it steps around it: a condition is
turned, and the line that raised is never run. The tests pass, and say less than before. A repair
leaves the tests running through the code that they ran through.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from pytest_gemmadev.search.limits import DEFAULT, Limits
from pytest_gemmadev.text.lines import line_around, line_at, line_numbers, line_starts, lines_of
from pytest_gemmadev.types import Edit, ErrorKind, ErrorStack, RepairTask, Spectrum

_Line = tuple[str, int]


def evidence_against(
    task: RepairTask,
    edits: Sequence[Edit],
    after: Mapping[str, Spectrum],
    *,
    limits: Limits = DEFAULT,
) -> float:
    """Nats against a plausible patch; 0 where every line that was run still is.

    ``after`` are the spectra of the task's tests with the edits. Lines that the edits touch do not
    count, unless several that were run are taken out with nothing in their place.
    """
    failing = [s for nodeid, s in task.spectra.items() if nodeid in task.targets]
    if not failing or not after:
        return 0.0
    reached = {line for s in failing for line in s.lines}
    still = {line for s in after.values() for line in s.lines}
    moved = {line: _line_after(line, edits, task.sources) for line in reached}
    kept = {line for line, new in moved.items() if new is not None}
    removed = _lines_taken_out(edits, task.sources) & reached
    removed = removed if len(removed) > 1 else set()
    lost = {line for line in kept if moved[line] not in still} | removed
    if not lost:
        return 0.0
    found = limits.unreached * len(lost) / len(kept | removed)
    if _raised_at(task) & lost:
        found += limits.evaded
    return found


def count_assertions(task: RepairTask, edits: Sequence[Edit]) -> int:
    """How many assertions the tests hold that ran the lines before the edits; 0 when unknown.

    Counted in the text of the failing tests; a passing test of another file counts as one.
    """
    touched = {
        (path, line)
        for path, line in _lines(task)
        if _line_after((path, line), edits, task.sources) is None
    }
    tests = [n for n, s in task.spectra.items() if touched & s.lines or n in task.targets]
    return sum(_assertions_of(nodeid, task.context) for nodeid in tests) if touched else 0


def count_task_assertions(task: RepairTask) -> int:
    """How many assertions the failing tests of the task hold."""
    return sum(_assertions_of(nodeid, task.context) for nodeid in task.targets)


def count_tests(task: RepairTask, edits: Sequence[Edit]) -> int:
    """How many of the traced tests, the failing ones among them, ran the lines before the edits."""
    touched = touched_lines(edits, task.sources)
    return sum(not touched.isdisjoint(spectrum.lines) for spectrum in task.spectra.values())


def touched_lines(edits: Sequence[Edit], sources: Mapping[str, str]) -> frozenset[_Line]:
    """Lines that the edits touch; where they only put something in, the lines around that."""
    found: set[_Line] = set()
    for edit in edits:
        text = sources[edit.path]
        first = line_at(text, edit.start)
        last = line_at(text, max(edit.start, edit.end - 1))
        if edit.start == edit.end and edit.replacement.endswith("\n"):
            first = max(1, first - 1)
        found.update((edit.path, line) for line in range(first, last + 1))
    return frozenset(found)


def _lines_taken_out(edits: Sequence[Edit], sources: Mapping[str, str]) -> set[_Line]:
    """Whole lines that are taken out, nothing or ``pass`` put in their place."""
    found: set[_Line] = set()
    for edit in edits:
        text = sources[edit.path]
        first, last = line_around(text, edit.start, edit.end)
        before = text[first : edit.start]
        whole = text[edit.start : edit.end].endswith(("\n", "\r"))
        after = "" if whole else text[edit.end : last]
        if edit.replacement.strip() in ("", "pass") and not (before + after).strip():
            found |= touched_lines([edit], sources)
    return found


def _lines(task: RepairTask) -> set[_Line]:
    return {line for spectrum in task.spectra.values() for line in spectrum.lines}


def _assertions_of(nodeid: str, context: Mapping[str, str]) -> int:
    """Assertions in one test; those in a loop count twice."""
    path, _, rest = nodeid.partition("::")
    name = re.sub(r"\[.*", "", rest).rpartition("::")[2]
    try:
        tree = ast.parse(context.get(path, ""))
    except (SyntaxError, ValueError):
        return 1
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name
    ]
    found = 0
    for function in functions[:1]:
        for node in ast.walk(function):
            found += isinstance(node, (ast.Assert, ast.For, ast.While))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                found += node.func.attr.startswith("assert") or node.func.attr == "raises"
    return max(1, found)


def _raised_at(task: RepairTask) -> set[_Line]:
    """Lines of the project on which the errors were raised."""
    return {line for stack in task.stacks for line in _error_lines(stack, task.sources)}


def _error_lines(stack: ErrorStack, sources: Mapping[str, str]) -> Iterator[_Line]:
    """Where the error was raised; of one that passes others on, where those were.

    A repair of the errors below it leaves its ``raise`` without a reason to run.
    """
    frame = stack.project_frames[-1] if stack.project_frames else None
    lines = lines_of(sources.get(frame.path, "")) if frame is not None else []
    line = lines[frame.line - 1] if frame is not None and frame.line <= len(lines) else ""
    below = [each for each in (stack.cause, *stack.group) if each is not None]
    if below and (frame is None or line.lstrip().startswith("raise")):
        for each in below:
            yield from _error_lines(each, sources)
    elif frame is not None and stack.kind is not ErrorKind.ASSERTION:
        yield frame.path, frame.line


def _line_after(line: _Line, edits: Sequence[Edit], sources: Mapping[str, str]) -> _Line | None:
    """Where the line stands after the edits; None where they touch it."""
    path, number = line
    shift = 0
    for edit in edits:
        if edit.path != path:
            continue
        text = sources[path]
        starts = line_starts(text)
        lines = line_numbers(starts, edit.start, edit.end)
        whole = edit.start == starts[lines[0] - 1] and edit.replacement.endswith("\n")
        if edit.start == edit.end and whole:  # lines put in before this one
            lines = lines[:0]
        if number in lines:
            return None
        if lines.stop <= number:
            shift += edit.replacement.count("\n") - text.count("\n", edit.start, edit.end)
    return path, number + shift
