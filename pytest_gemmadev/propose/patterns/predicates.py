"""Conditions that may be meant at a place: those of the function, and tests of what is in scope."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.kinds import FLAG, LIST, MAPPING, NUMBER, SET, TEXT
from pytest_gemmadev.propose.code.precedence import OPPOSITE, op_symbol
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.comparisons import is_condition

_NUMBER_TESTS = ("> 0", "== 0", "!= 0", "< 0", ">= 0", "> 1", "== 1", "% 2 == 0", "% 2 == 1")


_WIDTH = 24


_EXTRAS = 120  # conditions tried at one place


def conditions_of(unit: Unit, node: ast.AST) -> list[str]:
    """Conditions that stand in the unit, simple ones first, each with nearby ones first."""
    line = getattr(node, "lineno", 0)
    found: dict[str, tuple[int, int]] = {}
    for other in unit.nodes:
        if not isinstance(other, ast.expr) or not unit.editable(other):
            continue
        atomic = isinstance(other, ast.Compare) or is_condition(other, unit)
        if atomic and not isinstance(other, (ast.BoolOp, ast.Constant)):
            code = unit.code(other)
            if "\n" not in code and len(code) < 80:
                found.setdefault(code, (abs(other.lineno - line), other.lineno))
    return sorted(found, key=lambda code: found[code])


def simple_conditions(unit: Unit, node: ast.AST) -> Iterator[tuple[str, float]]:
    """Conditions on single variables in scope, with weights: truth, None, zero, bounds."""
    for variable, weight in unit.variables.ranked(node)[:8]:
        name, kinds = variable.name, variable.kinds
        if name in ("self", "cls"):
            continue
        yield name, weight
        yield f"not {name}", weight
        if not kinds:
            yield f"{name} is not None", weight
            yield f"{name} is None", weight
        if NUMBER in kinds or not kinds:
            for test in _NUMBER_TESTS:
                yield f"{name} {test}", weight - 0.7
        if kinds & {LIST, TEXT, MAPPING, SET}:
            for test in ("> 1", "== 1", "> 0"):
                yield f"len({name}) {test}", weight - 1.0
    numbers = unit.variables.ranked(node, kinds=frozenset({NUMBER}))[:5]
    known = [(v, w) for v, w in numbers if NUMBER in v.kinds]
    for left, first in known:
        for right, second in known:
            if left.name < right.name:
                for symbol in ("<", ">", "!=", "=="):
                    yield f"{left.name} {symbol} {right.name}", (first + second) / 2 - 1.2
    yield from _memberships(unit, node)
    yield from _predicates(unit, node)
    yield from _expressions(unit, node)


def _predicates(unit: Unit, node: ast.AST) -> Iterator[tuple[str, float]]:
    """Calls of the file's own functions on one variable."""
    for function in unit.variables.callables(node)[:4]:
        if not function[0].isupper():
            for variable, weight in unit.variables.ranked(node)[:4]:
                yield f"{function}({variable.name})", weight - 1.0
                yield f"not {function}({variable.name})", weight - 1.5


def _expressions(unit: Unit, node: ast.AST) -> Iterator[tuple[str, float]]:
    """Tests of the subscripts and attributes that stand on nearby lines."""
    line = getattr(node, "lineno", 0)
    found: dict[str, int] = {}
    for other in unit.of_type(ast.Subscript, ast.Attribute):
        assert isinstance(other, ast.expr)
        value = isinstance(getattr(other, "ctx", None), ast.Load) and unit.editable(other)
        parent = unit.parent(other)
        if value and not (isinstance(parent, ast.Call) and parent.func is other):
            code = unit.code(other)
            if len(code) <= 30 and "\n" not in code and ":" not in code:
                found[code] = min(found.get(code, 99), abs(other.lineno - line))
    for code, distance in sorted(found.items(), key=lambda pair: pair[1])[:5]:
        weight = -1.0 - 0.1 * distance
        for test in ("", " == 0", " != 0", " > 0", " is not None", " is None", " == 1", " == -1"):
            yield code + test, weight
        yield f"not {code}", weight
        for variable, fit in unit.variables.ranked(node)[:3]:
            for symbol in ("==", "!=", "<", ">"):
                yield f"{code} {symbol} {variable.name}", weight + fit


def _memberships(unit: Unit, node: ast.AST) -> Iterator[tuple[str, float]]:
    ranked = unit.variables.ranked(node)[:8]
    holders = [(v, w) for v, w in ranked if v.kinds & {SET, MAPPING, LIST}]
    for holder, first in holders[:3]:
        for item, second in ranked:
            if item is not holder and not item.kinds & {LIST, MAPPING, SET, FLAG}:
                yield f"{item.name} not in {holder.name}", (first + second) / 2 - 0.7
                yield f"{item.name} in {holder.name}", (first + second) / 2 - 0.9
    for item, weight in ranked[:4]:  # positions inside what they index
        for holder, other in holders[:3]:
            if NUMBER in item.kinds and LIST in holder.kinds:
                yield f"{item.name} < len({holder.name})", (weight + other) / 2 - 0.7


def extra_conditions(node: ast.expr, unit: Unit) -> list[tuple[str, float]]:
    """Conditions that may join another one, with weights, best first."""
    own = unit.code(node)
    found: dict[str, float] = {}
    for rank, code in enumerate(conditions_of(unit, node)[:_WIDTH]):
        if code not in own:
            found[code] = 0.5 - 0.1 * rank
            found.setdefault(opposite(code), -0.3 - 0.1 * rank)
    for code, weight in simple_conditions(unit, node):
        found.setdefault(code, weight)
    ranked = sorted(found.items(), key=lambda item: -item[1])
    return [pair for pair in ranked if pair[0] != own][:_EXTRAS]


def opposite(code: str) -> str:
    """The opposite of a simple condition given as text."""
    node = ast.parse(code.strip(), mode="eval").body
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left = ast.get_source_segment(code, node.left)
        right = ast.get_source_segment(code, node.comparators[0])
        return f"{left} {OPPOSITE[op_symbol(node.ops[0])]} {right}"
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return ast.get_source_segment(code, node.operand) or code
    return f"not {code}"
