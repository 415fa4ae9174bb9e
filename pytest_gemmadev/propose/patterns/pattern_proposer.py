"""Proposes fix patterns at suspicious places, best first, as lazily as the order allows.

The score of a candidate is log(suspiciousness of the place) + log-prior of the pattern + log-share of the
change among all that the pattern offers at that node. A heap holds suspicions, then (pattern, node)
pairs, then changes, each under an upper bound of what it can still yield; what is never reached is
never computed.
"""

from __future__ import annotations

import ast
import heapq
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import exp, log
from typing import TypeAlias

from pytest_gemmadev.propose.code.fingerprints import Fingerprint, Region, fingerprint, region_of
from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.part import find_root
from pytest_gemmadev.propose.code.project_files import ProjectFiles
from pytest_gemmadev.propose.code.replacements import Replacement, changed, with_newlines
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change
from pytest_gemmadev.propose.patterns.pattern import AnyPattern
from pytest_gemmadev.propose.patterns.priors import PAIR_PRIOR
from pytest_gemmadev.text.edits import trim
from pytest_gemmadev.types import (
    Candidate,
    Edit,
    Origin,
    OriginKind,
    RepairTask,
    Role,
    Span,
    Suspicion,
)

_COMBINED = 40  # edits of one statement that are tried together with one another
_IDLE = 1.5  # nats for an edit that reads a variable which was bound and never read
_FLOOR = 1e-4  # suspiciousness below which all places count the same

_Pair: TypeAlias = tuple[Unit, ast.AST, AnyPattern]
_Item: TypeAlias = "_Suspicious | _Pair | _Scored"


@dataclass(frozen=True, slots=True)
class _Suspicious:
    suspicion: Suspicion


@dataclass(frozen=True, slots=True)
class _Scored:
    unit: Unit
    node: ast.AST
    origin: str  # name of the pattern, or of both
    change: Change
    prior: float
    suspicion: float  # log of the place's suspiciousness


def _all_patterns() -> tuple[AnyPattern, ...]:
    """Imported late: a module of patterns may be imported without all others."""
    from pytest_gemmadev.propose.patterns.all_patterns import PATTERNS

    return PATTERNS


