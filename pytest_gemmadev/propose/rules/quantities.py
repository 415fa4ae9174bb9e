"""Numbers where others are due: whole ones, ones that are still text, ones to be joined."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.propose.code.nodes import dotted
from pytest_gemmadev.propose.rules.failure import Failure, Place
from pytest_gemmadev.propose.rules.mismatched_operands import is_text, message_types
from pytest_gemmadev.propose.rules.rule import (
    LIKELY,
    SURE,
    WEAK,
    Example,
    Fix,
    Rule,
    fix,
)
from pytest_gemmadev.types import ErrorKind


class JoinNumbers(Rule):
    """``join`` of things that are not text."""

    name = "join_numbers"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def line(xs):\n    return ', '.join(xs)\n",
            "line([1])",
            "join(xs)",
            "join(map(str, xs))",
        ),
        Example(
            "def line(xs):\n    return ', '.join(x + 1 for x in xs)\n",
            "line([1])",
            "x + 1 for",
            "str(x + 1) for",
        ),
        Example("def line(xs):\n    return ', '.join(xs)\n", "line(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or "expected str instance" not in failure.message:
            return
        for call in place.nodes(ast.Call):
            if not isinstance(call.func, ast.Attribute) or call.func.attr != "join":
                continue
            for argument in call.args[:1]:
                why = "`join` takes text only"
                if isinstance(argument, (ast.GeneratorExp, ast.ListComp, ast.SetComp)):
                    edit = place.module.wrap(argument.elt, "str(")
                else:
                    edit = place.module.wrap(argument, "map(str, ")
                yield from fix(SURE, why, edit)


class WholeNumber(Rule):
    """A float, or text, where a whole number is due: ``//``, ``int``."""

    name = "whole_number"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def middle(xs):\n    return xs[len(xs) / 2]\n",
            "middle([1, 2])",
            " / ",
            " // ",
        ),
        Example(
            "def rep(n):\n    return list(range(n))\n", "rep('3')", "range(n)", "range(int(n))"
        ),
        Example("def rep(n):\n    return list(range(n))\n", "rep([])"),
    )

    _due = re.compile(
        r"object cannot be interpreted as an integer|indices must be integers"
        r"|integer argument expected|can't multiply sequence by non-int of type '(float|str)'"
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or not self._due.search(failure.message):
            return
        module = place.module
        if "float" in failure.message:
            for division in place.nodes(ast.BinOp):
                why = "`/` gives a float where a whole number is due"
                yield from _floored(place, division, SURE, why)
        for node in _due_integers(place):
            kind = place.type_of(node)
            named = re.search(r"'(float|str)'|not (float|str)\b", failure.message)
            if named and kind in ("", "float", "str") and not is_text(node):
                why = f"`{module.code(node)}` must be a whole number"
                yield from fix(LIKELY - 0.1, why, module.wrap(node, "int("))
        names = [n for n in _due_integers(place) if isinstance(n, ast.Name)]
        for name in names[:2]:
            yield from _divided_before(place, name)


def _due_integers(place: Place) -> list[ast.expr]:
    """Expressions of the line that must be whole numbers: indices, arguments of ``range``."""
    found: list[ast.expr] = []
    for node in place.nodes(ast.Subscript, ast.Call, ast.BinOp):
        if isinstance(node, ast.Subscript):
            index = node.slice
            if isinstance(index, ast.Slice):
                found += [p for p in (index.lower, index.upper, index.step) if p is not None]
            elif not isinstance(index, ast.Tuple):
                found.append(index)
        elif isinstance(node, ast.Call):
            if dotted(node.func).rpartition(".")[2] in (
                "range",
                "islice",
                "randint",
                "chr",
                "comb",
            ):
                found += node.args
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            found += [node.left, node.right]
    return [n for n in found if not isinstance(n, ast.Constant)]


def _divided_before(place: Place, name: ast.Name) -> Iterator[Fix]:
    """``//`` where the variable was set by a division."""
    module = place.module
    scope = place.function.node if place.function else module.tree
    for node in ast.walk(scope):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.BinOp):
            continue
        if name.id not in [dotted(t) for t in node.targets]:
            continue
        why = f"`{name.id}` must be a whole number"
        yield from _floored(place, node.value, SURE - 0.05, why)


def _floored(place: Place, node: ast.BinOp, prior: float, why: str) -> Iterator[Fix]:
    """``//`` for ``/``."""
    module = place.module
    left, right = module.span(node.left), module.span(node.right)
    between = module.text[left[1] : right[0]] if left and right else ""
    if left and isinstance(node.op, ast.Div) and "/" in between:
        at = left[1] + between.index("/")
        yield from fix(prior, why, module.edit(at, at + 1, "//"))


class NumberDue(Rule):
    """Text given to a function of numbers: ``sum``, ``abs``, ``round``."""

    name = "number_due"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def total(xs):\n    return sum(xs)\n", "total(['1'])", "sum(xs)", "sum(map(int, xs))"
        ),
        Example(
            "def size(x):\n    return round(x, 1)\n", "size('1.5')", "round(x", "round(float(x)"
        ),
        Example("def size(x):\n    return round(x, 1)\n", "size([])"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or "str" not in failure.message:
            return
        for call in place.nodes(ast.Call):
            name, argument = dotted(call.func), call.args[0] if call.args else None
            if argument is None or isinstance(argument, ast.Starred):
                continue
            module = place.module
            why = f"`{module.code(argument)}` holds text"
            if name == "sum" and message_types(failure.message):
                if isinstance(argument, (ast.GeneratorExp, ast.ListComp)):
                    element = argument.elt
                    yield from fix(LIKELY, why, module.wrap(element, "int("))
                    yield from fix(LIKELY - 0.4, why, module.wrap(element, "float("))
                else:
                    yield from fix(LIKELY, why, module.wrap(argument, "map(int, "))
                    yield from fix(LIKELY - 0.4, why, module.wrap(argument, "map(float, "))
            elif name not in ("round", "abs") and not name.startswith("math."):
                continue
            elif place.type_of(argument) in ("", "str"):
                yield from fix(LIKELY, why, module.wrap(argument, "float("))
                yield from fix(WEAK, why, module.wrap(argument, "int("))


RULES: tuple[Rule, ...] = (
    JoinNumbers(),
    WholeNumber(),
    NumberDue(),
)
