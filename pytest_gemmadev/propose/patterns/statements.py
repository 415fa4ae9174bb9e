"""Superfluous statements and branches, and a branch that is missing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.precedence import op_symbol
from pytest_gemmadev.propose.code.statement_lines import (
    COMPOUND,
    MOVABLE,
    alone,
    owner,
    removal,
    siblings,
)
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, instead
from pytest_gemmadev.propose.patterns.pattern import Pattern
from pytest_gemmadev.propose.patterns.results import returned_values
from pytest_gemmadev.propose.patterns.updates import simple_donors, substituted


class DeleteStatement(Pattern[ast.stmt]):
    """A statement gone; never the only thing that a function does."""

    name = "delete_statement"
    nodes = MOVABLE
    examples = (
        ("def f(a):\n    a += 1\n    return a\n", "def f(a):\n    return a\n"),
        (
            "def f(a):\n    for x in a:\n        break\n    return a\n",
            "def f(a):\n    for x in a:\n        pass\n    return a\n",
        ),
    )
    untouched = ("def f(a):\n    return a\n", "def f(a):\n    'text'\n    return a\n")

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None:
            return
        others = [s for s in block.statements if s is not node and unit.editable(s)]
        if others:
            yield Change((removal(unit, node, node),), 0.0, owner(unit, node))
        elif isinstance(block.owner, COMPOUND) and not isinstance(node, ast.Pass):
            yield instead(unit, node, "pass")


class DropElse(Pattern[ast.If]):
    """An `else` branch gone, or the first branch of several."""

    name = "drop_branch"
    nodes = (ast.If, ast.For, ast.While)
    examples = (
        (
            "def f(a):\n    if a:\n        g(1)\n    else:\n        g(2)\n",
            "def f(a):\n    if a:\n        g(1)\n",
        ),
    )
    untouched = ("def f(a):\n    if a:\n        g(1)\n",)

    def edits(self, node: ast.If, unit: Unit) -> Iterator[Change]:
        if node.orelse and alone(unit, node.body[-1]):
            end = unit.source.lines_of(node.body[-1], node.body[-1])[1]
            last = unit.source.lines_of(node.orelse[-1], node.orelse[-1])[1]
            yield Change(((end, last, ""),), 0.0, owner(unit, node))


class AddElse(Pattern[ast.If]):
    """An `else` branch for an `if`, with a statement of the function or the opposite of its own."""

    name = "add_else"
    nodes = (ast.If,)
    examples = (
        (
            "def f(a, b):\n    for x in a:\n        if x:\n            b += 1\n    return b\n",
            "def f(a, b):\n    for x in a:\n        if x:\n            b += 1\n        else:\n"
            "            b -= 1\n    return b\n",
        ),
        (
            "def f(a, b):\n    for x in a:\n        if x:\n            b += 1\n    return b\n",
            "def f(a, b):\n    for x in a:\n        if x:\n            b += 1\n        else:\n"
            "            break\n    return b\n",
        ),
    )
    untouched = ("def f(a):\n    if a:\n        g(1)\n    else:\n        g(2)\n",)

    def edits(self, node: ast.If, unit: Unit) -> Iterator[Change]:
        if node.orelse or not alone(unit, node.body[-1]):
            return
        indent = unit.source.indentation(node)
        end = unit.source.lines_of(node.body[-1], node.body[-1])[1]
        inner = unit.source.indentation(node.body[0])
        for code, weight in self._branches(node, unit):
            text = f"\n{indent}else:\n{inner}{code}"
            yield Change(((end, end, text),), weight, owner(unit, node))

    def _branches(self, node: ast.If, unit: Unit) -> Iterator[tuple[str, float]]:
        if unit.loop(node) is not None:
            yield "break", 0.3
            yield "continue", 0.0
        for statement in node.body:
            if isinstance(statement, (ast.Assign, ast.AugAssign)):
                target = statement.targets[0] if isinstance(statement, ast.Assign) else None
                if isinstance(statement, ast.AugAssign):
                    name = unit.code(statement.target)
                    other = {"+": "-", "-": "+", "*": "//"}.get(op_symbol(statement.op), "-")
                    yield f"{name} {other}= {unit.code(statement.value)}", 1.0
                    yield f"{name} = {unit.code(statement.value)}", 0.0
                    yield f"{name} = 0", 0.3
                    yield f"{name} = 1", 0.3
                elif target is not None:
                    for value in ("0", "1", "None", "False", "True", "[]", "-1"):
                        yield f"{unit.code(target)} = {value}", -0.3
        for value in returned_values(unit, node):
            yield f"return {value}", 0.0
        for rank, donor in enumerate(simple_donors(unit, node)):
            code = unit.code(donor)
            for text, weight in ((code, 0.0), *substituted(code, unit, node)):
                yield text, weight - 0.15 * rank


PATTERNS = (
    DeleteStatement(),
    DropElse(),
    AddElse(),
)
