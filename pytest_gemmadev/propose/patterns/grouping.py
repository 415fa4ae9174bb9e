"""Where parentheses stand: in operations, in conditions, around what a call is given."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.precedence import (
    ATOM,
    FACTOR,
    OR,
    grouped,
    level,
    op_symbol,
    required,
)
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern


class Regroup(Pattern[ast.expr]):
    """The same operands and operators, grouped the other way: ``(a + b) * c`` for ``a + b * c``."""

    name = "regroup"
    nodes = (ast.BinOp, ast.BoolOp)
    examples = (
        ("def f(a, b, c):\n    return a + b * c\n", "def f(a, b, c):\n    return (a + b) * c\n"),
        ("def f(a, b, c):\n    return (a + b) / c\n", "def f(a, b, c):\n    return a + b / c\n"),
        ("def f(a, b, c):\n    return a - b - c\n", "def f(a, b, c):\n    return a - (b - c)\n"),
        (
            "def f(a, b, c):\n    return a and b or c\n",
            "def f(a, b, c):\n    return a and (b or c)\n",
        ),
    )
    untouched = ("def f(a, b):\n    return a + b\n", "def f(a, b, c):\n    return a * b * c\n")

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if isinstance(node, ast.BinOp):
            yield from self._binary(node, unit)
        elif isinstance(node, ast.BoolOp):
            yield from self._boolean(node, unit)

    def _binary(self, node: ast.BinOp, unit: Unit) -> Iterator[Change]:
        outer = op_symbol(node.op)
        left, right = node.left, node.right
        if isinstance(left, ast.BinOp) and not (outer == op_symbol(left.op) and outer in "+*&|^"):
            inner = op_symbol(left.op)
            tail = f"{unit.operand(left.right, ATOM)} {outer} {unit.operand(right, ATOM)}"
            first = unit.operand(left.left, required(left, left.left))
            yield replace(node, f"{first} {inner} {_side(tail, left)}", unit)
        if isinstance(right, ast.BinOp) and not (outer == op_symbol(right.op) and outer in "+*&|^"):
            inner = op_symbol(right.op)
            head = f"{unit.operand(left, ATOM)} {outer} {unit.operand(right.left, ATOM)}"
            last = unit.operand(right.right, required(right, right.right))
            yield replace(node, f"{grouped(head, level(right))} {inner} {last}", unit)

    def _boolean(self, node: ast.BoolOp, unit: Unit) -> Iterator[Change]:
        outer = "or" if isinstance(node.op, ast.Or) else "and"
        for index, value in enumerate(node.values):
            if not isinstance(value, ast.BoolOp) or value.op.__class__ is node.op.__class__:
                continue
            inner = "or" if outer == "and" else "and"
            codes = [unit.operand(v, OR if outer == "and" else OR + 1) for v in node.values]
            parts = [unit.operand(v, OR + 2) for v in value.values]
            if index + 1 < len(codes):  # the last of the inner ones joins what follows
                tail = f" {outer} ".join([parts[-1], *codes[index + 1 :]])
                code = f" {inner} ".join([*parts[:-1], f"({tail})"])
                yield replace(node, f" {outer} ".join([*codes[:index], code]), unit)
            if index:
                head = f" {outer} ".join([*codes[:index], parts[0]])
                code = f" {inner} ".join([f"({head})", *parts[1:]])
                yield replace(node, f" {outer} ".join([code, *codes[index + 1 :]]), unit)


def _side(code: str, parent: ast.BinOp) -> str:
    return grouped(code, level(parent) + 1 if not isinstance(parent.op, ast.Pow) else FACTOR)


def _is_unary_call(node: ast.Call) -> bool:
    single = len(node.args) == 1 and not node.keywords
    return single and not isinstance(node.args[0], (ast.Starred, ast.GeneratorExp))


PATTERNS = (Regroup(),)
