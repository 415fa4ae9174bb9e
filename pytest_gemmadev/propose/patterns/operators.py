"""Operators in the text: where they stand, and what takes their place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.propose.code.precedence import BINARY_SYMBOLS, level, required
from pytest_gemmadev.propose.code.replacements import Replacement
from pytest_gemmadev.propose.code.unit import Unit


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


def with_operator(
    node: ast.BinOp, unit: Unit, place: tuple[int, int], symbol: str
) -> Iterator[Replacement]:
    """The replacements that change an operator and keep the operands together as they are now."""
    kind = next(k for k, v in BINARY_SYMBOLS.items() if v == symbol)
    changed = ast.BinOp(node.left, kind(), node.right)
    yield (*place, symbol)
    for side in (node.left, node.right):
        if level(side) < required(changed, side) and not unit.enclosed(side):
            start, end = unit.span(side)
            yield start, start, "("
            yield end, end, ")"
    if level(changed) < required(unit.parent(node), node) and not unit.enclosed(node):
        start, end = unit.span(node)
        yield start, start, "("
        yield end, end, ")"
