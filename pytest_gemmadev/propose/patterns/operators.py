"""Arithmetic and bitwise operators, and assignments that compute."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.propose.code.kinds import TEXT
from pytest_gemmadev.propose.code.precedence import (
    BINARY_SYMBOLS,
    level,
    op_symbol,
    required,
)
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change
from pytest_gemmadev.propose.patterns.pattern import Pattern

_LIKELY = {
    "+": {"-": 2.0, "*": 1.0},
    "-": {"+": 2.0, "*": 0.5},
    "*": {"//": 1.0, "+": 1.0, "/": 1.0, "**": 1.0},
    "/": {"//": 2.5, "*": 1.5, "%": 0.5},
    "//": {"/": 2.0, "%": 2.0, "*": 1.0},
    "%": {"//": 2.5, "/": 1.0},
    "**": {"*": 2.0},
    "&": {"|": 2.0, "^": 1.0},
    "|": {"&": 2.0, "^": 1.0},
    "^": {"&": 1.5, "|": 1.5},
    "<<": {">>": 2.5},
    ">>": {"<<": 2.5},
}
_ARITHMETIC = ("+", "-", "*", "//", "%", "/", "**")
_BITWISE = ("&", "|", "^", "<<", ">>")


def operator_span(unit: Unit, left: ast.AST, right: ast.AST, symbol: str) -> tuple[int, int] | None:
    """Where the operator between two operands stands; parentheses and comments may stand there too."""
    start, end = unit.span(left)[1], unit.span(right)[0]
    words = [re.escape(part) for part in symbol.split()]
    pattern = r"\s+".join(words)
    if symbol[0].isalpha():
        pattern = rf"\b{pattern}\b"
    gap = re.sub(r"#[^\n]*", lambda m: " " * len(m.group()), unit.text[start:end])
    found = re.search(pattern, gap)
    return (start + found.start(), start + found.end()) if found else None


def spaced(unit: Unit, start: int, end: int, symbol: str) -> str:
    """``symbol``, with blanks where a word would otherwise touch its neighbours."""
    if not symbol[0].isalpha():
        return symbol
    before = "" if unit.text[start - 1 : start].isspace() else " "
    after = "" if unit.text[end : end + 1].isspace() else " "
    return f"{before}{symbol}{after}"


class ArithmeticOperator(Pattern[ast.BinOp]):
    """Another arithmetic or bitwise operator between the same operands."""

    name = "arithmetic_operator"
    nodes = (ast.BinOp,)
    examples = (
        ("def f(a, b):\n    return a - b\n", "def f(a, b):\n    return a + b\n"),
        ("def f(a, b):\n    return (a+1)/b\n", "def f(a, b):\n    return (a+1)//b\n"),
        ("def f(a, b):\n    return a ^ b\n", "def f(a, b):\n    return a & b\n"),
    )
    untouched = ("def f(a, b):\n    return a and b\n", 'def f(a):\n    return "%s" % a\n')

    def edits(self, node: ast.BinOp, unit: Unit) -> Iterator[Change]:
        symbol = op_symbol(node.op)
        if symbol == "%" and unit.variables.kinds(node.left) == {TEXT}:
            return
        place = operator_span(unit, node.left, node.right, symbol)
        if place is None:
            return
        likely = _LIKELY.get(symbol, {})
        bitwise = symbol in _BITWISE
        for other in (*_ARITHMETIC, *_BITWISE):
            if other == symbol or ((other in _BITWISE) != bitwise and other not in likely):
                continue
            yield _with_operator(node, unit, place, other, likely.get(other, -1.0))


def _with_operator(
    node: ast.BinOp, unit: Unit, place: tuple[int, int], symbol: str, weight: float
) -> Change:
    """The change of an operator that keeps the operands together as they are now."""
    kind = next(k for k, v in BINARY_SYMBOLS.items() if v == symbol)
    changed = ast.BinOp(node.left, kind(), node.right)
    replacements = [(*place, symbol)]
    for side in (node.left, node.right):
        if level(side) < required(changed, side) and not unit.enclosed(side):
            start, end = unit.span(side)
            replacements += [(start, start, "("), (end, end, ")")]
    parent = unit.parent(node)
    if level(changed) < required(parent, node) and not unit.enclosed(node):
        start, end = unit.span(node)
        replacements += [(start, start, "("), (end, end, ")")]
    return Change(_joined(replacements), weight)


def _joined(replacements: list[tuple[int, int, str]]) -> tuple[tuple[int, int, str], ...]:
    """Insertions at one place made one replacement."""
    merged: dict[tuple[int, int], str] = {}
    for start, end, text in replacements:
        merged[start, end] = merged.get((start, end), "") + text
    return tuple((start, end, text) for (start, end), text in sorted(merged.items()))


class AugmentedOperator(Pattern[ast.AugAssign]):
    """Another operator in an augmented assignment, or a plain assignment."""

    name = "augmented_operator"
    nodes = (ast.AugAssign,)
    examples = (
        ("def f(a):\n    a += 1\n    return a\n", "def f(a):\n    a -= 1\n    return a\n"),
        ("def f(a, b):\n    a += b\n    return a\n", "def f(a, b):\n    a = b\n    return a\n"),
    )
    untouched = ("def f(a):\n    a = 1\n    return a\n",)

    def edits(self, node: ast.AugAssign, unit: Unit) -> Iterator[Change]:
        symbol = op_symbol(node.op)
        place = operator_span(unit, node.target, node.value, f"{symbol}=")
        if place is None:
            return
        likely = _LIKELY.get(symbol, {})
        for other in (*_ARITHMETIC, *_BITWISE):
            if other != symbol and (other in likely or (symbol in _BITWISE) == (other in _BITWISE)):
                yield Change(((*place, f"{other}="),), likely.get(other, -1.5))
        yield Change(((*place, "="),), 1.5)


class PlainToAugmented(Pattern[ast.Assign]):
    """``x += v`` in place of ``x = v``; ``x =- v`` read as ``x -= v``."""

    name = "plain_to_augmented"
    nodes = (ast.Assign,)
    examples = (
        ("def f(a, b):\n    a = b\n    return a\n", "def f(a, b):\n    a += b\n    return a\n"),
        ("def f(a, b):\n    a =- b\n    return a\n", "def f(a, b):\n    a -= b\n    return a\n"),
    )
    untouched = ("def f(a, b):\n    a, b = b, a\n    return a\n",)

    def edits(self, node: ast.Assign, unit: Unit) -> Iterator[Change]:
        target = node.targets[0]
        if len(node.targets) > 1 or not isinstance(
            target, (ast.Name, ast.Attribute, ast.Subscript)
        ):
            return
        place = operator_span(unit, target, node.value, "=")
        if place is None or isinstance(node.value, (ast.Dict, ast.Lambda)):
            return
        for symbol, weight in (("+", 1.5), ("-", 0.5), ("*", -0.5), ("|", -1.0), ("//", -1.5)):
            yield Change(((*place, f"{symbol}="),), weight)
        if isinstance(node.value, ast.UnaryOp) and isinstance(node.value.op, (ast.USub, ast.UAdd)):
            symbol = "-" if isinstance(node.value.op, ast.USub) else "+"
            code = unit.code(node.value.operand)
            yield Change(((place[0], unit.span(node.value)[1], f"{symbol}= {code}"),), 1.5)


PATTERNS = (
    ArithmeticOperator(),
    AugmentedOperator(),
    PlainToAugmented(),
)
