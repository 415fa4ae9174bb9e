"""Repairs of one statement, by edits after which it stands by itself, best first."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pytest_gemmadev.propose.syntax import (
    arguments,
    brackets,
    generic,
    literals,
    python2,
    quotes,
    words,
)
from pytest_gemmadev.propose.syntax.compiler import Fault
from pytest_gemmadev.propose.syntax.scan import CLOSER
from pytest_gemmadev.propose.syntax.statement import LONGEST, Splice, Statement, standing
from pytest_gemmadev.propose.syntax.weigh import oddness

MARGIN = 3.0  # nats: what is worse than the best by more is not looked at
TRIES = (400, 160, 80)  # texts given to the parser, by the number of edits before
PARTIAL = 5  # texts with a later fault that are followed
DEPTH = 3  # edits of one statement
FURTHER = 0.7  # nats for each edit after the first
DISTANT = 9.0  # edits dearer than this are not tried

Splicer = Callable[[Statement], Iterator[Splice]]
FAMILIES: tuple[Splicer, ...] = (
    python2.splices,
    words.splices,
    brackets.splices,
    quotes.splices,
    literals.splices,
    arguments.splices,
    generic.splices,
)


QUOTING: tuple[Splicer, ...] = (quotes.splices, literals.splices, python2.splices)


@dataclass(frozen=True, slots=True)
class Mended:
    """A text for the statement that parses by itself."""

    text: str
    cost: float  # nats
    name: str  # of the first edit
    note: str = ""


def mend(
    s: Statement,
    *,
    families: tuple[Splicer, ...] = FAMILIES,
    depth: int = DEPTH,
    late: Callable[[], bool] = lambda: False,
) -> list[Mended]:
    """Repairs of a statement, best first; none when it stands already or nothing helps.

    ``late`` tells when time is up.
    """
    found: dict[str, Mended] = {}
    seen = {s.text}
    frontier = [(s, Mended(s.text, 0.0, ""))]
    if len(s.tokens) > LONGEST:
        depth = min(depth, 2)
    for level in range(depth):
        partial: list[tuple[Statement, Mended]] = []
        for statement, so_far in frontier:
            for made in _tries(
                statement, so_far, found, seen, _fit(statement, families), TRIES[level]
            ):
                if isinstance(made, Mended):
                    if made.text not in found or found[made.text].cost > made.cost:
                        found[made.text] = made
                else:
                    partial.append(made)
                if late():
                    break
        if found and min(m.cost for m in found.values()) < 2.5 + 2.0 * level:
            break
        partial.sort(key=lambda pair: pair[1].cost - 0.05 * pair[0].offset)
        frontier = partial[: PARTIAL + 3]
        if not frontier or late():
            break
    best = sorted(found.values(), key=lambda m: m.cost)
    return [m for m in best if m.cost <= best[0].cost + MARGIN]


def _fit(s: Statement, families: tuple[Splicer, ...]) -> tuple[Splicer, ...]:
    """Where a string has no end, what seems to be code may be text, and the other way round."""
    is_open = families is FAMILIES and any(token.kind == "open" for token in s.tokens)
    return QUOTING if is_open else families


def _tries(
    s: Statement,
    so_far: Mended,
    found: dict[str, Mended],
    seen: set[str],
    families: tuple[Splicer, ...],
    limit: int,
) -> Iterator[Mended | tuple[Statement, Mended]]:
    splices = sorted((p for f in families for p in f(s)), key=lambda p: p.cost)
    count = 0
    balanced = s.brackets.balanced
    lexical = any(t.kind == "open" for t in s.tokens)
    for splice in splices:
        cost = so_far.cost + splice.cost + (FURTHER if so_far.name else 0.0)
        if count > limit or splice.cost > DISTANT:
            return
        if found and cost > min(m.cost for m in found.values()) + MARGIN:
            return
        if not lexical and splice.name != "f-string" and _imbalance(s, splice) == balanced:
            continue
        text = s.spliced(splice)
        if text in seen:
            continue
        seen.add(text)
        count += 1
        name = so_far.name or splice.name
        result = standing(text, s.opens_block, s.target)
        made = Mended(text, cost, name, so_far.note or splice.note)
        if not isinstance(result, Fault):
            tree, misplaced = result
            yield replace(made, cost=cost + misplaced + _strange(tree, s) - s.habit(text))
            continue
        offset = fault_offset(text, result)
        size = len(splice.replacement) - (splice.end - splice.start)
        further = offset > s.offset + size or result.message != s.message
        if (offset >= min(s.offset, splice.end) + size and further) or (
            "unterminated" in s.message and "unterminated" not in result.message
        ):
            yield replace(s, text=text, offset=offset, message=result.message), made


def _imbalance(s: Statement, splice: Splice) -> bool:
    """True where an edit adds or takes more opening brackets of a sort than closing ones."""
    old, new = s.text[splice.start : splice.end], splice.replacement
    return any(
        new.count(a) - old.count(a) != new.count(b) - old.count(b) for a, b in CLOSER.items()
    )


def _strange(tree: ast.Module, s: Statement) -> float:
    return oddness(tree, s.around)


def fault_offset(text: str, fault: Fault) -> int:
    """Where a fault lies in the text it was found in."""
    lines = text.split("\n")
    if fault.line >= len(lines):
        return len(text)
    return sum(len(line) + 1 for line in lines[: fault.line]) + min(
        fault.column, len(lines[fault.line])
    )
