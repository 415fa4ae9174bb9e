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


class MoveAcrossCall(Pattern[ast.expr]):
    """An operand moved into a call's argument or out of it: ``int(a / b)`` for ``int(a) / b``."""

    name = "move_across_call"
    nodes = (ast.BinOp, ast.Call)
    examples = (
        ("def f(a, b):\n    return int(a) / b\n", "def f(a, b):\n    return int(a / b)\n"),
        ("def f(a, b):\n    return len(a + b)\n", "def f(a, b):\n    return len(a) + b\n"),
    )
    untouched = ("def f(a, b):\n    return max(a, b)\n",)

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if isinstance(node, ast.BinOp):
            symbol = op_symbol(node.op)
            call, other = node.left, node.right
            if isinstance(call, ast.Call) and _is_unary_call(call):
                inner = unit.operand(call.args[0], level(node))
                tail = unit.operand(other, required(node, other))
                yield replace(node, f"{unit.code(call.func)}({inner} {symbol} {tail})", unit)
            call, other = node.right, node.left
            if isinstance(call, ast.Call) and _is_unary_call(call):
                inner = unit.operand(call.args[0], level(node) + 1)
                head = unit.operand(other, required(node, other))
                yield replace(node, f"{unit.code(call.func)}({head} {symbol} {inner})", unit)
        elif isinstance(node, ast.Call) and _is_unary_call(node):
            inside = node.args[0]
            if isinstance(inside, ast.BinOp):
                symbol = op_symbol(inside.op)
                function = unit.code(node.func)
                left, right = unit.code(inside.left), unit.code(inside.right)
                tail = unit.operand(inside.right, required(inside, inside.right))
                yield replace(node, f"{function}({left}) {symbol} {tail}", unit)
                head = unit.operand(inside.left, required(inside, inside.left))
                yield replace(node, f"{head} {symbol} {function}({right})", unit, -0.5)


def _is_unary_call(node: ast.Call) -> bool:
    single = len(node.args) == 1 and not node.keywords
    return single and not isinstance(node.args[0], (ast.Starred, ast.GeneratorExp))


PATTERNS = (
    Regroup(),
    MoveAcrossCall(),
)
