"""Calls: the order, number and names of arguments, and the elements of tuples and lists."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations

from pytest_gemmadev.propose.code.kinds import FLAG, NUMBER, TEXT
from pytest_gemmadev.propose.code.nodes import FUNCTIONS, FunctionNode
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change
from pytest_gemmadev.propose.patterns.pattern import Pattern


def signature(node: ast.Call, unit: Unit) -> ast.arguments | None:
    """Parameters of the function called, where it is defined in the same file."""
    name, bound = None, False
    if isinstance(node.func, ast.Name):
        name = node.func.id
    elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        name, bound = node.func.attr, node.func.value.id in ("self", "cls")
    if name is None:
        return None
    definition = _definition(name, unit, bound=bound)
    return definition.args if definition is not None else None


def _definition(name: str, unit: Unit, *, bound: bool) -> FunctionNode | None:
    bodies: list[list[ast.stmt]] = []
    if bound and unit.cls is not None:
        bodies.append(unit.cls.body)
    elif not bound:
        bodies.append(unit.source.tree.body)
        if isinstance(unit.root, FUNCTIONS) and unit.root.name == name:
            return unit.root
        for inner in unit.of_type(*FUNCTIONS):
            if isinstance(inner, FUNCTIONS) and inner.name == name:
                return inner
    for body in bodies:
        for statement in body:
            if isinstance(statement, FUNCTIONS) and statement.name == name:
                return statement
            if isinstance(statement, ast.ClassDef) and statement.name == name:
                for member in statement.body:
                    if isinstance(member, FUNCTIONS) and member.name == "__init__":
                        return member
    return None


class SwapArguments(Pattern[ast.Call]):
    """Two arguments in each other's place."""

    name = "swap_arguments"
    nodes = (ast.Call,)
    examples = (
        ("def f(a, b):\n    return g(a % b, b)\n", "def f(a, b):\n    return g(b, a % b)\n"),
        ("def f(a, b):\n    return g(x=a, y=b)\n", "def f(a, b):\n    return g(x=b, y=a)\n"),
    )
    untouched = ("def f(a):\n    return g(a)\n", "def f(a, b):\n    return max(a, b)\n")

    def edits(self, node: ast.Call, unit: Unit) -> Iterator[Change]:
        if isinstance(node.func, ast.Name) and node.func.id in ("max", "min", "set", "gcd"):
            return
        values = [a for a in node.args if not isinstance(a, ast.Starred)]
        named = [k.value for k in node.keywords if k.arg is not None]
        for group in (values, named):
            for left, right in combinations(group[:6], 2):
                adjacent = group.index(right) - group.index(left) == 1
                yield swapped(left, right, unit, 0.0 if adjacent else -1.0)


def swapped(left: ast.expr, right: ast.expr, unit: Unit, weight: float = 0.0) -> Change:
    """The change of two expressions into each other's place."""
    first = (*unit.span(left), unit.fitted(left, unit.code(right)))
    second = (*unit.span(right), unit.fitted(right, unit.code(left)))
    return Change((first, second), weight)


class SwapElements(Pattern[ast.expr]):
    """Two elements of a tuple or list, or key and value, in each other's place."""

    name = "swap_elements"
    nodes = (ast.Tuple, ast.List, ast.DictComp)
    examples = (
        ("def f(a, b):\n    return a, b\n", "def f(a, b):\n    return b, a\n"),
        (
            "def f(d):\n    for v, k in d.items():\n        print(k)\n",
            "def f(d):\n    for k, v in d.items():\n        print(k)\n",
        ),
        (
            "def f(d):\n    return {k: v for k, v in d}\n",
            "def f(d):\n    return {v: k for k, v in d}\n",
        ),
    )
    untouched = ("def f(a):\n    return [a]\n",)

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if isinstance(node, ast.DictComp):
            yield swapped(node.key, node.value, unit)
        elif isinstance(node, (ast.Tuple, ast.List)):
            values = [e for e in node.elts if not isinstance(e, ast.Starred)][:5]
            for left, right in combinations(values, 2):
                if not isinstance(left, ast.Constant) or not isinstance(right, ast.Constant):
                    yield swapped(left, right, unit)


