"""Statements in the wrong place: swapped, moved in a block, moved into a block or out of one."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import takewhile

from pytest_gemmadev.propose.code.nodes import FUNCTIONS, inner_blocks
from pytest_gemmadev.propose.code.statement_lines import (
    COMPOUND,
    MOVABLE,
    SIMPLE,
    alone,
    owner,
    real_statements,
    reindented,
    removal,
    siblings,
)
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change
from pytest_gemmadev.propose.patterns.pattern import Pattern

_REACH = 4  # positions that a statement is moved within its block


class MoveStatement(Pattern[ast.stmt]):
    """A statement some places further up or down in its block."""

    name = "move_statement"
    nodes = SIMPLE
    examples = (
        (
            "def f(a):\n    g(1)\n    g(2)\n    g(3)\n    g(4)\n",
            "def f(a):\n    g(2)\n    g(3)\n    g(1)\n    g(4)\n",
        ),
    )
    untouched = ("def f(a):\n    g(1)\n    g(2)\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None:
            return
        text = unit.text[slice(*unit.source.lines_of(node, node))]
        taken = removal(unit, node, node)
        statements = real_statements(block, unit)
        here = statements.index(node)
        for place in range(max(0, here - _REACH), min(len(statements), here + _REACH + 1)):
            target = statements[place]
            if abs(place - here) < 2 or not alone(unit, target):
                continue
            start, end = unit.source.lines_of(target, target)
            new = (start, start, text + "\n") if place < here else (end, end, "\n" + text)
            if not taken[0] < new[0] < taken[1]:
                yield Change((new, taken), -0.4 * abs(place - here), owner(unit, node))


class MoveOut(Pattern[ast.stmt]):
    """The last statements of a block moved out behind it, or the first ones out before it."""

    name = "move_out"
    nodes = MOVABLE
    examples = (
        (
            "def f(xs):\n    n = 0\n    for x in xs:\n        n += x\n        return n\n",
            "def f(xs):\n    n = 0\n    for x in xs:\n        n += x\n    return n\n",
        ),
        (
            "def f(xs):\n    for x in xs:\n        n = 0\n        n += x\n    return n\n",
            "def f(xs):\n    n = 0\n    for x in xs:\n        n += x\n    return n\n",
        ),
        (
            "def f(a):\n    if a:\n        g(1)\n        g(2)\n    else:\n        g(3)\n",
            "def f(a):\n    if a:\n        g(1)\n    else:\n        g(3)\n    g(2)\n",
        ),
    )
    untouched = ("def f(a):\n    g(a)\n", "for x in y: print(x)\n")

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None or not isinstance(block.owner, COMPOUND):
            return
        target: ast.stmt = block.owner
        while unit.source.is_elif(target):
            parent = unit.parent(target)
            assert isinstance(parent, ast.stmt)
            target = parent
        if not alone(unit, target):
            return
        indent = unit.source.indentation(target)
        tail, head = block.statements[block.index :], block.statements[: block.index + 1]
        if block.index:
            yield _moved_after(unit, tail, target, indent)
            if len(head) <= 3:
                yield _moved_before(unit, head, target, indent, "")
        elif len(tail) == 1 and block.field == "body":
            # The block would be empty; it stays with a `pass`.
            yield _moved_after(unit, tail, target, indent, "pass")
        elif len(tail) > 1:
            yield _moved_before(unit, head, target, indent, "")


def _moved_after(
    unit: Unit, statements: Sequence[ast.stmt], target: ast.stmt, indent: str, left: str = ""
) -> Change:
    text = reindented(unit, statements, indent)
    start, end = unit.source.lines_of(statements[0], statements[-1])
    last = unit.source.line_end(unit.span(target)[1])
    placeholder = f"{unit.source.indentation(statements[0])}{left}" if left else ""
    if last == end:
        new = f"{placeholder}\n{text}" if left else text
        return Change(((start, end, new),), 0.0, owner(unit, target))
    gone = (start, end, placeholder) if left else removal(unit, statements[0], statements[-1])
    return Change((gone, (last, last, "\n" + text)), -0.5, owner(unit, target))


def _moved_before(
    unit: Unit, statements: Sequence[ast.stmt], target: ast.stmt, indent: str, left: str
) -> Change:
    text = reindented(unit, statements, indent)
    first = unit.source.line_start(unit.span(target)[0])
    gone = removal(unit, statements[0], statements[-1])
    return Change(((first, first, text + "\n"), gone), -0.3, owner(unit, target))


class MoveIn(Pattern[ast.stmt]):
    """A statement moved into the block before it, or into the one after it."""

    name = "move_in"
    nodes = MOVABLE
    examples = (
        (
            "def f(xs):\n    n = 0\n    for x in xs:\n        n += x\n    g(n)\n    return n\n",
            "def f(xs):\n    n = 0\n    for x in xs:\n        n += x\n        g(n)\n    return n\n",
        ),
        (
            "def f(xs):\n    n = 0\n    for x in xs:\n        g(n + x)\n",
            "def f(xs):\n    for x in xs:\n        n = 0\n        g(n + x)\n",
        ),
        (
            "def f(a, b):\n    while a:\n        if b:\n            a -= 1\n    b = 0\n",
            "def f(a, b):\n    while a:\n        if b:\n            a -= 1\n            b = 0\n",
        ),
    )
    untouched = ("def f(a):\n    g(a)\n    return a\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None:
            return
        if block.index:
            rest = block.statements[block.index :]
            for count in dict.fromkeys((1, 2, len(rest))):
                moved = rest[:count]
                if len(moved) == count and all(alone(unit, s) for s in moved):
                    yield from self._into_previous(moved, block.statements[block.index - 1], unit)
        if block.index + 1 < len(block.statements):
            following = block.statements[block.index + 1]
            if isinstance(following, COMPOUND) and alone(unit, following):
                inner = following.body[0]
                if alone(unit, inner):
                    start = unit.source.line_start(unit.span(inner)[0])
                    text = reindented(unit, [node], unit.source.indentation(inner))
                    gone = removal(unit, node, node)
                    yield Change((gone, (start, start, text + "\n")), -0.3, owner(unit, node))

    def _into_previous(
        self, moved: Sequence[ast.stmt], previous: ast.stmt, unit: Unit
    ) -> Iterator[Change]:
        start, end = unit.source.lines_of(moved[0], moved[-1])
        last = inner_blocks(previous)[-1:]
        weight = 0.0 if len(moved) == 1 else -0.5
        while last:  # the innermost block at the end is the nearest, but any depth will do
            statement = last[0][1][-1]
            if alone(unit, statement):
                text = reindented(unit, moved, unit.source.indentation(statement))
                yield Change(((start, end, text),), weight, owner(unit, moved[0]))
            weight -= 0.4
            last = inner_blocks(statement)[-1:]
        blocks = inner_blocks(previous)
        for _, statements in blocks[:-1]:  # into an earlier branch
            if alone(unit, statements[-1]):
                at = unit.source.line_end(unit.span(statements[-1])[1])
                text = reindented(unit, moved, unit.source.indentation(statements[-1]))
                gone = removal(unit, moved[0], moved[-1])
                yield Change(((at, at, "\n" + text), gone), weight, owner(unit, moved[0]))


class MoveIntoFunction(Pattern[ast.stmt]):
    """Statements behind a function that belong to its end, by their indentation."""

    name = "move_into_function"
    nodes = SIMPLE
    examples = (
        (
            "class A:\n    def __init__(self, n):\n        self.n = n\n    self.m = n\n",
            "class A:\n    def __init__(self, n):\n        self.n = n\n        self.m = n\n",
        ),
    )
    untouched = ("def f(a):\n    return a\n", "x = 1\ny = 2\n")

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = unit.block(node)
        if block is None or not block.index or not alone(unit, node):
            return
        function = block.statements[block.index - 1]
        if not isinstance(function, FUNCTIONS) or not alone(unit, function.body[-1]):
            return
        indent = unit.source.indentation(function.body[-1])
        rest = list(takewhile(lambda s: isinstance(s, SIMPLE), block.statements[block.index :]))
        for count in dict.fromkeys((1, len(rest))):
            moved = rest[:count]
            if all(alone(unit, s) for s in moved):
                start, end = unit.source.lines_of(moved[0], moved[-1])
                text = reindented(unit, moved, indent)
                yield Change(((start, end, text),), 0.0, block.owner)


PATTERNS = (
    MoveStatement(),
    MoveOut(),
    MoveIn(),
    MoveIntoFunction(),
)
