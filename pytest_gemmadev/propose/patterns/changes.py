"""What a pattern does to the code at one node: pieces of text replaced, as one edit."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from pytest_gemmadev.propose.code.replacements import Replacement
from pytest_gemmadev.propose.code.statement_lines import owner, shaped
from pytest_gemmadev.propose.code.unit import Unit

_TAKE_WHOLE = (ast.Assign, ast.AugAssign, ast.Return)


@dataclass(frozen=True, slots=True)
class Change:
    """One edit that a pattern offers at a node, as one or more replacements of text."""

    replacements: tuple[Replacement, ...]
    weight: float = 0.0
    # how much likelier, in nats, than the pattern's other changes at the node; only differences count
    region: ast.AST | None = None
    # the smallest statement or block owner that the change stays inside; None: the node's statement


def replace(node: ast.expr, code: str, unit: Unit, weight: float = 0.0) -> Change:
    """The change of one expression to ``code``, in parentheses where its place needs them."""
    start, end = unit.span(node)
    if code.startswith("(") and isinstance(unit.parent(node), _TAKE_WHOLE):
        own = f"({unit.code(node)})"
        if code.startswith(f"{own} ") and unit.enclosed(node):
            behind = unit.text.index(")", end) + 1  # it stands in parentheses that will do
            return Change(((behind, behind, code.removeprefix(own)),), weight)
    return Change(((start, end, unit.fitted(node, code)),), weight)


def before(unit: Unit, statement: ast.stmt, code: str, weight: float = 0.0) -> Change:
    """The insertion of lines before a statement."""
    start = unit.source.line_start(unit.span(statement)[0])
    text = shaped(unit, code, unit.source.indentation(statement)) + "\n"
    return Change(((start, start, text),), weight, owner(unit, statement))


def after(unit: Unit, statement: ast.stmt, code: str, weight: float = 0.0) -> Change:
    """The insertion of lines after a statement."""
    end = unit.source.line_end(unit.span(statement)[1])
    text = "\n" + shaped(unit, code, unit.source.indentation(statement))
    return Change(((end, end, text),), weight, owner(unit, statement))


def instead(unit: Unit, statement: ast.stmt, code: str, weight: float = 0.0) -> Change:
    """New lines in place of a statement; a comment behind it stays."""
    start, end = unit.span(statement)
    text = shaped(unit, code, unit.source.indentation(statement)).lstrip()
    return Change(((start, end, text),), weight, owner(unit, statement))
