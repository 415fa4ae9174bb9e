"""Constants: numbers, flags, strings, None, empty values, infinities, and names in their place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.propose.code.kinds import NUMBER, TEXT
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.comparisons import is_condition
from pytest_gemmadev.propose.patterns.pattern import Pattern

_NEIGHBOURS = {0: (1, -1, 2), 1: (0, 2, -1), 2: (1, 3, 0, 4), -1: (0, 1, -2), 10: (9, 11, 100, 16)}


def own_constants(unit: Unit, *kinds: type) -> list[ast.Constant]:
    """Constants of exactly these types that occur in the unit's code, docstrings left out."""
    found = unit.of_type(ast.Constant)
    return [
        c
        for c in found
        if isinstance(c, ast.Constant) and type(c.value) in kinds and unit.editable(c)
    ]


class IntegerConstant(Pattern[ast.Constant]):
    """Another whole number: a neighbour, 0, 1, -1, 2, the sign, ten times, or one used nearby."""

    name = "integer_constant"
    nodes = (ast.Constant,)
    examples = (
        ("def f(a):\n    return a + 1\n", "def f(a):\n    return a + 2\n"),
        ("def f(a):\n    return a[0]\n", "def f(a):\n    return a[-1]\n"),
        (
            "def f(a):\n    x = 60 * a\n    return x / 24\n",
            "def f(a):\n    x = 60 * a\n    return x / 60\n",
        ),
    )
    untouched = ("def f(a):\n    return a or True\n",)

    def edits(self, node: ast.Constant, unit: Unit) -> Iterator[Change]:
        value = node.value
        if type(value) is not int or not unit.code(node).isdigit():
            return
        weights: dict[int, float] = {}
        for rank, other in enumerate(_NEIGHBOURS.get(value, (value + 1, value - 1))):
            weights[other] = 2.0 - 0.5 * rank
        for other in (0, 1, value + 1, value - 1, -value):
            weights.setdefault(other, 0.5)
        for other in (2, -1, 10 * value, 2 * value, value // 2, value // 10, value + 2, value - 2):
            weights.setdefault(other, -1.0)
        for constant in own_constants(unit, int):
            assert isinstance(constant.value, int)
            weights[constant.value] = max(0.3, weights.get(constant.value, 0.0))
        parent = unit.parent(node)
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and value > 3:
            weights |= dict.fromkeys((9, 15, 18, 20), 0.5)  # of ten, for what stands for infinity
        weights.pop(value, None)
        for other, weight in weights.items():
            yield replace(node, str(other), unit, weight)
        yield replace(node, f"{value}.0", unit, -2.0)


class FloatConstant(Pattern[ast.Constant]):
    """Another real number: the sign, 0, 1, a half, a whole number, a power of ten away."""

    name = "float_constant"
    nodes = (ast.Constant,)
    examples = (("def f(a):\n    return a * 1.0\n", "def f(a):\n    return a * 0.5\n"),)
    untouched = ("def f(a):\n    return a * 2\n",)

    def edits(self, node: ast.Constant, unit: Unit) -> Iterator[Change]:
        value = node.value
        if type(value) is not float:
            return
        others = {
            0.0,
            1.0,
            0.5,
            2.0,
            -1.0,
            -value,
            value + 1,
            value - 1,
            value / 10,
            value * 10,
            1 - value,
        }
        others |= {c.value for c in own_constants(unit, float) if isinstance(c.value, float)}
        for other in sorted(others - {value}):
            yield replace(node, repr(other), unit)
        if value.is_integer() and abs(value) < 1e9:
            yield replace(node, str(int(value)), unit)


_EMPTY = ("0", "1", "-1", "[]", "{}", "set()", "''", "None", "False", "True")
_EXTREMES = ("float('inf')", "float('-inf')", "10**9", "-10**9", "10**18")


class InitialValue(Pattern[ast.expr]):
    """Another empty, neutral or extreme value where a variable starts, a default stands, or one returns."""

    name = "initial_value"
    nodes = (ast.Constant, ast.List, ast.Dict, ast.Tuple, ast.Call, ast.UnaryOp)
    examples = (
        (
            "def f(xs):\n    best = 0\n    return best\n",
            "def f(xs):\n    best = float('-inf')\n    return best\n",
        ),
        ("def f(xs):\n    return []\n", "def f(xs):\n    return None\n"),
        ("def f(xs=None):\n    return xs\n", "def f(xs=0):\n    return xs\n"),
        (
            "def f(xs):\n    best = float('inf')\n    return best\n",
            "def f(xs):\n    best = float('-inf')\n    return best\n",
        ),
    )
    untouched = ("def f(xs):\n    return xs + [1]\n", "def f(xs):\n    return xs[0]\n")

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        code = unit.code(node)
        normal = code.replace('"', "'")
        known = (
            *_EMPTY,
            *_EXTREMES,
            "dict()",
            "list()",
            "tuple()",
            "()",
            "math.inf",
            "-math.inf",
            "''",
        )
        number = isinstance(node, ast.Constant) and type(node.value) is int
        if (normal not in known and not number) or not is_initial(node, unit):
            return
        extremes = number or "inf" in code or "10**" in code or code == "None"
        for other in (*_EMPTY, *(_EXTREMES if extremes else ())):
            if other != normal:
                yield replace(node, other, unit, _closeness(normal, other))
        if extremes:  # the first of what is searched
            for variable, weight in unit.variables.ranked(node, kinds=frozenset({"list"}))[:3]:
                yield replace(node, f"{variable.name}[0]", unit, weight)
                yield replace(node, f"len({variable.name})", unit, weight)


def _closeness(old: str, new: str) -> float:
    containers = ("[]", "{}", "set()", "''", "()", "None")
    if old in containers and new in containers:
        return 1.0
    if ("inf" in old) != ("inf" in new):
        return 0.0 if old in ("0", "-1", "1", "None") else -1.0
    if "inf" in old:
        return 1.5
    return 0.5 if old not in containers and new not in containers else -0.5


def is_initial(node: ast.expr, unit: Unit) -> bool:
    parent = unit.parent(node)
    match parent:
        case ast.Assign() | ast.AnnAssign() | ast.Return() | ast.arguments() | ast.keyword():
            return True
        case ast.Tuple():
            return isinstance(unit.parent(parent), (ast.Assign, ast.Return))
        case ast.IfExp():
            return node is not parent.test
        case ast.Call(func=ast.Attribute(attr="get" | "setdefault" | "pop")):
            return node in parent.args[1:]
        case ast.Call(func=ast.Name(id="max" | "min" | "sum" | "next" | "reduce" | "getattr")):
            return node in parent.args[1:]
        case ast.BinOp(op=ast.Mult()):
            return False
        case ast.List():
            outer = unit.parent(parent)
            return isinstance(outer, ast.BinOp) and isinstance(outer.op, ast.Mult)
        case _:
            return False


_SPACINGS = ("", " ", ", ", ",", "\n", "-", "_", ".", "/", ":", "0", "1", "a")


class StringConstant(Pattern[ast.Constant]):
    """Another string: spaced, trimmed, in another case, or one used elsewhere in the code."""

    name = "string_constant"
    nodes = (ast.Constant,)
    examples = (
        ("def f(xs):\n    return ' '.join(xs)\n", "def f(xs):\n    return ''.join(xs)\n"),
        ("def f(s):\n    return s.split(',')\n", "def f(s):\n    return s.split(', ')\n"),
        ("def f(d):\n    return d['a'] == 'Key'\n", "def f(d):\n    return d['a'] == 'key'\n"),
        (
            "def f(d):\n    g('left')\n    g('right')\n",
            "def f(d):\n    g('right')\n    g('right')\n",
        ),
    )
    untouched = ("def f(d):\n    'about f'\n    return d\n", "def f(d):\n    return b'x'\n")

    def edits(self, node: ast.Constant, unit: Unit) -> Iterator[Change]:
        value = node.value
        parent = unit.parent(node)
        if not isinstance(value, str) or isinstance(parent, (ast.JoinedStr, ast.Expr)):
            return
        written = unit.code(node)
        quoted = re.fullmatch(r"([A-Za-z]*)('''|\"\"\"|'|\")(.*)\2", written, re.DOTALL)
        if quoted is None or "\n" in written:
            return  # several literals joined, or a long text
        prefix, quote = quoted.group(1), quoted.group(2)
        weights: dict[str, float] = {}
        for constant in own_constants(unit, str):
            if isinstance(constant.value, str) and len(constant.value) <= 60:
                weights[constant.value] = 0.5 if constant.value else 0.0
        cased = (value.lower(), value.upper(), value.capitalize(), value.title(), value.swapcase())
        spaced = (value.strip(), value + " ", " " + value, value + "\n")
        weights = dict.fromkeys((*spaced, value[:-1], value[1:], value[::-1]), 0.0) | weights
        if "\\" not in value:  # `\\s` of a regular expression is no letter
            weights = dict.fromkeys(cased, 0.3) | weights
        if len(value) <= 2:
            weights = dict.fromkeys(_SPACINGS, 0.0) | weights
        weights.pop(value, None)
        for text, weight in weights.items():
            yield replace(node, _literal(text, prefix, quote), unit, weight)


def _literal(text: str, prefix: str, quote: str) -> str:
    if len(quote) > 1 or prefix.lower() not in ("", "u"):
        return repr(text)
    body = repr(text)[1:-1].replace("\\'", "'")
    return repr(text) if quote in body or '"' in body else f"{quote}{body}{quote}"


class NameToConstant(Pattern[ast.Name]):
    """A constant where a variable is read."""

    name = "name_to_constant"
    nodes = (ast.Name,)
    examples = (
        ("def f(xs, i):\n    return xs[i]\n", "def f(xs, i):\n    return xs[0]\n"),
        (
            "def f(a, b):\n    x = a + 1000\n    return x % b\n",
            "def f(a, b):\n    x = a + 1000\n    return x % 1000\n",
        ),
    )
    untouched = (
        "def f(xs):\n    for x in xs:\n        x()\n",
        "def f(x):\n    if x:\n        g()\n",
    )

    def edits(self, node: ast.Name, unit: Unit) -> Iterator[Change]:
        parent = unit.parent(node)
        if not isinstance(node.ctx, ast.Load) or isinstance(parent, (ast.Attribute, ast.Starred)):
            return
        if isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension)):
            return
        if is_condition(node, unit):
            return  # a condition that never changes repairs nothing
        if isinstance(parent, ast.Call) and parent.func is node:
            return
        if isinstance(parent, ast.Subscript) and parent.value is node:
            return
        kinds = unit.variables.kinds(node)
        numbers = {"0": 1.0, "1": 1.0, "2": 0.0, "-1": 0.0}
        for code in dict.fromkeys(unit.code(c) for c in own_constants(unit, int, float)):
            numbers.setdefault(code, 0.5)
        if not kinds or NUMBER in kinds:
            for code, weight in numbers.items():
                yield replace(node, code, unit, weight)
        if not kinds or TEXT in kinds:
            strings = {unit.code(c) for c in own_constants(unit, str) if len(unit.code(c)) < 40}
            for code in sorted(strings | {"''"}):
                if not isinstance(unit.parent(node), ast.JoinedStr):
                    yield replace(node, code, unit, -0.5)
        if isinstance(parent, (ast.Return, ast.Assign, ast.keyword)):
            for code in ("None", "True", "False", "[]"):
                yield replace(node, code, unit, 0.0)


PATTERNS = (
    IntegerConstant(),
    FloatConstant(),
    InitialValue(),
    StringConstant(),
    NameToConstant(),
)
