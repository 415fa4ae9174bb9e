"""Guards: a case treated before the rest, a statement made conditional, a missing base case."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from pytest_gemmadev.propose.code.kinds import LIST, MAPPING, NUMBER, SET, TEXT
from pytest_gemmadev.propose.code.nodes import FUNCTIONS
from pytest_gemmadev.propose.code.statement_lines import (
    COMPOUND,
    MOVABLE,
    alone,
    owner,
    real_statements,
    reindented,
    siblings,
)
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, after, before
from pytest_gemmadev.propose.patterns.pattern import Pattern
from pytest_gemmadev.propose.patterns.predicates import conditions_of, opposite, simple_conditions
from pytest_gemmadev.propose.patterns.results import returned_values
from pytest_gemmadev.propose.patterns.updates import missing_updates

_CONDITIONS = 48
_OUTCOMES = 6


class EntryGuard(Pattern[ast.stmt]):
    """An early return at the start of a function: for None, empty, zero, negative, or a single one."""

    name = "entry_guard"
    nodes = MOVABLE
    examples = (
        (
            "def f(xs):\n    return xs[0]\n",
            "def f(xs):\n    if not xs:\n        return None\n    return xs[0]\n",
        ),
        (
            "def f(n):\n    return n * f(n - 1)\n",
            "def f(n):\n    if n == 0:\n        return 1\n    return n * f(n - 1)\n",
        ),
        (
            "def f(a, b):\n    return a / b\n",
            "def f(a, b):\n    if b == 0:\n        return 0\n    return a / b\n",
        ),
    )
    untouched = ("def f():\n    return 1\n", "def f(a):\n    g(1); g(2)\n")

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None or not isinstance(block.owner, FUNCTIONS):
            return
        if real_statements(block, unit)[0] is not node:
            return
        arguments = block.owner.args
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        for place, name in enumerate(n for n in names if n not in ("self", "cls")):
            kinds = unit.variables.variable(name).kinds
            outcomes = [*returned_values(unit, node)[:9], name]
            for test, first in _tests(name, kinds):
                for rank, value in enumerate(dict.fromkeys(outcomes)):
                    weight = first - 0.15 * rank - 0.2 * place
                    yield before(unit, node, f"if {test}:\n    return {value}", weight)


def _tests(name: str, kinds: frozenset[str]) -> Iterator[tuple[str, float]]:
    yield f"not {name}", 1.0
    if not kinds:
        yield f"{name} is None", 0.5
    if not kinds or NUMBER in kinds:
        for test in ("== 0", "== 1", "<= 0", "<= 1", "< 0", "< 2", "== 2"):
            yield f"{name} {test}", 0.5 if kinds else -0.5
    if not kinds or kinds & {LIST, TEXT, SET, MAPPING}:
        for test in ("== 1", "< 2", "== 0"):
            yield f"len({name}) {test}", 0.3 if kinds else -0.7


def jumps_out(node: ast.AST, unit: Unit) -> list[tuple[str, float]]:
    """Ways out of the block of a statement, with weights, best first: ``continue``, ``return x``."""
    found: list[tuple[str, float]] = []
    if unit.loop(node) is not None:
        found += [("continue", 1.0), ("break", 0.5)]
    found += [(f"return {v}", -0.2 * r) for r, v in enumerate(returned_values(unit, node))]
    for variable, weight in unit.variables.ranked(node)[:3]:
        found.append((f"return {variable.name}", weight - 0.3))
    found.sort(key=lambda pair: -pair[1])
    return found[:_OUTCOMES]


@lru_cache(maxsize=64)
def guard_conditions(node: ast.stmt, unit: Unit) -> tuple[tuple[str, float], ...]:
    """Conditions for a guard at a statement, best first."""
    found: dict[str, float] = {}
    for rank, code in enumerate(conditions_of(unit, node)[:8]):
        found[code] = 0.3 - 0.1 * rank
        found.setdefault(opposite(code), 0.0 - 0.1 * rank)
    for code, weight in simple_conditions(unit, node):
        found.setdefault(code, weight)
    return tuple(sorted(found.items(), key=lambda pair: -pair[1])[:_CONDITIONS])


class GuardedUpdate(Pattern[ast.stmt]):
    """An update under a condition inserted: ``if x > best: best = x``."""

    name = "guarded_update"
    nodes = MOVABLE
    examples = (
        (
            "def f(xs):\n    best = 0\n    for x in xs:\n        g(x)\n    return best\n",
            "def f(xs):\n    best = 0\n    for x in xs:\n        g(x)\n        if x > best:\n"
            "            best = x\n    return best\n",
        ),
        (
            "def f(h):\n    h += 1\n    return h\n",
            "def f(h):\n    h += 1\n    if h == 24:\n        h = 0\n    return h\n",
        ),
    )
    untouched = ("def f():\n    return 1\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None or isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
            return
        updates = sorted(missing_updates(node, unit), key=lambda pair: -pair[1])[:8]
        for test, weight in guard_conditions(node, unit)[:10]:
            for update, other in updates:
                yield after(unit, node, f"if {test}:\n    {update}", weight + other)
        ranked = unit.variables.ranked(node, kinds=frozenset({NUMBER}))[:4]
        for left, first in ranked:
            for right, second in ranked:
                if left is not right and right.is_local:
                    for symbol in "><":
                        code = (
                            f"if {left.name} {symbol} {right.name}:\n    {right.name} = {left.name}"
                        )
                        yield after(unit, node, code, (first + second) / 2 + 0.3)
            if left.is_local:
                for number in _limits(unit):
                    code = f"if {left.name} == {number}:\n    {left.name} = 0"
                    yield after(unit, node, code, first)


def _limits(unit: Unit) -> list[str]:
    """Numbers at which a counter may start again: those of the unit, and the clock's."""
    own = [unit.code(c) for c in unit.of_type(ast.Constant) if unit.code(c).isdigit()]
    return list(dict.fromkeys((*own, "24", "60", "12", "10", "7")))[:8]


