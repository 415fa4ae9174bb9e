"""The lines around a fault by their indentation: which block each stands in, and where it may end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pytest_gemmadev.propose.syntax.compiler import Fault
from pytest_gemmadev.propose.syntax.draft import Change
from pytest_gemmadev.propose.syntax.text_layout import (
    CLAUSES,
    Rows,
    block_end,
    code_of,
    first_word,
    indent,
    indent_unit,
    inside_strings,
    previous_code,
    shifted,
    statement_at,
    statements,
)

ENDS = 14  # places tried as the end of a block that moves
_LENGTHS = {"if": 0.35, "elif": 0.35, "else": 0.35, "except": 0.35, "def": 0.6, "class": 0.8}
_LEAVES = frozenset(("return", "raise", "continue", "break"))


@dataclass(frozen=True)
class Layout:
    """The lines around a fault."""

    lines: Sequence[str]
    fault: Fault

    @cached_property
    def rows(self) -> list[Rows]:
        return statements(self.lines)

    @cached_property
    def unit(self) -> int:
        return indent_unit(self.lines)

    @cached_property
    def strings(self) -> frozenset[int]:
        return inside_strings(self.lines)

    @cached_property
    def index(self) -> int:
        """Of the statement at the fault."""
        return max(0, statement_at(self.rows, self.fault.line))

    def width(self, index: int) -> int:
        return indent(self.lines[self.rows[index].first])

    def word(self, index: int) -> str:
        return first_word(self.lines[self.rows[index].first])

    def is_header(self, index: int) -> bool:
        row = self.rows[index]
        return code_of(self.lines[row.last - 1]).endswith(":")

    def parent(self, index: int) -> int:
        """The statement whose block holds this one by its indentation; -1 at the top."""
        width = self.width(index)
        for at in range(index - 1, -1, -1):
            if self.width(at) < width:
                return at
        return -1

    def body_width(self, header: int) -> int:
        """Where the block of a header is, or should be, indented to."""
        width = self.width(header)
        for at in range(header + 1, min(header + 12, len(self.rows))):
            if self.width(at) > width and (at == header + 1 or self.parent(at) == header):
                return self.width(at)
            if self.width(at) < width:
                break
        return width + self.unit

    def move(self, first: int, last: int, columns: int) -> Change:
        """Rows moved by columns; lines inside strings only where they stand as deep as the code."""
        width = indent(self.lines[first])
        target = width + columns
        moved = []
        for row in range(first, last):
            line = self.lines[row]
            keep = row in self.strings and not self._moves_along(row, width, target)
            moved.append(line if keep else shifted(line, columns))
        return Change(first, last, tuple(moved))

    def _moves_along(self, row: int, width: int, target: int) -> bool:
        here = indent(self.lines[row])
        return here < target if target > width else here >= width > target


def likely_ends(
    layout: Layout, index: int, width: int, header: str = ""
) -> list[tuple[int, float]]:
    """Rows at which a block from a statement on may end, with what each costs in nats.

    Blocks of ``header`` are short or long as its word suggests; they end at blank lines, and where
    nothing behind could be reached.
    """
    rows = layout.rows
    whole = block_end(layout.lines, rows[index].first, width)
    per_statement = _LENGTHS.get(header, 0.3)
    ends: dict[int, float] = {}
    count, crossed, left = 0, 0.0, False
    for at in range(index + 1, len(rows) + 1):
        first = rows[at].first if at < len(rows) else whole
        if first < whole and (layout.width(at) != width or layout.word(at) in CLAUSES):
            continue
        left = layout.word(at - 1) in _LEAVES and layout.width(at - 1) == width
        count += 1
        blanks = blanks_before(layout, first)
        is_long = header in ("def", "class", "")
        cost = 0.2 + per_statement * (count - 1) * (not is_long) + crossed
        if first >= whole:
            cost = min(cost, 0.5 + crossed + 0.04 * count)
        elif left:
            cost -= 0.2
        elif blanks:
            cost += 0.1 if blanks > 1 else 0.5
        elif is_long:
            cost += 1.4
        ends.setdefault(trimmed(layout, min(first, whole)), cost)
        if first >= whole or len(ends) >= ENDS:
            break
        crossed += 3.0 * left + (1.5 if blanks > 1 and header in ("def", "class") else 0.0)
        crossed += 1.0 * (header == "def" and layout.word(at) in ("def", "class", "@"))
    ends.setdefault(trimmed(layout, whole), 0.6 + crossed)
    return sorted(ends.items(), key=lambda pair: pair[1])


def blanks_before(layout: Layout, row: int) -> int:
    """Blank lines right before a row."""
    count = 0
    while row > count and not layout.lines[row - count - 1].strip():
        count += 1
    return count


def trimmed(layout: Layout, end: int) -> int:
    """The end without blank lines and comments before it."""
    return previous_code(layout.lines, end) + 1


def ancestors(layout: Layout, index: int) -> Iterator[int]:
    while index >= 0:
        yield index
        index = layout.parent(index)
