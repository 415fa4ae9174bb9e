"""Operands: their sign, their order, one too many, one missing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.kinds import NUMBER
from pytest_gemmadev.propose.code.precedence import (
    AWAIT,
    SUM,
    TERM,
    grouped,
)
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern


def is_numeric_place(node: ast.expr, unit: Unit) -> bool:
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return False
    kinds = unit.variables.kinds(node)
    if kinds and NUMBER not in kinds:
        return False
    parent = unit.parent(node)
    match parent:
        case ast.Subscript():
            return node is parent.slice
        case ast.Slice() | ast.BinOp():
            return True
        case ast.Return() | ast.Assign() | ast.AugAssign():
            return True
        case ast.Call():
            return node in parent.args
        case ast.Compare():
            others = (parent.left, *parent.comparators)
            return all(not _is_text(o, unit) for o in others)
        case ast.Tuple() | ast.List() | ast.IfExp() | ast.Lambda():
            return True
        case _:
            return False


def _leads_sum(node: ast.expr, unit: Unit) -> bool:
    parent = unit.parent(node)
    if not isinstance(parent, ast.BinOp) or not isinstance(parent.op, (ast.Add, ast.Sub)):
        return False
    return parent.left is node


def _is_text(node: ast.expr, unit: Unit) -> bool:
    kinds = unit.variables.kinds(node)
    return bool(kinds) and NUMBER not in kinds


def _is_slice(node: ast.expr) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice)


class DropOperand(Pattern[ast.BinOp]):
    """One operand of an operation alone; of a text, what stands around a value without it."""

    name = "drop_operand"
    nodes = (ast.BinOp,)
    examples = (
        ("def f(a, b):\n    return a + b\n", "def f(a, b):\n    return a\n"),
        (
            "def f(n):\n    return 'one of ' + str(n) + ' of ' + str(n) + ' the lines'\n",
            "def f(n):\n    return 'one of ' + str(n) + ' of the lines'\n",
        ),
    )
    untouched = ("def f(a, b):\n    return a or b\n",)

    def edits(self, node: ast.BinOp, unit: Unit) -> Iterator[Change]:
        literal = isinstance(node.right, ast.Constant)
        yield replace(node, unit.code(node.left), unit, 1.0 if literal else 0.0)
        if not isinstance(node.right, ast.Constant):
            yield replace(node, unit.code(node.right), unit, 0.0)
        yield from self._joined(node, unit)

    def _joined(self, node: ast.BinOp, unit: Unit) -> Iterator[Change]:
        """``'a ' + x + ' b'`` as ``'a b'``, within a longer text too."""
        inner = node.left
        if not (isinstance(inner, ast.BinOp) and _is_literal_text(node.right)):
            return
        before = inner.left.right if isinstance(inner.left, ast.BinOp) else inner.left
        if not all(isinstance(n.op, ast.Add) for n in (node, inner)) or not _is_literal_text(
            before
        ):
            return
        one, two = (str(ast.literal_eval(part)) for part in (before, node.right))
        space = " " if one.endswith(" ") or two.startswith(" ") else ""
        start, end = unit.span(before)[0], unit.span(node.right)[1]
        yield Change(((start, end, repr(f"{one.rstrip(' ')}{space}{two.lstrip(' ')}")),))


def _is_literal_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


class AddOperand(Pattern[ast.expr]):
    """``e + v``, ``e - v``, ``e * v`` … with a variable or a small number in scope for ``e``."""

    name = "add_operand"
    nodes = (ast.Name, ast.Subscript, ast.Call, ast.Attribute, ast.BinOp)
    examples = (
        ("def f(a, b):\n    return a[b] - 1\n", "def f(a, b):\n    return a[b] + b - 1\n"),
        ("def f(n):\n    return n\n", "def f(n):\n    return n % 2\n"),
        ("def f(a, b):\n    return (a + b)\n", "def f(a, b):\n    return (a + b) / 2\n"),
        (
            "def f(s):\n    out = ''\n    for c in s:\n        out += c\n    return out\n",
            "def f(s):\n    out = ''\n    for c in s:\n        out += c + c\n    return out\n",
        ),
    )
    untouched = ("def f(xs):\n    return [*xs, 'a']\n",)
    _OPERATORS = (("+", 0.6), ("-", 0.3), ("*", 0.0), ("//", -0.8), ("%", -0.5), ("/", -0.8))
    _WIDTH = 6

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if not is_numeric_place(node, unit) and not _concatenates(node, unit):
            return
        kinds = unit.variables.kinds(node) or frozenset({NUMBER})
        terms = unit.variables.ranked(node, kinds=kinds)[: self._WIDTH]
        numeric = NUMBER in kinds
        operators = self._OPERATORS if numeric else (("+", 0.6),)
        numbers = _numbers(unit)
        for symbol, weight in operators:
            needed = SUM if symbol in "+-" else TERM
            left = unit.operand(node, needed)
            for variable, fit in terms:
                yield replace(node, f"{left} {symbol} {variable.name}", unit, weight + fit)
            if numeric and symbol in ("*", "//", "%", "/"):
                for number in dict.fromkeys(("2", *numbers)):
                    # Halves and doubles, of a sum above all, are what is forgotten most.
                    two = 0.8 + isinstance(node, ast.BinOp) if number == "2" else 0.0
                    yield replace(node, f"{left} {symbol} {number}", unit, weight + two)
        if numeric:
            for number in dict.fromkeys(("2", *numbers)):
                yield replace(node, f"{unit.operand(node, AWAIT)} ** {number}", unit, -1.0)
            for number in numbers:
                for symbol in "+-":
                    yield replace(node, f"{unit.operand(node, SUM)} {symbol} {number}", unit, -0.5)
        else:
            own = unit.code(node)
            yield replace(node, f"{unit.operand(node, SUM)} + {grouped(own, TERM)}", unit, -0.5)


def _numbers(unit: Unit) -> list[str]:
    """Whole numbers above one that the unit uses, as written."""
    found = dict.fromkeys(
        unit.code(c)
        for c in unit.of_type(ast.Constant)
        if isinstance(c, ast.Constant) and type(c.value) is int and c.value > 1
    )
    return list(found)[:6]


def _concatenates(node: ast.expr, unit: Unit) -> bool:
    kinds = unit.variables.kinds(node)
    parent = unit.parent(node)
    if not isinstance(parent, (ast.Return, ast.Assign, ast.AugAssign, ast.BinOp)):
        return False
    return bool(kinds) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


PATTERNS = (
    DropOperand(),
    AddOperand(),
)
