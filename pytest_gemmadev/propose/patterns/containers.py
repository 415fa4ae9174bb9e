"""Containers: the wrong kind, shared instead of copied, a lookup without its default."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern


class ContainerKind(Pattern[ast.expr]):
    """The same elements in another container: list, set, tuple, generator, by their brackets."""

    name = "container_kind"
    nodes = (ast.List, ast.Tuple, ast.Set, ast.ListComp, ast.SetComp, ast.GeneratorExp)
    examples = (
        ("def f(x):\n    return [x, 1]\n", "def f(x):\n    return (x, 1)\n"),
        ("def f(xs):\n    return {x for x in xs}\n", "def f(xs):\n    return [x for x in xs]\n"),
        ("def f(xs):\n    return [x, xs]\n", "def f(xs):\n    return {x, xs}\n"),
    )
    untouched = ("def f():\n    return []\n", "def f(a):\n    a, b = a\n")

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return
        code = unit.code(node)
        if code[:1] not in "([{":
            code = f"({code})"
        inner = code[1:-1].strip()
        if not inner or isinstance(node, ast.GeneratorExp):
            if isinstance(node, ast.GeneratorExp) and code.startswith("("):
                yield replace(node, f"[{inner}]", unit)
            return
        elements = isinstance(node, (ast.List, ast.Tuple, ast.Set))
        for left, right in ("[]", "{}", "()"):
            if code.startswith(left):
                continue
            if left == "(" and elements and inner.count(",") == 0:
                yield replace(node, f"({inner},)", unit)
                yield replace(node, inner, unit)
            elif left == "(" and not elements:
                yield replace(node, f"tuple({inner})", unit)
            else:
                yield replace(node, left + inner + right, unit)


PATTERNS = (ContainerKind(),)
