"""Where an f-string uses what Python allows only since 3.12."""

from __future__ import annotations

import ast
import re

from pytest_gemmadev.text.lines import character_column

_START = re.compile(r"(?i)(?:f|fr|rf)('''|\"\"\"|'|\")")


def quoting_fault(text: str, tree: ast.Module) -> tuple[int, int, str] | None:
    """(line, column, message) of the first f-string that reuses its quotes or holds a backslash."""
    if not _START.search(text):
        return None
    lines = text.split("\n")
    for node in ast.walk(tree):
        if not isinstance(node, ast.FormattedValue):
            continue
        expression = node.value
        first, last = expression.lineno - 1, (expression.end_lineno or expression.lineno) - 1
        code = _between(lines, first, expression.col_offset, last, expression.end_col_offset or 0)
        before = lines[first][: character_column(lines[first], expression.col_offset)]
        starts = list(_START.finditer(before))
        if starts and starts[-1][1] in code:
            return first, len(before), "f-string: its own quotes inside braces need Python 3.12"
        if starts and "\\" in code:
            return first, len(before), "f-string: a backslash inside braces needs Python 3.12"
    return None


def _between(lines: list[str], first: int, start: int, last: int, end: int) -> str:
    start, end = character_column(lines[first], start), character_column(lines[last], end)
    if first == last:
        return lines[first][start:end]
    return "\n".join((lines[first][start:], *lines[first + 1 : last], lines[last][:end]))
