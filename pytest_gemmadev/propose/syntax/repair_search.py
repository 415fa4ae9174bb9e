"""From a broken text to texts that compile: best-first over fixes, one fault after another."""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import NamedTuple

from pytest_gemmadev.propose.syntax.compiler import Fault, Target, find_fault
from pytest_gemmadev.propose.syntax.draft import Draft, Fix
from pytest_gemmadev.propose.syntax.fault_window import Window, window_of
from pytest_gemmadev.propose.syntax.gather import Gatherer

SOLUTIONS = 8  # texts that compile, at most
MARGIN = 3.0  # nats: worse ones are not looked for
FIXES = 220  # fixes of one fault that are parsed in their window
BRANCH = (7, 5, 4, 3)  # drafts kept after the first fault, the second, …; the last for all others
CERTAIN = 0.25  # nats: after a fix as cheap as this no later stage is looked at
DRAFTS = 150  # drafts looked at
_AHEAD = 2.0  # nats that a fault known to remain will cost
_DONE = 1.6  # nats that a fault mended is ahead of one not reached
_ONWARD = 0.4  # nats for a fix that leaves a fault in its own window


@dataclass(frozen=True, slots=True)
class Solution:
    draft: Draft


class _Child(NamedTuple):
    cost: float  # of its fix and of the fault that is left, nats
    ahead: float  # of the latter
    draft: Draft


@dataclass(slots=True)
class Search:
    """Looks for drafts that compile until ``late()``."""

    target: Target | None
    late: Callable[[], bool]
    gatherer: Gatherer
    found: list[Solution] = field(default_factory=list)
    _heap: list[tuple[float, int, Draft]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)
    _seen: set[int] = field(default_factory=set)

    def run(self, draft: Draft, fault: Fault) -> list[Solution]:
        """Solutions, best first; none when time or ideas ran out. ``fault`` is the draft's first."""
        self._expand(draft, fault)
        looked = 1
        while self._heap and looked < DRAFTS and len(self.found) < SOLUTIONS and not self.late():
            _, _, draft = heapq.heappop(self._heap)
            if self.found and draft.cost > self.found[0].draft.cost + MARGIN:
                continue
            looked += 1
            left = find_fault("\n".join(draft.lines), self.target)
            if left is None:
                self.found.append(Solution(draft))
                self.found.sort(key=lambda s: s.draft.cost)
            else:
                self._expand(draft, left)
        return self.found

    def _push(self, draft: Draft, ahead: float) -> None:
        key = hash("\n".join(draft.lines))
        if key in self._seen:
            return
        self._seen.add(key)
        priority = draft.cost + ahead - _DONE * len(draft.fixes)
        heapq.heappush(self._heap, (priority, next(self._order), draft))

    def _expand(self, draft: Draft, fault: Fault) -> None:
        """Pushes the drafts in which the fault is gone, the cheapest of them."""
        row = min(fault.line, len(draft.lines) - 1)
        place = draft.origin[row]  # lines of the file may be equal, those of one mistake often are
        signature = f"{place} {re.sub(r'[0-9]+', '', fault.message)}: {draft.lines[row]}"
        if draft.faults.count(signature) > (len(draft.lines[row].split()) > 1):
            return  # it was mended before, and came back
        draft = replace(draft, faults=(*draft.faults, signature))
        window = window_of(draft.lines, fault, self.target)
        children: list[_Child] = []
        for ideas in self.gatherer.stages(draft.lines, fault, window):
            self._try(draft, fault, window, ideas, children)
            merged = any(c.draft.fixes[-1].name == "conflict" for c in children)
            if merged or (children and min(c.cost for c in children) < CERTAIN):
                break
        children.sort(key=lambda child: child.cost)
        level = min(len(draft.fixes), len(BRANCH) - 1)
        for child in children[: BRANCH[level]]:
            self._push(child.draft, child.ahead)

    def _try(
        self,
        draft: Draft,
        fault: Fault,
        window: Window,
        ideas: Sequence[Fix],
        children: list[_Child],
    ) -> None:
        """Adds the drafts that the ideas lead to, cheapest first, until the rest is too dear."""
        best = min((child.cost for child in children), default=float("inf"))
        bulk = False
        for tried, fix in enumerate(ideas):
            if tried > FIXES or fix.cost > best + MARGIN or self.late():
                return
            left = self._left(draft, fault, window, fix)
            if left is _REJECTED:
                continue
            ahead = 0.0 if left is None else _AHEAD + _ONWARD
            again = fix.name == "python2" or any(f.name == fix.name for f in draft.fixes)
            if again and not bulk:
                bulk = True  # it may be all over the file
                if many := self.gatherer.everywhere(draft.lines, fix):
                    children.append(_Child(many.cost - 2.0, -2.0, draft.fixed(many)))
            child = _Child(fix.cost + ahead, ahead, draft.fixed(fix))
            children.append(child)
            best = min(best, child.cost)

    def _left(self, draft: Draft, fault: Fault, window: Window, fix: Fix) -> Fault | object | None:
        """The fault that a fix leaves in the window, None for none, `_REJECTED` for no progress."""
        inside = window.holds(fix)
        seen = window if inside else Window(0, len(draft.lines), self.target, fault.is_late)
        growth = sum(len(c.lines) - (c.last - c.first) for c in fix.changes)
        shift = seen.first
        lines = list(draft.lines[shift : seen.last])
        for change in reversed(fix.changes):
            lines[change.first - shift : change.last - shift] = change.lines
        part = Window(0, len(lines), self.target, seen.compiles)
        result = part.fault(lines)
        if not isinstance(result, Fault):
            return None
        return result if _is_progress(fault, result, fix, shift, growth) else _REJECTED


_REJECTED = object()


def _is_progress(old: Fault, new: Fault, fix: Fix, shift: int, growth: int) -> bool:
    """True where the fault that is left is another one than was there, and not of the fix's making."""
    line = new.line + shift
    end = fix.last + growth  # row behind the changed ones, as they are now
    if new.is_late and not old.is_late:
        return True
    if old.is_lexical and not (new.is_lexical and line <= old.line):
        return line >= end or line < fix.first or fix.last - fix.first > 1
    if line >= end and line > old.line + min(0, growth):
        return True
    return (
        fix.first <= line < end
        and (line > old.line or new.column > old.column + 1)
        and (fix.last - fix.first > 1 or new.message != old.message)
    )
