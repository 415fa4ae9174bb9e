"""What becomes of a value: returned by the function elsewhere, assigned, assigned together."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.statement_lines import alone, owner, siblings
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, instead
from pytest_gemmadev.propose.patterns.pattern import Pattern


def returned_values(unit: Unit, node: ast.AST) -> list[str]:
    """What the function around ``node`` returns elsewhere, constants first, and the usual defaults."""
    function = unit.function(node)
    found: dict[str, bool] = {}
    for statement in unit.of_type(ast.Return):
        assert isinstance(statement, ast.Return)
        if statement.value is not None and unit.function(statement) is function:
            code = unit.code(statement.value)
            if "\n" not in code and len(code) <= 60:
                found[code] = isinstance(statement.value, (ast.Constant, ast.List, ast.UnaryOp))
    own = sorted(found, key=lambda code: not found[code])
    usual = _defaults_like(own)
    return list(dict.fromkeys((*own, *usual)))


def _defaults_like(codes: list[str]) -> tuple[str, ...]:
    joined = " ".join(codes)
    if "True" in joined or "False" in joined:
        return ("False", "True")
    if any(code.startswith("[") or "list(" in code or "sorted(" in code for code in codes):
        return ("[]", "None")
    if any(code.startswith(("'", '"')) or ".join(" in code for code in codes):
        return ("''", "None")
    return ("0", "None", "[]", "-1", "1", "''", "False", "True")


class AssignResult(Pattern[ast.Expr]):
    """A result put to use: ``s = s.strip()`` for ``s.strip()``, ``x = 1`` for ``x == 1``."""

    name = "assign_result"
    nodes = (ast.Expr,)
    examples = (
        (
            "def f(s):\n    s.strip()\n    return s\n",
            "def f(s):\n    s = s.strip()\n    return s\n",
        ),
        ("def f(x):\n    x == 1\n    return x\n", "def f(x):\n    x = 1\n    return x\n"),
        (
            "def f(xs):\n    sorted(xs)\n    return xs\n",
            "def f(xs):\n    xs = sorted(xs)\n    return xs\n",
        ),
    )
    untouched = ("def f():\n    g()\n",)

    def edits(self, node: ast.Expr, unit: Unit) -> Iterator[Change]:
        value = node.value
        start, end = unit.span(node)
        code = unit.code(node)
        if isinstance(value, ast.Compare) and isinstance(value.ops[0], ast.Eq):
            target, right = unit.code(value.left), unit.code(value.comparators[0])
            yield Change(((start, end, f"{target} = {right}"),), 3.0)
            return
        if not isinstance(value, ast.Call):
            return
        if isinstance(value.func, ast.Attribute):
            yield Change(((start, end, f"{unit.code(value.func.value)} = {code}"),), 1.0)
        for argument in value.args:
            if isinstance(argument, (ast.Name, ast.Attribute, ast.Subscript)):
                yield Change(((start, end, f"{unit.code(argument)} = {code}"),), 0.5)
        for variable, weight in unit.variables.ranked(node)[:4] if value.args else ():
            if variable.is_local:
                for symbol in ("=", "+="):
                    yield Change(((start, end, f"{variable.name} {symbol} {code}"),), weight - 1.0)


class Simultaneous(Pattern[ast.Assign]):
    """Two assignments made at once, or one of a pair made one after the other."""

    name = "simultaneous_assignment"
    nodes = (ast.Assign,)
    examples = (
        (
            "def f(a, b):\n    a = b\n    b = a + b\n    return b\n",
            "def f(a, b):\n    a, b = b, a + b\n    return b\n",
        ),
        (
            "def f(a, b):\n    a, b = b, a\n    return b\n",
            "def f(a, b):\n    b = a\n    a = b\n    return b\n",
        ),
    )
    untouched = ("def f(a):\n    a = 1\n    return a\n",)

    def edits(self, node: ast.Assign, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None or len(node.targets) != 1:
            return
        target = node.targets[0]
        following = block.statements[block.index + 1 :][:1]
        if following and isinstance(following[0], ast.Assign) and alone(unit, following[0]):
            other = following[0]
            single = not isinstance(target, ast.Tuple) and not isinstance(node.value, ast.Tuple)
            if single and len(other.targets) == 1 and not isinstance(other.value, ast.Tuple):
                left = f"{unit.code(target)}, {unit.code(other.targets[0])}"
                right = f"{unit.code(node.value)}, {unit.code(other.value)}"
                span = (unit.span(node)[0], unit.span(other)[1])
                yield Change(((*span, f"{left} = {right}"),), 0.0, owner(unit, node))
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=False))
            if len(pairs) == 2:
                lines = [f"{unit.code(t)} = {unit.code(v)}" for t, v in pairs]
                yield instead(unit, node, "\n".join(lines))
                yield instead(unit, node, "\n".join(reversed(lines)))


PATTERNS = (
    AssignResult(),
    Simultaneous(),
)
