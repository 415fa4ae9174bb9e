"""Code written twice: what stands in one copy and is missing or different in the other.

Functions and blocks are copied and adapted, and a later change reaches one of the copies only. The
other copy then says what the repair is.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from pytest_gemmadev.propose.code.nodes import BLOCKS, FUNCTIONS
from pytest_gemmadev.propose.code.source import Source
from pytest_gemmadev.propose.code.statement_lines import (
    COMPOUND,
    MOVABLE,
    alone,
    owner,
    reindented,
    siblings,
)
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, after, before, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern
from pytest_gemmadev.propose.similarity import letter_similarity

_LINES = 6  # of a statement that is taken over
_NEIGHBOURS = 12
_RENAMED = 6  # pairs of names tried between two blocks
_CHAINS = 6
_WORD = re.compile(r"[A-Za-z_]\w*")


class MissingNeighbour(Pattern[ast.stmt]):
    """A statement that stands beside an equal one in another function of the file."""

    name = "missing_neighbour"
    nodes = MOVABLE
    examples = (
        (
            "def f(x):\n    if x is True:\n        raise ValueError(x)\n    x = float(x)\n    g(x)\n\n\n"
            "def h(x):\n    x = float(x)\n    return x\n",
            "def f(x):\n    if x is True:\n        raise ValueError(x)\n    x = float(x)\n    g(x)\n\n\n"
            "def h(x):\n    if x is True:\n        raise ValueError(x)\n    x = float(x)\n    return x\n",
        ),
        (
            "class A:\n    def f(self, x):\n        self.visit(x.a)\n        self.visit(x.b)\n\n"
            "    def g(self, x):\n        self.visit(x.a)\n",
            "class A:\n    def f(self, x):\n        self.visit(x.a)\n        self.visit(x.b)\n\n"
            "    def g(self, x):\n        self.visit(x.a)\n        self.visit(x.b)\n",
        ),
    )
    untouched = (
        "def f(x):\n    g(x)\n    h(x)\n\n\ndef k(y):\n    g(y)\n",
        "def f(x):\n    g(x)\n    return h\n\n\ndef k(x):\n    g(x)\n    return h\n",
    )

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None or not isinstance(unit.root, FUNCTIONS):
            return
        start, end = unit.extent
        beside = [
            (statements, index)
            for statements, index in _by_code(unit.source).get(unit.code(node), ())
            if not start <= unit.span(statements[index])[0] < end
        ]
        if not beside:
            return
        own = {unit.code(s) for s in ast.walk(unit.root) if isinstance(s, ast.stmt)}
        names = {v.name for v in unit.in_scope(node)} | set(unit.variables.callables(node))
        found: dict[tuple[str, str], float] = {}
        for statements, index in beside:
            for way, other in (("before", index - 1), ("after", index + 1)):
                if not 0 <= other < len(statements):
                    continue
                code = _taken_over(statements[other], unit)
                if code and code not in own and _fits(statements[other], unit, names):
                    found[way, code] = found.get((way, code), 0.0) + 0.5
        for (way, code), weight in list(found.items())[:_NEIGHBOURS]:
            ends = isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue))
            if way == "before":
                yield before(unit, node, code, weight)
            elif not ends:
                yield after(unit, node, code, weight)


@lru_cache(maxsize=32)
def _by_code(source: Source) -> dict[str, list[tuple[list[ast.stmt], int]]]:
    """Where each statement of the file stands, by its text."""
    found: dict[str, list[tuple[list[ast.stmt], int]]] = defaultdict(list)
    for holder in ast.walk(source.tree):
        if isinstance(holder, (ast.Module, ast.ClassDef)):
            continue
        for name in BLOCKS:
            statements = getattr(holder, name, None)
            if isinstance(statements, list) and len(statements) > 1:
                for index, statement in enumerate(statements):
                    if isinstance(statement, ast.stmt):
                        found[source.segment(statement)].append((statements, index))
    return found


def _taken_over(statement: ast.stmt, unit: Unit) -> str:
    """The statement in the layout that `layout.shaped` reads; empty where it is not worth it."""
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef, ast.Pass, ast.Break, ast.Continue)):
        return ""
    if isinstance(statement, ast.Return):
        return ""
    lines = ast.unparse(statement).split("\n")
    return "\n".join(lines) if len(lines) <= _LINES else ""


def _fits(statement: ast.stmt, unit: Unit, names: set[str]) -> bool:
    """True where all local names that a statement of another function reads are known here."""
    bound = {
        n.id
        for n in ast.walk(statement)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    read = {
        n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
    }
    return all(n in names or n in bound or _is_global(n, unit) for n in read)


def _is_global(name: str, unit: Unit) -> bool:
    return name in _globals(unit.source)


@lru_cache(maxsize=32)
def _globals(source: Source) -> frozenset[str]:
    """Names that the module binds, and the built-in ones."""
    import builtins

    found = set(dir(builtins))
    for statement in source.tree.body:
        if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
            found.add(statement.name)
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            found.update(a.asname or a.name.partition(".")[0] for a in statement.names)
        else:
            found.update(
                n.id
                for n in ast.walk(statement)
                if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            )
    return frozenset(found)


class TwinBlock(Pattern[ast.stmt]):
    """A block written anew as one beside it is, with one name replaced."""

    name = "twin_block"
    nodes = COMPOUND
    examples = (
        (
            "def f(a):\n    if a.left:\n        a.left = copy(a.left)\n        g(a.left)\n"
            "    if a.right.ready:\n        g(a.right)\n",
            "def f(a):\n    if a.left:\n        a.left = copy(a.left)\n        g(a.left)\n"
            "    if a.right:\n        a.right = copy(a.right)\n        g(a.right)\n",
        ),
    )
    untouched = ("def f(a, b):\n    if a:\n        g(a)\n    while b:\n        h(b)\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None:
            return
        own = unit.code(node)
        for other in block.statements:
            if other is node or type(other) is not type(node) or not alone(unit, other):
                continue
            text = reindented(unit, [other], unit.source.indentation(node))
            if text.count("\n") > 2 * _LINES:
                continue
            start, end = unit.source.lines_of(node, node)
            for old, new in _exchanges(text, own):
                changed = re.sub(rf"\b{re.escape(old)}\b", new, text)
                weight = 2.0 * letter_similarity(changed, own) + letter_similarity(old, new)
                yield Change(((start, end, changed),), weight, owner(unit, node))


def _exchanges(theirs: str, ours: str) -> list[tuple[str, str]]:
    """Pairs of names, one found in their text only and one in ours only, the likest first."""
    left = set(_WORD.findall(theirs)) - set(_WORD.findall(ours))
    right = set(_WORD.findall(ours)) - set(_WORD.findall(theirs))
    pairs = [(a, b) for a in sorted(left) for b in sorted(right)]
    pairs.sort(key=lambda pair: -letter_similarity(*pair))
    return pairs[:_RENAMED]


class SameNamedMethod(Pattern[ast.Name]):
    """A method in place of the function of the same name, reached as elsewhere in the file."""

    name = "same_named_method"
    nodes = (ast.Name,)
    examples = (
        (
            "class A:\n    def f(self, x):\n        return self.env.join(x)\n\n"
            "    def g(self, x):\n        return join(x)\n",
            "class A:\n    def f(self, x):\n        return self.env.join(x)\n\n"
            "    def g(self, x):\n        return self.env.join(x)\n",
        ),
    )
    untouched = (
        "class A:\n    def f(self, x):\n        return self.env.join(x)\n\n"
        "    def g(self, x):\n        return split(x)\n",
        "def f(env, x):\n    return env.join(x)\n\n\ndef g(x):\n    return join(x)\n",
    )

    def edits(self, node: ast.Name, unit: Unit) -> Iterator[Change]:
        parent = unit.parent(node)
        if not isinstance(parent, ast.Call) or parent.func is not node:
            return
        names = {v.name for v in unit.in_scope(node)}
        for code in _chains(unit.source).get(node.id, ())[:_CHAINS]:
            if code.partition(".")[0] in names:
                yield replace(node, code, unit)


@lru_cache(maxsize=32)
def _chains(source: Source) -> dict[str, list[str]]:
    """Methods called in the file, ``a.b.name``, by their last name, the commonest first."""
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            code = source.segment(node.func)
            if re.fullmatch(r"\w+(\.\w+)+", code):
                known = counts[node.func.attr]
                known[code] = known.get(code, 0) + 1
    return {name: sorted(codes, key=lambda c: -codes[c]) for name, codes in counts.items()}


PATTERNS = (MissingNeighbour(), TwinBlock(), SameNamedMethod())
