"""Merge conflicts left in a file: one side, the other, or both."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from pytest_gemmadev.propose.syntax.compiler import Fault, Target, compiled, find_fault
from pytest_gemmadev.propose.syntax.draft import Change, Draft, Fix

_OURS = re.compile(r"<{7}(?: |$)")
_BASE = re.compile(r"\|{7}(?: |$)")
_MIDDLE = re.compile(r"={7}\s*$")
_THEIRS = re.compile(r">{7}(?: |$)")
_MARKER = re.compile(r"(?:<{7}|>{7}|\|{7})(?: |$)|={7}\s*$")
_ONLY = 1.0  # nats: the only side that compiles


class Conflict(NamedTuple):
    first: int
    last: int
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    base: tuple[str, ...] | None


def fixes(lines: Sequence[str], target: Target | None = None) -> Iterator[Fix]:
    """All conflicts of the file resolved; or markers that stand alone taken out.

    A side is taken where nothing of the other is lost by that: it holds all of it, means the same,
    or alone was changed. Imports and definitions of different names are kept from both. Where only
    one side of all conflicts compiles, it is that one. Elsewhere a person has to decide: what
    parses may still drop what somebody wrote.
    """
    found = list(_conflicts(lines))
    if not found:
        yield from _leftovers(lines)
        return
    agreed = [_agreed(c) for c in found]
    if all(lines_ is not None for lines_ in agreed):
        yield _resolved(found, _ours, 0.1, "the side that holds the other")
        return
    if all(lines_ is not None or _both_kept(c) for lines_, c in zip(agreed, found, strict=True)):
        yield _resolved(found, lambda c: _both_kept(c) or (), 0.4, "what both sides add")
        return
    ways = [_resolved(found, side, cost, name) for name, cost, side in _RESOLUTIONS]
    sound = [fix for fix in ways[:2] if _compiles(lines, fix, target)]
    if len(sound) == 1:
        yield replace(sound[0], cost=_ONLY, note=f"{sound[0].note}, the only side that compiles")
    for fix in ways:
        yield replace(fix, is_doubtful=True)


def _resolved(
    found: Sequence[Conflict], side: Callable[[Conflict], tuple[str, ...]], cost: float, name: str
) -> Fix:
    changes = tuple(Change(c.first, c.last, _decided(c, side)) for c in found)
    return Fix(changes, cost, "conflict", f"merge conflict: {name}")


def _compiles(lines: Sequence[str], fix: Fix, target: Target | None) -> bool:
    return find_fault("\n".join(Draft.of(list(lines)).fixed(fix).lines), target) is None


def _leftovers(lines: Sequence[str]) -> Iterator[Fix]:
    """Markers without their partners: both sides may stand there when there are two kinds."""
    rows = [i for i, line in enumerate(lines) if _MARKER.match(line)]
    if rows:
        changes = tuple(Change(row, row + 1, ()) for row in rows)
        kinds = {lines[row][0] for row in rows}
        yield Fix(changes, 0.8, "conflict", "a conflict marker left behind", len(kinds) > 1)


def _decided(conflict: Conflict, side: Callable[[Conflict], tuple[str, ...]]) -> tuple[str, ...]:
    agreed = _agreed(conflict)
    return side(conflict) if agreed is None else agreed


def _conflicts(lines: Sequence[str]) -> Iterator[Conflict]:
    row = 0
    while row < len(lines):
        if _OURS.match(lines[row]):
            middle = _find(lines, row + 1, _MIDDLE)
            end = _find(lines, middle + 1, _THEIRS) if middle is not None else None
            if middle is not None and end is not None:
                base = _find(lines[:middle], row + 1, _BASE)
                ours = tuple(lines[row + 1 : middle if base is None else base])
                between = None if base is None else tuple(lines[base + 1 : middle])
                theirs = tuple(lines[middle + 1 : end])
                yield Conflict(row, end + 1, ours, theirs, between)
                row = end
        row += 1


def _find(lines: Sequence[str], row: int, marker: re.Pattern[str]) -> int | None:
    for at in range(row, len(lines)):
        if marker.match(lines[at]):
            return at
        if _OURS.match(lines[at]):
            return None
    return None


def _agreed(conflict: Conflict) -> tuple[str, ...] | None:
    """The side that holds all of the other, or that alone was changed; None where they differ."""
    ours, theirs = conflict.ours, conflict.theirs
    one, two = _body(ours), _body(theirs)
    if one is not None and two is not None and list(map(ast.dump, one)) == list(map(ast.dump, two)):
        return ours if len(ours) >= len(theirs) else theirs  # a comment more, at most
    if conflict.base is not None:
        if ours == conflict.base:
            return theirs
        if theirs == conflict.base:
            return ours
    if _within(theirs, ours):
        return ours
    return theirs if _within(ours, theirs) else None


def _within(small: Sequence[str], large: Sequence[str]) -> bool:
    """True where the lines of one occur in the other in their order."""
    rest = iter(line.strip() for line in large)
    return all(line.strip() in rest for line in small if line.strip())


def _body(side: Sequence[str]) -> list[ast.stmt] | None:
    """The statements of a side; None where it is not made of whole ones."""
    tree = compiled(textwrap.dedent("\n".join(side)))
    return None if isinstance(tree, Fault) else tree.body


def _both_kept(conflict: Conflict) -> tuple[str, ...] | None:
    """Both sides, where each only imports, or each only defines and no name is defined by both."""
    ours, theirs = _body(conflict.ours), _body(conflict.theirs)
    if not ours or not theirs or conflict.base:
        return None
    if all(isinstance(node, ast.Import | ast.ImportFrom) for node in (*ours, *theirs)):
        here = set(map(ast.dump, ours))
        added = (node for node in theirs if ast.dump(node) not in here)
        more = [conflict.theirs[node.lineno - 1 : node.end_lineno] for node in added]
        return (*conflict.ours, *(line for part in more for line in part))
    names = [_defined(node) for node in (*ours, *theirs)]
    if "" in names or len(set(names)) < len(names):
        return None
    first = next(line for line in conflict.ours if line.strip())
    blank = ("",) * (1 if first[:1].isspace() else 2)
    gap = () if not conflict.ours[-1].strip() or not conflict.theirs[0].strip() else blank
    return (*conflict.ours, *gap, *conflict.theirs)


def _defined(node: ast.stmt) -> str:
    is_definition = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    return str(getattr(node, "name", "")) if is_definition else ""


def _ours(conflict: Conflict) -> tuple[str, ...]:
    return conflict.ours


def _theirs(conflict: Conflict) -> tuple[str, ...]:
    return conflict.theirs


def _both(conflict: Conflict) -> tuple[str, ...]:
    return (*conflict.ours, *conflict.theirs)


_RESOLUTIONS = (
    ("ours, the lines before =======", 2.6, _ours),
    ("theirs, the lines after =======", 2.8, _theirs),
    ("both sides, ours first", 3.4, _both),
)
