"""Writes the after side of a template with what its holes hold.

What a hole holds is written as it stands in the file, in parentheses only where it would bind too
loosely in its new place; the rest is written as the template has it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from pytest_gemmadev.propose.code.precedence import (
    AND,
    AWAIT,
    BINARY_SYMBOLS,
    BIT_OR,
    FACTOR,
    OR,
    grouped,
    level,
    required,
)
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.templates.holes import Code, hole, offset
from pytest_gemmadev.propose.templates.kept import Kept
from pytest_gemmadev.propose.templates.matcher import Found, Match

_LEVELS: Mapping[str, int] = {
    symbol: level(ast.BinOp(ast.Name("_"), kind(), ast.Name("_")))
    for kind, symbol in BINARY_SYMBOLS.items()
}
_COMMA = re.compile(r"\s*,\s*")


@dataclass(frozen=True, slots=True)
class Gap:
    """A place in the after side that is filled with what a hole holds."""

    hole: str
    needed: int = 0  # how tightly what stands there must bind
    operator: str = ""  # the hole whose operator it is an operand of, which then decides
    is_right: bool = False  # of that operator
    many: bool = False

    def binding(self, match: Match) -> int:
        """How tightly an operand of an operator that is a hole must bind."""
        symbol = str(match.bound[self.operator])
        if symbol == "**":
            return FACTOR if self.is_right else AWAIT
        if symbol in ("and", "or"):
            return AND if symbol == "and" else OR
        own = _LEVELS.get(symbol)
        return BIT_OR if own is None else own + self.is_right


Part: TypeAlias = "str | Gap"


def parts_of(code: Code, kept: Kept, node: ast.expr | ast.stmt | None = None) -> tuple[Part, ...]:
    """Text and gaps of a side, or of one node of it, in the order of its text.

    What is ``kept`` is written as it stands in the file.
    """
    start, end = 0, len(code.text)
    if node is not None:
        start, end = offset(code.text, node), offset(code.text, node, end=True)
    gaps = sorted(_gaps(code, kept), key=lambda gap: gap[0])
    parts: list[Part] = []
    at = start
    for first, last, gap in gaps:
        if start <= first and last <= end:
            parts += [code.text[at:first], gap]
            at = last
    parts.append(code.text[at:end])
    return tuple(part for part in parts if part)


def _gaps(code: Code, kept: Kept) -> Iterator[tuple[int, int, Gap]]:
    """The gaps of a side, with their places; a node that is kept is one gap."""
    roots: list[ast.AST] = [*code.body] if isinstance(code.body, list) else [code.body]
    parents = {c: n for r in roots for n in ast.walk(r) for c in ast.iter_child_nodes(n)}
    names = {offset(code.text, n): n for n in parents if isinstance(n, ast.Name) and hole(n)}
    whole: list[tuple[int, int]] = []
    for (first, last), key in kept.items():
        if isinstance(first, ast.expr) and isinstance(last, ast.expr):
            whole.append((offset(code.text, first), offset(code.text, last, end=True)))
            gap = _gap(code, key, (first, parents.get(first))) if first is last else Gap(key)
            yield (*whole[-1], gap)
    for start, end, name, many in code.spots:
        if not any(begin <= start and end <= stop for begin, stop in whole):
            node = names.get(start)
            parent = parents.get(node) if node is not None and not many else None
            yield start, end, _gap(code, name, (node, parent), many=many)


def _gap(
    code: Code, name: str, place: tuple[ast.AST | None, ast.AST | None], *, many: bool = False
) -> Gap:
    """The gap of a hole at a place: (the node that stands for it, the node around that)."""
    node, parent = place
    if parent is None or node is None or isinstance(parent, ast.AugAssign):
        return Gap(name, many=many)
    if parent in code.operators:
        return Gap(name, 0, code.operators[parent], node is getattr(parent, "right", None))
    if isinstance(parent, ast.BoolOp):
        return Gap(name, level(parent))  # `a and (b and c)` says the same as `a and b and c`
    return Gap(name, required(parent, node))


def operands(operation: ast.AST) -> tuple[ast.expr, ast.expr]:
    """What stands left and right of the operator of an operation or assignment."""
    match operation:
        case ast.BinOp(left=left, right=right) | ast.Compare(left=left, comparators=[right]):
            return left, right
        case ast.BoolOp(values=[left, right, *_]):
            return left, right
        case ast.AugAssign(target=left, value=right) | ast.Assign(targets=[left], value=right):
            return left, right
    raise TypeError(operation)


def fill(parts: tuple[Part, ...], match: Match) -> str:
    """The text of the parts, with what the match holds in the gaps."""
    done: list[str] = []
    lacks_comma = False  # nothing was put in a list: the comma behind it is not written
    for part in parts:
        if isinstance(part, str):
            if lacks_comma:
                comma = _COMMA.match(part)
                if comma:
                    part = part[comma.end() :]
                elif done:
                    done[-1] = re.sub(r"\s*,\s*\Z", "", done[-1])
            done.append(part)
            lacks_comma = False
            continue
        needed = part.binding(match) if part.operator else part.needed
        code = text_of(match.bound[part.hole], match.unit, needed)
        lacks_comma = part.many and not code
        if code:
            done.append(code)
    return "".join(done)


def text_of(found: Found, unit: Unit, needed: int) -> str:
    """What a hole holds as text, in parentheses where it binds less tightly than ``needed``."""
    if isinstance(found, str):
        return grouped(found, needed) if needed else found
    if isinstance(found, list):
        return _sequence(found, unit)
    code = unit.code(found)
    if isinstance(found, ast.expr) and level(found) < needed:
        return f"({code})"
    if isinstance(found, (ast.Tuple, ast.NamedExpr)) or "\n" in code:
        return grouped(code, needed)  # what stands there decides
    return code


def _sequence(nodes: list[ast.AST], unit: Unit) -> str:
    """Neighbours in a list, with what stands between them where that is a comma."""
    done: list[str] = []
    for index, node in enumerate(nodes):
        if index:
            start, end = unit.span(nodes[index - 1])[1], unit.span(node)[0]
            between = unit.text[start:end]
            done.append(between if _COMMA.fullmatch(between) else ", ")
        done.append(unit.code(node))
    return "".join(done)
