"""Loops: what is iterated, what is bound, where a loop ends."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.kinds import LIST, MAPPING, TEXT
from pytest_gemmadev.propose.code.precedence import ATOM
from pytest_gemmadev.propose.code.statement_lines import alone
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern


class Iterable(Pattern[ast.For]):
    """Another thing to iterate: a collection in scope, its indices, its items, part of it."""

    name = "loop_iterable"
    nodes = (ast.For, ast.comprehension)
    examples = (
        (
            "def f(xs, ys):\n    for x in xs:\n        g(x)\n",
            "def f(xs, ys):\n    for x in range(len(xs)):\n        g(x)\n",
        ),
        (
            "def f(xs, ys):\n    for x in range(len(xs)):\n        g(x)\n",
            "def f(xs, ys):\n    for x in xs:\n        g(x)\n",
        ),
        (
            "def f(d):\n    return [k for k in d.keys()]\n",
            "def f(d):\n    return [k for k in d.values()]\n",
        ),
        (
            "def f(n):\n    for i in n:\n        g(i)\n",
            "def f(n):\n    for i in range(n):\n        g(i)\n",
        ),
    )
    untouched = ("def f(xs):\n    return xs\n",)

    def edits(self, node: ast.For | ast.comprehension, unit: Unit) -> Iterator[Change]:
        code = unit.operand(node.iter, ATOM)
        match node.iter:
            case ast.Call(
                func=ast.Name(id="range"), args=[ast.Call(func=ast.Name(id="len"), args=[x])]
            ):
                yield replace(node.iter, unit.code(x), unit, 1.0)
                yield replace(node.iter, f"reversed({unit.code(node.iter)})", unit)
            case ast.Call(func=ast.Name(id="range"), args=[single]):
                yield replace(node.iter, unit.code(single), unit)
                yield replace(node.iter, f"reversed({unit.code(node.iter)})", unit)
                yield replace(node.iter, f"range(len({unit.code(single)}))", unit)
            case ast.Call(func=ast.Name(id="range")):
                yield replace(node.iter, f"reversed({unit.code(node.iter)})", unit)
            case ast.Call(func=ast.Name(id="enumerate" | "reversed" | "sorted"), args=[x, *_]):
                yield replace(node.iter, unit.code(x), unit)
            case ast.Call(func=ast.Attribute(attr="items" | "keys" | "values") as method):
                for other in {"items", "keys", "values"} - {method.attr}:
                    yield replace(node.iter, f"{unit.code(method.value)}.{other}()", unit)
            case _:
                tuple_target = isinstance(node.target, ast.Tuple)
                yield replace(node.iter, f"range(len({code}))", unit, 0.5)
                yield replace(node.iter, f"range({code})", unit, 0.5)
                yield replace(node.iter, f"enumerate({code})", unit, 1.0 if tuple_target else -1.0)
                yield replace(node.iter, f"{code}.items()", unit, 1.0 if tuple_target else -1.0)
                yield replace(node.iter, f"{code}.values()", unit, -0.5)
                for part in ("[1:]", "[:-1]", "[::-1]", "[:]"):
                    yield replace(node.iter, code + part, unit)
        for variable, weight in unit.variables.ranked(node.target, kinds=frozenset({LIST, TEXT}))[
            :5
        ]:
            if not variable.kinds or variable.kinds & {LIST, TEXT, MAPPING}:
                yield replace(node.iter, variable.name, unit, weight)
                yield replace(node.iter, f"range(len({variable.name}))", unit, weight)
            else:
                yield replace(node.iter, f"range({variable.name})", unit, weight)


class Target(Pattern[ast.For]):
    """An index bound beside the element, or one of two targets alone."""

    name = "loop_target"
    nodes = (ast.For, ast.comprehension)
    examples = (
        (
            "def f(xs):\n    for x in xs:\n        g(i, x)\n",
            "def f(xs):\n    for i, x in enumerate(xs):\n        g(i, x)\n",
        ),
        (
            "def f(xs):\n    for i, x in enumerate(xs):\n        g(x)\n",
            "def f(xs):\n    for x in xs:\n        g(x)\n",
        ),
    )
    untouched = ("def f(xs):\n    return xs\n",)

    def edits(self, node: ast.For | ast.comprehension, unit: Unit) -> Iterator[Change]:
        target, iterable = unit.span(node.target), unit.span(node.iter)
        code = unit.code(node.iter)
        match node.iter:
            case ast.Call(func=ast.Name(id="enumerate"), args=[x, *_]):
                if isinstance(node.target, ast.Tuple) and len(node.target.elts) == 2:
                    for element in node.target.elts:
                        changed = (*target, unit.code(element))
                        yield Change((changed, (*iterable, unit.code(x))))
            case _ if isinstance(node.target, ast.Name):
                unbound = [n for n in ("i", "idx", "index", "j", "k") if n != node.target.id]
                for name in unbound[:3]:
                    changed = (*target, f"{name}, {node.target.id}")
                    yield Change((changed, (*iterable, f"enumerate({code})")))
            case _:
                pass


class Endless(Pattern[ast.While]):
    """A loop that only its body ends: ``while True``."""

    name = "loop_condition"
    nodes = (ast.While,)
    examples = (
        (
            "def f(a):\n    while a:\n        a = g(a)\n",
            "def f(a):\n    while True:\n        a = g(a)\n",
        ),
    )
    untouched = ("def f(a):\n    while a: a = g(a)\n", "def f(a):\n    return a\n")

    def edits(self, node: ast.While, unit: Unit) -> Iterator[Change]:
        if alone(unit, node.body[0]) and unit.source.lines_of(node, node):
            yield Change(((*unit.span(node.test), "True"),))


PATTERNS = (Iterable(), Target(), Endless())
