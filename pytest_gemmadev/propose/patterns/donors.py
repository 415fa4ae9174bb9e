"""Plastic surgery: an expression replaced by another that the function or its class already holds.

Real repairs are often written with what stands nearby (Barr et al., 2014, "The plastic surgery
hypothesis"). The donors of a place are expressions of a fitting category, the alike and the near first,
as they are and with one variable replaced.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.updates import substituted
from pytest_gemmadev.propose.similarity import letter_similarity

_CATEGORIES = (ast.Attribute, ast.Subscript, ast.Call, ast.BinOp, ast.IfExp, ast.ListComp, ast.List)
_WIDTH = 30
_SUBSTITUTED = 10  # of the donors are tried with a variable replaced as well
_LENGTH = 60


def donors(unit: Unit, node: ast.expr) -> list[tuple[str, float]]:
    """Expressions of the unit that may stand for ``node``, with weights, best first."""
    own = unit.code(node)
    found: dict[str, float] = {}
    for other in unit.of_type(*_CATEGORIES):
        assert isinstance(other, ast.expr)
        if not unit.editable(other) or not isinstance(getattr(other, "ctx", ast.Load()), ast.Load):
            continue
        parent = unit.parent(other)
        if isinstance(parent, ast.Call) and parent.func is other:
            continue  # the method of a call, not a value
        code = unit.code(other)
        if code == own or "\n" in code or len(code) > _LENGTH or code in found:
            continue
        found[code] = _fit(node, own, other, code)
    return sorted(found.items(), key=lambda pair: -pair[1])[:_WIDTH]


def substituted_donors(unit: Unit, node: ast.expr) -> Iterator[tuple[str, float]]:
    """The best expressions of the unit with one variable replaced by another, with weights."""
    for donor, weight in donors(unit, node)[:_SUBSTITUTED]:
        for code, other in substituted(donor, unit, node):
            yield code, weight + other


def _fit(node: ast.expr, own: str, other: ast.expr, code: str) -> float:
    weight = 1.0 if type(other) is type(node) else 0.0
    weight += 1.5 * letter_similarity(own, code)
    weight -= 0.03 * abs(other.lineno - node.lineno)
    return weight - 0.5 if len(code) > 2 * len(own) + 10 else weight
