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


PATTERNS = (OffByOne(),)
