"""Clauses that stand at the column of no statement that they could belong to, and ``try`` without one."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.levels import Layout, trimmed
from pytest_gemmadev.propose.syntax.text_layout import block_end, indentation

ANCHORS = {
    "else": ("if", "elif", "for", "while", "try", "except"),
    "elif": ("if", "elif"),
    "except": ("try", "except"),
    "finally": ("try", "except", "else"),
    "case": ("case", "match"),
}
"""First words of the statements that a clause may follow."""


def clause_fixes(layout: Layout) -> Iterator[Fix]:
    """An ``else`` or its like at the column of no statement that it could belong to."""
    index = layout.index
    word, here = layout.word(index), layout.width(index)
    first = layout.rows[index].first
    end = layout.rows[index].last
    end = max(end, block_end(layout.lines, end, here + 1))
    tried: set[int] = set()
    for at in range(index - 1, max(-1, index - 60), -1):
        wide = layout.width(at)
        if layout.word(at) in ANCHORS[word] and wide not in tried and layout.is_header(at):
            tried.add(wide)
            cost = 0.7 + 0.4 * len(tried) + 0.02 * (index - at)
            if wide != here:
                further = block_end(layout.lines, end, here) if wide > here else end
                yield Fix((layout.move(first, end, wide - here),), cost, "indent")
                only = layout.rows[index].last
                yield Fix((layout.move(first, only, wide - here),), cost + 0.5, "indent")
                if further != end:
                    yield Fix((layout.move(first, further, wide - here),), cost + 0.3, "indent")
            else:
                yield from _between(layout, at, index)
        if wide == 0 and at < index - 12:
            break
    if word == "elif":
        line = layout.lines[first]
        changed = line.replace("elif", "if", 1)
        yield Fix((Change(first, first + 1, (changed,)),), 3.5, "keyword")
    elif word == "except" or word == "finally":
        yield from _missing_try(layout, index)


def _between(layout: Layout, anchor: int, clause: int) -> Iterator[Fix]:
    """Statements between a header and its clause that slipped out of the block."""
    width = layout.width(anchor)
    for at in range(clause - 1, anchor, -1):
        if layout.width(at) < width:
            return
        if layout.width(at) == width:
            start, end = layout.rows[at].first, layout.rows[clause - 1].last
            columns = layout.body_width(anchor) - width
            yield Fix((layout.move(start, end, columns),), 1.2 + 0.1 * (clause - at), "indent")


def _missing_try(layout: Layout, index: int) -> Iterator[Fix]:
    """``try:`` before the statements in front of an ``except`` that lacks one."""
    width = layout.width(index)
    rows = layout.rows
    pad = indentation(layout.lines[rows[index].first])
    for at in range(index - 1, max(-1, index - 6), -1):
        if layout.width(at) < width:
            break
        if layout.width(at) == width:
            moved = layout.move(rows[at].first, rows[index].first, layout.unit)
            change = Change(moved.first, moved.last, (f"{pad}try:", *moved.lines))
            yield Fix((change,), 2.6 + 0.3 * (index - at), "try")


def try_fixes(layout: Layout) -> Iterator[Fix]:
    """A ``try`` whose block ends before its ``except``."""
    index = layout.index
    rows = layout.rows
    for at in range(index, -1, -1):
        if layout.word(at) == "try" and layout.width(at) <= layout.width(index):
            break
    else:
        return
    width = layout.width(at)
    for clause in range(index, len(rows)):
        wide = layout.width(clause)
        if wide < width:
            break
        if layout.word(clause) in ("except", "finally") and wide == width and clause > index:
            start, end = rows[index].first, trimmed(layout, rows[clause].first)
            columns = layout.body_width(at) - layout.width(index)
            yield Fix((layout.move(start, end, columns),), 0.6, "indent")
            break
    pad = indentation(layout.lines[rows[at].first])
    step = "\t" if "\t" in pad else " " * layout.unit
    row = trimmed(layout, rows[index].first)
    added = (f"{pad}except Exception:", f"{pad}{step}raise")
    yield Fix((Change(row, row, added),), 3.0, "except", "a try without an except")
