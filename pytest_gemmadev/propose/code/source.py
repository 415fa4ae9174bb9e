"""A parsed text: where in it each node stands, and what stands around a node."""

from __future__ import annotations

import ast
import re
import sys
from functools import cached_property

from pytest_gemmadev.propose.code.nodes import first_line, last_line
from pytest_gemmadev.propose.code.tree import Tree
from pytest_gemmadev.text.lines import (
    character_column,
    line_end,
    line_number,
    line_starts,
    newline_of,
)


class Source(Tree):
    """A text and its tree. Offsets are code points; `ast` counts columns in UTF-8 bytes."""

    def __init__(self, text: str, tree: ast.Module) -> None:
        super().__init__(tree)
        self.text = text
        self.tree = tree
        self.starts = line_starts(text)
        self.newline = newline_of(text)
        self._is_ascii = text.isascii()
        self._extents: dict[ast.AST, tuple[int, int]] = {}

    # --- statements ------------------------------------------------------------------------------

    @cached_property
    def statements(self) -> list[ast.stmt]:
        """All statements, breadth first."""
        return [n for n in self.parents if isinstance(n, ast.stmt)]

    def statement_at(self, line: int) -> ast.stmt | None:
        """The innermost statement that holds the line; decorators belong to their definition."""
        best: ast.stmt | None = None
        for node in self.statements:
            if first_line(node) <= line <= last_line(node) and (
                best is None or first_line(node) >= first_line(best)
            ):
                best = node
        return best

    # --- places of nodes -------------------------------------------------------------------------

    def offset(self, line: int, column: int) -> int:
        """Offset of a position as `ast` gives it: line from 1, column in bytes from 0."""
        start = self.starts[line - 1]
        if self._is_ascii:
            return start + column
        end = self.starts[line] if line < len(self.starts) else len(self.text)
        return start + character_column(self.text[start:end], column)

    def extent(self, node: ast.AST) -> tuple[int, int]:
        """(start, end) of a node that has a position; decorators belong to their definition."""
        known = self._extents.get(node)
        if known is not None:
            return known
        assert isinstance(node, (ast.expr, ast.stmt, ast.arg, ast.keyword, ast.ExceptHandler))
        line, column = node.lineno, node.col_offset
        decorators = getattr(node, "decorator_list", None)
        start = self.offset(line, column)
        if decorators:
            start = self.text.rfind("@", 0, self.extent(decorators[0])[0])
        end = self.offset(node.end_lineno or line, node.end_col_offset or column)
        self._extents[node] = (start, end)
        return start, end

    def span(self, node: ast.AST) -> tuple[int, int] | None:
        """(start, end) of a node without decorators; None where its position is not known for sure."""
        line = getattr(node, "lineno", None)
        column = getattr(node, "col_offset", None)
        end_line = getattr(node, "end_lineno", None)
        end_column = getattr(node, "end_col_offset", None)
        if line is None or column is None or end_line is None or end_column is None:
            return None
        if isinstance(node, ast.expr) and (outer := self._f_string(node)) is not None:
            return self._span_inside(node, outer)
        return self.offset(line, column), self.offset(end_line, end_column)

    def segment(self, node: ast.AST) -> str:
        """The text of a node's extent, without parentheses around it."""
        start, end = self.extent(node)
        return self.text[start:end]

    def is_located(self, node: ast.expr) -> bool:
        """True when the position of a node inside an f-string holds; 3.12 made all of them right."""
        if sys.version_info >= (3, 12):
            return True
        try:
            written = ast.parse(self.segment(node), mode="eval").body
            return ast.unparse(written) == ast.unparse(node)
        except (SyntaxError, ValueError, IndexError, RecursionError):
            return False

    def _f_string(self, node: ast.AST) -> ast.JoinedStr | None:
        """The outermost f-string around a node."""
        found: ast.JoinedStr | None = None
        for ancestor in self.ancestors(node):
            if isinstance(ancestor, ast.JoinedStr):
                found = ancestor
            elif isinstance(ancestor, ast.stmt):
                break
        return found

    def _span_inside(self, node: ast.expr, outer: ast.JoinedStr) -> tuple[int, int] | None:
        """The span of a node inside an f-string; its code's only occurrence where that is wrong."""
        if self.is_located(node):
            return self.extent(node)
        start, end = self.extent(outer)
        pattern = rf"(?<![\w.]){re.escape(ast.unparse(node))}(?!\w)"
        found = [m.span() for m in re.finditer(pattern, self.text[start:end])]
        return (start + found[0][0], start + found[0][1]) if len(found) == 1 else None

    # --- lines -----------------------------------------------------------------------------------

    def line_of(self, offset: int) -> int:
        """Line number, from 1, of an offset."""
        return line_number(self.starts, offset)

    def line_start(self, offset: int) -> int:
        """Offset at which the line of ``offset`` begins."""
        return self.starts[self.line_of(offset) - 1]

    def line_end(self, offset: int) -> int:
        """Offset of the newline that ends the line of ``offset``, or of the end of the text."""
        return line_end(self.text, offset)

    def lines_of(self, first: ast.stmt, last: ast.stmt) -> tuple[int, int]:
        """(start of the first line, end of the last line without its newline) of neighbours."""
        return self.line_start(self.extent(first)[0]), self.line_end(self.extent(last)[1])

    def indentation(self, statement: ast.AST) -> str:
        """The blanks at the start of a statement's first line."""
        start = self.line_start(self.extent(statement)[0])
        end = start
        while end < len(self.text) and self.text[end] in " \t\f":
            end += 1
        return self.text[start:end]

    def leads_line(self, statement: ast.AST) -> bool:
        """True when only blanks stand before a statement on its line."""
        start = self.extent(statement)[0]
        return not self.text[self.line_start(start) : start].strip()

    def has_own_lines(self, statement: ast.AST) -> bool:
        """True when a statement has its lines for itself, a comment behind it aside."""
        end = self.extent(statement)[1]
        after = self.text[end : self.line_end(end)].strip()
        return self.leads_line(statement) and (not after or after.startswith("#"))

    def is_elif(self, statement: ast.AST) -> bool:
        """True for the `if` of an ``elif``, which is no statement on its own."""
        if not isinstance(statement, ast.If):
            return False
        return self.text.startswith("elif", self.extent(statement)[0])
