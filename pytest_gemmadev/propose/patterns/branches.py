"""Branches: what stands under `if`, `elif`, `else` and `while`, and what stands beside them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.nodes import inner_blocks
from pytest_gemmadev.propose.code.statement_lines import alone, owner, reindented
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change
from pytest_gemmadev.propose.patterns.pattern import Pattern


class ElseBranch(Pattern[ast.If]):
    """What follows an `if` put under `else`, or an `else` taken away from its branch."""

    name = "else_branch"
    nodes = (ast.If, ast.For, ast.While)
    examples = (
        (
            "def f(a):\n    if a:\n        g(1)\n    g(2)\n",
            "def f(a):\n    if a:\n        g(1)\n    else:\n        g(2)\n",
        ),
        (
            "def f(a):\n    if a:\n        g(1)\n    else:\n        g(2)\n",
            "def f(a):\n    if a:\n        g(1)\n    g(2)\n",
        ),
        (
            "def f(a):\n    if a:\n        g(1)\n    else:\n        g(2)\n",
            "def f(a):\n    if a:\n        g(2)\n    else:\n        g(1)\n",
        ),
    )
    untouched = ("def f(a):\n    g(a)\n    return a\n",)

    def edits(self, node: ast.If, unit: Unit) -> Iterator[Change]:
        block = unit.block(node)
        if block is None or not node.body or not alone(unit, node.body[-1]):
            return
        indent = unit.source.indentation(node)
        if not node.orelse and not unit.source.is_elif(node):
            rest = block.statements[block.index + 1 :]
            for count in dict.fromkeys((1, len(rest))):
                moved = rest[:count]
                if moved and len(moved) == count and all(alone(unit, s) for s in moved):
                    start, end = unit.source.lines_of(moved[0], moved[-1])
                    text = reindented(unit, moved, indent + unit.step)
                    new = f"{indent}else:\n{text}"
                    yield Change(((start, end, new),), 0.0, owner(unit, node))
        elif node.orelse and alone(unit, node.orelse[0]):
            yield from self._without(node, indent, unit)

    def _without(self, node: ast.If, indent: str, unit: Unit) -> Iterator[Change]:
        body = unit.source.lines_of(node.body[0], node.body[-1])
        orelse = unit.source.lines_of(node.orelse[0], node.orelse[-1])
        begin = body[1]  # from the end of the body over the line of the `else`
        text = reindented(unit, node.orelse, indent)
        yield Change(((begin, orelse[1], "\n" + text),), 0.0, owner(unit, node))
        if alone(unit, node.body[0]) and isinstance(node, ast.If):
            one, two = unit.text[slice(*body)], unit.text[slice(*orelse)]
            yield Change(((*body, two), (*orelse, one)), 0.0, node)


class BranchKeyword(Pattern[ast.If]):
    """`if` for `elif`, and back; `while` for `if`, and back."""

    name = "branch_keyword"
    nodes = (ast.If, ast.While)
    examples = (
        (
            "def f(a):\n    if a:\n        g(1)\n    elif a > 1:\n        g(2)\n",
            "def f(a):\n    if a:\n        g(1)\n    if a > 1:\n        g(2)\n",
        ),
        (
            "def f(a):\n    if a:\n        g(1)\n    if a > 1:\n        g(2)\n",
            "def f(a):\n    if a:\n        g(1)\n    elif a > 1:\n        g(2)\n",
        ),
        ("def f(a):\n    if a:\n        a -= 1\n", "def f(a):\n    while a:\n        a -= 1\n"),
        ("def f(a):\n    while a:\n        a -= 1\n", "def f(a):\n    if a:\n        a -= 1\n"),
    )
    untouched = ("def f(a):\n    g(a)\n",)

    def edits(self, node: ast.If | ast.While, unit: Unit) -> Iterator[Change]:
        start = unit.span(node)[0]
        region = owner(unit, node)
        if isinstance(node, ast.While):
            yield Change(((start, start + 5, "if"),), 0.0, region)
        elif unit.source.is_elif(node):
            yield Change(((start, start + 4, "if"),), 0.0, region)
        else:
            block = unit.block(node)
            previous = block.statements[block.index - 1] if block and block.index else None
            if isinstance(previous, ast.If):
                yield Change(((start, start + 2, "elif"),), 1.0, region)
            if not node.orelse:
                yield Change(((start, start + 2, "while"),), 0.0, region)


class Unwrap(Pattern[ast.stmt]):
    """The statements of a block without the condition or loop around them."""

    name = "unwrap_block"
    nodes = (ast.If, ast.While, ast.For, ast.With, ast.Try)
    examples = (
        ("def f(a):\n    if a:\n        g(1)\n        g(2)\n", "def f(a):\n    g(1)\n    g(2)\n"),
    )
    untouched = ("def f(a):\n    g(a)\n", "def f(a):\n    if a: g(a)\n")

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        if not alone(unit, node):
            return
        for _, statements in inner_blocks(node):
            if alone(unit, statements[0]):
                text = reindented(unit, statements, unit.source.indentation(node))
                yield Change(((*unit.source.lines_of(node, node), text),), 0.0, owner(unit, node))


PATTERNS = (
    ElseBranch(),
    BranchKeyword(),
    Unwrap(),
)
