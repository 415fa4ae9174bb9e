"""Strings: a missing ``f`` prefix, formatting, joining, what a replacement or a split acts on."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.kinds import LIST, TEXT
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern


class Prefix(Pattern[ast.Constant]):
    """An ``f`` or ``r`` before a string that has braces or backslashes."""

    name = "string_prefix"
    nodes = (ast.Constant,)
    examples = (("def f(a):\n    return 'is {a}'\n", "def f(a):\n    return f'is {a}'\n"),)
    untouched = ("def f(a):\n    return 'is a'\n", "def f(a):\n    return '{}'.format(a)\n")

    def edits(self, node: ast.Constant, unit: Unit) -> Iterator[Change]:
        if not isinstance(node.value, str) or isinstance(
            unit.parent(node), (ast.Attribute, ast.JoinedStr)
        ):
            return
        start = unit.span(node)[0]
        if unit.text[start] not in "'\"":
            return
        if "{" in node.value and "}" in node.value and "{}" not in node.value:
            yield Change(((start, start, "f"),))
        if "\\" in unit.code(node):
            yield Change(((start, start, "r"),))


class Joined(Pattern[ast.expr]):
    """``''.join(xs)`` for ``xs`` or ``str(xs)``, the separator and the iterable swapped, and back."""

    name = "join_strings"
    nodes = (ast.Name, ast.Call, ast.ListComp)
    examples = (
        (
            "def f():\n    out = []\n    return out\n",
            "def f():\n    out = []\n    return ''.join(out)\n",
        ),
        ("def f(xs):\n    return ''.join(xs)\n", "def f(xs):\n    return xs\n"),
        ("def f(xs):\n    return xs.join(',')\n", "def f(xs):\n    return ','.join(xs)\n"),
    )
    untouched = ("def f(n):\n    return n - 1\n", "def f():\n    out = 1\n    return out\n")

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if isinstance(node, ast.Call):
            func = node.func
            if isinstance(func, ast.Attribute) and func.attr == "join" and len(node.args) == 1:
                inner, outer = unit.code(node.args[0]), unit.code(func.value)
                yield replace(node, f"{inner}.join({outer})", unit)
                if not isinstance(node.args[0], ast.GeneratorExp):
                    yield replace(node, inner, unit)
                    yield replace(node, f"{outer}.join(map(str, {inner}))", unit)
            elif isinstance(func, ast.Name) and func.id == "str" and len(node.args) == 1:
                yield replace(node, f"''.join({unit.code(node.args[0])})", unit)
            return
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return
        parent = unit.parent(node)
        if isinstance(parent, (ast.Return, ast.Assign)) and LIST in unit.variables.kinds(node):
            code = unit.code(node)
            for separator in ("''", "' '", "', '"):
                yield replace(node, f"{separator}.join({code})", unit)
            yield replace(node, f"''.join(map(str, {code}))", unit)


class Cased(Pattern[ast.Compare]):
    """Both sides of a comparison of strings put in one case."""

    name = "case_insensitive"
    nodes = (ast.Compare,)
    examples = (
        (
            "def f(a: str, b: str):\n    return a == b\n",
            "def f(a: str, b: str):\n    return a.lower() == b.lower()\n",
        ),
    )
    untouched = ("def f(a: int, b: int):\n    return a == b\n",)

    def edits(self, node: ast.Compare, unit: Unit) -> Iterator[Change]:
        if len(node.ops) > 1 or not isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
            return
        sides = (node.left, node.comparators[0])
        texts = all(TEXT in unit.variables.kinds(s) for s in sides)
        if texts and all(isinstance(s, (ast.Name, ast.Attribute, ast.Subscript)) for s in sides):
            ends = [unit.span(s)[1] for s in sides]
            yield Change(tuple((end, end, ".lower()") for end in ends))


PATTERNS = (Prefix(), Joined(), Cased())