class ReplaceElement(Pattern[ast.expr]):
    """An element of a tuple or list dropped or added."""

    name = "element_count"
    nodes = (ast.Tuple, ast.List)
    examples = (
        ("def f(a, b):\n    return [a, b]\n", "def f(a, b):\n    return [a]\n"),
        ("def f(a, b):\n    return [a]\n", "def f(a, b):\n    return [a, b]\n"),
    )
    untouched = ("def f(a):\n    return {a}\n",)

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if not isinstance(node, (ast.Tuple, ast.List)) or len(node.elts) > 8:
            return
        if not isinstance(node.ctx, ast.Load) or not node.elts:
            return
        if len(node.elts) > (1 if isinstance(node, ast.List) else 2):
            for index in range(len(node.elts)):
                yield _without(node.elts, index, unit)
        end = unit.span(node.elts[-1])[1]
        if unit.text[end : end + 1] in (",", "]", ")", "\n", ""):
            for variable, weight in unit.variables.ranked(node)[:6]:
                yield Change(((end, end, f", {variable.name}"),), weight)


def _without(items: list[ast.expr], index: int, unit: Unit) -> Change:
    """The change that removes one of several items separated by commas."""
    if index:
        return Change(((unit.span(items[index - 1])[1], unit.span(items[index])[1], ""),))
    return Change(((unit.span(items[0])[0], unit.span(items[1])[0], ""),))


_EXTRA = {
    "sorted": ("reverse=True", "key=len"),
    "sort": ("reverse=True", "key=len"),
    "max": ("key=len", "default=0", "0"),
    "min": ("key=len", "default=0", "0"),
    "int": ("2", "16"),
    "round": ("1", "2"),
    "enumerate": ("1", "start=1"),
    "zip": ("strict=True",),
    "split": ("' '", "','", "1"),
    "strip": ("' '",),
    "replace": ("1",),
    "get": ("0", "None", "''", "[]"),
    "pop": ("0", "-1", "None"),
    "next": ("None",),
    "sum": ("0", "[]"),
    "pow": (),
    "getattr": ("None",),
    "print": ("end=''", "sep=''"),
    "dumps": ("sort_keys=True",),
    "range": (),
}


class AddArgument(Pattern[ast.Call]):
    """One argument more: a missing parameter by position or keyword, or an option of a built-in."""

    name = "add_argument"
    nodes = (ast.Call,)
    examples = (
        (
            "def f(xs):\n    return sorted(xs)\n",
            "def f(xs):\n    return sorted(xs, reverse=True)\n",
        ),
        ("def f(a, b):\n    return g(a)\n", "def f(a, b):\n    return g(a, b)\n"),
        ("def f(a, b):\n    return g(b)\n", "def f(a, b):\n    return g(a, b)\n"),
        (
            "def g(x, deep=True):\n    return x\n\n\ndef f(a, deep):\n    return g(a)\n",
            "def g(x, deep=True):\n    return x\n\n\ndef f(a, deep):\n    return g(a, deep=deep)\n",
        ),
    )
    untouched = ("def f(a):\n    return len(a)\n",)
    _FULL = frozenset(
        {"len", "str", "list", "set", "tuple", "abs", "ord", "chr", "repr", "bool", "float"}
    )

    def edits(self, node: ast.Call, unit: Unit) -> Iterator[Change]:
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name in self._FULL or len(node.args) > 5:
            return
        place = self._end(node, unit)
        if place is None:
            return
        comma = ", " if node.args or node.keywords else ""
        given = {k.arg for k in node.keywords}
        for extra in _EXTRA.get(name, ()):
            if extra.split("=")[0] not in given:
                yield Change(((place, place, comma + extra),), 1.0)
        if name in _EXTRA and name not in ("max", "min", "get", "pop"):
            return
        expected = signature(node, unit)
        if expected is not None:
            yield from self._named(node, expected, place, comma, unit)
        replaced = _replaced_by(node, unit)
        for variable, weight in unit.variables.ranked(node)[:8]:
            if variable.name == replaced:
                weight += 2.0  # made from what it takes the place of
            if not node.keywords:
                yield Change(((place, place, comma + variable.name),), weight)
            if node.args:
                first = unit.span(node.args[0])[0]
                yield Change(((first, first, f"{variable.name}, "),), weight - 0.7)

    def _named(
        self, node: ast.Call, expected: ast.arguments, place: int, comma: str, unit: Unit
    ) -> Iterator[Change]:
        """Keywords for parameters that were not given, where a variable of that name is in scope."""
        given = {k.arg for k in node.keywords}
        visible = {v.name for v in unit.in_scope(node)}
        names = [a.arg for a in (*expected.args, *expected.kwonlyargs)]
        for name in names[len(node.args) :]:
            if name in visible and name not in given and name not in ("self", "cls"):
                yield Change(((place, place, f"{comma}{name}={name}"),), 2.0)

    def _end(self, node: ast.Call, unit: Unit) -> int | None:
        last = max(
            (unit.span(a)[1] for a in (*node.args, *node.keywords)), default=unit.span(node)[1] - 1
        )
        if any(isinstance(a, ast.GeneratorExp) for a in node.args):
            return None
        return last


