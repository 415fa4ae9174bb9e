"""Merge conflicts left in a file: one side, the other, or both."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
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
    """All conflicts of the file resolved the same way; or markers that stand alone taken out."""
    found = list(_conflicts(lines))
    if found:
        for name, cost, side in _RESOLUTIONS:
            changes = tuple(Change(c.first, c.last, side(c)) for c in found)
            sure = all(_agreed(c) == side(c) for c in found)
            note = f"merge conflict: {name}"
            yield Fix(changes, 0.1 if sure else cost, "conflict", note)
    inside = {row for c in found for row in range(c.first, c.last)}
    stray = [i for i, line in enumerate(lines) if i not in inside and _MARKER.match(line)]
    if stray and not found:
        changes = tuple(Change(row, row + 1, ()) for row in stray)
        yield Fix(changes, 0.8, "conflict", "a conflict marker left behind")


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
