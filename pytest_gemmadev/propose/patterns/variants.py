"""The same asked or given in another way: a default, a single element, a constant, a variable."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

from pytest_gemmadev.propose.code.statement_lines import alone
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, before
from pytest_gemmadev.propose.patterns.pattern import Pattern


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


PATTERNS = (
    SingleElement(),
    RepeatCondition(),
)
