"""Code that slipped out of its block by its indentation, and still compiles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import takewhile

from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.names import bound_names
from pytest_gemmadev.propose.code.nodes import FUNCTIONS
from pytest_gemmadev.propose.rules.classes import reindented
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import SURE, Example, Fix, Rule, fix
from pytest_gemmadev.propose.rules.undefined_names import unknown_name
from pytest_gemmadev.types import ErrorKind

_DEFINITIONS = (*FUNCTIONS, ast.ClassDef)


class OutdentedEnd(Rule):
    """The end of a function that stands behind it: it uses what only the function knows."""

    name = "outdented_end"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "class Tree:\n    def __init__(self, n):\n        self.n = n\n    self.row = [0] * n\n",
            "Tree(2).row",
            "\n    self.row",
            "\n        self.row",
        ),
        Example(
            "def total(xs):\n    result = 0\nfor x in xs:\n    result += x\n"
            "print('ready')\n\n\ndef one():\n    return 1\n",
            "total([1])",
            "for x in xs:\n    result += x\n",
            "    for x in xs:\n        result += x\n",
        ),
        Example("def total(xs):\n    return xs\n\n\nprint(ys)\n", "total([1])"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None:
            return
        module = unknown.module
        found = _end_of(module, unknown.use, unknown.name)
        if found is None:
            return
        function, behind = found
        indent = module.indentation(function.body[-1])
        known = bound_names(function)
        also = list(takewhile(lambda s: not isinstance(s, _DEFINITIONS), behind))
        using = list(takewhile(lambda s: _mentions(s, known), also))
        counts = dict.fromkeys((max(1, len(using)), len(also), 1, len(behind)))
        for doubt, count in enumerate(counts):
            moved = behind[:count]
            edits = [reindented(module, s, module.indentation(s), indent) for s in moved]
            if all(edits):
                why = f"`{unknown.name}` is known in `{function.name}` above only"
                yield from fix(SURE - 0.1 * doubt, why, *(e for some in edits for e in some))


def _end_of(
    module: Module, use: ast.Name, name: str
) -> tuple[ast.FunctionDef | ast.AsyncFunctionDef, list[ast.stmt]] | None:
    """The function right before the statement that knows the name, and all that stands behind it."""
    statement = module.statement(use)
    while statement is not None:
        block = module.block(statement)
        before = block.statements[block.index - 1] if block is not None and block.index else None
        if block is not None and isinstance(before, FUNCTIONS) and name in bound_names(before):
            return before, block.statements[block.index :]
        statement = module.enclosing(statement, ast.stmt)
    return None


def _mentions(statement: ast.stmt, names: dict[str, list[ast.AST]]) -> bool:
    return any(isinstance(n, ast.Name) and n.id in names for n in ast.walk(statement))


RULES: tuple[Rule, ...] = (OutdentedEnd(),)
