"""Containers: the wrong kind, shared instead of copied, a lookup without its default."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.kinds import FLAG, LIST, NUMBER, TEXT
from pytest_gemmadev.propose.code.precedence import ATOM
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern


class ContainerKind(Pattern[ast.expr]):
    """The same elements in another container: list, set, tuple, generator, by their brackets."""

    name = "container_kind"
    nodes = (ast.List, ast.Tuple, ast.Set, ast.ListComp, ast.SetComp, ast.GeneratorExp)
    examples = (
        ("def f(x):\n    return [x, 1]\n", "def f(x):\n    return (x, 1)\n"),
        ("def f(xs):\n    return {x for x in xs}\n", "def f(xs):\n    return [x for x in xs]\n"),
        ("def f(xs):\n    return [x, xs]\n", "def f(xs):\n    return {x, xs}\n"),
    )
    untouched = ("def f():\n    return []\n", "def f(a):\n    a, b = a\n")

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return
        code = unit.code(node)
        if code[:1] not in "([{":
            code = f"({code})"
        inner = code[1:-1].strip()
        if not inner or isinstance(node, ast.GeneratorExp):
            if isinstance(node, ast.GeneratorExp) and code.startswith("("):
                yield replace(node, f"[{inner}]", unit)
            return
        elements = isinstance(node, (ast.List, ast.Tuple, ast.Set))
        for left, right in ("[]", "{}", "()"):
            if code.startswith(left):
                continue
            if left == "(" and elements and inner.count(",") == 0:
                yield replace(node, f"({inner},)", unit)
                yield replace(node, inner, unit)
            elif left == "(" and not elements:
                yield replace(node, f"tuple({inner})", unit)
            else:
                yield replace(node, left + inner + right, unit)


class EmptyContainer(Pattern[ast.expr]):
    """A container of another kind to fill: `set()`, `deque()`, `defaultdict(int)` for `[]` or `{}`."""

    name = "empty_container"
    nodes = (ast.List, ast.Dict, ast.Call)
    examples = (
        (
            "def f():\n    d = {}\n    d[1] += 1\n",
            "def f():\n    d = defaultdict(int)\n    d[1] += 1\n",
        ),
        ("def f():\n    d = defaultdict(int)\n", "def f():\n    d = defaultdict(list)\n"),
    )
    untouched = ("def f(a):\n    d = [a]\n",)
    _KINDS = ("defaultdict(int)", "defaultdict(list)", "defaultdict(set)", "deque()", "Counter()")

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        code = unit.code(node)
        known = ("[]", "{}", "set()", "dict()", "list()", *self._KINDS)
        if code in known and isinstance(unit.parent(node), (ast.Assign, ast.AnnAssign)):
            for other in known:
                near = code.startswith("defaultdict") == other.startswith("defaultdict")
                yield replace(node, other, unit, 0.5 if near else 0.0)


class Copy(Pattern[ast.expr]):
    """A copy where an object is shared: ``list(x)``, ``x[:]``, ``x.copy()``, ``deepcopy(x)``."""

    name = "copy_value"
    nodes = (ast.Name, ast.Attribute, ast.Subscript)
    examples = (
        ("def f(a):\n    b = a\n    return b\n", "def f(a):\n    b = a[:]\n    return b\n"),
        ("def f(out, p):\n    out.append(p)\n", "def f(out, p):\n    out.append(list(p))\n"),
    )
    untouched = ("def f(a):\n    return a + 1\n", "def f(a):\n    b = 1\n    c = b\n")

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if not isinstance(getattr(node, "ctx", None), ast.Load):
            return
        kinds = unit.variables.kinds(node)
        if kinds and kinds <= {NUMBER, TEXT, FLAG}:
            return
        parent = unit.parent(node)
        shares = isinstance(parent, (ast.Assign, ast.Return, ast.Tuple)) or (
            isinstance(parent, ast.Call) and node in parent.args
        )
        if shares:
            code, owner = unit.code(node), unit.operand(node, ATOM)
            weight = 0.5 if LIST in kinds else 0.0
            yield replace(node, f"{owner}[:]", unit, weight)
            yield replace(node, f"list({code})", unit, weight)
            yield replace(node, f"{owner}.copy()", unit)
            yield replace(node, f"copy.deepcopy({code})", unit, -1.0)
            yield replace(node, f"deepcopy({code})", unit, -1.0)
            yield replace(node, f"[row[:] for row in {code}]", unit, -0.5)


class Repeated(Pattern[ast.BinOp]):
    """Separate rows for a row repeated: ``[[0] * n for _ in range(m)]`` for ``[[0] * n] * m``."""

    name = "repeated_rows"
    nodes = (ast.BinOp,)
    examples = (
        (
            "def f(n, m):\n    return [[0] * n] * m\n",
            "def f(n, m):\n    return [[0] * n for _ in range(m)]\n",
        ),
    )
    untouched = ("def f(n):\n    return [0] * n\n", "def f(a, b):\n    return a * b\n")

    def edits(self, node: ast.BinOp, unit: Unit) -> Iterator[Change]:
        row = node.left
        if isinstance(node.op, ast.Mult) and isinstance(row, ast.List) and len(row.elts) == 1:
            element = row.elts[0]
            if not isinstance(element, (ast.Constant, ast.Name)):
                code, times = unit.code(element), unit.code(node.right)
                yield replace(node, f"[{code} for _ in range({times})]", unit)


class Lookup(Pattern[ast.expr]):
    """``d.get(k, default)`` for ``d[k]``, and back; another default."""

    name = "lookup_default"
    nodes = (ast.Subscript, ast.Call)
    examples = (
        ("def f(d, k):\n    return d[k]\n", "def f(d, k):\n    return d.get(k, 0)\n"),
        ("def f(d, k):\n    return d.get(k)\n", "def f(d, k):\n    return d[k]\n"),
    )
    untouched = ("def f(d):\n    return d[1:]\n", "def f(d):\n    d[1] = 2\n")

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if isinstance(node, ast.Subscript):
            kinds = unit.variables.kinds(node.value)
            listed = kinds == {LIST} or kinds == {TEXT}
            if (
                isinstance(node.ctx, ast.Load)
                and not isinstance(node.slice, ast.Slice)
                and not listed
            ):
                owner, code = unit.operand(node.value, ATOM), unit.code(node.slice)
                for default in ("", ", 0", ", []", ", ''", f", {code}"):
                    yield replace(node, f"{owner}.get({code}{default})", unit)
            return
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr="get"), args=[key, *_]):
                yield replace(node, f"{unit.operand(value, ATOM)}[{unit.code(key)}]", unit)
            case _:
                pass


PATTERNS = (ContainerKind(), EmptyContainer(), Copy(), Repeated(), Lookup())
