"""The same asked or given in another way: a default, a single element, a constant, a variable."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from pytest_gemmadev.propose.code.precedence import BIT_OR
from pytest_gemmadev.propose.code.statement_lines import alone
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, before, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern


class OrDefault(Pattern[ast.expr]):
    """What decides for a default: that a value is false, or that it is None."""

    name = "or_default"
    nodes = (ast.BoolOp, ast.IfExp)
    examples = (
        (
            "def f(a, b):\n    return a.x or b\n",
            "def f(a, b):\n    return a.x if a.x is not None else b\n",
        ),
        (
            "def f(a, b):\n    return a if a is not None else b\n",
            "def f(a, b):\n    return a or b\n",
        ),
    )
    untouched = ("def f(a, b):\n    return a and b\n", "def f(a, b):\n    return b if a else 0\n")

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if isinstance(node, ast.BoolOp):
            if isinstance(node.op, ast.Or) and len(node.values) == 2:
                left, right = (unit.operand(v, BIT_OR) for v in node.values)
                yield replace(node, f"{left} if {left} is not None else {right}", unit)
            return
        match node:
            case ast.IfExp(
                test=ast.Compare(
                    left=asked,
                    ops=[ast.IsNot() | ast.NotEq()],
                    comparators=[ast.Constant(value=None)],
                ),
                body=body,
                orelse=other,
            ):
                if unit.code(asked) == unit.code(body):
                    yield replace(
                        node, f"{unit.operand(body, BIT_OR)} or {unit.operand(other, BIT_OR)}", unit
                    )
            case _:
                pass


class SingleElement(Pattern[ast.stmt]):
    """A collection of one taken for its element before the rest: ``if len(xs) == 1: return xs[0]``."""

    name = "single_element"
    nodes = (ast.Return,)
    examples = (
        (
            "def f(xs):\n    return Many([one(x) for x in xs])\n",
            "def f(xs):\n    if len(xs) == 1:\n        return one(xs[0])\n"
            "    return Many([one(x) for x in xs])\n",
        ),
        (
            "def f(xs):\n    return ' '.join(x for x in xs)\n",
            "def f(xs):\n    if len(xs) == 1:\n        return xs[0]\n"
            "    return ' '.join(x for x in xs)\n",
        ),
    )
    untouched = ("def f(xs):\n    return xs\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        if not alone(unit, node):
            return
        for made in ast.walk(node):
            if not isinstance(made, (ast.ListComp, ast.GeneratorExp, ast.SetComp)):
                continue
            generator = made.generators[0]
            if not isinstance(generator.iter, ast.Name) or not isinstance(
                generator.target, ast.Name
            ):
                continue
            whole, each = generator.iter.id, generator.target.id
            element = re.sub(rf"(?<![\w.]){re.escape(each)}\b", f"{whole}[0]", unit.code(made.elt))
            outcomes = dict.fromkeys((element, f"{whole}[0]"))
            for rank, outcome in enumerate(outcomes):
                code = f"if len({whole}) == 1:\n    return {outcome}"
                yield before(unit, node, code, -0.5 * rank)


class RepeatCondition(Pattern[ast.BoolOp]):
    """A part of a condition asked once more of another constant that the condition names."""

    name = "repeat_condition"
    nodes = (ast.BoolOp,)
    examples = (
        (
            "def f(s):\n    return '@' in s and not s.startswith('x')\n",
            "def f(s):\n    return '@' in s and not s.startswith('x') and not s.startswith('@')\n",
        ),
    )
    untouched = ("def f(a, b):\n    return a and b\n", "def f(a):\n    return a > 1 and a < 1\n")

    def edits(self, node: ast.BoolOp, unit: Unit) -> Iterator[Change]:
        constants: dict[type, dict[str, None]] = defaultdict(dict)
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, (str, int)):
                constants[type(part.value)][unit.code(part)] = None
        word = "and" if isinstance(node.op, ast.And) else "or"
        present = {unit.code(v) for v in node.values}
        for value in node.values:
            inside = [
                c
                for c in ast.walk(value)
                if isinstance(c, ast.Constant) and type(c.value) in constants
            ]
            if len(inside) != 1 or unit.enclosed(value):
                continue
            start, end = unit.span(value)
            first, last = unit.span(inside[0])
            for other in constants[type(inside[0].value)]:
                code = unit.text[start:first] + other + unit.text[last:end]
                if code not in present:
                    yield Change(((end, end, f" {word} {code}"),))


class ValueToVariable(Pattern[ast.expr]):
    """A variable in place of what is computed: ``fold`` for ``self._fold(x)``."""

    name = "value_to_variable"
    nodes = (ast.Call, ast.Subscript)
    examples = (
        (
            "def f(a):\n    size = a.size()\n    return g(a.size_of(1))\n",
            "def f(a):\n    size = a.size()\n    return g(size)\n",
        ),
    )
    untouched = ("def f():\n    return g()\n", "def f(a):\n    a.b()\n")

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        parent = unit.parent(node)
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load) or isinstance(
            parent, (ast.Expr, ast.Await, ast.withitem)
        ):
            return
        if isinstance(parent, ast.Call) and parent.func is node:
            return
        called = node.func if isinstance(node, ast.Call) else getattr(node, "value", None)
        name = str(getattr(called, "attr", getattr(called, "id", "")))
        for variable, weight in unit.variables.ranked(node, like=name)[:8]:
            if variable.is_local and variable.name not in ("self", "cls"):
                yield replace(node, variable.name, unit, weight)


PATTERNS = (OrDefault(), SingleElement(), RepeatCondition(), ValueToVariable())
