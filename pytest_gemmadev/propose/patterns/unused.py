"""What is there and not put to use: a parameter, a helper of the file, a container to empty."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import ClassVar

from pytest_gemmadev.propose.code.kinds import FLAG, LIST, MAPPING, NUMBER, TEXT
from pytest_gemmadev.propose.code.nodes import FUNCTIONS, FunctionNode
from pytest_gemmadev.propose.code.source import Source
from pytest_gemmadev.propose.code.statement_lines import MOVABLE, real_statements, siblings
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, after, before, instead, replace
from pytest_gemmadev.propose.patterns.comparisons import links
from pytest_gemmadev.propose.patterns.pattern import Pattern
from pytest_gemmadev.propose.similarity import letter_similarity

_HELPERS = 8
_KEYWORDS = 8
_COMPARING = ("equal", "eq", "same", "match", "close", "compare", "similar", "alike", "equivalent")
_CONTAINERS = ("dict", "list", "set", "defaultdict", "OrderedDict", "deque", "Counter")


class StoreParameter(Pattern[ast.stmt]):
    """A parameter that nothing reads kept on the instance, as the others are."""

    name = "store_parameter"
    nodes = (ast.Assign, ast.AnnAssign)
    examples = (
        (
            "class A:\n    def __init__(self, a, b):\n        self.a = a\n",
            "class A:\n    def __init__(self, a, b):\n        self.a = a\n        self.b = b\n",
        ),
        (
            "class A:\n    def __init__(self, a, b):\n        self.a = a\n        self.a = a\n",
            "class A:\n    def __init__(self, a, b):\n        self.b = b\n        self.a = a\n",
        ),
    )
    untouched = ("class A:\n    def __init__(self, a):\n        self.a = a\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        function = unit.function(node)
        if block is None or function is None or unit.cls is None:
            return
        arguments = (*function.args.posonlyargs, *function.args.args)
        target = _only_target(node)
        if not arguments or not isinstance(target, ast.Attribute):
            return
        holder = unit.code(target.value)
        if holder != arguments[0].arg:
            return
        own = unit.code(node)
        repeated = sum(unit.code(s) == own for s in block.statements) > 1
        for name in sorted(unit.variables.idle & set(_parameters(function))):
            code = f"{holder}.{name} = {name}"
            if repeated:
                yield instead(unit, node, code, 1.0)
            yield after(unit, node, code)


def _only_target(node: ast.stmt) -> ast.expr | None:
    if isinstance(node, ast.Assign):
        return node.targets[0] if len(node.targets) == 1 else None
    return node.target if isinstance(node, ast.AnnAssign) else None


def _parameters(function: FunctionNode) -> list[str]:
    arguments = function.args
    return [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


class KeywordLikeOthers(Pattern[ast.Call]):
    """One more keyword argument in the manner of the others: ``b=options['b']``, ``b=b``."""

    name = "keyword_like_others"
    nodes = (ast.Call,)
    examples = (
        (
            "def f(o):\n    if o['c'] > 1:\n        return g(a=o['a'], b=o['b'])\n",
            "def f(o):\n    if o['c'] > 1:\n        return g(a=o['a'], b=o['b'], c=o['c'])\n",
        ),
        (
            "def f(a, b, c):\n    return g(a=a, b=b)\n",
            "def f(a, b, c):\n    return g(a=a, b=b, c=c)\n",
        ),
    )
    untouched = (
        "def f(a, b):\n    return g(a=a, b=b)\n",
        "def f(a, b, c):\n    return g(a=1, b=b)\n",
    )

    def edits(self, node: ast.Call, unit: Unit) -> Iterator[Change]:
        given = {k.arg for k in node.keywords}
        manners = Counter(manner for k in node.keywords if (manner := _manner(k, unit)) is not None)
        end = max((unit.span(k)[1] for k in node.keywords), default=0)
        for manner, count in manners.items():
            if count < 2 or None in given:
                continue
            for rank, name in enumerate(self._names(manner, node, unit)[:_KEYWORDS]):
                if name not in given:
                    code = f", {name}={manner.replace(_HOLE, name)}"
                    yield Change(((end, end, code),), -0.1 * rank)

    def _names(self, manner: str, node: ast.Call, unit: Unit) -> list[str]:
        """Names that could take the place, those first that the unit has not used, then near ones."""
        if manner == _HOLE:
            return [v.name for v, _ in unit.variables.ranked(node) if v.is_local]
        shape = re.escape(manner).replace(re.escape(_HOLE), r"([A-Za-z_]\w*)", 1)
        own = unit.source.line_of(unit.span(node)[0])
        start, end = unit.extent
        away: dict[str, int] = {}
        used: set[str] = set()
        for match in re.finditer(shape.replace(re.escape(_HOLE), r"\1"), unit.text):
            name, lines = match[1], abs(unit.source.line_of(match.start()) - own)
            away[name] = min(lines, away.get(name, lines))
            if start <= match.start() < end:
                used.add(name)
        return sorted(away, key=lambda name: (name in used, away[name]))


_HOLE = "\x00"


def _manner(keyword: ast.keyword, unit: Unit) -> str | None:
    """The value of a keyword argument with a hole for the keyword's own name; None without."""
    if keyword.arg is None:
        return None
    code = unit.code(keyword.value)
    found, count = re.subn(rf"\b{re.escape(keyword.arg)}\b", _HOLE, code)
    return found if count == 1 and "\n" not in code else None


