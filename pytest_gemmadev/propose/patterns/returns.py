"""What a function gives back: missing returns, wrong returned values, `yield`, and jumps."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.nodes import FUNCTIONS
from pytest_gemmadev.propose.code.statement_lines import COMPOUND, SIMPLE, alone, owner, siblings
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, after, before, instead
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


class EarlyReturn(Pattern[ast.stmt]):
    """A `return`, `break` or `continue` in place of a simple statement or after it in a block."""

    name = "missing_jump"
    nodes = SIMPLE
    examples = (
        (
            "def f(xs):\n"
            "    n = 0\n"
            "    for x in xs:\n"
            "        if x:\n"
            "            n = x\n"
            "    return n\n",
            "def f(xs):\n    n = 0\n    for x in xs:\n        if x:\n            n = x\n"
            "            break\n    return n\n",
        ),
    )
    untouched = ("def f(a):\n    g(a)\n    return a\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None or block.index + 1 < len(block.statements) or isinstance(node, _ENDS):
            return
        if unit.loop(node) is not None and isinstance(block.owner, (ast.If, ast.Try)):
            yield after(unit, node, "break", 0.5)
            yield after(unit, node, "continue", 0.5)


class ReturnValue(Pattern[ast.Return]):
    """Another value returned: a variable, a flag, an empty value, one that is returned elsewhere."""

    name = "return_value"
    nodes = (ast.Return,)
    examples = (
        ("def f(a, b):\n    return a + b\n", "def f(a, b):\n    return b\n"),
        (
            "def f(a):\n    if a:\n        return a[0]\n    return 1\n",
            "def f(a):\n    if a:\n        return 1\n    return 1\n",
        ),
        ("def f(a):\n    return\n", "def f(a):\n    return a\n"),
        (
            "def f(a):\n    b = a == 1\n    return True\n",
            "def f(a):\n    b = a == 1\n    return a == 1\n",
        ),
    )
    untouched = ("def f():\n    g()\n",)

    def edits(self, node: ast.Return, unit: Unit) -> Iterator[Change]:
        start, end = unit.span(node)
        for rank, code in enumerate(returned_values(unit, node)[:14]):
            yield Change(((start, end, f"return {code}"),), 0.5 - 0.1 * rank)
        for variable, weight in unit.variables.ranked(node)[:12]:
            if variable.is_local and variable.name not in ("self", "cls"):
                yield Change(((start, end, f"return {variable.name}"),), weight + 0.3)
        for other in unit.of_type(ast.Compare, ast.BoolOp):
            code = unit.code(other)
            if unit.editable(other) and len(code) <= 60 and "\n" not in code:
                yield Change(((start, end, f"return {code}"),), -1.0)


class ReturnForm(Pattern[ast.stmt]):
    """`yield` for `return`, and back; `yield from`; a `return` whose value is only computed."""

    name = "return_form"
    nodes = (ast.Return, ast.Expr)
    examples = (
        (
            "def f(a):\n    for x in a:\n        return x\n",
            "def f(a):\n    for x in a:\n        yield x\n",
        ),
        ("def f(a):\n    yield a\n", "def f(a):\n    return a\n"),
        ("def f(a):\n    yield f(a)\n", "def f(a):\n    yield from f(a)\n"),
        ("def f(a):\n    yield from a\n", "def f(a):\n    yield a\n"),
        (
            "def f(a):\n    f(a)\n    yield a\n",
            "def f(a):\n    yield from f(a)\n    yield a\n",
        ),
        (
            "def f(a):\n    return g(a)\n    a += 1\n",
            "def f(a):\n    g(a)\n    a += 1\n",
        ),
    )
    untouched = ("def f(a):\n    g(a)\n", "def f(a):\n    return\n")

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        start, end = unit.span(node)
        if isinstance(node, ast.Return) and node.value is not None:
            code = unit.code(node.value)
            yield Change(((start, end, f"yield {code}"),), 0.0)
            yield Change(((start, end, f"yield from {code}"),), -0.5)
            block = unit.block(node)
            inner = block and (
                block.statements[-1] is not node or isinstance(block.owner, COMPOUND)
            )
            if inner and isinstance(node.value, ast.Call):
                yield Change(((start, end, code),), 0.0)
        elif isinstance(node, ast.Expr):
            value = node.value
            if isinstance(value, ast.Yield) and value.value is not None:
                code = unit.code(value.value)
                yield Change(((start, end, f"yield from {code}"),), 0.5)
                yield Change(((start, end, f"return {code}"),), 0.0)
            elif isinstance(value, ast.YieldFrom):
                yield Change(((start, end, f"yield {unit.code(value.value)}"),), 0.0)
            elif isinstance(value, ast.Call) and unit.of_type(ast.Yield, ast.YieldFrom):
                yield Change(((start, end, f"yield from {unit.code(value)}"),), 0.5)
                yield Change(((start, end, f"yield {unit.code(value)}"),), 0.0)


class Jump(Pattern[ast.stmt]):
    """Another jump: `break`, `continue`, `pass`, `return`."""

    name = "jump"
    nodes = (ast.Break, ast.Continue, ast.Pass, ast.Return)
    examples = (
        (
            "def f(xs):\n    for x in xs:\n        if x:\n            break\n",
            "def f(xs):\n    for x in xs:\n        if x:\n            continue\n",
        ),
        (
            "def f(xs):\n    for x in xs:\n        if x:\n            break\n    return 0\n",
            "def f(xs):\n    for x in xs:\n        if x:\n            return 0\n    return 0\n",
        ),
    )
    untouched = ("def f(xs):\n    g(xs)\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        start, end = unit.span(node)
        in_loop = unit.loop(node) is not None
        words = ("break", "continue", "pass") if in_loop else ("pass",)
        for word in words:
            yield Change(((start, end, word),), 1.0 if word != "pass" else 0.0)
        if unit.function(node) is not None and not isinstance(node, ast.Return):
            yield Change(((start, end, "return"),), -0.5)
            for rank, code in enumerate(returned_values(unit, node)[:8]):
                yield Change(((start, end, f"return {code}"),), 0.3 - 0.15 * rank)
            for variable, weight in unit.variables.ranked(node)[:4]:
                if variable.is_local:
                    yield Change(((start, end, f"return {variable.name}"),), weight - 0.5)


class ReturnCondition(Pattern[ast.If]):
    """A condition returned as such: ``return c`` for ``if c: return True``."""

    name = "return_condition"
    nodes = (ast.If,)
    examples = (
        (
            "def f(a):\n    if a > 1:\n        return 2\n    return 3\n",
            "def f(a):\n    return a > 1\n    return 3\n",
        ),
    )
    untouched = ("def f(a):\n    if a > 1:\n        g(a)\n",)

    def edits(self, node: ast.If, unit: Unit) -> Iterator[Change]:
        single = len(node.body) == 1 and isinstance(node.body[0], ast.Return) and not node.orelse
        if single and alone(unit, node):
            yield instead(unit, node, f"return {unit.code(node.test)}")


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
    EarlyReturn(),
    ReturnValue(),
    ReturnForm(),
    Jump(),
    ReturnCondition(),
    ReturnMoved(),
)
