"""What a function gives back: missing returns, wrong returned values, `yield`, and jumps."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.nodes import FUNCTIONS
from pytest_gemmadev.propose.code.statement_lines import COMPOUND, SIMPLE, alone, owner, siblings
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, after, before
from pytest_gemmadev.propose.patterns.pattern import Pattern
from pytest_gemmadev.propose.patterns.results import returned_values

_ENDS = (ast.Return, ast.Raise, ast.Break, ast.Continue)


class MissingReturn(Pattern[ast.stmt]):
    """A `return` put before an expression, or added at the end of a block."""

    name = "missing_return"
    nodes = (*SIMPLE, *COMPOUND)
    examples = (
        ("def f(a):\n    g(a)\n", "def f(a):\n    return g(a)\n"),
        ("def f(a):\n    b = a + 1\n", "def f(a):\n    b = a + 1\n    return b\n"),
        (
            "def f(xs):\n    for x in xs:\n        if x:\n            return True\n",
            "def f(xs):\n"
            "    for x in xs:\n"
            "        if x:\n"
            "            return True\n"
            "    return False\n",
        ),
    )
    untouched = ("g(1)\n", "def f(a):\n    return a\n")

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None or unit.function(node) is None or isinstance(node, _ENDS):
            return
        if isinstance(node, ast.Expr) and not isinstance(node.value, (ast.Constant, ast.Yield)):
            start = unit.span(node)[0]
            yield Change(((start, start, "return "),), 1.5)
        if block.index + 1 < len(block.statements):
            return
        at_end = isinstance(block.owner, FUNCTIONS)
        for code, weight in self._values(node, unit):
            yield after(unit, node, f"return {code}", weight + (1.0 if at_end else 0.0))

    def _values(self, node: ast.stmt, unit: Unit) -> Iterator[tuple[str, float]]:
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name):
                yield target.id, 1.5
        for rank, code in enumerate(returned_values(unit, node)[:10]):
            yield code, 0.5 - 0.1 * rank
        for variable, weight in unit.variables.ranked(node)[:6]:
            if variable.is_local:
                yield variable.name, weight


class ReturnMoved(Pattern[ast.Return]):
    """A returned value kept in a variable first, or returned before the statement in front of it."""

    name = "return_before"
    nodes = (ast.Return,)
    examples = (
        (
            "def f(a):\n    a += 1\n    return a\n",
            "def f(a):\n    return a\n    a += 1\n    return a\n",
        ),
    )
    untouched = ("def f(a):\n    return a\n",)

    def edits(self, node: ast.Return, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is not None and block.index:
            previous = block.statements[block.index - 1]
            if alone(unit, previous) and owner(unit, previous) is not None:
                yield before(unit, previous, unit.code(node))


PATTERNS = (
    MissingReturn(),
    ReturnMoved(),
)