@dataclass(slots=True)
class PatternProposer:
    """All small edits that the patterns know, ordered by suspiciousness times prior."""

    max_per_task: int = 20_000  # candidates of one task
    patterns: Sequence[AnyPattern] = field(default_factory=_all_patterns)
    further: Sequence[AnyPattern] = ()  # of other packages
    name: str = "pattern"
    _by_node: dict[type[ast.AST], list[tuple[AnyPattern, float]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.patterns = (*self.patterns, *self.further)
        for pattern in self.patterns:
            for kind in pattern.nodes:
                self._by_node.setdefault(kind, []).append((pattern, pattern.bound))

    def propose(self, task: RepairTask) -> Iterator[Candidate]:
        """Candidates for the task's suspicions; for the frames of its errors where it has none."""
        return _Walk(self, task).candidates(self.max_per_task)

    def for_node(self, node: ast.AST) -> Sequence[tuple[AnyPattern, float]]:
        """The patterns that may have edits at a node, each with its bound."""
        return self._by_node.get(type(node), ())


class _Walk:
    """The state of one walk through a task's edit space."""

    def __init__(self, proposer: PatternProposer, task: RepairTask) -> None:
        self.proposer = proposer
        self.task = task
        self.files = ProjectFiles(task)
        self.heap: list[tuple[float, int, _Item]] = []
        self.count = 0
        self.units: dict[ast.AST, Unit] = {}
        self.visited: set[ast.AST] = set()
        self.originals: dict[tuple[str, Region], Fingerprint | None] = {}
        self.seen: set[tuple[str, int, Fingerprint]] = set()
        self.seen_texts: set[tuple[str, int, int]] = (
            set()
        )  # path, start of the unit, hash of its text
        self.singles: dict[ast.stmt, list[_Scored]] = {}

    def candidates(self, limit: int) -> Iterator[Candidate]:
        best = max((p.bound for p in self.proposer.patterns), default=0.0)
        for suspicion in self.task.suspicions or _from_frames(self.task):
            bound = log(max(suspicion.score, _FLOOR)) + best
            self._push(bound, _Suspicious(suspicion))
        found = 0
        while self.heap and found < limit:
            negative, _, item = heapq.heappop(self.heap)
            if isinstance(item, _Suspicious):
                self._open_suspicion(item.suspicion)
            elif isinstance(item, _Scored):
                candidate = self._candidate(item)
                if candidate is not None:
                    found += 1
                    yield candidate
                    self._combine(item)
            else:
                self._open_pair(item, -negative)

    def _push(self, bound: float, item: _Item) -> None:
        self.count += 1
        heapq.heappush(self.heap, (-bound, self.count, item))

    def _open_suspicion(self, suspicion: Suspicion) -> None:
        """Pushes each pattern at each node that begins on the suspicion's lines."""
        span = suspicion.span
        module = self.files.module(span.path) if span.path in self.task.sources else None
        if module is None:
            return
        score = log(max(suspicion.score, _FLOOR))
        for line in range(span.start_line, span.end_line + 1):
            unit = self._unit(module, line)
            for node in unit.by_line.get(line, ()):
                if node in self.visited:
                    continue
                self.visited.add(node)
                for pattern, bound in self.proposer.for_node(node):
                    self._push(score + bound, (unit, node, pattern))

    def _unit(self, module: Module, line: int) -> Unit:
        root, cls = find_root(module, line)
        if root not in self.units:
            self.units[root] = Unit(module, root, cls)
        return self.units[root]

    def _open_pair(self, pair: _Pair, bound: float) -> None:
        """Pushes the changes of one pattern at one node, each with its share of the prior."""
        unit, node, pattern = pair
        changes = list(pattern.edits(node, unit))
        if not changes:
            return
        bias = pattern.bias(node, unit)
        heaviest = max(change.weight for change in changes)
        total = heaviest + log(sum(exp(change.weight - heaviest) for change in changes))
        for change in changes:
            prior = pattern.prior + bias + change.weight - total
            if unit.variables.idle and _reads(change, unit.variables.idle):
                prior += _IDLE
            suspicion = bound - pattern.bound
            self._push(
                suspicion + prior, _Scored(unit, node, pattern.name, change, prior, suspicion)
            )

    def _combine(self, item: _Scored) -> None:
        """Pushes an edit of an expression together with each likelier one of the same statement."""
        statement = item.unit.statement(item.node)
        if item.change.region is not None or "+" in item.origin or statement is None:
            return
        earlier = self.singles.setdefault(statement, [])
        if len(earlier) >= _COMBINED:
            return
        for other in earlier:
            change = _together(item.change, other.change)
            if change is not None:
                prior = item.prior + min(0.0, other.prior + PAIR_PRIOR)
                origin = f"{other.origin}+{item.origin}"
                pair = _Scored(item.unit, item.node, origin, change, prior, item.suspicion)
                self._push(item.suspicion + prior, pair)
        earlier.append(item)

    # --- from a change to a candidate ------------------------------------------------------------

    def _candidate(self, item: _Scored) -> Candidate | None:
        """The candidate of a change; None where it does not compile or is known already."""
        unit = item.unit
        replacements = _trimmed(unit, item.change.replacements)
        start, end = unit.extent
        text = hash(changed(unit.text, start, end, replacements))
        if not replacements or (unit.path, start, text) in self.seen_texts:
            return None
        self.seen_texts.add((unit.path, start, text))
        within = item.change.region or unit.statement(item.node)
        region = region_of(unit, within, item.change.replacements)
        essence = fingerprint(unit, region, replacements)
        if essence is None:
            return None
        known = (unit.path, region)
        if known not in self.originals:
            self.originals[known] = fingerprint(unit, region, ())
        key = (unit.path, region.start, essence)
        if essence == self.originals[known] or key in self.seen:
            return None
        self.seen.add(key)
        edits = tuple(Edit(unit.path, start, end, new) for start, end, new in replacements)
        explanation = _explained(unit, edits)
        return Candidate(edits, Origin(OriginKind.PATTERN, item.origin), item.prior, explanation)


def _reads(change: Change, names: frozenset[str]) -> bool:
    words = {word for _, _, new in change.replacements for word in re.findall(r"\w+", new)}
    return not names.isdisjoint(words)


def _together(one: Change, two: Change) -> Change | None:
    """Both changes at once; None where they touch the same text."""
    first, second = one.replacements, two.replacements
    if len(first) == len(second) == 1:
        a, b = (first[0], second[0]) if first[0] <= second[0] else (second[0], first[0])
        return Change((a, b)) if a[1] < b[0] else None
    replacements = sorted((*first, *second))
    if any(a[1] >= b[0] for a, b in pairwise(replacements)):
        return None
    return Change(tuple(replacements))


def _trimmed(unit: Unit, replacements: Sequence[Replacement]) -> tuple[Replacement, ...]:
    """Sorted replacements cut down to what differs, in the newlines of the file."""
    found = []
    for start, end, code in replacements:
        old, new = unit.text[start:end], with_newlines(code, unit.source.newline)
        if old != new:
            found.append(trim(start, old, new))
    found.sort(key=lambda r: (r[0], r[1]))
    overlapping = any(a[1] > b[0] for a, b in pairwise(found))
    return () if overlapping else tuple(found)


def _explained(unit: Unit, edits: Sequence[Edit]) -> str:
    """``old -> new`` of the first changed line, for a person."""
    first = edits[0]
    text, source = unit.text, unit.source
    start, end = source.line_start(first.start), source.line_end(first.end)
    new_line = text[start : first.start] + first.replacement + text[first.end : end]
    old, new = " ".join(text[start:end].split()), " ".join(new_line.split())
    if len(edits) > 1:
        return f"`{_short(old)}` and {len(edits) - 1} more"
    return f"`{_short(old)}` -> `{_short(new)}`"


def _short(code: str) -> str:
    return code if len(code) <= 60 else code[:57] + "..."


def _from_frames(task: RepairTask) -> list[Suspicion]:
    """The project frames of the errors, the innermost first, where nothing was localized."""
    found: dict[Span, Suspicion] = {}
    for stack in task.stacks:
        weight = 1.0
        for frame in reversed(stack.frames):
            if frame.role is Role.SOURCE and frame.path in task.sources:
                span = Span(frame.path, frame.line, frame.line)
                found.setdefault(span, Suspicion(span, weight, "frame"))
                weight *= 0.6
    return list(found.values())
