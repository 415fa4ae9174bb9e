"""Candidates for files that an import found broken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import log

from pytest_gemmadev.propose.syntax.syntax_repair import BUDGET_S, SyntaxCandidate, repair_syntax
from pytest_gemmadev.types import (
    Candidate,
    ErrorKind,
    ErrorStack,
    Model,
    Origin,
    OriginKind,
    RepairTask,
)

_KINDS = (ErrorKind.SYNTAX, ErrorKind.INDENTATION)
_NAMED = re.compile(r"\(([^()]+?\.pyi?), line \d+\)")  # how SyntaxError ends its message


class SyntaxProposer:
    """Repairs of the file that does not compile; the tests choose among them."""

    name = "syntax"

    def __init__(self, model: Model | None = None, *, budget_s: float = BUDGET_S) -> None:
        self.model = model
        self.budget_s = budget_s

    def propose(self, task: RepairTask) -> Iterator[Candidate]:
        """Candidates for each broken file in the stacks, best first."""
        for path in _broken(task):
            repair = repair_syntax(
                task.sources[path], path=path, model=self.model, budget_s=self.budget_s
            )
            for candidate in repair.candidates:
                yield _candidate(candidate)


def _candidate(candidate: SyntaxCandidate) -> Candidate:
    origin = Origin(OriginKind.SYNTAX, candidate.names[0] if candidate.names else "")
    prior = log(max(candidate.confidence, 1e-6))
    return Candidate(candidate.edits, origin, prior, candidate.explanation)


def _broken(task: RepairTask) -> list[str]:
    """Editable files that the stacks' syntax errors name, in their order."""
    found: dict[str, None] = {}
    pending = list(task.stacks)
    while pending:
        stack = pending.pop(0)
        pending += [*([stack.cause] if stack.cause else []), *stack.group]
        if stack.kind in _KINDS:
            for path in _named(stack, task):
                if path in task.sources:
                    found[path] = None
                    break
    return list(found)


def _named(stack: ErrorStack, task: RepairTask) -> Iterator[str]:
    """Paths that the error may be about, the likeliest first."""
    yield from (frame.path for frame in reversed(stack.frames))
    if match := _NAMED.search(stack.message):
        name = match.group(1).rsplit("/", 1)[-1]
        yield from (p for p in task.sources if p.rsplit("/", 1)[-1] == name)