class ConvertParameter(Pattern[ast.stmt]):
    """A parameter put through a helper of the file before it is used: ``x = helper(x)``."""

    name = "convert_parameter"
    nodes = MOVABLE
    examples = (
        (
            "def clean(x):\n    return x\n\n\ndef f(x):\n    return g(x)\n",
            "def clean(x):\n    return x\n\n\ndef f(x):\n    x = clean(x)\n    return g(x)\n",
        ),
        ("def f(x):\n    return x.y\n", "def f(x):\n    x = str(x)\n    return x.y\n"),
    )
    untouched = (
        "def f():\n    return 1\n",
        "class A:\n    def f(self):\n        return 1\n",
    )
    _USUAL: ClassVar[Mapping[str, str]] = {
        "str": TEXT,
        "list": LIST,
        "int": NUMBER,
        "dict": MAPPING,
    }

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None or not isinstance(block.owner, FUNCTIONS):
            return
        if real_statements(block, unit)[0] is not node:
            return
        helpers = _helpers(unit.source, 1)
        for place, name in enumerate(_parameters(block.owner)):
            kinds = unit.variables.variable(name).kinds
            if name in ("self", "cls") or FLAG in kinds:
                continue
            for helper, uses in helpers[:_HELPERS]:
                if helper != block.owner.name:
                    weight = 1.0 - 0.5 * uses - 0.2 * place + letter_similarity(helper, name)
                    yield before(unit, node, f"{name} = {helper}({name})", weight)
            for rank, (helper, kind) in enumerate(self._USUAL.items()):
                if not kinds or kind in kinds:
                    weight = -0.5 - 0.3 * rank - 0.2 * place
                    yield before(unit, node, f"{name} = {helper}({name})", weight)


@lru_cache(maxsize=64)
def _helpers(source: Source, parameters: int) -> list[tuple[str, int]]:
    """Functions of the module that take so many parameters, with the calls outside them."""
    functions = [
        s
        for s in source.tree.body
        if isinstance(s, ast.FunctionDef) and _required(s.args) == parameters
    ]
    calls: Counter[str] = Counter()
    for statement in source.tree.body:
        own = getattr(statement, "name", "")
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                calls[node.func.id] += node.func.id != own
    found = [(f.name, min(calls[f.name], 4)) for f in functions]
    return sorted(found, key=lambda pair: pair[1])


