"""Wrong names: a variable for another, a target for another, a function for another, `self.` missing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.nodes import FUNCTIONS
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.attribute_edits import instance_attributes
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern
from pytest_gemmadev.propose.similarity import letter_similarity

_WIDTH = 25

# Built-ins and library functions that are taken for one another.
_FAMILIES = (
    ("min", "max", "sum", "len", "abs", "sorted"),
    ("any", "all", "sum"),
    ("int", "float", "str", "round", "bool", "abs", "ord", "chr"),
    ("list", "tuple", "set", "dict", "sorted", "reversed", "frozenset", "deque", "iter"),
    ("sorted", "reversed", "list", "set", "enumerate"),
    ("floor", "ceil", "trunc", "round", "isqrt", "sqrt"),
    ("range", "enumerate", "reversed"),
    ("zip", "zip_longest", "product", "enumerate", "map"),
    ("map", "filter"),
    ("permutations", "combinations", "product", "combinations_with_replacement"),
    ("bisect_left", "bisect_right", "bisect", "insort"),
    ("heappush", "heappop", "heapify", "heappushpop", "heapreplace"),
    ("hex", "oct", "bin", "str", "int"),
    ("isinstance", "issubclass", "hasattr", "callable"),
    ("print", "repr", "str"),
    ("copy", "deepcopy"),
    ("first", "last"),
    ("gcd", "lcm"),
    ("defaultdict", "dict", "Counter", "OrderedDict"),
    ("sin", "cos", "tan", "asin", "acos", "atan"),
    ("radians", "degrees"),
    ("log", "log2", "log10", "exp", "sqrt"),
)


def alternatives(name: str) -> list[str]:
    """Library functions that are taken for ``name``, the nearest family first."""
    found: dict[str, None] = {}
    for family in _FAMILIES:
        if name in family:
            found.update(dict.fromkeys(family))
    found.pop(name, None)
    return list(found)


class WrongFunction(Pattern[ast.Name]):
    """Another function called, or passed: of the same family, of the same module."""

    name = "wrong_function"
    nodes = (ast.Name,)
    examples = (
        ("def f(xs):\n    return min(xs)\n", "def f(xs):\n    return max(xs)\n"),
        (
            "def f(xs):\n    return sorted(xs, key=max)\n",
            "def f(xs):\n    return sorted(xs, key=min)\n",
        ),
        (
            "def encode(s):\n"
            "    return s\n"
            "\n"
            "\n"
            "def decode(s):\n"
            "    return s\n"
            "\n"
            "\n"
            "def f(s):\n"
            "    return encode(s)\n",
            "def encode(s):\n"
            "    return s\n"
            "\n"
            "\n"
            "def decode(s):\n"
            "    return s\n"
            "\n"
            "\n"
            "def f(s):\n"
            "    return decode(s)\n",
        ),
    )
    untouched = ("def f(x):\n    return x.g()\n",)

    def edits(self, node: ast.Name, unit: Unit) -> Iterator[Change]:
        if not isinstance(node.ctx, ast.Load):
            return
        called = _is_called(node, unit)
        if not called and (node.id in unit.variables.bound_anywhere or not alternatives(node.id)):
            return
        for rank, name in enumerate(alternatives(node.id)):
            yield replace(node, name, unit, 4.0 - 1.0 * rank)
        if called:
            names = [n for n in unit.variables.callables(node) if n != node.id]
            names.sort(key=lambda n: -letter_similarity(n, node.id))
            for name in names[:8]:
                yield replace(node, name, unit, 1.5 * letter_similarity(name, node.id) - 0.5)


class NameToAttribute(Pattern[ast.Name]):
    """``self.x`` for ``x``, where the instance or class has such an attribute."""

    name = "name_to_attribute"
    nodes = (ast.Name,)
    examples = (
        (
            "class A:\n"
            "    def __init__(self, n):\n"
            "        self.n = n\n"
            "\n"
            "    def f(self, n):\n"
            "        return n\n",
            "class A:\n"
            "    def __init__(self, n):\n"
            "        self.n = n\n"
            "\n"
            "    def f(self, n):\n"
            "        return self.n\n",
        ),
        (
            "class A:\n"
            "    def g(self):\n"
            "        return 1\n"
            "\n"
            "    def f(self):\n"
            "        return g()\n",
            "class A:\n"
            "    def g(self):\n"
            "        return 1\n"
            "\n"
            "    def f(self):\n"
            "        return self.g()\n",
        ),
    )
    untouched = ("class A:\n    def f(self, n):\n        return n\n",)

    def edits(self, node: ast.Name, unit: Unit) -> Iterator[Change]:
        owner = _instance_name(node, unit)
        if owner is None or node.id == owner:
            return
        for name in instance_attributes(unit):
            if name == getattr(unit.root, "name", ""):
                continue
            alike = letter_similarity(name.lstrip("_"), node.id)
            if name.lstrip("_") == node.id:
                yield replace(node, f"{owner}.{name}", unit, 3.0)
            elif isinstance(node.ctx, ast.Load) and not _is_called(node, unit):
                yield replace(node, f"{owner}.{name}", unit, 1.5 * alike - 1.5)


class AttributeToName(Pattern[ast.Attribute]):
    """``x`` for ``self.x``, or the name of the class for ``self``."""

    name = "attribute_to_name"
    nodes = (ast.Attribute,)
    examples = (
        (
            "class A:\n    def f(self, n):\n        return self.n\n",
            "class A:\n    def f(self, n):\n        return n\n",
        ),
        (
            "class A:\n    n = 0\n\n    def f(self):\n        self.n += 1\n",
            "class A:\n    n = 0\n\n    def f(self):\n        A.n += 1\n",
        ),
        (
            "def g():\n    return 1\n\n\nclass A:\n    def f(self):\n        return self.g()\n",
            "def g():\n    return 1\n\n\nclass A:\n    def f(self):\n        return g()\n",
        ),
    )
    untouched = ("def f(a):\n    return a.b\n",)

    def edits(self, node: ast.Attribute, unit: Unit) -> Iterator[Change]:
        owner = _instance_name(node, unit)
        if owner is None or not isinstance(node.value, ast.Name) or node.value.id != owner:
            return
        if unit.cls is not None:
            yield replace(node, f"{unit.cls.name}.{node.attr}", unit, -1.0)
        if _is_called(node, unit):
            for name in unit.variables.callables(node):
                if name == node.attr:
                    yield replace(node, name, unit, 2.0)
                elif letter_similarity(name, node.attr) > 0.5:
                    yield replace(node, name, unit, 0.0)
        elif isinstance(node.ctx, ast.Load):
            for variable in unit.in_scope(node):
                alike = letter_similarity(variable.name, node.attr)
                if variable.name != owner and (alike > 0.5 or variable.is_local):
                    yield replace(node, variable.name, unit, 2.5 * alike - 1.0)


def _is_called(node: ast.AST, unit: Unit) -> bool:
    parent = unit.parent(node)
    return isinstance(parent, ast.Call) and parent.func is node


def _instance_name(node: ast.AST, unit: Unit) -> str | None:
    """``self`` as the method around ``node`` calls it, or None outside methods."""
    if unit.cls is None or not isinstance(unit.root, FUNCTIONS):
        return None
    decorators = {d.id for d in unit.root.decorator_list if isinstance(d, ast.Name)}
    arguments = (*unit.root.args.posonlyargs, *unit.root.args.args)
    return None if "staticmethod" in decorators or not arguments else arguments[0].arg


PATTERNS = (WrongFunction(), NameToAttribute(), AttributeToName())
