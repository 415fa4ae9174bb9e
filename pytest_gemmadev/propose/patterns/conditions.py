"""Conditions: negated, one part more or fewer, `and` for `or`, another condition of the same function."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.kinds import FLAG
from pytest_gemmadev.propose.code.precedence import AND, NOT, OR
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern
from pytest_gemmadev.propose.patterns.predicates import (
    simple_conditions,
)


def is_whole_condition(node: ast.AST, unit: Unit) -> bool:
    """True for the entire condition of a statement, conditional expression or comprehension."""
    parent = unit.parent(node)
    match parent:
        case ast.If() | ast.While() | ast.IfExp() | ast.Assert():
            return node is parent.test
        case ast.comprehension():
            return node in parent.ifs
        case _:
            return False


def is_flag(node: ast.expr, unit: Unit) -> bool:
    if isinstance(node, (ast.BoolOp, ast.Compare, ast.UnaryOp)):
        return True
    if isinstance(node, ast.Call):
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        return name in ("any", "all", "isinstance") or name.startswith(
            ("is", "has", "starts", "ends")
        )
    return FLAG in unit.variables.kinds(node)


class AndOr(Pattern[ast.BoolOp]):
    """``or`` for ``and``, and back; for all of a chain or one joint of it."""

    name = "and_or"
    nodes = (ast.BoolOp,)
    examples = (
        ("def f(a, b):\n    return a and b\n", "def f(a, b):\n    return a or b\n"),
        ("def f(a, b, c):\n    return a or b or c\n", "def f(a, b, c):\n    return a or b and c\n"),
    )
    untouched = ("def f(a, b):\n    return a & b\n",)

    def edits(self, node: ast.BoolOp, unit: Unit) -> Iterator[Change]:
        word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        codes = [unit.operand(v, AND + 1) for v in node.values]
        level = OR + 1 if other == "and" else OR
        yield replace(
            node, f" {other} ".join(unit.operand(v, level) for v in node.values), unit, 1.0
        )
        if len(codes) > 2:
            for joint in range(1, len(codes)):
                head = f" {word} ".join(codes[:joint])
                tail = f" {word} ".join(codes[joint:])
                yield replace(node, f"{head} {other} {tail}", unit)


class DropCondition(Pattern[ast.BoolOp]):
    """One part of a compound condition fewer."""

    name = "drop_condition"
    nodes = (ast.BoolOp,)
    examples = (("def f(a, b):\n    return a and b\n", "def f(a, b):\n    return a\n"),)
    untouched = ("def f(a, b):\n    return a\n",)

    def edits(self, node: ast.BoolOp, unit: Unit) -> Iterator[Change]:
        values = node.values
        for index in range(len(values)):
            if index:
                yield Change(((_end(values[index - 1], unit), _end(values[index], unit), ""),))
            elif len(values) > 1:
                yield Change(((_start(values[0], unit), _start(values[1], unit), ""),))


def _start(node: ast.expr, unit: Unit) -> int:
    """Where an operand begins, its parentheses included."""
    start = unit.span(node)[0]
    if unit.enclosed(node):
        start = unit.text.rindex("(", 0, start)
    return start


def _end(node: ast.expr, unit: Unit) -> int:
    end = unit.span(node)[1]
    if unit.enclosed(node):
        end = unit.text.index(")", end) + 1
    return end


class FilterComprehension(Pattern[ast.comprehension]):
    """A condition added to a comprehension, or dropped from it."""

    name = "comprehension_filter"
    nodes = (ast.comprehension,)
    examples = (
        (
            "def f(xs):\n    return [x for x in xs]\n",
            "def f(xs):\n    return [x for x in xs if x]\n",
        ),
        (
            "def f(xs):\n    return [x for x in xs if x > 1]\n",
            "def f(xs):\n    return [x for x in xs]\n",
        ),
    )
    untouched = ("def f(xs):\n    return xs\n",)

    def edits(self, node: ast.comprehension, unit: Unit) -> Iterator[Change]:
        end = _end(node.iter, unit)
        for condition in node.ifs:
            begin = unit.text.rindex("if", 0, _start(condition, unit))
            blanks = len(unit.text[:begin]) - len(unit.text[:begin].rstrip())
            yield Change(((begin - blanks, _end(condition, unit), ""),), 1.0)
        if not node.ifs:
            for code, weight in simple_conditions(unit, node.target):
                yield Change(((end, end, f" if {code}"),), weight)


class DoubleNegation(Pattern[ast.UnaryOp]):
    """The scope of a `not`: ``not a and b`` for ``not (a and b)``."""

    name = "negation_scope"
    nodes = (ast.UnaryOp,)
    examples = (
        ("def f(a, b):\n    return not (a and b)\n", "def f(a, b):\n    return not a and b\n"),
        ("def f(a, b):\n    return not (a and b)\n", "def f(a, b):\n    return not a and not b\n"),
    )
    untouched = ("def f(a, b):\n    return not a\n",)

    def edits(self, node: ast.UnaryOp, unit: Unit) -> Iterator[Change]:
        if not isinstance(node.op, ast.Not) or not isinstance(node.operand, ast.BoolOp):
            return
        word = "and" if isinstance(node.operand.op, ast.And) else "or"
        codes = [unit.operand(v, NOT) for v in node.operand.values]
        yield replace(node, f" {word} ".join([f"not {codes[0]}", *codes[1:]]), unit)
        yield replace(node, f" {word} ".join(f"not {c}" for c in codes), unit)


PATTERNS = (
    AndOr(),
    DropCondition(),
    FilterComprehension(),
    DoubleNegation(),
)
