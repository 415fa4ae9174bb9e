"""Repairs of a text that does not compile, best first."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import exp

from pytest_gemmadev.propose.syntax.compiler import (
    Fault,
    Target,
    Unparsable,
    find_fault,
    quietly,
)
from pytest_gemmadev.propose.syntax.draft import Draft, edits_of
from pytest_gemmadev.propose.syntax.gather import Gatherer
from pytest_gemmadev.propose.syntax.pasted_lines import is_template
from pytest_gemmadev.propose.syntax.repair_search import Search, Solution
from pytest_gemmadev.propose.syntax.shape import oddness_of_file
from pytest_gemmadev.text.lines import line_number, line_starts, split_lines
from pytest_gemmadev.types import Edit, Model

BUDGET_S = 5.0  # of a processor, for the search
PATIENCE = 3.0  # times the budget on the clock, on a machine that is busy with other things
NOTHING_RIGHT = 5.5  # nats: the cost at which "none of these" is as likely as the best candidate
PER_FIX = 2.2  # nats that each further fix may cost
SURE = 0.5  # confidence from which a candidate is taken without a test that confirms it
DOUBTED = 0.3  # the most confidence in a repair that may drop what somebody wrote
COMPARED = 4000  # lines up to which two candidates are compared by their syntax trees


@dataclass(frozen=True, slots=True)
class SyntaxCandidate:
    """Edits after which the text compiles."""

    edits: tuple[Edit, ...]  # sorted, none overlapping
    names: tuple[str, ...]  # of the kinds of edit: ``colon``, ``bracket``, …
    explanation: str  # a few words for a person, with lines
    cost: float  # nats; comparable within one file
    confidence: float  # in [0, 1]
    lines: tuple[int, ...]  # that it changes, from 1


@dataclass(frozen=True, slots=True)
class SyntaxRepair:
    """What can be done about a text that does not compile."""

    message: str  # the compiler's; empty where the text compiles
    line: int  # of the fault, from 1; 0 where there is none
    candidates: tuple[SyntaxCandidate, ...] = ()  # best first
    seconds: float = 0.0
    used_model: bool = False
    is_late: bool = False  # time ran out; more of it might have found more

    @property
    def is_sound(self) -> bool:
        return not self.message

    @property
    def is_sure(self) -> bool:
        return _is_sure(self.candidates)


def _is_sure(candidates: Sequence[SyntaxCandidate]) -> bool:
    return bool(candidates) and candidates[0].confidence >= SURE


def repair_syntax(
    text: str,
    *,
    path: str = "<file>",
    target: Target | None = None,
    model: Model | None = None,
    budget_s: float = BUDGET_S,
    clock: Callable[[], float] = time.monotonic,
    work: Callable[[], float] = time.process_time,
) -> SyntaxRepair:
    """Candidate repairs of a text for the running Python, or for an older ``target``.

    The search ends after ``budget_s`` seconds of ``work``, which do not depend on what else the
    machine does, and after `PATIENCE` times as many on the ``clock``.
    """
    start = clock()
    used_model = False
    try:
        with quietly():
            fault = find_fault(text, target)
            if fault is None:
                return SyntaxRepair("", 0)
            begun, worked = clock(), work()  # whole looks at a large file take seconds: not counted

            def late() -> bool:
                is_spent = work() - worked > budget_s
                return is_spent or clock() - begun > PATIENCE * budget_s

            solutions = _solutions(text, fault, target, late)
            is_late = late()
            if model is not None and not _is_sure(_weighed(solutions, text, path)):
                used_model = True
                solutions = _asked(solutions, text, fault, target, model)
    except Unparsable as error:
        return SyntaxRepair(str(error), 1, seconds=clock() - start)
    candidates = _weighed(solutions, text, path)
    doubted = is_template(split_lines(text))
    is_sound = fault.is_of_target  # only what was made for older Pythons keeps its meaning
    candidates = tuple(
        replace(c, confidence=min(c.confidence, DOUBTED))
        if doubted or (is_sound and set(c.names) != {"target"})
        else c
        for c in candidates
    )
    seconds = clock() - start
    return SyntaxRepair(fault.message, fault.line + 1, candidates, seconds, used_model, is_late)


def _asked(
    solutions: list[Solution], text: str, fault: Fault, target: Target | None, model: Model
) -> list[Solution]:
    from pytest_gemmadev.propose.syntax import chooser

    if not solutions:
        return _distinct(chooser.written(text, fault, target, model))
    return chooser.chosen(solutions, model)


def _solutions(
    text: str, fault: Fault, target: Target | None, late: Callable[[], bool]
) -> list[Solution]:
    search = Search(target, late, Gatherer(target, late))
    return _distinct(search.run(Draft.of(split_lines(text)), fault))


def _weighed(best: list[Solution], text: str, path: str) -> tuple[SyntaxCandidate, ...]:
    """A candidate for each solution, with how likely it is the right one."""
    if not best:
        return ()
    base = best[0].draft.cost
    none = exp(base - NOTHING_RIGHT - PER_FIX * (len(best[0].draft.fixes) - 1))
    weights = [exp(base - s.draft.cost) for s in best]
    total = sum(weights) + none
    return tuple(
        _candidate(solution, weight / total, text, path)
        for solution, weight in zip(best, weights, strict=True)
    )


def _last_line(starts: Sequence[int], text: str, edit: Edit) -> int:
    """The last line that loses or gains something.

    An edit of whole lines ends where the next line begins, which it leaves as it is; one that takes
    only a newline joins the next line to its own.
    """
    if edit.end == edit.start or text[edit.end - 1] not in "\r\n":
        return line_number(starts, edit.end)
    first = line_number(starts, edit.start)
    is_block = not edit.replacement and starts[first - 1] == edit.start
    is_block = is_block or edit.replacement.endswith("\n")
    return line_number(starts, edit.end - 1 if is_block else edit.end)


def _distinct(solutions: list[Solution]) -> list[Solution]:
    """The cheapest solution of each tree, best first, what is odd about the file in their costs.

    In files of very many lines they stay as they are: their texts differ anyway.
    """
    if len(solutions) < 2 or len(solutions[0].draft.lines) > COMPARED:
        return solutions
    by_tree: dict[str, tuple[Solution, float]] = {}
    with quietly():
        for solution in solutions:
            text = "\n".join(solution.draft.lines)
            tree = ast.parse(text)
            by_tree.setdefault(ast.dump(tree), (solution, oddness_of_file(text, tree)))
    usual = min(odd for _, odd in by_tree.values())
    found = [
        Solution(replace(s.draft, cost=s.draft.cost + odd - usual)) for s, odd in by_tree.values()
    ]
    return sorted(found, key=lambda solution: solution.draft.cost)


def _candidate(solution: Solution, confidence: float, text: str, path: str) -> SyntaxCandidate:
    draft = solution.draft
    if any(fix.is_doubtful for fix in draft.fixes):
        confidence = min(confidence, DOUBTED)
    edits = edits_of(draft, text, path)
    starts = line_starts(text)
    lines = {
        line
        for e in edits
        for line in range(line_number(starts, e.start), _last_line(starts, text, e) + 1)
    }
    names = tuple(dict.fromkeys(fix.name for fix in draft.fixes))
    notes = [f.note or f.name for f in draft.fixes]
    shown = ", ".join(dict.fromkeys(notes))
    where = ", ".join(map(str, sorted(lines)[:6])) + (", …" if len(lines) > 6 else "")
    explanation = f"{shown} (line{'s' if len(lines) > 1 else ''} {where})"
    return SyntaxCandidate(edits, names, explanation, draft.cost, confidence, tuple(sorted(lines)))
