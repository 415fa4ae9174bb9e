"""One change made in several places of a statement at once: a misread name, a misread operator."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations, pairwise

from pytest_gemmadev.propose.code.nodes import FUNCTIONS, FunctionNode
from pytest_gemmadev.propose.code.statement_lines import COMPOUND, SIMPLE
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change
from pytest_gemmadev.propose.patterns.comparisons import LIKELY, links
from pytest_gemmadev.propose.patterns.operators import operator_span, spaced
from pytest_gemmadev.propose.patterns.pattern import Pattern


def header_nodes(statement: ast.stmt, unit: Unit) -> Iterator[ast.AST]:
    """The nodes of a statement without those of the blocks it owns."""
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        if node is not statement and isinstance(node, (ast.stmt, ast.ExceptHandler)):
            continue
        if unit.editable(node):
            yield node
            stack.extend(ast.iter_child_nodes(node))


class RenameAll(Pattern[ast.stmt]):
    """A variable read as another everywhere in a statement, or two of them exchanged."""

    name = "rename_all"
    nodes = (*SIMPLE, *COMPOUND)
    examples = (
        (
            "def f(a, b, xs):\n    return xs[a] + xs[a - 1]\n",
            "def f(a, b, xs):\n    return xs[b] + xs[b - 1]\n",
        ),
        (
            "def f(a, b, xs):\n    return xs[a] - b * b\n",
            "def f(a, b, xs):\n    return xs[b] - a * a\n",
        ),
    )
    untouched = ("def f(a):\n    return a + a\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        places: dict[str, list[ast.Name]] = defaultdict(list)
        for name in header_nodes(node, unit):
            parent = unit.parent(name)
            called = isinstance(parent, ast.Call) and parent.func is name
            if isinstance(name, ast.Name) and not called:
                places[name.id].append(name)
        for old, nodes in places.items():
            kinds = unit.variables.variable(old).kinds
            if len(nodes) > 1:
                for variable, weight in unit.variables.ranked(node, kinds=kinds, like=old)[:8]:
                    new = variable.name
                    yield Change(tuple((*unit.span(n), new) for n in nodes), weight)
        visible = {v.name for v in unit.in_scope(node)}
        names = [n for n in places if n in visible]
        for left, right in combinations(names[:6], 2):
            swapped = [(*unit.span(n), right) for n in places[left]]
            swapped += [(*unit.span(n), left) for n in places[right]]
            yield Change(tuple(swapped), -0.5)


class FlipFlags(Pattern[ast.FunctionDef]):
    """True for False and False for True in all that a function returns."""

    name = "flip_flags"
    nodes = (*FUNCTIONS,)
    examples = (
        (
            "def f(a):\n    if a:\n        return True\n    return False\n",
            "def f(a):\n    if a:\n        return False\n    return True\n",
        ),
    )
    untouched = ("def f(a):\n    return True\n",)

    def edits(self, node: FunctionNode, unit: Unit) -> Iterator[Change]:
        flags = [
            statement.value
            for statement in unit.of_type(ast.Return)
            if isinstance(statement, ast.Return)
            and isinstance(statement.value, ast.Constant)
            and isinstance(statement.value.value, bool)
            and unit.function(statement) is node
        ]
        if len(flags) > 1:
            yield Change(tuple((*unit.span(f), str(not f.value)) for f in flags), 0.0, node)


class ReplaceAll(Pattern[ast.stmt]):
    """An expression that occurs several times in a statement or function, replaced everywhere."""

    name = "replace_all"
    nodes = (*SIMPLE, *COMPOUND, *FUNCTIONS)
    examples = (
        (
            "class A:\n    def f(self, a):\n        return self.max(a) - self.max(1)\n",
            "class A:\n    def f(self, a):\n        return max(a) - max(1)\n",
        ),
        (
            "def f(a, b):\n    g(a.x)\n    h(a.x + b.y)\n",
            "def f(a, b):\n    g(b.y)\n    h(b.y + b.y)\n",
        ),
        (
            "def f(a, b):\n    g(a)\n    h(a + b)\n",
            "def f(a, b):\n    g(b)\n    h(b + b)\n",
        ),
        (
            "def f(xs):\n    for i in xs:\n        if xs[i] > 1:\n            g(xs[i])\n",
            "def f(xs):\n    for i in xs:\n        if i > 1:\n            g(i)\n",
        ),
    )
    untouched = ("def f(a):\n    g(a)\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        whole = isinstance(node, FUNCTIONS)
        inside = _body_nodes(node, unit) if whole else header_nodes(node, unit)
        places: dict[str, list[ast.expr]] = defaultdict(list)
        for part in inside:
            if isinstance(part, ast.Name) and not whole:
                continue  # `RenameAll` has it
            match part:
                case ast.Attribute(ctx=ast.Load()) | ast.Subscript(ctx=ast.Load()):
                    places[unit.code(part)].append(part)
                case ast.Name(ctx=ast.Load()):
                    places[part.id].append(part)
                case _:
                    pass
        region = node if whole else None
        for code, nodes in places.items():
            if not 2 <= len(nodes) <= 12:
                continue
            for other, weight in self._others(nodes[0], unit):
                if other != code:
                    changes = tuple((*unit.span(n), unit.fitted(n, other)) for n in nodes)
                    yield Change(changes, weight, region)

    def _others(self, node: ast.expr, unit: Unit) -> Iterator[tuple[str, float]]:
        if isinstance(node, ast.Attribute):
            yield node.attr, 0.5
            yield unit.code(node.value), -0.5
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name):
            # A loop over elements whose variable was taken for an index.
            looped = any(
                isinstance(n, (ast.For, ast.comprehension))
                and isinstance(n.target, ast.Name)
                and n.target.id == node.slice.id
                and unit.code(n.iter) == unit.code(node.value)
                for n in unit.nodes
            )
            yield node.slice.id, 2.0 if looped else 0.0
        kinds = unit.variables.kinds(node)
        for variable, weight in unit.variables.ranked(node, kinds=kinds, like=unit.code(node))[:6]:
            yield variable.name, weight
        if not isinstance(node, ast.Name):
            for other in unit.of_type(type(node)):
                code = unit.code(other)
                if unit.editable(other) and "\n" not in code and len(code) <= 40:
                    yield code, -0.5


def _body_nodes(function: ast.stmt, unit: Unit) -> Iterator[ast.AST]:
    for node in ast.walk(function):
        if unit.editable(node):
            yield node


class OperatorAll(Pattern[ast.stmt]):
    """A comparison changed everywhere in a statement."""

    name = "operator_all"
    nodes = (*SIMPLE, *COMPOUND)
    examples = (
        (
            "def f(a, b, c):\n    if 0 < a < c or 0 < b < c:\n        return 1\n",
            "def f(a, b, c):\n    if 0 <= a <= c or 0 <= b <= c:\n        return 1\n",
        ),
    )
    untouched = ("def f(a, b):\n    return a < b\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for compare in header_nodes(node, unit):
            if isinstance(compare, ast.Compare):
                for left, symbol, right in links(compare):
                    place = operator_span(unit, left, right, symbol)
                    if place is not None:
                        places[symbol].append(place)
        for symbol, found in places.items():
            if len(found) > 1:
                for other, weight in LIKELY[symbol].items():
                    yield Change(tuple((*p, spaced(unit, *p, other)) for p in found), weight)


class ShiftAll(Pattern[ast.stmt]):
    """One added to or taken from a variable everywhere in a statement, or a number changed everywhere."""

    name = "shift_all"
    nodes = (*SIMPLE, *COMPOUND)
    examples = (
        (
            "def f(xs, i):\n    return xs[i] * xs[i]\n",
            "def f(xs, i):\n    return xs[i - 1] * xs[i - 1]\n",
        ),
        ("def f(xs):\n    return xs[0] * xs[0]\n", "def f(xs):\n    return xs[1] * xs[1]\n"),
    )
    untouched = ("def f(xs, i):\n    return xs[i]\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        names: dict[str, list[ast.Name]] = defaultdict(list)
        numbers: dict[int, list[ast.Constant]] = defaultdict(list)
        for part in header_nodes(node, unit):
            parent = unit.parent(part)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
                indexes = isinstance(parent, (ast.BinOp, ast.Slice, ast.Compare)) or (
                    isinstance(parent, ast.Subscript) and parent.slice is part
                )
                if indexes:
                    names[part.id].append(part)
            elif isinstance(part, ast.Constant) and type(part.value) is int:
                numbers[part.value].append(part)
        for name, nodes in names.items():
            if len(nodes) > 1:
                for sign in "+-":
                    code = f"{name} {sign} 1"
                    changes = [(*unit.span(n), unit.fitted(n, code)) for n in nodes]
                    yield Change(tuple(changes))
        for number, constants in numbers.items():
            if len(constants) > 1:
                for value in {number + 1, number - 1, 0, 1, 2} - {number}:
                    yield Change(
                        tuple((*unit.span(c), unit.fitted(c, str(value))) for c in constants)
                    )


class SwapParameters(Pattern[ast.arguments]):
    """Two neighbouring parameters in each other's place."""

    name = "swap_parameters"
    nodes = (ast.arguments,)
    examples = (("def f(a, b):\n    return a - b\n", "def f(b, a):\n    return a - b\n"),)
    untouched = ("def f(a):\n    return a\n", "def f(self, a):\n    return a\n")

    def edits(self, node: ast.arguments, unit: Unit) -> Iterator[Change]:
        if not isinstance(unit.parent(node), (*FUNCTIONS, ast.Lambda)):
            return
        arguments = [a for a in node.args if a.arg not in ("self", "cls")]
        for left, right in pairwise(arguments):
            if left.annotation is None and right.annotation is None:
                yield Change(((*unit.span(left), right.arg), (*unit.span(right), left.arg)))


PATTERNS = (RenameAll(), FlipFlags(), ReplaceAll(), OperatorAll(), ShiftAll(), SwapParameters())
