"""A parsed file: its text, its tree, and where in the text each node stands."""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache

_NEWLINE = re.compile(r"\r\n|\n|\r")


@dataclass(slots=True, eq=False)
class Source:
    """One file. Offsets are code points; `ast` counts columns in UTF-8 bytes, which is converted."""

    text: str
    tree: ast.Module
    starts: list[int]  # offset of each line
    ascii: bool
    newline: str  # of the first line
    _spans: dict[ast.AST, tuple[int, int]] = field(default_factory=dict)

    def offset(self, line: int, column: int) -> int:
        """Offset of a position as `ast` gives it: line from 1, column in bytes from 0."""
        start = self.starts[line - 1]
        if self.ascii:
            return start + column
        end = self.starts[line] if line < len(self.starts) else len(self.text)
        raw = self.text[start:end].encode("utf-8", "surrogatepass")
        return start + len(raw[:column].decode("utf-8", "surrogatepass"))

    def span(self, node: ast.AST) -> tuple[int, int]:
        """(start, end) of a node that has a position; decorators belong to their definition."""
        known = self._spans.get(node)
        if known is not None:
            return known
        assert isinstance(node, (ast.expr, ast.stmt, ast.arg, ast.keyword, ast.ExceptHandler))
        line, column = node.lineno, node.col_offset
        decorators = getattr(node, "decorator_list", None)
        start = self.offset(line, column)
        if decorators:
            start = self.text.rfind("@", 0, self.span(decorators[0])[0])
        end = self.offset(node.end_lineno or line, node.end_col_offset or column)
        self._spans[node] = (start, end)
        return start, end

    def segment(self, node: ast.AST) -> str:
        """The text of a node as it is written, without parentheses around it."""
        start, end = self.span(node)
        return self.text[start:end]

    def line_of(self, offset: int) -> int:
        """Line number, from 1, of an offset."""
        return bisect_right(self.starts, offset)

    def line_start(self, offset: int) -> int:
        """Offset at which the line of ``offset`` begins."""
        return self.starts[self.line_of(offset) - 1]

    def line_end(self, offset: int) -> int:
        """Offset of the newline that ends the line of ``offset``, or of the end of the text."""
        found = _NEWLINE.search(self.text, offset)
        return found.start() if found else len(self.text)

    def indentation(self, offset: int) -> str:
        """The blanks at the start of the line of ``offset``."""
        start = self.line_start(offset)
        end = start
        while end < len(self.text) and self.text[end] in " \t\f":
            end += 1
        return self.text[start:end]


@lru_cache(maxsize=32)
def parse_source(text: str) -> Source | None:
    """The parsed file, or None where it does not parse. The last few texts are remembered."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about literals and escapes: not ours to report
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    starts = [0, *(m.end() for m in _NEWLINE.finditer(text))]
    newline = _NEWLINE.search(text)
    return Source(text, tree, starts, text.isascii(), newline.group() if newline else "\n")
