"""Restraint where a program that runs is the only judge.

Without tests, hiding an error looks like repairing it. What swallows errors is not tried, what
leaves code out is believed less, and a line that raises on purpose, with the condition it stands
under, stays as it is: the program refuses its input there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pytest_gemmadev.text.lines import line_numbers, line_starts
from pytest_gemmadev.types import Candidate, Edit, OriginKind, Proposer, RepairTask

_SWALLOWS = re.compile(r"\b(except|finally|suppress)\b")
_SKIPS = re.compile(r"\b(pass|continue|break|return)\b")
_GUARDS = re.compile(r"\b(if|else|or)\b|\.get\(|\bgetattr\(")
_WITHIN_A_WORD = re.compile(r"\w\w")
_SKIPPING = 3.0  # nats that it costs to leave code out
_GUARDING = 1.0  # to make code run under a condition, or with a stand-in value
_GUESSED = 1.5  # not to be a rule that reads the error's own cause


@dataclass(slots=True)
class Careful:
    """Implements `types.Proposer`: the candidates of another one, with restraint."""

    inner: Proposer
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.inner.name

    def propose(self, task: RepairTask) -> Iterator[Candidate]:
        """The candidates that are left, believed less where they leave code out."""
        refusals = _refusals(task)
        for candidate in self.inner.propose(task):
            doubt = _doubt(candidate, task, refusals)
            if doubt is not None:
                yield replace(candidate, prior=candidate.prior - doubt)


def _doubt(
    candidate: Candidate, task: RepairTask, refusals: frozenset[tuple[str, int]]
) -> float | None:
    """Nats to take from the prior; None for what is not to be tried."""
    doubt = 0.0 if candidate.origin.kind in (OriginKind.RULE, OriginKind.SYNTAX) else _GUESSED
    for edit in candidate.edits:
        text = task.sources[edit.path]
        old = text[edit.start : edit.end]
        lines = line_numbers(line_starts(text), edit.start, edit.end)
        if any((edit.path, line) in refusals for line in lines):
            return None
        if _added(_SWALLOWS, old, edit.replacement):
            return None
        if _added(_SKIPS, old, edit.replacement) or _leaves_out(text, edit):
            doubt += _SKIPPING
        elif _added(_GUARDS, old, edit.replacement):
            doubt += _GUARDING
    return doubt


def _leaves_out(text: str, edit: Edit) -> bool:
    """Whether code is taken out with nothing in its place; letters of a name are not code."""
    if edit.replacement.strip() or not text[edit.start : edit.end].strip():
        return False
    seams = (text[max(0, at - 1) : at + 1] for at in (edit.start, edit.end))
    return not any(_WITHIN_A_WORD.fullmatch(seam) for seam in seams)


def _added(pattern: re.Pattern[str], old: str, new: str) -> bool:
    return len(pattern.findall(new)) > len(pattern.findall(old))


def _refusals(task: RepairTask) -> frozenset[tuple[str, int]]:
    """Lines that raised on purpose, and the conditions that they stand under."""
    found: set[tuple[str, int]] = set()
    for stack in task.stacks[:1]:
        for frame in stack.project_frames[-1:]:
            text = task.sources.get(frame.path)
            try:
                tree = ast.parse(text) if text is not None else ast.Module([], [])
            except (SyntaxError, ValueError, RecursionError):
                continue
            found.update((frame.path, line) for line in _refusing(tree.body, frame.line, ()))
    return frozenset(found)


def _refusing(body: list[ast.stmt], line: int, above: tuple[int, ...]) -> Iterator[int]:
    """The lines of a ``raise`` or ``assert`` at ``line`` and of what decides that it is reached."""
    for statement in body:
        last = statement.end_lineno or statement.lineno
        if not statement.lineno <= line <= last:
            continue
        if isinstance(statement, ast.Raise | ast.Assert):
            yield from (*above, *range(statement.lineno, last + 1))
            return
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            above = ()
        elif isinstance(statement, ast.If | ast.While | ast.For | ast.Match):
            above = (*above, statement.lineno)
        for part in ("body", "orelse", "finalbody"):
            yield from _refusing(getattr(statement, part, None) or [], line, above)
        for inner in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
            yield from _refusing(inner.body, line, above)
