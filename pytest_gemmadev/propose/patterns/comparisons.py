"""Comparisons: the operator, its boundary, the order of the two sides, links of a chain, truth tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.precedence import BIT_OR, op_symbol
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern

LIKELY = {
    "<": {"<=": 3.0, ">": 2.0, ">=": 1.0, "!=": 0.5, "==": 0.0},
    "<=": {"<": 3.0, ">=": 2.0, ">": 1.0, "==": 0.5, "!=": 0.0},
    ">": {">=": 3.0, "<": 2.0, "<=": 1.0, "!=": 0.5, "==": 0.0},
    ">=": {">": 3.0, "<=": 2.0, "<": 1.0, "==": 0.5, "!=": 0.0},
    "==": {"!=": 2.5, "<=": 1.0, ">=": 1.0, "<": 0.5, ">": 0.5, "in": 0.5, "is": -0.5},
    "!=": {"==": 2.5, "<": 0.5, ">": 0.5, "<=": 0.0, ">=": 0.0, "not in": 0.5, "is not": -0.5},
    "in": {"not in": 3.0, "==": 0.5},
    "not in": {"in": 3.0, "!=": 0.5},
    "is": {"is not": 2.0, "==": 2.0},
    "is not": {"is": 2.0, "!=": 2.0},
}


def links(node: ast.Compare) -> list[tuple[ast.expr, str, ast.expr]]:
    """(left, operator, right) of each link of a comparison."""
    lefts = [node.left, *node.comparators[:-1]]
    return [
        (left, op_symbol(op), right)
        for left, op, right in zip(lefts, node.ops, node.comparators, strict=True)
    ]


class ChainLink(Pattern[ast.Compare]):
    """A link of a chained comparison dropped, or the chain as a conjunction with its links replaced."""

    name = "chain_link"
    nodes = (ast.Compare,)
    examples = (
        ("def f(a, b, c):\n    return a < b < c\n", "def f(a, b, c):\n    return a < b\n"),
        (
            "def f(a, b, c):\n    return a == b != c\n",
            "def f(a, b, c):\n    return a == b and a != c\n",
        ),
    )
    untouched = ("def f(a, b):\n    return a < b\n",)

    def edits(self, node: ast.Compare, unit: Unit) -> Iterator[Change]:
        if len(node.ops) < 2:
            return
        parts = links(node)
        for kept in (parts[:-1], parts[1:]):
            code = unit.operand(kept[0][0], BIT_OR)
            for _, symbol, right in kept:
                code += f" {symbol} {unit.operand(right, BIT_OR)}"
            yield replace(node, code, unit)
        (a, first, b), (_, second, c) = parts[0], parts[1]
        texts = [unit.operand(side, BIT_OR) for side in (a, b, c)]
        for word in ("and", "or"):
            code = f"{texts[0]} {first} {texts[1]} {word} {texts[0]} {second} {texts[2]}"
            yield replace(node, code, unit, -0.5)


def is_condition(node: ast.AST, unit: Unit) -> bool:
    """True where only the truth of ``node`` matters."""
    parent = unit.parent(node)
    match parent:
        case ast.If() | ast.While() | ast.IfExp() | ast.Assert():
            return node is parent.test
        case ast.BoolOp():
            return is_condition(parent, unit) or isinstance(node, ast.Compare)
        case ast.UnaryOp():
            return isinstance(parent.op, ast.Not)
        case ast.comprehension():
            return node in parent.ifs
        case _:
            return False


PATTERNS = (ChainLink(),)
