"""Off by one: indices, bounds, range ends, lengths."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.kinds import LIST, MAPPING, NUMBER, SET, TEXT
from pytest_gemmadev.propose.code.precedence import SUM
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern

_OFFSETTABLE = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.BinOp)


class OffByOne(Pattern[ast.expr]):
    """``e + 1`` or ``e - 1`` where a position, a bound or a count is meant."""

    name = "off_by_one"
    nodes = _OFFSETTABLE
    examples = (
        ("def f(xs, i):\n    return xs[i]\n", "def f(xs, i):\n    return xs[i - 1]\n"),
        ("def f(n):\n    return range(n)\n", "def f(n):\n    return range(n + 1)\n"),
        ("def f(n):\n    return range(1, n)\n", "def f(n):\n    return range(1, n + 1)\n"),
        ("def f(a, i):\n    while i < len(a):\n        i += 2\n",
         "def f(a, i):\n    while i < len(a) - 1:\n        i += 2\n"),
    )  # fmt: skip
    untouched = (
        "def f(s):\n    return s.strip() + 'a'\n",
        "def f(xs):\n    for x in xs:\n        print('')\n",
    )

    def bias(self, node: ast.expr, unit: Unit) -> float:
        return _weight(node, unit) or 0.0

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if _weight(node, unit) is None or not isinstance(
            getattr(node, "ctx", ast.Load()), ast.Load
        ):
            return
        match node:
            case ast.BinOp(op=ast.Add() | ast.Sub(), right=ast.Constant(value=1)):
                return  # `n + 1` is the constant's and the operand's to change
            case ast.BinOp(op=ast.Add(), left=ast.Constant(value=1)):
                return
            case _:
                code = unit.operand(node, SUM)
                yield replace(node, f"{code} + 1", unit)
                yield replace(node, f"{code} - 1", unit)


def _weight(node: ast.expr, unit: Unit) -> float | None:
    """How likely one is missing at a place, in nats; None where nothing is counted."""
    kinds = unit.variables.kinds(node)
    if kinds and NUMBER not in kinds:
        return None
    parent = unit.parent(node)
    match parent:
        case ast.Subscript():
            return 0.0 if node is parent.slice else None
        case ast.Slice():
            return 0.0
        case ast.Call(func=ast.Name(id="range")):
            return 0.0
        case ast.Call(
            func=ast.Name(id="len" | "print" | "str" | "sorted" | "list" | "set" | "enumerate")
        ):
            return None
        case ast.Call():
            return -1.0 if node in parent.args else None
        case ast.Compare():
            return _compared(node, parent, unit)
        case ast.BinOp():
            return -0.5 if _counts(parent, unit) else None
        case ast.Return() | ast.Assign() | ast.AugAssign() | ast.Tuple() | ast.IfExp():
            return -0.5
        case ast.UnaryOp():
            return -0.5 if isinstance(parent.op, ast.USub) else None
        case _:
            return None


def _compared(node: ast.expr, parent: ast.Compare, unit: Unit) -> float | None:
    sides = (parent.left, *parent.comparators)
    if any(isinstance(op, (ast.Is, ast.IsNot)) for op in parent.ops):
        return None
    if isinstance(parent.ops[0], (ast.In, ast.NotIn)):
        return -1.0 if node is parent.left else None
    known = [unit.variables.kinds(side) for side in sides]
    if any(k and NUMBER not in k for k in known):
        return None
    return 0.0


def _counts(node: ast.BinOp, unit: Unit) -> bool:
    kinds = unit.variables.kinds(node.left) | unit.variables.kinds(node.right)
    return not kinds & {TEXT, LIST, MAPPING, SET} or NUMBER in kinds


class RangeBounds(Pattern[ast.Call]):
    """Other arguments of ``range``: start, end, step, backwards."""

    name = "range_bounds"
    nodes = (ast.Call,)
    examples = (
        ("def f(n):\n    return range(n)\n", "def f(n):\n    return range(1, n + 1)\n"),
        ("def f(n):\n    return range(1, n)\n", "def f(n):\n    return range(n)\n"),
        ("def f(n):\n    return range(n)\n", "def f(n):\n    return range(n - 1, -1, -1)\n"),
        ("def f(a, b):\n    return range(a, b)\n", "def f(a, b):\n    return range(a, b, 2)\n"),
        ("def f(a, b):\n    return range(b, a)\n", "def f(a, b):\n    return range(b, a, -1)\n"),
    )
    untouched = ("def f(n):\n    return arange(n)\n",)

    def edits(self, node: ast.Call, unit: Unit) -> Iterator[Change]:
        if not isinstance(node.func, ast.Name) or node.func.id != "range" or node.keywords:
            return
        if any(isinstance(a, ast.Starred) for a in node.args):
            return
        for arguments, weight in self._arguments(node, unit):
            yield replace(node, f"range({', '.join(arguments)})", unit, weight)

    def _arguments(self, node: ast.Call, unit: Unit) -> Iterator[tuple[tuple[str, ...], float]]:
        codes = [unit.code(a) for a in node.args]
        sums = [unit.operand(a, SUM) for a in node.args]
        if len(codes) == 1:
            (end,), (term,) = codes, sums
            yield ("1", end), 1.0
            yield ("1", f"{term} + 1"), 1.0
            yield ("2", end), 0.0
            yield ("2", f"{term} + 1"), 0.0
            yield ("1", f"{term} - 1"), -0.5
            yield (f"{term} - 1", "-1", "-1"), 1.0
            yield (end, "0", "-1"), 0.0
            yield (end, "-1", "-1"), -0.5
            yield (f"{term} - 1", "0", "-1"), -0.5
            yield ("0", end, "2"), 0.0
            yield ("1", end, "2"), -0.5
            for variable, weight in unit.variables.ranked(node, kinds=frozenset({NUMBER}))[:5]:
                yield (variable.name, end), weight
                yield (f"{variable.name} + 1", end), weight
                yield (end, variable.name), weight - 1.0
        elif len(codes) == 2:
            (start, end), (first, last) = codes, sums
            yield (end,), 1.0
            yield ("0", end), 0.0
            yield (f"{first} + 1", f"{last} + 1"), 1.0
            yield (f"{first} - 1", f"{last} - 1"), -0.5
            yield (start, end, "2"), 0.5
            yield (start, end, "-1"), 0.5
            yield (end, start, "-1"), 0.0
            yield (f"{last} - 1", f"{first} - 1", "-1"), 0.0
            yield (start, f"{first} + {unit.operand(node.args[1], SUM + 1)}"), 0.0
            for variable, weight in unit.variables.ranked(node, kinds=frozenset({NUMBER}))[:5]:
                yield (start, end, variable.name), weight
        elif len(codes) == 3:
            (start, end, step), (first, last, _) = codes, sums
            yield (start, end), 1.0
            yield (f"{first} - 1", f"{last} - 1", step), 0.0
            yield (f"{first} + 1", f"{last} + 1", step), 0.0
            flipped = (
                step[1:] if step.startswith("-") else f"-{unit.operand(node.args[2], SUM + 3)}"
            )
            yield (start, end, flipped), 0.0
            yield (end, start, flipped), 0.0


PATTERNS = (OffByOne(), RangeBounds())
