"""A missing step, reset or entry, and copies of other statements."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.propose.code.kinds import FLAG, LIST, MAPPING, NUMBER, SET
from pytest_gemmadev.propose.code.statement_lines import COMPOUND, MOVABLE, SIMPLE, alone, siblings
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.code.variables import Variable
from pytest_gemmadev.propose.patterns.changes import Change, after, before, instead
from pytest_gemmadev.propose.patterns.pattern import Pattern

_DONORS = 12  # statements of the unit that are copied to a place


class MissingUpdate(Pattern[ast.stmt]):
    """A step, a reset or an entry inserted: ``i += 1``, ``seen.add(x)``, ``xs.append(x)``, ``xs = []``."""

    name = "missing_update"
    nodes = MOVABLE
    examples = (
        (
            "def f(xs):\n    i = 0\n    while i < 9:\n        g(i)\n",
            "def f(xs):\n    i = 0\n    while i < 9:\n        g(i)\n        i += 1\n",
        ),
        (
            "def f(x):\n    seen = set()\n    g(x)\n    return seen\n",
            "def f(x):\n    seen = set()\n    g(x)\n    seen.add(x)\n    return seen\n",
        ),
        ("def f(xs):\n    return xs[0]\n", "def f(xs):\n    xs.sort()\n    return xs[0]\n"),
    )
    untouched = ("def f():\n    return 1\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None:
            return
        for code, weight in missing_updates(node, unit):
            if not isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
                yield after(unit, node, code, weight)
            if block.index == 0 or isinstance(node, (ast.Return, *COMPOUND)):
                yield before(unit, node, code, weight - 0.5)


def missing_updates(node: ast.stmt, unit: Unit) -> Iterator[tuple[str, float]]:
    ranked = [(v, w) for v, w in unit.variables.ranked(node)[:10] if v.name not in ("self", "cls")]
    values = [(v, w) for v, w in ranked if not v.kinds & {LIST, MAPPING, SET}]
    for variable, weight in ranked:
        name, kinds = variable.name, variable.kinds
        if NUMBER in kinds and variable.is_local:
            yield f"{name} += 1", weight + 1.0
            yield f"{name} -= 1", weight
            yield f"{name} = 0", weight - 0.3
            yield f"{name} = 1", weight - 1.0
            yield f"{name} //= 2", weight - 2.0
            yield f"{name} *= 2", weight - 2.0
        if LIST in kinds or not kinds:
            known = 0.0 if kinds else -1.0
            yield f"{name}.sort()", weight + known
            yield f"{name}.pop()", weight + known
            yield f"{name}.reverse()", weight + known - 1.5
            yield f"{name} = []", weight + known - 0.7
        if kinds & {SET, MAPPING}:
            yield f"{name}.clear()", weight - 1.0
        if FLAG in kinds and variable.is_local:
            yield f"{name} = True", weight + 0.3
            yield f"{name} = False", weight + 0.3
        yield from _entries(variable, values, weight)
    for left, first in ranked[:6]:
        for right, second in values[:6]:
            same = not left.kinds or not right.kinds or left.kinds & right.kinds
            if left is not right and left.is_local and same:
                yield f"{left.name} = {right.name}", (first + second) / 2 - 0.3
                if NUMBER in left.kinds:
                    yield f"{left.name} += {right.name}", (first + second) / 2 - 0.3
                    yield f"{left.name} -= {right.name}", (first + second) / 2 - 1.3


def _entries(
    variable: Variable, values: list[tuple[Variable, float]], weight: float
) -> Iterator[tuple[str, float]]:
    for value, other in values[:5]:
        if value.name == variable.name:
            continue
        together = (weight + other) / 2
        if SET in variable.kinds:
            yield f"{variable.name}.add({value.name})", together + 1.0
            yield f"{variable.name}.discard({value.name})", together - 0.5
        elif LIST in variable.kinds:
            yield f"{variable.name}.append({value.name})", together + 0.7
            yield f"{variable.name}.remove({value.name})", together - 1.5
        elif MAPPING in variable.kinds:
            yield f"{variable.name}[{value.name}] = 1", together - 1.0
            yield f"{variable.name}[{value.name}] += 1", together


def simple_donors(unit: Unit, node: ast.stmt) -> list[ast.stmt]:
    """Simple statements of the unit on one line, the nearest first, each text once."""
    found: dict[str, ast.stmt] = {}
    for other in unit.of_type(*SIMPLE):
        assert isinstance(other, ast.stmt)
        trivial = isinstance(other, (ast.Pass, ast.Assert))
        if other is not node and not trivial and unit.editable(other):
            code = unit.code(other)
            if "\n" not in code and len(code) <= 100:
                known = found.get(code)
                if known is None or abs(other.lineno - node.lineno) < abs(
                    known.lineno - node.lineno
                ):
                    found[code] = other
    nearest = sorted(found.values(), key=lambda s: abs(s.lineno - node.lineno))
    return nearest[:_DONORS]


def substituted(
    code: str, unit: Unit, node: ast.AST, width: int = 3
) -> Iterator[tuple[str, float]]:
    """``code`` with one variable replaced by another of the scope, with weights."""
    names = {v.name: v for v in unit.in_scope(node)}
    for name in dict.fromkeys(re.findall(r"[A-Za-z_]\w*", code)):
        variable = names.get(name)
        if variable is None:
            continue
        ranked = unit.variables.ranked(node, kinds=variable.kinds, like=name)[:width]
        for other, weight in ranked:
            changed = re.sub(rf"(?<![\w.]){re.escape(name)}\b", other.name, code)
            if changed != code:
                yield changed, weight


def _regiven(donor: ast.stmt, unit: Unit, node: ast.stmt) -> Iterator[tuple[str, float]]:
    """A call as a statement, ``xs.append(x)``, with other expressions of the unit as its argument."""
    call = donor.value if isinstance(donor, ast.Expr) else None
    if not isinstance(call, ast.Call) or len(call.args) != 1 or call.keywords:
        return
    function, own = unit.code(call.func), unit.code(call.args[0])
    near: dict[str, int] = {}
    for other in unit.of_type(ast.Subscript, ast.Constant, ast.Call, ast.BinOp):
        assert isinstance(other, ast.expr)
        if unit.editable(other) and isinstance(getattr(other, "ctx", ast.Load()), ast.Load):
            code = unit.code(other)
            if code != own and len(code) <= 40 and "\n" not in code:
                near[code] = min(near.get(code, 99), abs(other.lineno - node.lineno))
    for variable, _ in unit.variables.ranked(node)[:3]:
        for code in (f"{variable.name}[-1]", f"{variable.name}[0]"):
            near.setdefault(code, 3)
    for code, distance in sorted(near.items(), key=lambda pair: pair[1])[:10]:
        yield f"{function}({code})", -1.0 - 0.1 * distance


class CopyStatement(Pattern[ast.stmt]):
    """A statement of the same function repeated elsewhere, as it is or with one variable replaced."""

    name = "copy_statement"
    nodes = MOVABLE
    examples = (
        (
            "def f(a, b, xs):\n    if a:\n        xs.append(a)\n    if b:\n        g(b)\n",
            "def f(a, b, xs):\n    if a:\n        xs.append(a)\n    if b:\n        g(b)\n"
            "        xs.append(b)\n",
        ),
    )
    untouched = ("def f(a):\n    return a\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None:
            return
        ends = isinstance(node, (ast.Return, ast.Raise, ast.Break, ast.Continue))
        for rank, donor in enumerate(simple_donors(unit, node)):
            if isinstance(donor, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
                last = block.index + 1 == len(block.statements)
                if not last or ends:
                    continue
            code = unit.code(donor)
            options = [(code, 0.5), *substituted(code, unit, node), *_regiven(donor, unit, node)]
            for text, weight in options:
                if not ends:
                    yield after(unit, node, text, weight - 0.15 * rank)
                if ends or block.index == 0:
                    yield before(unit, node, text, weight - 0.15 * rank - 0.3)


class ReplaceStatement(Pattern[ast.stmt]):
    """Another statement of the same function in its place, as it is or with one variable replaced."""

    name = "replace_statement"
    nodes = SIMPLE
    examples = (
        (
            "def f(a, b):\n    if a:\n        b.x = 1\n    else:\n        g(b)\n        h(a)\n",
            "def f(a, b):\n    if a:\n        b.x = 1\n    else:\n        a.x = 1\n        h(a)\n",
        ),
    )
    untouched = ("def f(a):\n    return a\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        if not alone(unit, node):
            return
        for rank, donor in enumerate(simple_donors(unit, node)):
            alike = 0.7 if type(donor) is type(node) else 0.0
            code = unit.code(donor)
            for text, weight in ((code, 0.3), *substituted(code, unit, node)):
                yield instead(unit, node, text, weight + alike - 0.15 * rank)


PATTERNS = (
    MissingUpdate(),
    CopyStatement(),
    ReplaceStatement(),
)
