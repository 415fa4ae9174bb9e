"""What the tests of a file state: that an expression has a value, is true, or raises."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pytest_gemmadev.search.claims.plain_values import RAISES
from pytest_gemmadev.search.test_faults.inlining import (
    Function,
    constants,
    inline,
    is_literal,
    parameter_cases,
    plain_names,
)


class Means(Enum):
    """How a value is expected."""

    EQUAL = "equal"
    TRUTH = "truth"  # true or false as a condition
    RAISES = "raises"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an expression stands; lines from 1, columns in UTF-8 bytes from 0, as `ast` has them."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Stated:
    """One expectation of a test."""

    test: str  # the test function's name
    line: int  # of the assertion
    end_line: int
    expression: str  # its names replaced by what they stand for, as far as that is known
    expected: str  # `repr` of a literal, or ``raises`` and a name
    means: Means
    place: Place | None  # of the expected value; of the condition where its truth is expected
    parameters: tuple[tuple[str, str], ...] = ()  # of the case, where the test has several


@dataclass(frozen=True, slots=True)
class _Raw:
    """An expectation with its names as they stand."""

    statement: ast.stmt
    actual: ast.expr
    expected: ast.expr | str
    means: Means


def read_statements(text: str, facts: Mapping[str, str] | None = None) -> list[Stated]:
    """The expectations of all tests of a file, for each case of a test that has several.

    ``facts`` are values by name, for those names that the file itself does not explain.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    shared = constants(tree)
    known = {name: node for name, value in (facts or {}).items() if (node := _parse(value))}
    found: list[Stated] = []
    for function in _tests(tree):
        names = {**known, **shared, **plain_names(function)}
        raw = list(_expectations(function))
        for case in parameter_cases(function):
            found += [
                s for each in raw if (s := _state(function, each, {**names, **case}, case=case))
            ]
    return found


def _tests(tree: ast.Module) -> Iterator[Function]:
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        for each in members:
            if isinstance(each, Function) and each.name.startswith("test"):
                yield each


def _state(
    function: Function,
    raw: _Raw,
    names: Mapping[str, ast.expr],
    *,
    case: Mapping[str, ast.expr],
) -> Stated | None:
    actual = inline(raw.actual, names)
    if isinstance(raw.expected, str):
        expected, place = raw.expected, _place(raw.actual) if raw.means is Means.TRUTH else None
    else:
        source = raw.expected
        if isinstance(source, ast.Name) and source.id in names:
            source = names[source.id]
        value = _converted(_approximated(inline(source, names)))
        if not is_literal(value):
            return None
        expected = repr(ast.literal_eval(value))
        source = _bare(_approximated(source))
        place = _place(source) if hasattr(source, "lineno") and is_literal(source) else None
    statement = raw.statement
    return Stated(
        test=function.name,
        line=statement.lineno,
        end_line=statement.end_lineno or statement.lineno,
        expression=ast.unparse(actual),
        expected=expected,
        means=raw.means,
        place=place,
        parameters=tuple((name, ast.unparse(node)) for name, node in case.items()),
    )


def _expectations(function: Function) -> Iterator[_Raw]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            yield from _of_condition(node, node.test)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield from _of_method(node, node.value)
        elif isinstance(node, ast.With):
            yield from _of_raises(node)


def _of_condition(statement: ast.stmt, test: ast.expr) -> Iterator[_Raw]:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        for part in test.values:
            yield from _of_condition(statement, part)
    elif isinstance(test, ast.Compare):
        if len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.Is):
            yield from _of_pair(statement, test.left, test.comparators[0])
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        if not isinstance(test.operand, ast.Compare | ast.BoolOp):
            yield _Raw(statement, test.operand, "False", Means.TRUTH)
    elif isinstance(test, ast.Call | ast.Name):
        yield _Raw(statement, test, "True", Means.TRUTH)


def _of_pair(statement: ast.stmt, left: ast.expr, right: ast.expr) -> Iterator[_Raw]:
    """The side that calls something is the actual one; the left one where both or neither do."""
    if _calls(_bare(_approximated(right))) and not _calls(_bare(_approximated(left))):
        left, right = right, left
    yield _Raw(statement, left, right, Means.EQUAL)


_PAIRS = re.compile(r"assert(?:(?:List|Tuple|Dict|Set|Sequence|Almost)?Equals?|Is)")


def _of_method(statement: ast.stmt, call: ast.Call) -> Iterator[_Raw]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if _PAIRS.fullmatch(name) and len(call.args) >= 2:
        yield from _of_pair(statement, call.args[0], call.args[1])
    elif name in ("assertTrue", "assertFalse") and call.args:
        yield _Raw(statement, call.args[0], name.removeprefix("assert"), Means.TRUTH)
    elif name == "assertIsNone" and call.args:
        yield _Raw(statement, call.args[0], ast.Constant(None), Means.EQUAL)
    elif name == "assertRaises" and len(call.args) >= 2:
        error = ast.unparse(call.args[0]).rpartition(".")[2]
        called = ast.Call(call.args[1], call.args[2:], call.keywords)
        yield _Raw(statement, called, RAISES + error, Means.RAISES)


def _of_raises(statement: ast.With) -> Iterator[_Raw]:
    call = statement.items[0].context_expr
    if not isinstance(call, ast.Call) or not call.args or len(statement.body) != 1:
        return
    inner = statement.body[0]
    name = ast.unparse(call.func)
    if name.rpartition(".")[2] in ("raises", "assertRaises") and isinstance(inner, ast.Expr):
        error = ast.unparse(call.args[0]).rpartition(".")[2]
        if error.isidentifier():
            yield _Raw(statement, inner.value, RAISES + error, Means.RAISES)


def _approximated(node: ast.expr) -> ast.expr:
    """What ``pytest.approx`` is given; any other expression is itself."""
    is_approx = isinstance(node, ast.Call) and ast.unparse(node.func).endswith("approx")
    return node.args[0] if is_approx and node.args else node  # type: ignore[attr-defined]


_CONVERSIONS: Mapping[str, Callable[[Any], object]] = {
    "tuple": tuple,
    "list": list,
    "set": set,
    "sorted": sorted,
}


def _bare(node: ast.expr) -> ast.expr:
    """What a conversion such as ``tuple([1, 2])`` is given, where that is a literal."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return node
    is_one = len(node.args) == 1 and not node.keywords and node.func.id in _CONVERSIONS
    return node.args[0] if is_one and is_literal(node.args[0]) else node


def _converted(node: ast.expr) -> ast.expr:
    """The literal that a conversion of a literal gives; any other expression is itself."""
    bare = _bare(node)
    if bare is node or not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return node
    try:
        value = _CONVERSIONS[node.func.id](ast.literal_eval(bare))
    except TypeError:
        return node
    return _parse(repr(value)) or node


def _calls(node: ast.expr) -> bool:
    return any(isinstance(each, ast.Call) for each in ast.walk(node))


def _place(node: ast.expr) -> Place:
    return Place(
        node.lineno, node.col_offset, node.end_lineno or node.lineno, node.end_col_offset or 0
    )


def _parse(text: str) -> ast.expr | None:
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return node if is_literal(node) else None