class MakeConditional(Pattern[ast.stmt]):
    """A statement, or the rest of its block, put under a condition."""

    name = "wrap_in_if"
    nodes = MOVABLE
    examples = (
        (
            "def f(a, b):\n    g(a)\n    return b\n",
            "def f(a, b):\n    if a:\n        g(a)\n    return b\n",
        ),
        (
            "def f(a, b):\n    g(a)\n    h(b)\n",
            "def f(a, b):\n    if b:\n        g(a)\n        h(b)\n",
        ),
    )
    untouched = ("def f():\n    return 1\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None or (isinstance(node, ast.Return) and isinstance(block.owner, FUNCTIONS)):
            return
        rest = block.statements[block.index :]
        groups = [[node]]
        if 1 < len(rest) <= 4 and all(alone(unit, s) for s in rest):
            groups.append(rest)
        indent = unit.source.indentation(node)
        for group in groups:
            if isinstance(group[-1], ast.Return) and isinstance(block.owner, FUNCTIONS):
                continue
            start, end = unit.source.lines_of(group[0], group[-1])
            body = reindented(unit, group, indent + unit.step)
            for test, weight in guard_conditions(node, unit):
                text = f"{indent}if {test}:\n{body}"
                extra = 0.0 if len(group) == 1 else -1.0
                yield Change(((start, end, text),), weight + extra, owner(unit, node))


class WrapInLoop(Pattern[ast.stmt]):
    """A statement repeated: under a `for` or `while` as the function has them elsewhere."""

    name = "wrap_in_loop"
    nodes = MOVABLE
    examples = (
        (
            "def f(a, b):\n    for x in a:\n        g(x)\n    h(b)\n",
            "def f(a, b):\n    for x in a:\n        g(x)\n    for x in a:\n        h(b)\n",
        ),
    )
    untouched = ("def f(a):\n    g(a)\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None or isinstance(node, ast.Return) or _sets_constant(node):
            return
        indent = unit.source.indentation(node)
        start, end = unit.source.lines_of(node, node)
        body = reindented(unit, [node], indent + unit.step)
        headers: dict[str, None] = {}
        for loop in unit.of_type(ast.For, ast.While):
            assert isinstance(loop, (ast.For, ast.While))
            if isinstance(loop, ast.For):
                headers[f"for {unit.code(loop.target)} in {unit.code(loop.iter)}:"] = None
            else:
                headers[f"while {unit.code(loop.test)}:"] = None
        if not isinstance(node, COMPOUND):
            for code in conditions_of(unit, node)[:5]:
                headers[f"while {code}:"] = None
        for header in headers:
            if "\n" not in header:
                change = (start, end, f"{indent}{header}\n{body}")
                yield Change((change,), 0.0, owner(unit, node))


def _sets_constant(node: ast.stmt) -> bool:
    """True for an assignment that comes to the same however often it is repeated."""
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)


PATTERNS = (EntryGuard(), GuardedUpdate(), MakeConditional(), WrapInLoop())
