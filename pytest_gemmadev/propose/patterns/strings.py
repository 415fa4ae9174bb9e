"""Strings: a missing ``f`` prefix, formatting, joining, what a replacement or a split acts on."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change
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


PATTERNS = (Prefix(),)
