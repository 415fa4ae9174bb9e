"""Values wrapped in a call or freed from one, kept within bounds, computed by another means."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from pytest_gemmadev.propose.code.kinds import FLAG, LIST, MAPPING, NUMBER, SET, TEXT
from pytest_gemmadev.propose.code.source import Source
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.comparisons import is_condition
from pytest_gemmadev.propose.patterns.name_edits import alternatives
from pytest_gemmadev.propose.patterns.pattern import Pattern

_WRAPS: dict[str, dict[str, float]] = {
    NUMBER: {"abs": 1.5, "int": 1.0, "str": 1.0, "round": 0.5, "float": 0.0, "bool": -1.0},
    TEXT: {"int": 1.0, "len": 1.0, "list": 0.5, "set": 0.0, "str": 0.0, "sorted": 0.0, "ord": 0.0},
    LIST: {"len": 1.0, "sum": 0.5, "sorted": 1.0, "set": 0.8, "list": 0.5, "tuple": 0.5, "max": 0.5,
           "min": 0.5, "reversed": 0.0, "any": -1.0, "all": -1.0},
    MAPPING: {"len": 0.5, "list": 0.5, "dict": 0.5, "sorted": 0.5, "sum": -0.5},
    SET: {"len": 1.0, "list": 1.0, "sorted": 1.0, "tuple": 0.0, "max": 0.0, "min": 0.0},
    FLAG: {"not": 0.0, "int": 0.0},
}  # fmt: skip


_ANY = {
    "str": 0.5,
    "int": 0.5,
    "len": 0.5,
    "list": 0.3,
    "abs": 0.0,
    "sorted": 0.3,
    "sum": 0.0,
    "set": 0.0,
    "max": -0.3,
    "min": -0.3,
    "tuple": 0.0,
    "float": -0.3,
    "reversed": -0.5,
    "round": -0.7,
    "bool": -1.0,
}


class WrapCall(Pattern[ast.expr]):
    """``g(e)`` for ``e``: a conversion, a measure, an order, or a function of the same file."""

    name = "wrap_call"
    nodes = (
        ast.Name,
        ast.Attribute,
        ast.Subscript,
        ast.Call,
        ast.BinOp,
        ast.ListComp,
        ast.GeneratorExp,
        ast.IfExp,
    )
    examples = (
        ("def f(a, b):\n    return a - b\n", "def f(a, b):\n    return abs(a - b)\n"),
        ("def f(s, n):\n    return s + n\n", "def f(s, n):\n    return s + str(n)\n"),
        (
            "def f(xs):\n    for x in xs:\n        print(x)\n",
            "def f(xs):\n    for x in sorted(xs):\n        print(x)\n",
        ),
        (
            "def shown(n):\n    return n\n\n\ndef f(a):\n    return shown(a._size)\n\n\n"
            "def g(b):\n    return b.size\n",
            "def shown(n):\n    return n\n\n\ndef f(a):\n    return shown(a._size)\n\n\n"
            "def g(b):\n    return shown(b.size)\n",
        ),
        (
            "def f(words):\n    d = {'one': 1, 'two': 2}\n    return [w for w in words]\n",
            "def f(words):\n    d = {'one': 1, 'two': 2}\n"
            "    return sorted([w for w in words], key=d.get)\n",
        ),
        (
            "def f(words):\n    d = {'one': 1, 'two': 2}\n    return [w for w in words]\n",
            "def f(words):\n    d = {'one': 1, 'two': 2}\n    return [d[w] for w in words]\n",
        ),
    )
    untouched = ("def f(xs):\n    xs.sort()\n", "def f(xs):\n    return 'a'\n")

    def bias(self, node: ast.expr, unit: Unit) -> float:
        return -0.5 if isinstance(unit.parent(node), (ast.Compare, ast.Subscript)) else 0.0

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if not is_value(node, unit) or is_condition(node, unit):
            return
        parent = unit.parent(node)
        kinds = unit.variables.kinds(node)
        weights: dict[str, float] = {}
        for kind in kinds:
            weights.update(_WRAPS[kind])
        weights = weights or dict(_ANY)
        if isinstance(parent, (ast.For, ast.comprehension)):
            loops = {
                "sorted": 1.5,
                "reversed": 1.5,
                "enumerate": 1.0,
                "set": 1.0,
                "range": 1.5,
                "list": 1.0,
            }
            weights = loops if kinds != {NUMBER} else {"range": 2.0}
        outer = getattr(parent.func, "id", "") if isinstance(parent, ast.Call) else ""
        weights.pop(outer, None)
        code = unit.code(node)
        if isinstance(node, ast.GeneratorExp) and code.startswith("("):
            code = code[1:-1]
        for name, weight in weights.items():
            yield replace(node, f"{name}({code})", unit, weight)
        for name in sorted(unit.variables.idle):
            if unit.variables.variable(name).kinds == {MAPPING}:  # built for a look-up or an order
                yield replace(node, f"{name}[{code}]", unit, 1.0)
                if not kinds or kinds & {LIST, SET, MAPPING}:
                    yield replace(node, f"sorted({code}, key={name}.get)", unit, 1.0)
        callables = unit.variables.callables(node)
        alike = _wrapping(unit.source, _last_name(node)) & set(callables) - {outer}
        for name in sorted(alike):
            yield replace(node, f"{name}({code})", unit, 3.0)
        for name in callables[:6]:
            if name != outer and name not in alike and not name[0].isupper():
                yield replace(node, f"{name}({code})", unit, -1.0)


def _last_name(node: ast.expr) -> str:
    """``b`` of ``a.b`` and of ``b``, without underscores in front; empty for all else."""
    name = getattr(node, "attr", getattr(node, "id", ""))
    return str(name).lstrip("_")


def _wrapping(source: Source, name: str) -> frozenset[str]:
    """Functions that the file calls with one argument of that last name."""
    return frozenset(_wrapped(source).get(name, ())) if name else frozenset()


@lru_cache(maxsize=32)
def _wrapped(source: Source) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
            found[_last_name(node.args[0])].add(node.func.id)
    return found


def is_value(node: ast.expr, unit: Unit) -> bool:
    """True for an expression whose value is used as such: no target, no callee, no owner of a method."""
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return False
    parent = unit.parent(node)
    match parent:
        case ast.Call():
            return parent.func is not node
        case (
            ast.Attribute()
            | ast.Expr()
            | ast.withitem()
            | ast.Raise()
            | ast.Starred()
            | ast.Delete()
        ):
            return False
        case ast.ExceptHandler() | ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            return False
        case ast.Subscript():
            return parent.slice is node
        case _:
            return True


class Bound(Pattern[ast.expr]):
    """A value kept above or below another: ``max(e, v)`` and ``min(e, v)`` for ``e``."""

    name = "bound_value"
    nodes = (ast.Name, ast.Subscript, ast.Call, ast.BinOp, ast.Attribute)
    examples = (
        ("def f(a, b):\n    return a - b\n", "def f(a, b):\n    return max(a - b, 0)\n"),
        (
            "def f(xs):\n    best = 0\n    for x in xs:\n        best = x\n    return best\n",
            "def f(xs):\n"
            "    best = 0\n"
            "    for x in xs:\n"
            "        best = max(best, x)\n"
            "    return best\n",
        ),
    )
    untouched = ("def f(a):\n    a.b()\n",)

    def bias(self, node: ast.expr, unit: Unit) -> float:
        return -1.0 if isinstance(unit.parent(node), (ast.Call, ast.BinOp, ast.Compare)) else 0.0

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        parent = unit.parent(node)
        plain = (ast.Assign, ast.Return, ast.AugAssign, ast.Subscript, ast.Slice, ast.Call)
        if not isinstance(parent, (*plain, ast.BinOp, ast.Compare)):
            return
        kinds = unit.variables.kinds(node)
        if not is_value(node, unit) or (kinds and NUMBER not in kinds):
            return
        code = unit.code(node)
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            target = unit.code(parent.targets[0])
            if not isinstance(parent.targets[0], ast.Tuple):
                for variable, weight in unit.variables.ranked(node)[:5]:
                    if variable.name != target:
                        yield replace(node, f"max({target}, {variable.name})", unit, weight)
                        yield replace(node, f"min({target}, {variable.name})", unit, weight)
                        yield replace(node, f"{target} + {variable.name}", unit, weight - 0.5)
                        if isinstance(node, ast.Call) and unit.code(node.func) in ("max", "min"):
                            kept = f"{unit.code(node.func)}({target}, {variable.name})"
                            yield replace(node, kept, unit, weight + 3.0)
                yield replace(node, f"max({target}, {code})", unit, 1.5)
                yield replace(node, f"min({target}, {code})", unit, 1.5)
        for function in ("max", "min"):
            yield replace(node, f"{function}({code}, 0)", unit, 0.5 if function == "max" else -1.0)
            yield replace(node, f"{function}({code}, 1)", unit, -1.0)
            for variable, weight in unit.variables.ranked(node, kinds=frozenset({NUMBER}))[:5]:
                yield replace(node, f"{function}({code}, {variable.name})", unit, weight)


class CalledOtherwise(Pattern[ast.Call]):
    """A function in place of a method, and back: ``x.sort()`` for ``sorted(x)``; a mean for a sum."""

    name = "function_or_method"
    nodes = (ast.Call,)
    examples = (
        (
            "def f(xs):\n    sorted(xs)\n    return xs\n",
            "def f(xs):\n    xs.sort()\n    return xs\n",
        ),
        ("def f(xs):\n    return xs.sort()\n", "def f(xs):\n    return sorted(xs)\n"),
        ("def f(xs):\n    return sum(xs)\n", "def f(xs):\n    return sum(xs) / len(xs)\n"),
        ("def f(xs):\n    return max(xs)\n", "def f(xs):\n    return xs[0]\n"),
    )
    untouched = ("def f(xs):\n    return g(xs)\n",)

    def edits(self, node: ast.Call, unit: Unit) -> Iterator[Change]:
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if isinstance(node.func, ast.Attribute) and name in ("sort", "reverse"):
            owner = unit.code(node.func.value)
            inner = ", ".join([owner, *(unit.code(a) for a in (*node.args, *node.keywords))])
            function = "sorted" if name == "sort" else "reversed"
            yield replace(node, f"{function}({inner})", unit)
            yield replace(node, f"list({function}({inner}))", unit)
            if isinstance(unit.parent(node), ast.Expr):
                yield replace(node, f"{owner} = {function}({inner})", unit)
            else:
                yield replace(node, f"{owner}[::-1]", unit)
            return
        if not isinstance(node.func, ast.Name) or len(node.args) != 1:
            return
        code = unit.operand(node.args[0], 16)
        if name in ("sorted", "reversed"):
            rest = ", ".join(unit.code(k) for k in node.keywords)
            yield replace(node, f"{code}.{'sort' if name == 'sorted' else 'reverse'}({rest})", unit)
            if isinstance(unit.parent(node), ast.Expr):
                yield replace(node, f"{code} = {unit.code(node)}", unit)
        if name == "sum" and not node.keywords:
            yield replace(node, f"{unit.code(node)} / len({unit.code(node.args[0])})", unit)
            yield replace(node, f"{unit.code(node)} // len({unit.code(node.args[0])})", unit)
        if name in ("max", "min"):
            yield replace(node, f"{code}[0]", unit)
            yield replace(node, f"{code}[-1]", unit)
        if name in ("sum", "max", "min", "len") and alternatives(name):
            yield replace(node, f"len(set({unit.code(node.args[0])}))", unit)


PATTERNS = (
    WrapCall(),
    Bound(),
    CalledOtherwise(),
)
