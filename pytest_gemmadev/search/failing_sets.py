"""The error stack of the loop: which failures have one cause, and which of them comes next."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pytest_gemmadev.types import ErrorKind, ErrorStack, Role

_WAVE = {ErrorKind.SYNTAX: 0, ErrorKind.INDENTATION: 0, ErrorKind.IMPORT: 1}
_ORDER = (
    ErrorKind.NAME,
    ErrorKind.ATTRIBUTE,
    ErrorKind.KEY,
    ErrorKind.TYPE,
    ErrorKind.INDEX,
    ErrorKind.VALUE,
    ErrorKind.OTHER,
    ErrorKind.ASSERTION,
    ErrorKind.TIMEOUT,
)


@dataclass(frozen=True, slots=True)
class FailingSet:
    """Failures with one cause, the representative one first."""

    stacks: tuple[ErrorStack, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(s.nodeid for s in self.stacks))

    def part(self, nodeids: Collection[str]) -> tuple[FailingSet | None, FailingSet | None]:
        """The failures of these tests, and the others; None for one that would be empty."""
        inside = tuple(s for s in self.stacks if s.nodeid in nodeids)
        outside = tuple(s for s in self.stacks if s.nodeid not in nodeids)
        return FailingSet(inside) if inside else None, FailingSet(outside) if outside else None

    @property
    def files(self) -> frozenset[str]:
        """Files of the project that its stacks meet; where there are none, those of the tests."""
        frames = [frame for stack in self.stacks for frame in stack.frames]
        own = frozenset(frame.path for frame in frames if frame.in_project)
        return own or frozenset(frame.path for frame in frames if frame.role is Role.TEST)

    @property
    def stops_others(self) -> bool:
        """Whether tests cannot be collected because of it."""
        return any(stack.phase == "collect" for stack in self.stacks)


def top_of_stack(stacks: Sequence[ErrorStack], reach: Mapping[str, int]) -> FailingSet:
    """The failing set to repair first: what stops others from running comes before all else.

    ``reach`` says how many lines a failing test runs, by node id: what runs least of the code says
    most about it.
    """
    first = min(stacks, key=lambda s: (*urgency(s), reach.get(s.nodeid, 0)))
    same = [s for s in stacks if s.signature == first.signature and s is not first]
    return FailingSet((first, *same))


def sets_beside(first: FailingSet, stacks: Sequence[ErrorStack], limit: int) -> list[FailingSet]:
    """``first``, and what can be repaired at the same time; what stops others stays alone."""
    if limit == 1 or first.stops_others:
        return [first]
    sets: dict[object, list[ErrorStack]] = {}
    for stack in sorted(stacks, key=urgency):
        if stack.phase == "collect":
            return [first]
        if stack not in first.stacks:
            sets.setdefault(stack.signature, []).append(stack)
    return disjoint_sets(first, [FailingSet(tuple(same)) for same in sets.values()], limit)


def disjoint_sets(first: FailingSet, others: Sequence[FailingSet], limit: int) -> list[FailingSet]:
    """``first`` and further failing sets whose stacks meet no common file, in their order."""
    chosen = [first]
    for failing in others:
        if len(chosen) == limit:
            break
        met = frozenset().union(*(each.files for each in chosen))
        tests = {target for each in chosen for target in each.targets}
        if met.isdisjoint(failing.files) and tests.isdisjoint(failing.targets):
            chosen.append(failing)
    return chosen


def urgency(stack: ErrorStack) -> tuple[int, int]:
    """The key that sorts failures by how much of the rest they hide, the most first."""
    kind = _ORDER.index(stack.kind) if stack.kind in _ORDER else 0
    wave = _WAVE.get(stack.kind, 2)
    # A broken import hides every test behind it, whatever the error is.
    return (0 if stack.phase == "collect" else 1, wave * len(_ORDER) + kind)
