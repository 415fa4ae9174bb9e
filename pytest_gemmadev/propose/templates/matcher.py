"""Compares syntax trees with the before side of a template; compiled once to nested functions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from pytest_gemmadev.propose.code.precedence import op_symbol
from pytest_gemmadev.propose.code.statement_lines import alone
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.templates.holes import (
    Code,
    hole,
    many,
    name_of,
)
from pytest_gemmadev.propose.templates.template import TemplateError

Found: TypeAlias = "ast.AST | list[ast.AST] | str"
Bound: TypeAlias = dict[str, Found]
"""What each hole holds: a node, several nodes, or a name or operator as text."""

Fits: TypeAlias = Callable[[Any, Bound], bool]

_SPLIT, _SPLITS = "/split", "/splits"  # which of the ways to divide a list is tried, and the last
_SKIPPED = frozenset(("ctx", "kind", "type_comment", "type_params"))


@dataclass(slots=True)
class Match:
    """A place where code has the shape of a template."""

    node: ast.AST
    bound: Bound
    unit: Unit


class Shape:
    """The before side of a rewrite, compiled."""

    def __init__(
        self,
        code: Code,
        families: Mapping[str, tuple[str, ...]],
        *,
        arguments: frozenset[str] = frozenset(),
        links: bool = False,
    ) -> None:
        self._operators = code.operators
        self._families = families
        self._arguments = arguments  # holes that hold arguments of any form, keywords too
        self._links = links  # whether `a < b` fits each link of a chain
        self._divided = False  # whether a list can be divided in several ways
        self.parts: dict[ast.AST, str] = {}  # names under which nodes of the shape are bound
        roots: list[ast.AST] = [*code.body] if isinstance(code.body, list) else [code.body]
        self._fits = [self._node(root) for root in roots]
        self.is_several = len(roots) > 1
        first = roots[0]
        self._hole = hole(first) if len(roots) == 1 else ""
        expression = isinstance(first, ast.Expr) and not hole(first)
        self.root: type[ast.AST] | None = (
            None if hole(first) else ast.Expr if expression else type(first)
        )

    def matches(self, node: ast.AST, unit: Unit | None, facts: Bound) -> Iterator[Bound]:
        """What the holes hold, once for each way in which the node has the shape.

        ``facts`` holds what is known before. Only a shape of several statements needs the unit.
        """
        if self._hole:
            yield {**facts, self._hole: node}
            return
        split = last = 0
        while split <= last:
            bound: Bound = {**facts, _SPLIT: str(split)}
            if self._match(node, unit, bound):
                yield bound
            last = int(str(bound.get(_SPLITS, 0)))
            split += 1

    def _match(self, node: ast.AST, unit: Unit | None, bound: Bound) -> bool:
        if len(self._fits) == 1:
            return self._fits[0](node, bound)
        block = unit.block(node) if unit and isinstance(node, ast.stmt) else None
        if unit is None or block is None:
            return False
        statements = block.statements[block.index : block.index + len(self._fits)]
        return len(statements) == len(self._fits) and all(
            fits(statement, bound) and alone(unit, statement)
            for fits, statement in zip(self._fits, statements, strict=True)
        )

    # --- compilation -----------------------------------------------------------------------------

    def _node(self, shape: ast.AST) -> Fits:
        if name := hole(shape):
            return _bind(name) if name in self._arguments else _bind_value(name)
        if isinstance(shape, ast.Compare) and self._links and len(shape.ops) == 1:
            fits = self._link(shape)
        elif isinstance(shape, ast.Call):
            fits = self._call(shape)
        elif isinstance(shape, ast.comprehension):
            fits = self._header(shape)
        else:
            fits = self._plain(shape)
        name = self.parts[shape] = f"/{len(self.parts)}"

        def bind(node: Any, bound: Bound) -> bool:
            bound[name] = node
            return fits(node, bound)

        return bind

    def _plain(self, shape: ast.AST) -> Fits:
        kind = type(shape)
        checks: list[tuple[str, Fits]] = []
        for field, value in ast.iter_fields(shape):
            if field in _SKIPPED:
                continue
            if field in ("op", "ops") and shape in self._operators:
                checks.append((field, self._operator(self._operators[shape])))
            else:
                checks.append((field, self._value(value)))
        checks.sort(key=lambda pair: pair[0] != "op")  # the cheap one first

        def fits(node: Any, bound: Bound) -> bool:
            return isinstance(node, kind) and all(
                check(getattr(node, field), bound) for field, check in checks
            )

        return fits

    def _value(self, value: object) -> Fits:
        if isinstance(value, list):
            return self._list(value)
        if isinstance(value, (ast.operator, ast.unaryop, ast.cmpop, ast.boolop)):
            kind = type(value)
            return lambda node, bound: isinstance(node, kind)
        if isinstance(value, ast.AST):
            return self._node(value)
        if isinstance(value, str) and (name := name_of(value)):
            return _bind(name)
        return lambda found, bound: type(found) is type(value) and found == value

    def _operator(self, name: str) -> Fits:
        symbols = self._families[name]

        def fits(op: Any, bound: Bound) -> bool:
            if isinstance(op, list):
                if len(op) != 1:
                    return False
                op = op[0]
            symbol = symbol_of(op)
            return symbol in symbols and _known(name, symbol, bound)

        return fits

    def _link(self, shape: ast.Compare) -> Fits:
        """A comparison that fits each link of a chain."""
        op = (
            self._operator(self._operators[shape])
            if shape in self._operators
            else self._value(shape.ops[0])
        )
        left, right = self._node(shape.left), self._node(shape.comparators[0])
        self._divide()

        def fits(node: Any, bound: Bound) -> bool:
            if not isinstance(node, ast.Compare):
                return False
            bound[_SPLITS] = str(len(node.ops) - 1)
            at = int(str(bound[_SPLIT]))
            sides = [node.left, *node.comparators]
            return (
                op(node.ops[at], bound) and left(sides[at], bound) and right(sides[at + 1], bound)
            )

        return fits

    def _call(self, shape: ast.Call) -> Fits:
        """A call; positional and keyword arguments are one list, in the order of the text."""
        function = self._node(shape.func)
        arguments = self._list([*shape.args, *shape.keywords])

        def fits(node: Any, bound: Bound) -> bool:
            return (
                isinstance(node, ast.Call)
                and function(node.func, bound)
                and arguments([*node.args, *node.keywords], bound)
            )

        return fits

    def _header(self, shape: ast.comprehension) -> Fits:
        """The header of a `for` loop, or of a part of a comprehension."""
        target, source = self._node(shape.target), self._node(shape.iter)
        return lambda node, bound: (
            isinstance(node, (ast.For, ast.comprehension))
            and target(node.target, bound)
            and source(node.iter, bound)
        )

    def _list(self, shapes: list[Any]) -> Fits:
        places = [i for i, s in enumerate(shapes) if isinstance(s, ast.AST) and many(s)]
        if not places:
            each = [self._value(s) for s in shapes]

            def same(nodes: Any, bound: Bound) -> bool:
                return len(nodes) == len(each) and all(
                    fits(node, bound) for fits, node in zip(each, nodes, strict=True)
                )

            return same
        if len(places) == 1:
            return self._around(shapes, places[0])
        if len(places) == 2 and places[0] == 0 and places[1] == len(shapes) - 1:
            return self._between(shapes)
        raise TemplateError("of several `$$$` in one list, one begins it and one ends it")

    def _around(self, shapes: list[Any], place: int) -> Fits:
        head = [self._value(s) for s in shapes[:place]]
        tail = [self._value(s) for s in shapes[place + 1 :]]
        rest = _bind(many(shapes[place]))

        def fits(nodes: Any, bound: Bound) -> bool:
            end = len(nodes) - len(tail)
            return (
                end >= len(head)
                and all(f(n, bound) for f, n in zip(head, nodes, strict=False))
                and all(f(n, bound) for f, n in zip(tail, nodes[end:], strict=True))
                and rest(nodes[len(head) : end], bound)
            )

        return fits

    def _between(self, shapes: list[Any]) -> Fits:
        """A list with ``$$$`` at both ends: every place where the middle fits is a match."""
        middle = [self._value(s) for s in shapes[1:-1]]
        before, after = _bind(many(shapes[0])), _bind(many(shapes[-1]))
        self._divide()

        def fits(nodes: Any, bound: Bound) -> bool:
            last = len(nodes) - len(middle)
            bound[_SPLITS] = str(max(last, 0))
            at = int(str(bound[_SPLIT]))
            end = at + len(middle)
            return (
                at <= last
                and before(nodes[:at], bound)
                and all(f(n, bound) for f, n in zip(middle, nodes[at:end], strict=True))
                and after(nodes[end:], bound)
            )

        return fits

    def _divide(self) -> None:
        if self._divided:
            raise TemplateError("only one list of a template can be divided in several ways")
        self._divided = True


def symbol_of(op: ast.AST) -> str:
    """How an operator is written."""
    if isinstance(op, ast.boolop):
        return "or" if isinstance(op, ast.Or) else "and"
    return op_symbol(op) if isinstance(op, (ast.cmpop, ast.operator)) else ""


def _bind(name: str) -> Fits:
    if name == "_":
        return lambda found, bound: found is not None
    return lambda found, bound: found is not None and _known(name, found, bound)


def _bind_value(name: str) -> Fits:
    """Binds what is an expression or a statement of its own, not ``*xs``, ``k=v`` or ``1:2``."""
    bind = _bind(name)
    parts = (ast.Starred, ast.keyword, ast.Slice)
    return lambda found, bound: not isinstance(found, parts) and bind(found, bound)


def _known(name: str, found: Found, bound: Bound) -> bool:
    """Binds a hole; a hole that occurs again must hold equal code."""
    known = bound.setdefault(name, found)
    return known is found or same_code(known, found)


def same_code(one: object, two: object) -> bool:
    """True where two trees mean the same code, wherever they stand."""
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(same_code, one, two))
    if not isinstance(one, ast.AST):
        return type(one) is type(two) and one == two
    if type(one) is not type(two):
        return False
    return all(
        same_code(getattr(one, field, None), getattr(two, field, None))
        for field in one._fields
        if field not in _SKIPPED
    )
