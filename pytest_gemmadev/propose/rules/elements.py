"""Elements read or set with what is no index, or in what cannot change."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.nodes import dotted
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import FAIR, LIKELY, SURE, Example, Fix, Rule, fix
from pytest_gemmadev.types import ErrorKind


class TextIndexedByName(Rule):
    """``string indices must be integers``: the loop runs over keys where values are meant."""

    name = "text_indexed_by_name"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def f(d):\n    s = 0\n    for row in d:\n        s += row['n']\n    return s\n",
            "assert f({'a': {'n': 1}}) == 1",
            "in d:",
            "in d.values():",
        ),
        Example(
            "import json\n\n\ndef f(text):\n    return text['n']\n",
            "f('{}')",
            "text['n']",
            "json.loads(text)['n']",
        ),
        Example("def f(xs):\n    return xs['a']\n", "f(print)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or "string ind" not in failure.message:
            return
        module = place.module
        for node in place.nodes(ast.Subscript):
            name = dotted(node.value)
            if not name:
                continue
            for loop in module.ancestors(node):
                generators = getattr(loop, "generators", None) or [loop]
                for one in generators:
                    if isinstance(one, (ast.For, ast.comprehension)) and dotted(one.target) == name:
                        code = module.code(one.iter)
                        why = f"`{code}` gives its keys; `values` gives what they lead to"
                        yield from fix(SURE - 0.1, why, module.wrap(one.iter, "", ".values()"))
            if "json" in module.bindings:
                why = f"`{name}` is text, not yet decoded"
                yield from fix(LIKELY, why, module.wrap(node.value, "json.loads("))


class ListIndexedByElement(Rule):
    """``list indices must be integers``: an element, a pair or a name used as an index."""

    name = "list_indexed_by_element"
    kinds = (ErrorKind.TYPE, ErrorKind.INDEX)
    examples = (
        Example(
            "def f(grid, i, j):\n    return grid[i, j]\n",
            "f([[1]], 0, 0)",
            "grid[i, j]",
            "grid[i][j]",
        ),
        Example(
            "def f(xs):\n    return [xs[x] for x in xs]\n",
            "assert f(['a']) == ['a']",
            "[xs[x]",
            "[x",
        ),
        Example(
            "def f(xs):\n    out = []\n    for i in xs:\n        out.append((i, xs[i]))\n"
            "    return out\n",
            "assert f(['a']) == [(0, 'a')]",
            "in xs:",
            "in range(len(xs)):",
        ),
        Example("def f(xs):\n    return xs['a']\n", "f([1])"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None:
            return
        typed = re.search(r"(list|tuple) indices must be integers or slices", failure.message)
        if typed is None and "index out of range" not in failure.message:
            return
        module = place.module
        for node in place.nodes(ast.Subscript):
            base = module.span(node.value)
            span = module.span(node)
            if isinstance(node.slice, ast.Tuple) and base and span and typed:
                inner = "][".join(module.code(e) for e in node.slice.elts)
                apart = module.edit(base[1], span[1], f"[{inner}]")
                yield from fix(SURE, "each index has its own brackets", apart)
            loop = _loop_over(module, node)
            if loop is not None:
                code = module.code(loop.iter)
                less = 0.0 if typed else 0.8
                why = f"`{dotted(loop.target)}` is an element of `{code}`, not an index"
                edit = module.replace(node, dotted(loop.target))
                yield from fix(LIKELY - less, why, edit)
                edit = module.wrap(loop.iter, "range(len(", "))")
                yield from fix(LIKELY - 0.1 - less, why, edit)


def _loop_over(module: Module, node: ast.Subscript) -> ast.For | ast.comprehension | None:
    """The loop around ``xs[x]`` whose variable is ``x`` and which runs over ``xs`` itself."""
    index, base = dotted(node.slice), ast.unparse(node.value)
    for around in module.ancestors(node):
        for one in getattr(around, "generators", None) or [around]:
            if not isinstance(one, (ast.For, ast.comprehension)) or not index:
                continue
            if dotted(one.target) == index and ast.unparse(one.iter) == base:
                return one
    return None


class UnchangeableItem(Rule):
    """An element of a tuple or text set in place: a list, where it was made."""

    name = "unchangeable_item"
    kinds = (ErrorKind.TYPE, ErrorKind.ATTRIBUTE)
    examples = (
        Example(
            "def f(n):\n    xs = (0, 0)\n    xs[0] = n\n    return xs\n",
            "assert f(1) == [1, 0]",
            "(0, 0)",
            "[0, 0]",
        ),
        Example(
            "def f(xs, n):\n    xs[0] = n\n    return xs\n",
            "assert f((0, 0), 1) == [1, 0]",
            "    xs[0] = n",
            "    xs = list(xs)\n    xs[0] = n",
        ),
        Example("def f(x):\n    x[0] = 1\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        match = re.search(
            r"'(tuple|str|range)' object (?:does not support item"
            r"|has no attribute '(?:append|extend|insert|remove|sort)')",
            failure.message,
        )
        if place is None or match is None:
            return
        module, kind = place.module, match[1]
        bases = [n.value for n in place.nodes(ast.Subscript) if not isinstance(n.ctx, ast.Load)]
        bases += [n.value for n in place.nodes(ast.Attribute)]
        for base in bases:
            name = dotted(base)
            if not name:
                continue
            why = f"`{name}` is a {kind}, which cannot change"
            scope = place.function.node if place.function else module.tree
            for node in ast.walk(place.cls or scope):
                if isinstance(node, ast.Assign) and name in [dotted(t) for t in node.targets]:
                    yield from self._listed(module, node.value, why)
            if isinstance(base, ast.Name):
                edit = module.insert_before(place.statement, f"{name} = list({name})")
                yield from fix(FAIR, why, edit)

    def _listed(self, module: Module, value: ast.expr, why: str) -> Iterator[Fix]:
        if isinstance(value, ast.Tuple):
            inner = ", ".join(module.code(e) for e in value.elts)
            yield from fix(SURE - 0.1, why, module.replace(value, f"[{inner}]"))
        elif isinstance(value, ast.Call) and dotted(value.func) == "tuple":
            yield from fix(SURE - 0.1, why, module.replace(value.func, "list"))
        elif not isinstance(value, ast.List):
            yield from fix(FAIR, why, module.wrap(value, "list("))


RULES: tuple[Rule, ...] = (
    TextIndexedByName(),
    ListIndexedByElement(),
    UnchangeableItem(),
)
