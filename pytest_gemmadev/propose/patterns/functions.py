"""Functions: default values, lambda keys, sort order, decorators, `await`, `global`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.kinds import MAPPING
from pytest_gemmadev.propose.code.nodes import FunctionNode
from pytest_gemmadev.propose.code.statement_lines import real_statements
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, before, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern


class MutableDefault(Pattern[ast.FunctionDef]):
    """A new container at each call for a default that all calls share."""

    name = "mutable_default"
    nodes = (ast.FunctionDef, ast.AsyncFunctionDef)
    examples = (
        (
            "def f(x, xs=[]):\n    xs.append(x)\n    return xs\n",
            "def f(x, xs=None):\n"
            "    if xs is None:\n"
            "        xs = []\n"
            "    xs.append(x)\n"
            "    return xs\n",
        ),
    )
    untouched = ("def f(x, xs=()):\n    return xs\n",)

    def edits(self, node: FunctionNode, unit: Unit) -> Iterator[Change]:
        block = unit.block(node.body[0])
        arguments = (*node.args.posonlyargs, *node.args.args)
        given = zip(reversed(arguments), reversed(node.args.defaults), strict=False)
        if block is None or not real_statements(block, unit):
            return
        first = real_statements(block, unit)[0]
        for argument, default in given:
            code = unit.code(default)
            if code in ("[]", "{}", "set()", "dict()", "list()"):
                guard = before(
                    unit, first, f"if {argument.arg} is None:\n    {argument.arg} = {code}"
                )
                yield Change(((*unit.span(default), "None"), *guard.replacements), 0.0, node)


_FUNCTION_KEYS = ("len", "str", "int", "str.lower", "abs")
_KEYS = (
    "x[0]",
    "x[1]",
    "-x",
    "-x[1]",
    "x[-1]",
    "(len(x), x)",
    "(x[1], x[0])",
    "(-x[1], x[0])",
)


class SortOrder(Pattern[ast.Call]):
    """A sort key or its direction: by an element, by length, the other way round, in two steps."""

    name = "sort_key"
    nodes = (ast.Call,)
    examples = (
        (
            "def f(xs):\n    return sorted(xs)\n",
            "def f(xs):\n    return sorted(xs, key=lambda x: x[1])\n",
        ),
        (
            "def f(xs):\n    return sorted(xs, key=lambda x: x[0])\n",
            "def f(xs):\n    return sorted(xs, key=lambda x: -x[0])\n",
        ),
        (
            "def f(xs):\n    return max(xs, key=lambda p: p[0])\n",
            "def f(xs):\n    return max(xs, key=lambda p: (p[0], p[1]))\n",
        ),
        (
            "def f(xs):\n    d = {}\n    return sorted(xs)\n",
            "def f(xs):\n    d = {}\n    return sorted(xs, key=lambda x: d[x])\n",
        ),
        ("def f(xs):\n    xs.sort(reverse=True)\n", "def f(xs):\n    xs.sort(reverse=False)\n"),
    )
    untouched = ("def f(xs):\n    return g(xs)\n",)

    def edits(self, node: ast.Call, unit: Unit) -> Iterator[Change]:
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name not in ("sorted", "sort", "max", "min"):
            return
        given = {k.arg: k.value for k in node.keywords}
        key, reverse = given.get("key"), given.get("reverse")
        if isinstance(reverse, ast.Constant):
            yield replace(reverse, str(not reverse.value), unit, 1.0)
        if isinstance(key, ast.Lambda):
            yield from self._other_key(key, unit)
        elif "key" not in given and (node.args or name == "sort") and len(node.args) <= 1:
            last = unit.span(node.args[-1])[1] if node.args else unit.span(node)[1] - 1
            comma = ", " if node.args else ""
            tail = ", " if not node.args and node.keywords else ""
            for code in (*_FUNCTION_KEYS, *(f"lambda x: {body}" for body in _KEYS)):
                yield Change(((last, last, f"{comma}key={code}{tail}"),))
            for variable, weight in unit.variables.ranked(node, kinds=frozenset({MAPPING}))[:4]:
                if MAPPING in variable.kinds:
                    for body in (f"{variable.name}[x]", f"-{variable.name}[x]"):
                        yield Change(((last, last, f"{comma}key=lambda x: {body}{tail}"),), weight)

    def _other_key(self, key: ast.Lambda, unit: Unit) -> Iterator[Change]:
        code = unit.code(key.body)
        name = key.args.args[0].arg if key.args.args else "x"
        if isinstance(key.body, ast.Tuple):
            inner = [unit.code(e) for e in key.body.elts]
            yield replace(key.body, inner[0], unit)
            yield replace(key.body, f"({', '.join([f'-{inner[0]}', *inner[1:]])})", unit)
            yield replace(key.body, f"({', '.join([*inner[:-1], f'-{inner[-1]}'])})", unit)
            yield replace(key.body, f"({', '.join(reversed(inner))})", unit)
            return
        yield replace(key.body, f"-{code}", unit)
        for second in (name, f"{name}[0]", f"{name}[1]", f"-{name}[0]", f"-{name}[1]"):
            if second != code:
                yield replace(key.body, f"({code}, {second})", unit)
                yield replace(key.body, f"(-{code}, {second})", unit)


class Declared(Pattern[ast.FunctionDef]):
    """`nonlocal` or `global` for a name that a function assigns and that is bound further out."""

    name = "declare_outer"
    nodes = (ast.FunctionDef,)
    examples = (
        (
            "def f():\n    n = 0\n\n    def g():\n        n += 1\n\n    g()\n    return n\n",
            "def f():\n"
            "    n = 0\n"
            "\n"
            "    def g():\n"
            "        nonlocal n\n"
            "        n += 1\n"
            "\n"
            "    g()\n"
            "    return n\n",
        ),
        (
            "n = 0\n\n\ndef g():\n    n += 1\n",
            "n = 0\n\n\ndef g():\n    global n\n    n += 1\n",
        ),
    )
    untouched = ("def g():\n    n = 0\n    n += 1\n",)

    def edits(self, node: ast.FunctionDef, unit: Unit) -> Iterator[Change]:
        block = unit.block(node.body[0])
        if block is None or not real_statements(block, unit):
            return
        first = real_statements(block, unit)[0]
        for name in unit.variables.bound_in(node):
            outer = unit.function(node)
            if outer is not None and name in unit.variables.bound_in(outer):
                change = before(unit, first, f"nonlocal {name}")
                yield Change(change.replacements, 0.0, outer)
            elif name in unit.variables.module_values:
                yield before(unit, first, f"global {name}")


class Decorator(Pattern[ast.FunctionDef]):
    """`staticmethod`, `classmethod` or `property` on a method, or taken from it."""

    name = "method_decorator"
    nodes = (ast.FunctionDef,)
    examples = (
        (
            "class A:\n    def f(x):\n        return x\n",
            "class A:\n    @staticmethod\n    def f(x):\n        return x\n",
        ),
        (
            "class A:\n    @property\n    def f(self):\n        return 1\n",
            "class A:\n    def f(self):\n        return 1\n",
        ),
    )
    untouched = ("def f(x):\n    return x\n",)

    def edits(self, node: ast.FunctionDef, unit: Unit) -> Iterator[Change]:
        if unit.cls is None or node is not unit.root:
            return
        start = unit.source.line_start(unit.span(node)[0])
        indent = unit.source.indentation(node)
        names = ("staticmethod", "classmethod", "property")
        if not node.decorator_list:
            for name in names:
                yield Change(((start, start, f"{indent}@{name}\n"),), 0.0, node)
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Name) and decorator.id in names:
                end = unit.source.line_end(unit.span(decorator)[1])
                first = unit.source.line_start(unit.span(decorator)[0])
                newline = len(unit.source.newline)
                yield Change(((first, end + newline, ""),), 0.0, node)


PATTERNS = (MutableDefault(), SortOrder(), Declared(), Decorator())
