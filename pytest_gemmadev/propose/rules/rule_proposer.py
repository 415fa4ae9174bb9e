"""Candidates of all rules for a task, best first, each checked to parse."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from itertools import pairwise

import libcst

from pytest_gemmadev.propose.code.nodes import first_line, last_line
from pytest_gemmadev.propose.code.project import Project
from pytest_gemmadev.propose.code.replacements import with_newlines
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import Fix, Rule
from pytest_gemmadev.text.edits import apply_edits, trim
from pytest_gemmadev.text.lines import line_numbers, line_starts, newline_of
from pytest_gemmadev.types import (
    Candidate,
    Edit,
    ErrorStack,
    Inapplicable,
    Origin,
    OriginKind,
    RepairTask,
)

LIMIT = 60  # candidates of one task
MAX_EDITS = 60  # of one candidate: renaming something used everywhere is no small repair
_CHAINED = 0.5  # nats off for each step away from the error itself: causes, members of groups


class RuleProposer:
    """Deterministic candidates for errors that name their own cause."""

    name = "rules"

    def __init__(
        self,
        rules: Sequence[Rule] | None = None,
        *,
        further: Sequence[Rule] = (),
        limit: int = LIMIT,
    ) -> None:
        if rules is None:
            from pytest_gemmadev.propose.rules.all_rules import RULES

            rules = RULES
        self.rules = (*rules, *further)
        self.limit = limit

    def propose(self, task: RepairTask) -> Iterator[Candidate]:
        """Candidates, best first, at most `LIMIT`, no two alike; all apply and parse."""
        project = Project(task)
        found: dict[tuple[Edit, ...], Candidate] = {}
        for stack, discount in _errors(task):
            failure = Failure(stack, project)
            for rule in self.rules:
                if stack.kind in rule.kinds:
                    for fix in rule.fixes(failure):
                        _collect(found, _candidate(fix, rule, discount, task))
        count = 0
        for candidate in sorted(found.values(), key=_order):
            if count == self.limit:
                return
            if all(holds_up(task.sources[p], candidate, p) for p in _paths(candidate)):
                count += 1
                yield candidate


def _errors(task: RepairTask) -> Iterator[tuple[ErrorStack, float]]:
    """The errors of a task with what their candidates lose: causes and group members too."""
    seen: set[tuple[object, ...]] = set()
    pending = [(stack, 0.0) for stack in task.stacks[:3]]
    while pending:
        stack, discount = pending.pop(0)
        key = (stack.signature, stack.frames[:1], stack.facts)
        if key in seen or discount > 3 * _CHAINED:
            continue
        seen.add(key)
        yield stack, discount
        further = [stack.cause] if stack.cause else []
        pending += [(s, discount + _CHAINED) for s in (*further, *stack.group[:4])]


def _collect(found: dict[tuple[Edit, ...], Candidate], candidate: Candidate | None) -> None:
    if candidate is not None:
        known = found.get(candidate.edits)
        if known is None or known.prior < candidate.prior:
            found[candidate.edits] = candidate


def _candidate(fix: Fix, rule: Rule, discount: float, task: RepairTask) -> Candidate | None:
    """The candidate of a fix; None where it would change a file that may not be edited."""
    if len(fix.edits) > MAX_EDITS or any(e.path not in task.sources for e in fix.edits):
        return None
    trimmed = [
        e for edit in fix.edits if (e := _trimmed(edit, task.sources[edit.path])) is not None
    ]
    edits = tuple(sorted(set(trimmed)))
    if not edits or any(
        a.path == b.path and (a.end > b.start or a.start == b.start) for a, b in pairwise(edits)
    ):
        return None
    return Candidate(edits, Origin(OriginKind.RULE, rule.name), fix.prior - discount, fix.why)


def _trimmed(edit: Edit, text: str) -> Edit | None:
    """The edit in the newlines of its file, cut down to what differs."""
    old = text[edit.start : edit.end]
    new = with_newlines(edit.replacement, newline_of(text))
    return None if old == new else Edit(edit.path, *trim(edit.start, old, new))


def _order(candidate: Candidate) -> tuple[float, int, tuple[Edit, ...]]:
    size = sum(max(e.end - e.start, len(e.replacement)) for e in candidate.edits)
    return -candidate.prior, size, candidate.edits


def _paths(candidate: Candidate) -> list[str]:
    return sorted({e.path for e in candidate.edits})


def holds_up(text: str, candidate: Candidate, path: str) -> bool:
    """True when the changed file compiles, and libcst reads the statements that changed."""
    edits = [e for e in candidate.edits if e.path == path]
    changed = apply_edits(text, edits)
    if isinstance(changed, Inapplicable):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about literals and escapes: not ours to report
            tree = ast.parse(changed)
            compile(tree, path, "exec", dont_inherit=True)
        libcst.parse_module(_changed_statements(changed, tree, edits))
    except (SyntaxError, ValueError, RecursionError, libcst.ParserSyntaxError):
        return False
    return True


def _changed_statements(text: str, tree: ast.Module, edits: Sequence[Edit]) -> str:
    """The top-level statements that the edits touch: libcst takes 0.1 ms for each line."""
    starts = line_starts(text)
    shift = 0
    lines: set[int] = set()
    for edit in edits:
        start = edit.start + shift
        # One beyond the replacement, so that what stands behind it on its last line counts.
        lines.update(line_numbers(starts, start, start + len(edit.replacement) + 1))
        shift += len(edit.replacement) - (edit.end - edit.start)
    parts: list[str] = []
    for statement in tree.body:
        first, last = first_line(statement), last_line(statement)
        if not lines.isdisjoint(range(first, last + 1)):
            end = starts[last] if last < len(starts) else len(text)
            parts.append(text[starts[first - 1] : end])
    return "\n".join(parts)