def _replaced_by(node: ast.Call, unit: Unit) -> str:
    """The variable that a statement sets to a call and nothing else; empty without one."""
    match unit.parent(node):
        case ast.Assign(targets=[ast.Name(id=name)]):
            return name
        case _:
            return ""


class KeywordName(Pattern[ast.keyword]):
    """Another keyword of the same function."""

    name = "keyword_name"
    nodes = (ast.keyword,)
    examples = (
        (
            "def g(width=0, height=0):\n    return 0\n\n\ndef f(a):\n    return g(width=a)\n",
            "def g(width=0, height=0):\n    return 0\n\n\ndef f(a):\n    return g(height=a)\n",
        ),
    )
    untouched = ("def f(a):\n    return g(width=a)\n",)

    def edits(self, node: ast.keyword, unit: Unit) -> Iterator[Change]:
        call = unit.parent(node)
        if node.arg is None or not isinstance(call, ast.Call):
            return
        expected = signature(call, unit)
        given = {k.arg for k in call.keywords}
        if expected is None:
            return
        start = unit.span(node)[0]
        for argument in (*expected.args, *expected.kwonlyargs):
            if argument.arg not in given and argument.arg not in ("self", "cls"):
                yield Change(((start, start + len(node.arg), argument.arg),))


class StarArgument(Pattern[ast.expr]):
    """``f(*xs)`` for ``f(xs)``, and back."""

    name = "star_argument"
    nodes = (ast.Call,)
    examples = (
        ("def f(xs):\n    return max(xs)\n", "def f(xs):\n    return max(*xs)\n"),
        ("def f(xs):\n    return g(*xs)\n", "def f(xs):\n    return g(xs)\n"),
    )
    untouched = ("def f():\n    return g()\n", "def f(n):\n    return len(n)\n")

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if not isinstance(node, ast.Call):
            return
        name = getattr(node.func, "id", "")
        for argument in node.args:
            start = unit.span(argument)[0]
            if isinstance(argument, ast.Starred):
                yield Change(((start, unit.span(argument.value)[0], ""),))
            elif isinstance(argument, (ast.Name, ast.Attribute, ast.Call, ast.Subscript)):
                kinds = unit.variables.kinds(argument)
                if name not in AddArgument._FULL and not kinds & {NUMBER, FLAG, TEXT}:
                    yield Change(((start, start, "*"),))


PATTERNS = (
    SwapArguments(),
    SwapElements(),
    ReplaceElement(),
    AddArgument(),
    KeywordName(),
    StarArgument(),
)
