"""Merge conflicts left in a file: one side, the other, or both."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pytest_gemmadev.propose.syntax.draft import Change, Fix

_OURS = re.compile(r"<{7}(?: |$)")
_BASE = re.compile(r"\|{7}(?: |$)")
_MIDDLE = re.compile(r"={7}\s*$")
_THEIRS = re.compile(r">{7}(?: |$)")
_MARKER = re.compile(r"(?:<{7}|>{7}|\|{7})(?: |$)|={7}\s*$")


class Conflict(NamedTuple):
    first: int
    last: int
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    base: tuple[str, ...] | None


def fixes(lines: Sequence[str]) -> Iterator[Fix]:
    """All conflicts of the file resolved; or markers that stand alone taken out.

    Where one side holds all of the other, or alone was changed, that side is taken. Elsewhere a
    person has to decide: what parses may still drop what somebody wrote.
    """
    found = list(_conflicts(lines))
    if not found:
        yield from _leftovers(lines)
    elif all(_agreed(c) is not None for c in found):
        changes = tuple(Change(c.first, c.last, _agreed(c) or ()) for c in found)
        yield Fix(changes, 0.1, "conflict", "merge conflict: the side that holds the other")
    else:
        for name, cost, side in _RESOLUTIONS:
            changes = tuple(Change(c.first, c.last, _decided(c, side)) for c in found)
            yield Fix(changes, cost, "conflict", f"merge conflict: {name}", is_doubtful=True)


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
