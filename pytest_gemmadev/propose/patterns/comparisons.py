"""Comparisons: the operator, its boundary, the order of the two sides, links of a chain, truth tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.kinds import LIST, MAPPING, NUMBER, SET, TEXT
from pytest_gemmadev.propose.code.precedence import BIT_OR, op_symbol
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.operators import operator_span, spaced
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


class ComparisonOperator(Pattern[ast.Compare]):
    """Another comparison of the same two sides, the boundary first."""

    name = "comparison_operator"
    nodes = (ast.Compare,)
    examples = (
        ("def f(a, b):\n    return a<b\n", "def f(a, b):\n    return a<=b\n"),
        ("def f(a, b):\n    return a in b\n", "def f(a, b):\n    return a not in b\n"),
        ("def f(a, b):\n    return a is 'x'\n", "def f(a, b):\n    return a == 'x'\n"),
        ("def f(a, b):\n    return 0<a<b\n", "def f(a, b):\n    return 0<a<=b\n"),
    )
    untouched = ("def f(a, b):\n    return a and b\n",)

    def edits(self, node: ast.Compare, unit: Unit) -> Iterator[Change]:
        for left, symbol, right in links(node):
            place = operator_span(unit, left, right, symbol)
            if place is None:
                continue
            for other, weight in LIKELY[symbol].items():
                yield Change(((*place, spaced(unit, *place, other)),), weight)


class SwapSides(Pattern[ast.Compare]):
    """``b in a`` for ``a in b``; a comparison of sizes is swapped by its operator already."""

    name = "swap_sides"
    nodes = (ast.Compare,)
    examples = (("def f(a, b):\n    return a in b\n", "def f(a, b):\n    return b in a\n"),)
    untouched = ("def f(a, b):\n    return a == b\n", "def f(a, b):\n    return a < b\n")

    def edits(self, node: ast.Compare, unit: Unit) -> Iterator[Change]:
        if len(node.ops) == 1 and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            left = unit.operand(node.comparators[0], BIT_OR)
            right = unit.operand(node.left, BIT_OR)
            yield replace(node, f"{left} {op_symbol(node.ops[0])} {right}", unit)


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


class ExtendChain(Pattern[ast.Compare]):
    """A lower or upper bound added: ``0 <= i < n`` for ``i < n``."""

    name = "extend_chain"
    nodes = (ast.Compare,)
    examples = (("def f(i, n):\n    return i < n\n", "def f(i, n):\n    return 0 <= i < n\n"),)
    untouched = ("def f(i, n):\n    return i == n\n",)

    def edits(self, node: ast.Compare, unit: Unit) -> Iterator[Change]:
        symbol = op_symbol(node.ops[0])
        if len(node.ops) > 1 or symbol not in ("<", "<=", ">", ">="):
            return
        code = unit.code(node)
        if not isinstance(node.left, ast.Constant):
            for bound in ("0", "1"):
                for operator in ("<=", "<") if symbol in ("<", "<=") else (">=", ">"):
                    yield replace(node, f"{bound} {operator} {code}", unit)
        right = node.comparators[0]
        if not isinstance(right, ast.Constant):
            ranked = unit.variables.ranked(node, kinds=frozenset({NUMBER}))[:4]
            operators = ("<", "<=") if symbol in ("<", "<=") else (">", ">=")
            for variable, weight in ranked:
                for operator in operators:
                    yield replace(node, f"{code} {operator} {variable.name}", unit, weight - 1.0)


class TruthTest(Pattern[ast.expr]):
    """What a condition asks of a value: its truth, whether it is None, its sign or its length."""

    name = "truth_test"
    nodes = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Compare)
    examples = (
        (
            "def f(a):\n    if a:\n        return 1\n",
            "def f(a):\n    if a is not None:\n        return 1\n",
        ),
        (
            "def f(a):\n    if a is None:\n        return 1\n",
            "def f(a):\n    if not a:\n        return 1\n",
        ),
        (
            "def f(s):\n    while len(s) > 0:\n        s.pop()\n",
            "def f(s):\n    while len(s) > 1:\n        s.pop()\n",
        ),
    )
    untouched = ("def f(a):\n    return a\n",)

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if isinstance(node, ast.Compare):
            yield from self._from_comparison(node, unit)
        elif is_condition(node, unit):
            code = unit.operand(node, BIT_OR)
            kinds = unit.variables.kinds(node)
            yield replace(node, f"{code} is not None", unit, 1.0)
            yield replace(node, f"{code} is None", unit, 0.0)
            if not kinds or NUMBER in kinds:
                for test in ("> 0", "== 0", ">= 0", "< 0", "== 1", "> 1"):
                    yield replace(node, f"{code} {test}", unit)
            if not kinds or kinds & {LIST, MAPPING, SET, TEXT}:
                for test in ("> 1", "== 1", "== 0"):
                    yield replace(node, f"len({code}) {test}", unit, -0.5)
            if not kinds or TEXT in kinds:
                yield replace(node, f"{code}.strip()", unit, -1.0)

    def _from_comparison(self, node: ast.Compare, unit: Unit) -> Iterator[Change]:
        if len(node.ops) > 1 or not is_condition(node, unit):
            return
        left, symbol, right = links(node)[0]
        value = right.value if isinstance(right, ast.Constant) else 0.5
        code = unit.operand(left, BIT_OR)
        if value is None or (isinstance(value, int) and value == 0):
            yield replace(node, code, unit)
            yield replace(node, f"not {code}", unit)
        if value == 0 and symbol in (">", "!=", "=="):
            for test in ("> 1", "== 1"):
                yield replace(node, f"{code} {test}", unit, -0.5)


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


PATTERNS = (ComparisonOperator(), SwapSides(), ChainLink(), ExtendChain(), TruthTest())
