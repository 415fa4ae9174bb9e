"""Tabs and spaces mixed in one file's indentation."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.levels import Layout
from pytest_gemmadev.propose.syntax.text_layout import indentation


def tab_fixes(layout: Layout) -> Iterator[Fix]:
    """Tabs and spaces mixed: tabs written out, at the widths in use."""
    moved = _beside_tabs(layout)
    for size in dict.fromkeys((layout.unit, 8, 4)):
        lines = [
            line
            if (row in layout.strings and row not in moved) or "\t" not in indentation(line)
            else indentation(line).expandtabs(size) + line.lstrip(" \t\f")
            for row, line in enumerate(layout.lines)
        ]
        changes = tuple(
            Change(row, row + 1, (new,))
            for row, (old, new) in enumerate(zip(layout.lines, lines, strict=True))
            if old != new
        )
        if changes:
            yield Fix(changes, 0.8 if size == layout.unit else 1.2, "tabs")


def _beside_tabs(layout: Layout) -> set[int]:
    """Lines inside strings that were indented with tabs along with the code beside them."""
    found: set[int] = set()
    for step in (1, -1):
        rows = range(len(layout.lines))[::step]
        along = False
        for row in rows:
            tabbed = layout.lines[row].startswith("\t")
            along = tabbed and (along or row not in layout.strings)
            if along and row in layout.strings:
                found.add(row)
    return found
