"""The few lines around a fault that show it by themselves, so that candidates parse fast."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_gemmadev.propose.syntax.compiler import Fault, Target, compiled, late_fault
from pytest_gemmadev.propose.syntax.draft import Fix
from pytest_gemmadev.propose.syntax.text_layout import CLAUSES, first_word, indent, is_code

SMALL = 80  # lines that are parsed whole
_TRIES = 12  # windows tried for one fault
_START = re.compile(r"\s*(?:@|(?:async\s+)?def\b|class\b)")


@dataclass(frozen=True, slots=True)
class Window:
    """Rows ``first`` to ``last``, the latter not included, of the lines of a draft."""

    first: int
    last: int
    target: Target | None
    compiles: bool = False  # the fault is one that only the compiler finds

    def holds(self, fix: Fix) -> bool:
        return self.first <= fix.first and fix.last <= self.last

    def fault(self, lines: Sequence[str], growth: int = 0) -> Fault | ast.Module:
        """The first fault of the window, by the rows of the draft; or its tree."""
        part = lines[self.first : self.last + growth]
        return _parsed(part, self.first, self.target, compiles=self.compiles)


def window_of(lines: Sequence[str], fault: Fault, target: Target | None) -> Window:
    """The smallest window found that shows the fault as the whole text does."""
    whole = Window(0, len(lines), target, fault.is_late)
    if len(lines) <= SMALL:
        return whole
    tries = 0
    margins = (40,) if "indented block" in fault.message else (2, 40)  # how far it goes is open
    for first in range(min(fault.line, len(lines) - 1), -1, -1):
        if not _opens(lines, first, nested=not fault.is_late):
            continue
        for margin in margins:
            last = _behind(lines, max(fault.line, fault.end_line) + margin, indent(lines[first]))
            window = Window(first, last, target, fault.is_late)
            shown = window.fault(lines)
            if isinstance(shown, Fault) and _same(shown, fault):
                return window
            tries += 1
        if tries >= _TRIES:
            break
    return whole


def _opens(lines: Sequence[str], row: int, *, nested: bool) -> bool:
    """True where a definition or a statement at the top begins, decorators first."""
    line = lines[row]
    if not is_code(line) or (row and lines[row - 1].lstrip().startswith("@")):
        return False
    if indent(line) == 0:
        word = first_word(line)
        return line[0] not in ")]}'\"" and word not in CLAUSES
    return nested and bool(_START.match(line))


def _behind(lines: Sequence[str], row: int, width: int) -> int:
    """The first row from ``row`` on where a block of that indentation is over."""
    for at in range(min(row, len(lines)), len(lines)):
        line = lines[at]
        if is_code(line) and indent(line) <= width and _opens(lines, at, nested=True):
            return at
    return len(lines)


def _same(one: Fault, other: Fault) -> bool:
    return (one.line, one.message, one.column) == (other.line, other.message, other.column)


def _parsed(
    part: Sequence[str], first: int, target: Target | None, *, compiles: bool
) -> Fault | ast.Module:
    text = "\n".join(part)
    wrapped = 0
    if part and indent(next((line for line in part if is_code(line)), "")):
        text, wrapped = f"if 1:\n{text}", 1
    result = compiled(text, target)
    if not isinstance(result, Fault):
        late = late_fault(text) if compiles else None
        if late is None:
            return result
        result = late
    return moved(result, first - wrapped, text.count("\n"))


def moved(fault: Fault, rows: int, last: int) -> Fault:
    """The fault with its lines counted from elsewhere."""
    message = re.sub(
        r"(?<=on line )\d+|(?<=at line )\d+", lambda m: str(int(m.group()) + rows), fault.message
    )
    return Fault(
        message, max(0, fault.line + rows), fault.column, max(0, min(fault.end_line, last) + rows),
        fault.end_column, fault.error, fault.is_late,
    )  # fmt: skip
