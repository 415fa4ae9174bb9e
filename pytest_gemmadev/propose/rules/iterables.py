"""What is iterated, unpacked, measured, hashed or changed and cannot be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.propose.code.nodes import dotted
from pytest_gemmadev.propose.rules.failure import Failure, Place
from pytest_gemmadev.propose.rules.rule import FAIR, LIKELY, SURE, Example, Fix, Rule, fix
from pytest_gemmadev.types import ErrorKind


def iterated(place: Place) -> list[ast.expr]:
    """Expressions that the line iterates over: in loops, comprehensions, calls."""
    found = [loop.iter for loop in place.loops]
    for call in place.nodes(ast.Call):
        name = dotted(call.func).rpartition(".")[2]
        if name in _ITERATING and call.args:
            found.append(call.args[0])
    return found


_ITERATING = {
    "list",
    "tuple",
    "set",
    "sorted",
    "sum",
    "min",
    "max",
    "any",
    "all",
    "enumerate",
    "reversed",
    "extend",
    "update",
    "join",
    "iter",
    "zip",
    "Counter",
    "deque",
    "frozenset",
    "dict",
}


class IteratedNumber(Rule):
    """A number iterated over: ``range`` forgotten, or a single value where several are due."""

    name = "iterated_number"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def f(xs):\n    return [i for i in len(xs)]\n",
            "f([1])",
            "in len(xs)",
            "in range(len(xs))",
        ),
        Example(
            "def f(xs, x):\n    xs.extend(x)\n    return xs\n", "f([], 1)", "extend(x)", "append(x)"
        ),
        Example("def f(a, b):\n    return max(a)\n", "f(1, 2)", "max(a)", "max([a])"),
        Example("def f(xs):\n    return [i for i in xs]\n", "f(print)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or not re.search(
            r"'(int|float)' object is not (iter|rev)", failure.message
        ):
            return
        module = place.module
        for node in iterated(place):
            if place.type_of(node) not in ("", "int", "float"):
                continue
            parent = module.parents.get(node)
            code = module.code(node)
            if isinstance(parent, (ast.For, ast.comprehension)):
                why = f"`{code}` is a number; `range` counts up to it"
                yield from fix(SURE, why, module.wrap(node, "range("))
            elif isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute):
                single = {"extend": "append", "update": "add"}.get(parent.func.attr)
                if single:
                    why = f"`{code}` is one element"
                    yield from fix(SURE, why, module.rename_attribute(parent.func, single))
            elif isinstance(parent, ast.Call):
                yield from fix(FAIR, f"`{code}` is one element", module.wrap(node, "[", "]"))
                yield from fix(FAIR - 0.3, f"`{code}` is a number", module.wrap(node, "range("))
                if len(parent.args) > 1 and dotted(parent.func) == "sum":
                    inner = ", ".join(module.code(a) for a in parent.args)
                    edit = module.replace(parent, f"sum([{inner}])")
                    yield from fix(LIKELY, "`sum` takes a list", edit)


class Unhashable(Rule):
    """A list, set or dictionary as a key or in a set: a tuple or frozen set of it."""

    name = "unhashable"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def f(seen, xs):\n    seen.add(xs)\n    return seen\n",
            "f(set(), [1])",
            "add(xs)",
            "add(tuple(xs))",
        ),
        Example(
            "def f(d, xs):\n    d[xs] = 1\n    return d\n", "f({}, [1])", "d[xs]", "d[tuple(xs)]"
        ),
        Example("def f(d, xs):\n    return d + xs\n", "f({}, [1])"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        match = re.search(r"unhashable type: '(\w+)'", failure.message)
        if place is None or match is None:
            return
        module = place.module
        keys: list[ast.expr] = []
        for node in place.nodes(
            ast.Subscript, ast.Call, ast.Dict, ast.Set, ast.Compare, ast.SetComp
        ):
            match node:
                case ast.Subscript(slice=index):
                    keys.append(index)
                case ast.Call(
                    func=ast.Attribute(attr="add" | "get" | "setdefault"), args=[first, *_]
                ):
                    keys.append(first)
                case ast.Dict(keys=names):
                    keys += [k for k in names if k is not None]
                case ast.Set(elts=elements):
                    keys += elements
                case ast.SetComp(elt=element):
                    keys.append(element)
                case ast.Compare(left=left, ops=[ast.In() | ast.NotIn()]):
                    keys.append(left)
                case ast.Call(func=ast.Name(id="set" | "frozenset" | "Counter"), args=[first]):
                    yield from fix(
                        LIKELY, "lists cannot be in a set", module.wrap(first, "map(tuple, ")
                    )
        kind = match[1]
        frozen = {"list": "tuple(", "set": "frozenset(", "dict": "tuple("}.get(kind, "tuple(")
        for key in keys:
            if place.type_of(key) not in ("", kind) or isinstance(key, ast.Constant):
                continue
            code = module.code(key)
            why = f"a {kind} cannot be a key"
            if isinstance(key, ast.List):
                inner = code[1:-1]
                comma = "," if len(key.elts) == 1 else ""
                yield from fix(SURE - 0.05, why, module.replace(key, f"({inner}{comma})"))
            elif kind == "dict":
                edit = module.replace(key, f"tuple(sorted({code}.items()))")
                yield from fix(LIKELY, why, edit)
            else:
                yield from fix(SURE - 0.1, why, module.wrap(key, frozen))


class NoLength(Rule):
    """``len`` or ``next`` of something lazy: a list, or an iterator, of it."""

    name = "no_length"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def f(xs):\n    return len(x for x in xs)\n",
            "f([1])",
            "len(x for x in xs)",
            "len([x for x in xs])",
        ),
        Example(
            "def f(xs):\n    return len(map(str, xs))\n",
            "f([1])",
            "map(str, xs)",
            "list(map(str, xs))",
        ),
        Example("def f(xs):\n    return next(xs)\n", "f([1])", "next(xs)", "next(iter(xs))"),
        Example("def f(xs):\n    return len(xs)\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None:
            return
        lazy = re.search(
            r"type '(generator|map|filter|zip|enumerate|reversed)' has no len", failure.message
        )
        for call in place.nodes(ast.Call):
            name, module = dotted(call.func), place.module
            if not call.args:
                continue
            argument = call.args[0]
            if name == "len" and lazy:
                why = f"a {lazy[1]} has no length"
                if isinstance(argument, ast.GeneratorExp):
                    code = module.code(argument)
                    bare = code[1:-1] if code.startswith("(") else code
                    outer = module.span(call)
                    func = module.span(call.func)
                    if outer and func:
                        edit = module.edit(func[1], outer[1], f"([{bare}])")
                        yield from fix(SURE, why, edit)
                else:
                    yield from fix(SURE, why, module.wrap(argument, "list("))
            elif name == "next" and "is not an iterator" in failure.message:
                why = "`next` takes an iterator"
                yield from fix(SURE, why, module.wrap(argument, "iter("))


class ChangedWhileIterated(Rule):
    """A dictionary or set changed while a loop runs over it: the loop runs over a copy."""

    name = "changed_while_iterated"
    kinds = (ErrorKind.OTHER,)
    examples = (
        Example(
            "def f(d):\n    for k in d:\n        del d[k]\n    return d\n",
            "f({1: 1, 2: 2})",
            "in d:",
            "in list(d):",
        ),
        Example("def f(d):\n    raise RuntimeError('no')\n", "f({})"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or "during iteration" not in failure.message:
            return
        loops = place.loops
        around = place.module.enclosing(place.statement, ast.For)
        for node in loops or ([around] if around else []):
            why = "what is iterated over changes meanwhile"
            yield from fix(SURE, why, place.module.wrap(node.iter, "list("))


RULES: tuple[Rule, ...] = (
    IteratedNumber(),
    Unhashable(),
    NoLength(),
    ChangedWhileIterated(),
)
