"""Where a template takes code from that its before side does not hold: variables, values, conditions.

Each function makes an `Ingredient`: given a match, it yields code with a weight in nats, in the order
in which the edits are offered.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from pytest_gemmadev.propose.patterns.donors import donors, substituted_donors
from pytest_gemmadev.propose.patterns.exception_edits import other_exceptions
from pytest_gemmadev.propose.patterns.guards import guard_conditions, jumps_out
from pytest_gemmadev.propose.patterns.predicates import extra_conditions
from pytest_gemmadev.propose.patterns.results import returned_values
from pytest_gemmadev.propose.templates.matcher import Match
from pytest_gemmadev.propose.templates.template import Ingredient, Value


def one_of(*codes: str, other_than: str = "", best: int | None = None) -> Ingredient:
    """The same code everywhere; ``other_than`` names a hole, the code of which is left out."""

    def make(match: Match) -> Iterator[Value]:
        known = _node(match, other_than) if other_than else None
        own = match.unit.code(known) if known is not None else ""
        return ((code, 0.0) for code in [c for c in codes if c != own][:best])

    return make


def table(of: str, rows: Mapping[str, Mapping[str, float]]) -> Ingredient:
    """What a row of the table has for the operator that the hole ``of`` holds."""
    return lambda match: rows.get(str(match.bound[of]), {}).items()


def variables(
    *kinds: str, best: int, like: str = "", at: str = "", local: bool = False, plus: float = 0.0
) -> Ingredient:
    """The best variables in scope: of the kinds given, or of the kind and name of what a hole holds.

    ``like`` and ``at`` name holes: what is to be replaced, and where the variable is to be read. Of
    the best, ``local`` keeps those that the function binds itself.
    """

    def make(match: Match) -> Iterator[Value]:
        unit, place = match.unit, _node(match, at)
        wanted, name = frozenset(kinds), ""
        if like:
            old = _node(match, like)
            name = last_name(old)
            if isinstance(old, ast.Name):
                wanted = unit.variables.kinds(old)
        for variable, weight in unit.variables.ranked(place, kinds=wanted, like=name)[:best]:
            if variable.is_local or not local:
                yield variable.name, weight + plus

    return make


def conditions(*, best: int | None = None) -> Ingredient:
    """Conditions that may join the one matched: of the function, and tests of what is in scope."""

    def make(match: Match) -> list[Value]:
        assert isinstance(match.node, ast.expr)
        return extra_conditions(match.node, match.unit)[:best]

    return make


def conditions_of_guard() -> Ingredient:
    """Conditions under which a statement may be left out."""

    def make(match: Match) -> tuple[Value, ...]:
        assert isinstance(match.node, ast.stmt)
        return guard_conditions(match.node, match.unit)

    return make


def jumps() -> Ingredient:
    """Ways out of the block that a statement stands in."""
    return lambda match: jumps_out(match.node, match.unit)


def returned(*, best: int, first: float = 0.0, step: float = 0.0) -> Ingredient:
    """What the function returns elsewhere; each weighs ``step`` less than the one before."""

    def make(match: Match) -> Iterator[Value]:
        values = returned_values(match.unit, match.node)[:best]
        return ((code, first - step * rank) for rank, code in enumerate(values))

    return make


def tests(weight: float) -> Ingredient:
    """Comparisons and compound conditions of the function, as they stand there."""

    def make(match: Match) -> Iterator[Value]:
        unit = match.unit
        for other in unit.of_type(ast.Compare, ast.BoolOp):
            code = unit.code(other)
            if unit.editable(other) and len(code) <= 60 and "\n" not in code:
                yield code, weight

    return make


def exceptions(*, like: str, best: int, first: float, step: float) -> Ingredient:
    """Exceptions that may be meant by the one that the hole ``like`` holds."""

    def make(match: Match) -> Iterator[Value]:
        names = other_exceptions(match.unit.code(_node(match, like)), match.unit)[:best]
        return ((name, first - step * rank) for rank, name in enumerate(names))

    return make


def expressions() -> Ingredient:
    """Other expressions of the function that may stand for the one matched."""

    def make(match: Match) -> list[Value]:
        assert isinstance(match.node, ast.expr)
        return donors(match.unit, match.node)

    return make


def expressions_with_another_variable() -> Ingredient:
    """Other expressions of the function, with one variable replaced."""

    def make(match: Match) -> Iterator[Value]:
        assert isinstance(match.node, ast.expr)
        return substituted_donors(match.unit, match.node)

    return make


def last_name(node: ast.AST) -> str:
    """The name of a variable, or the last one of what is called, read or indexed; else empty."""
    if isinstance(node, ast.Call):
        node = node.func
    elif isinstance(node, ast.Subscript):
        node = node.value
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _node(match: Match, hole: str) -> ast.AST:
    """What a hole holds; the node matched where no hole is named."""
    found = match.bound[hole] if hole else match.node
    assert isinstance(found, ast.AST)
    return found
