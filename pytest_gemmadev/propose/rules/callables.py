"""What is called and cannot be, or must be and is not: wrong brackets, hidden names, coroutines."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.propose.code.names import BUILTINS, bound_names
from pytest_gemmadev.propose.code.nodes import FUNCTIONS, dotted
from pytest_gemmadev.propose.code.project import Class
from pytest_gemmadev.propose.code.reach import visible_names
from pytest_gemmadev.propose.rules.failure import Failure, Place
from pytest_gemmadev.propose.rules.library import library_names
from pytest_gemmadev.propose.rules.rule import FAIR, LIKELY, SURE, Example, Fix, Rule, fix
from pytest_gemmadev.types import Edit, ErrorKind

_NOT_CALLABLE = re.compile(r"'([\w.]+)' object is not callable")
_NOT_SUBSCRIPTABLE = re.compile(r"'([\w.]+)' object is not subscriptable|type '(\w+)' is not subs")
_CONTAINERS = ("list", "dict", "tuple", "str", "defaultdict", "OrderedDict", "Counter", "bytes")
_LAZY = (
    "generator",
    "map",
    "filter",
    "zip",
    "dict_keys",
    "dict_values",
    "dict_items",
    "set",
    "reversed",
    "enumerate",
    "dict_keyiterator",
    "itertools.chain",
    "frozenset",
)


def uncalled(failure: Failure) -> tuple[Place, str, list[ast.Call]] | None:
    """(place, type, calls on the line) of a `not callable` error in the project."""
    match, place = _NOT_CALLABLE.search(failure.message), failure.site
    if match is None or place is None:
        return None
    calls = place.nodes(ast.Call)
    known = [c for c in calls if place.type_of(c.func) in (match[1], "")]
    return place, match[1], known or calls


class WrongBrackets(Rule):
    """``xs(0)`` for ``xs[0]``; ``2(x)`` for ``2 * (x)``; a comma left out between brackets."""

    name = "wrong_brackets"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example("def first(xs):\n    return xs(0)\n", "first([1])", "xs(0)", "xs[0]"),
        Example("def twice(x):\n    return 2(x + 1)\n", "twice(1)", "2(x", "2 * (x"),
        Example(
            "def table():\n    return [(1, 2) (3, 4)]\n",
            "table()",
            "(1, 2) (3",
            "(1, 2), (3",
        ),
        Example("def first(f):\n    return f(0, 1)\n", "first(1.5)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        found = uncalled(failure)
        if found is None:
            return
        place, kind, calls = found
        module = place.module
        for call in calls[:4]:
            func, span = module.span(call.func), module.span(call)
            if func is None or span is None:
                continue
            opening = module.text.find("(", func[1], span[1])
            if opening < 0:
                continue
            displayed = isinstance(call.func, (ast.Constant, ast.Tuple, ast.List, ast.Dict))
            if isinstance(call.func, (ast.Tuple, ast.List, ast.Dict, ast.JoinedStr)) or (
                isinstance(call.func, ast.Constant) and isinstance(call.func.value, str)
            ):
                edit = module.edit(func[1], func[1], ",")
                yield from fix(SURE, "a comma is missing", edit)
                if kind == "str":
                    edit = module.edit(func[1], func[1], ".format")
                    yield from fix(LIKELY, "the text is to be formatted", edit)
            elif kind in ("int", "float"):
                code = " * " if displayed or len(call.args) == 1 else ""
                prior = SURE if displayed else FAIR - 0.5
                if code:
                    edit = module.edit(func[1], opening, code)
                    yield from fix(prior, "`*` is missing", edit)
            elif kind in _CONTAINERS and len(call.args) == 1 and not call.keywords:
                inner = module.text[opening + 1 : span[1] - 1]
                why = f"`{module.code(call.func)}` is a {kind}: brackets index it"
                yield from fix(SURE - 0.1, why, module.edit(func[1], span[1], f"[{inner}]"))


class CalledValue(Rule):
    """A property or a plain value that is called."""

    name = "called_value"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "class Cart:\n    @property\n    def size(self):\n        return 1\n\n\n"
            "def f(cart):\n    return cart.size()\n",
            "f(Cart())",
            "cart.size()",
            "cart.size",
        ),
        Example("def f(x):\n    return x(1)\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        found = uncalled(failure)
        if found is None:
            return
        place, kind, calls = found
        for call in calls[:4]:
            if (
                not call.args
                and not call.keywords
                and isinstance(call.func, (ast.Attribute, ast.Name))
            ):
                code = place.module.code(call.func)
                prior = SURE - (0.0 if isinstance(call.func, ast.Attribute) else 0.4)
                why = f"`{code}` is a {kind}, not a method"
                yield from fix(prior, why, place.module.replace(call, code))


class ShadowedFunction(Rule):
    """A variable that hides a function: ``list``, ``max``, or an attribute named like a method."""

    name = "shadowed_function"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def top(xs):\n    max = xs[0]\n    return max(xs) - max\n",
            "top([1])",
            "    max = xs[0]\n    return max(xs) - max",
            "    max_ = xs[0]\n    return max(xs) - max_",
        ),
        Example(
            "class Cart:\n    def __init__(self):\n        self.total = 0\n\n"
            "    def total(self):\n        return self.total\n\n\n"
            "def f():\n    return Cart().total()\n",
            "f()",
            "        self.total = 0\n\n    def total(self):\n        return self.total\n",
            "        self._total = 0\n\n    def total(self):\n        return self._total\n",
        ),
        Example("def top(f):\n    return f(1)\n", "top(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        match, place = _NOT_CALLABLE.search(failure.message), failure.inner
        if match is None or place is None:
            return
        for call in place.nodes(ast.Call)[:4]:
            if isinstance(call.func, ast.Name) and place.editable:
                yield from self._variable(place, call.func)
            elif isinstance(call.func, ast.Attribute):
                yield from self._attribute(failure, place, call.func)

    def _variable(self, place: Place, name: ast.Name) -> Iterator[Fix]:
        module = place.module
        for scope in (*module.ancestors(name),):
            if not isinstance(scope, (*FUNCTIONS, ast.Module)) or name.id not in bound_names(scope):
                continue
            outer = visible_names(module, scope) if not isinstance(scope, ast.Module) else {}
            hidden = name.id in BUILTINS or outer.get(name.id) in ("global", "local")
            if not hidden:
                return
            taken = visible_names(module, name)
            new = f"{name.id}_" if f"{name.id}_" not in taken else f"{name.id}_value"
            edits: list[Edit | None] = []
            for node in bound_names(scope)[name.id]:
                if isinstance(node, ast.arg):
                    edits.append(module.rename_argument(node, new))
                elif not isinstance(node, ast.Name):
                    edits.append(None)
            called = {c.func for c in ast.walk(scope) if isinstance(c, ast.Call)}
            edits += [
                module.replace(n, new) for n in module.names(scope, name.id) if n not in called
            ]
            why = f"the variable `{name.id}` hides the function of that name"
            yield from fix(LIKELY, why, *edits)
            return

    def _attribute(self, failure: Failure, place: Place, node: ast.Attribute) -> Iterator[Fix]:
        for function in failure.project.functions(node.attr)[:3]:
            if function.cls is None:
                continue
            cls = Class(function.module, function.cls)
            stores = [n for n in failure.project.self_attributes(cls) if n.attr == node.attr]
            parents = function.module.parents
            kept = [
                n for n in stores if not (isinstance(c := parents.get(n), ast.Call) and c.func is n)
            ]
            if not any(isinstance(n.ctx, ast.Store) for n in kept):
                continue
            edits = [function.module.rename_attribute(n, f"_{node.attr}") for n in kept]
            why = f"the attribute `{node.attr}` hides the method of that name"
            yield from fix(SURE - 0.2, why, *edits)


class CalledModule(Rule):
    """A module called where the function or class of that name in it is meant."""

    name = "called_module"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "import datetime\n\n\ndef day():\n    return datetime(2024, 1, 1)\n",
            "day()",
            "return datetime",
            "return datetime.datetime",
        ),
        Example(
            "--- cart.py\nclass Cart:\n    pass\n--- app.py\nimport cart\n\n\ndef f():\n"
            "    return cart()\n",
            "f()",
            "return cart()",
            "return cart.Cart()",
        ),
        Example("import math\n\n\ndef f():\n    return math(1)\n", "f()"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        found = uncalled(failure)
        if found is None or found[1] != "module":
            return
        place, _, calls = found
        for call in calls:
            name = dotted(call.func)
            full = failure.project.module_called(place.module, name)
            target = failure.project.named(full) if full else None
            names = set(target.bindings) if target else library_names(full)
            last = full.rpartition(".")[2].replace("_", "").lower()
            for member in sorted(names):
                if member.replace("_", "").lower() == last:
                    why = f"`{name}` is a module, `{name}.{member}` is meant"
                    yield from fix(SURE, why, place.module.wrap(call.func, "", f".{member}"))


class IndexedFunction(Rule):
    """``f[x]`` for ``f(x)``."""

    name = "indexed_function"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example("def f(xs):\n    return len[xs]\n", "f([1])", "len[xs]", "len(xs)"),
        Example("def f(d):\n    return d.get['a']\n", "f({})", "['a']", "('a')"),
        Example("def f(x):\n    return x[0]\n", "f(1.5)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        match, place = _NOT_SUBSCRIPTABLE.search(failure.message), failure.site
        kind = (match[1] or match[2]) if match else ""
        if place is None or not (
            kind in ("function", "method", "builtin_function_or_method", "type")
            or (match and match[2])
        ):
            return
        module = place.module
        for node in place.nodes(ast.Subscript):
            base, span = module.span(node.value), module.span(node)
            if (
                base is None
                or span is None
                or not isinstance(node.value, (ast.Name, ast.Attribute))
            ):
                continue
            opening = module.text.find("[", base[1], span[1])
            inner = module.text[opening + 1 : span[1] - 1]
            why = f"`{module.code(node.value)}` is called, not indexed"
            if opening >= 0 and not isinstance(node.slice, ast.Slice):
                yield from fix(SURE - 0.1, why, module.edit(base[1], span[1], f"({inner})"))
                if kind in ("function", "method"):
                    edit = module.edit(base[1], base[1], "()")
                    yield from fix(LIKELY, f"`{module.code(node.value)}` has to be called", edit)


class IndexedObject(Rule):
    """An object read as if it were a dictionary, or something lazy indexed as if it were a list."""

    name = "indexed_object"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "class Item:\n    def __init__(self):\n        self.price = 1\n\n\n"
            "def f(item):\n    return item['price'] + 1\n",
            "f(Item())",
            "item['price']",
            "item.price",
        ),
        Example(
            "def f(d):\n    return d.keys()[0]\n",
            "f({1: 2})",
            "d.keys()[0]",
            "list(d.keys())[0]",
        ),
        Example("def f(x):\n    return x[0]\n", "f(1.5)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        match, place = _NOT_SUBSCRIPTABLE.search(failure.message), failure.site
        if match is None or place is None:
            return
        kind, module = match[1] or "", place.module
        cls = failure.project.class_named(kind) if kind else None
        for node in place.nodes(ast.Subscript):
            key = node.slice.value if isinstance(node.slice, ast.Constant) else None
            if place.type_of(node.value).rpartition(".")[2] not in ("", kind):
                continue
            base = module.span(node.value)
            span = module.span(node)
            if cls is not None and isinstance(key, str) and key.isidentifier() and base and span:
                known = key in failure.project.members(cls)
                why = f"`{cls.name}` has attributes, not keys"
                edit = module.edit(base[1], span[1], f".{key}")
                yield from fix(SURE if known else FAIR, why, edit)
            if kind in _LAZY:
                why = f"a {kind} cannot be indexed"
                yield from fix(SURE - 0.1, why, module.wrap(node.value, "list("))


RULES: tuple[Rule, ...] = (
    WrongBrackets(),
    CalledValue(),
    ShadowedFunction(),
    CalledModule(),
    IndexedFunction(),
    IndexedObject(),
)
