"""What a pattern sees: a part of a file, with the text of its nodes and the names in reach.

Patterns work on one unit; files of thousands of lines cost little more than the unit.
"""

from __future__ import annotations

import ast
from functools import cached_property

from pytest_gemmadev.propose.code.nodes import COMPREHENSIONS
from pytest_gemmadev.propose.code.part import Part
from pytest_gemmadev.propose.code.precedence import grouped, negated, required
from pytest_gemmadev.propose.code.variables import Variable, Variables

_BRACKETS = (ast.Call, ast.Subscript, ast.List, ast.Tuple, ast.Dict, ast.Set, *COMPREHENSIONS)


class Unit(Part):
    """A part whose nodes can be written anew."""

    def code(self, node: ast.AST) -> str:
        """The text of a node as written; a bare tuple stays bare."""
        return self.source.segment(node)

    def operand(self, node: ast.expr, needed: int) -> str:
        """The text of a node, fit to stand where code of level ``needed`` is due."""
        return grouped(self.code(node), needed)

    def negated(self, node: ast.expr) -> str:
        """The opposite of a condition, at the level of ``not``."""
        return negated(node, self.code(node))

    def enclosed(self, node: ast.AST) -> bool:
        """True when parentheses stand directly around the node."""
        start, end = self.span(node)
        before = (
            self.text[:start].rstrip() if start < 200 else self.text[start - 200 : start].rstrip()
        )
        after = self.text[end : end + 200].lstrip()
        return before.endswith("(") and after.startswith(")")

    def fitted(self, node: ast.expr, code: str) -> str:
        """``code``, in parentheses where they are needed in place of ``node``."""
        needed = required(self.parent(node), node)
        if "\n" in code and not self._multiline_fits(node):
            return f"({code})"
        if isinstance(self.parent(node), ast.Attribute) and code.isdigit():
            return f"({code})"
        fit = grouped(code, needed)
        if fit != code and self.enclosed(node) and not isinstance(self.parent(node), ast.Call):
            return code
        return fit

    def _multiline_fits(self, node: ast.expr) -> bool:
        """True when a newline may stand in place of ``node``: it spans lines itself or has brackets."""
        start, end = self.span(node)
        if "\n" in self.text[start:end] or self.enclosed(node):
            return True
        return any(
            isinstance(a, _BRACKETS) for a in self.ancestors(node) if isinstance(a, ast.expr)
        )

    # --- names -----------------------------------------------------------------------------------

    @cached_property
    def variables(self) -> Variables:
        return Variables(self)

    def in_scope(self, node: ast.AST) -> list[Variable]:
        """Variables that code at ``node`` can read, the unit's own first."""
        return self.variables.visible(node)
