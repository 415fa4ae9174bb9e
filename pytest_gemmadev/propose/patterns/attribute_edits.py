"""Wrong attributes and methods: another of the same object, one dropped, a call missing or too much."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from pytest_gemmadev.propose.code.kinds import LIST, MAPPING, NUMBER, SET, TEXT
from pytest_gemmadev.propose.code.nodes import FUNCTIONS
from pytest_gemmadev.propose.code.precedence import ATOM
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern
from pytest_gemmadev.propose.similarity import letter_similarity

# Methods that are taken for one another.
_FAMILIES = (
    ("append", "extend", "appendleft", "insert", "add", "remove", "pop"),
    ("add", "update", "discard", "remove", "append"),
    ("pop", "popleft", "remove", "clear", "popitem"),
    ("keys", "values", "items"),
    ("get", "pop", "setdefault", "__getitem__"),
    ("strip", "lstrip", "rstrip"),
    ("find", "rfind", "index", "rindex", "count"),
    ("split", "rsplit", "splitlines", "partition", "rpartition"),
    ("startswith", "endswith"),
    ("lower", "upper", "title", "capitalize", "swapcase", "casefold"),
    ("islower", "isupper", "istitle"),
    ("isdigit", "isnumeric", "isdecimal", "isalpha", "isalnum", "isspace"),
    ("ljust", "rjust", "center", "zfill"),
    ("union", "intersection", "difference", "symmetric_difference"),
    ("issubset", "issuperset", "isdisjoint"),
    ("encode", "decode"),
    ("read", "readline", "readlines"),
    ("write", "writelines"),
    ("sort", "reverse"),
    ("match", "search", "fullmatch", "findall", "finditer"),
    ("group", "groups", "groupdict"),
    ("start", "end", "span"),
    ("date", "time", "datetime"),
    ("year", "month", "day", "hour", "minute", "second"),
    ("days", "seconds", "total_seconds"),
    ("floor", "ceil", "trunc", "sqrt", "isqrt"),
    ("left", "right"),
    ("first", "last", "next", "prev", "previous"),
    ("start", "stop", "step"),
    ("width", "height"),
    ("x", "y", "z"),
    ("row", "col", "column"),
    ("key", "value"),
    ("min", "max"),
    ("most_common", "elements", "total"),
)


def instance_attributes(unit: Unit) -> tuple[str, ...]:
    """Attributes and methods that the class of a method is seen to have."""
    return _attributes_of(unit.cls) if unit.cls is not None else ()


@lru_cache(maxsize=64)
def _attributes_of(cls: ast.ClassDef) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for member in cls.body:
        if isinstance(member, FUNCTIONS):
            if not member.name.startswith("__"):
                found[member.name] = None
            arguments = (*member.args.posonlyargs, *member.args.args)
            own = arguments[0].arg if arguments else "self"
            for node in ast.walk(member):
                match node:
                    case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store()) if name == own:
                        found[node.attr] = None
                    case _:
                        pass
        elif isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
            found[member.target.id] = None
        elif isinstance(member, ast.Assign):
            found.update({t.id: None for t in member.targets if isinstance(t, ast.Name)})
    return tuple(found)


def _seen_on(value: ast.expr, unit: Unit) -> dict[str, bool]:
    """Attributes that the unit reads of the same object, and whether each is called there."""
    wanted = unit.code(value)
    found: dict[str, bool] = {}
    for node in unit.of_type(ast.Attribute):
        if (
            isinstance(node, ast.Attribute)
            and unit.editable(node)
            and unit.code(node.value) == wanted
        ):
            parent = unit.parent(node)
            found[node.attr] = isinstance(parent, ast.Call) and parent.func is node
    return found


class WrongAttribute(Pattern[ast.Attribute]):
    """Another attribute or method: of the same family, or of the same object as used elsewhere."""

    name = "wrong_attribute"
    nodes = (ast.Attribute,)
    examples = (
        ("def f(xs, x):\n    xs.append(x)\n", "def f(xs, x):\n    xs.extend(x)\n"),
        ("def f(s, t):\n    s.add(t)\n", "def f(s, t):\n    s.update(t)\n"),
        ("def f(p):\n    return p.left + p.left\n", "def f(p):\n    return p.left + p.right\n"),
        (
            "class A:\n    def __init__(self, a, b):\n        self.a = a\n        self.b = b\n\n"
            "    def f(self):\n        return self.a\n",
            "class A:\n    def __init__(self, a, b):\n        self.a = a\n        self.b = b\n\n"
            "    def f(self):\n        return self.b\n",
        ),
    )
    untouched = ("def f(a):\n    return a.whatever\n",)

    def edits(self, node: ast.Attribute, unit: Unit) -> Iterator[Change]:
        weights: dict[str, float] = {}
        for family in _FAMILIES:
            if node.attr in family:
                for rank, name in enumerate(n for n in family if n != node.attr):
                    weights.setdefault(name, 1.5 - 0.3 * rank)
        parent = unit.parent(node)
        called = isinstance(parent, ast.Call) and parent.func is node
        for name, other_called in _seen_on(node.value, unit).items():
            weights[name] = (
                1.0 + letter_similarity(name, node.attr) - (2.0 if called != other_called else 0.0)
            )
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
            for name in instance_attributes(unit):
                weights.setdefault(name, 1.5 * letter_similarity(name, node.attr) - 0.5)
        weights.pop(node.attr, None)
        ranked = sorted(weights.items(), key=lambda item: -item[1])[:25]
        end = unit.span(node)[1]
        for name, weight in ranked:
            yield Change(((end - len(node.attr), end, name),), weight)


class AddAttribute(Pattern[ast.Name]):
    """An attribute of a variable, as read of it or of its like elsewhere in the code."""

    name = "add_attribute"
    nodes = (ast.Name,)
    examples = (
        ("def f(a, b):\n    return a.size + b\n", "def f(a, b):\n    return a.size + b.size\n"),
        ("def f(n):\n    while n:\n        n = n\n    return n.next\n",
         "def f(n):\n    while n:\n        n = n.next\n    return n.next\n"),
    )  # fmt: skip
    untouched = ("def f(a, b):\n    return a + b\n", "def f(a, b):\n    return b.x()\n")

    def edits(self, node: ast.Name, unit: Unit) -> Iterator[Change]:
        parent = unit.parent(node)
        if not isinstance(node.ctx, ast.Load) or isinstance(parent, ast.Attribute):
            return
        if isinstance(parent, ast.Call) and parent.func is node:
            return
        if unit.variables.kinds(node) or node.id in ("self", "cls"):
            return
        for attribute in unit.of_type(ast.Attribute):
            if not isinstance(attribute, ast.Attribute) or not isinstance(
                attribute.value, ast.Name
            ):
                continue
            outer = unit.parent(attribute)
            called = isinstance(outer, ast.Call) and outer.func is attribute
            if called or attribute.value.id not in unit.variables.bound_anywhere:
                continue
            same = attribute.value.id == node.id
            yield replace(node, f"{node.id}.{attribute.attr}", unit, 1.0 if same else -0.5)


_CHAINS: dict[str, tuple[str, ...]] = {
    TEXT: (
        ".strip()",
        ".lower()",
        ".upper()",
        ".swapcase()",
        ".split()",
        "[::-1]",
        ".rstrip()",
        ".lstrip()",
        ".title()",
    ),
    LIST: ("[:]", ".copy()", "[::-1]", "[-1]", "[0]", "[1:]", "[:-1]"),
    MAPPING: (".items()", ".values()", ".keys()", ".copy()"),
    SET: (".copy()", ".pop()"),
    NUMBER: (),
}


class MethodMissing(Pattern[ast.expr]):
    """A call or slice put behind a value: ``.strip()``, ``.items()``, ``.copy()``, ``[::-1]``."""

    name = "method_missing"
    nodes = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
    examples = (
        ("def f(s):\n    return g(s)\n", "def f(s):\n    return g(s.lower())\n"),
        (
            "def f(d):\n    for k, v in d:\n        print(k)\n",
            "def f(d):\n    for k, v in d.items():\n        print(k)\n",
        ),
        (
            "def f(path, out):\n    out.append(path)\n",
            "def f(path, out):\n    out.append(path[:])\n",
        ),
    )
    untouched = ("def f(a):\n    return a - 1\n",)

    def bias(self, node: ast.expr, unit: Unit) -> float:
        return 0.0 if unit.variables.kinds(node) else -0.7

    def edits(self, node: ast.expr, unit: Unit) -> Iterator[Change]:
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return
        parent = unit.parent(node)
        if isinstance(parent, (ast.Attribute, ast.BinOp, ast.Expr, ast.UnaryOp, ast.JoinedStr)):
            return
        if isinstance(parent, ast.Call) and parent.func is node:
            return
        if isinstance(parent, ast.Subscript):
            return
        kinds = unit.variables.kinds(node)
        loops = isinstance(parent, (ast.For, ast.comprehension)) and parent.iter is node
        code = unit.operand(node, ATOM)
        for kind in (TEXT, LIST, MAPPING, SET):
            if kinds and kind not in kinds:
                continue
            for suffix in _CHAINS[kind]:
                yield replace(node, code + suffix, unit, 1.0 if loops == (kind == MAPPING) else 0.0)


PATTERNS = (
    WrongAttribute(),
    AddAttribute(),
    MethodMissing(),
)