def _required(arguments: ast.arguments) -> int:
    positional = len(arguments.posonlyargs) + len(arguments.args)
    return positional - len(arguments.defaults)


class ComparedBy(Pattern[ast.Compare]):
    """``equal(a, b)`` for ``a == b``, with a helper of the file that compares."""

    name = "compared_by"
    nodes = (ast.Compare,)
    examples = (
        (
            "def same(a, b):\n    return a is b\n\n\ndef f(x, y):\n    return x == y\n",
            "def same(a, b):\n    return a is b\n\n\ndef f(x, y):\n    return same(x, y)\n",
        ),
        (
            "def is_close(a, b):\n    return a is b\n\n\ndef f(x, y):\n    return x != y\n",
            "def is_close(a, b):\n    return a is b\n\n\ndef f(x, y):\n    return not is_close(x, y)\n",
        ),
    )
    untouched = (
        "def same(a, b):\n    return a == b\n",
        "def join(a, b):\n    return a\n\n\ndef f(x, y):\n    return x == y\n",
    )

    def edits(self, node: ast.Compare, unit: Unit) -> Iterator[Change]:
        if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
            return
        left, symbol, right = links(node)[0]
        own = getattr(unit.function(node), "name", "")
        for helper, uses in _helpers(unit.source, 2):
            words = set(re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", helper).lower()))
            if helper == own or words.isdisjoint(_COMPARING):
                continue
            call = f"{helper}({unit.code(left)}, {unit.code(right)})"
            negation = "" if symbol == "==" else "not "
            yield replace(node, f"{negation}{call}", unit, 1.0 - 0.3 * uses)


class ClearContainer(Pattern[ast.stmt]):
    """A container of the instance emptied where what it was made of changes: ``self.cache.clear()``."""

    name = "clear_container"
    nodes = MOVABLE
    examples = (
        (
            "class A:\n    def __init__(self):\n        self.xs = []\n        self.cache = {}\n\n"
            "    def add(self, x):\n        self.xs.append(x)\n",
            "class A:\n    def __init__(self):\n        self.xs = []\n        self.cache = {}\n\n"
            "    def add(self, x):\n        self.xs.append(x)\n        self.cache.clear()\n",
        ),
    )
    untouched = (
        "class A:\n    def __init__(self):\n        self.n = 0\n\n    def f(self, x):\n        g(x)\n",
        "def f(x):\n    g(x)\n",
    )

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        block = siblings(unit, node)
        if block is None or unit.cls is None or block.owner is not unit.root:
            return
        if not isinstance(unit.root, FUNCTIONS) or unit.root.name == "__init__":
            return
        ends = isinstance(node, (ast.Return, ast.Raise))
        mentioned = {n.attr for n in unit.of_type(ast.Attribute) if isinstance(n, ast.Attribute)}
        for name in _containers(unit.cls):
            if name in mentioned:
                continue
            weight = 1.0 if "cache" in name or name.startswith("_") else 0.0
            code = f"self.{name}.clear()"
            if not ends:
                yield after(unit, node, code, weight)
            if ends or real_statements(block, unit)[0] is node:
                yield before(unit, node, code, weight - 0.3)


@lru_cache(maxsize=64)
def _containers(cls: ast.ClassDef) -> list[str]:
    """Attributes that start out as empty containers."""
    found: dict[str, None] = {}
    for node in ast.walk(cls):
        match node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)]):
                value: ast.expr | None = node.value
            case ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                value = node.value
            case _:
                continue
        match value:
            case ast.Dict(keys=[]) | ast.List(elts=[]):
                found[name] = None
            case ast.Call(func=ast.Name(id=kind)) if kind in _CONTAINERS:
                found[name] = None
            case _:
                pass
    return list(found)


PATTERNS = (
    StoreParameter(),
    KeywordLikeOthers(),
    ConvertParameter(),
    ComparedBy(),
    ClearContainer(),
)
