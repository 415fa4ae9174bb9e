"""What is iterated, unpacked, measured, hashed or changed and cannot be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.core.types import ErrorKind
from pytest_gemmadev.propose.rules.failure import Failure, Loop, Place
from pytest_gemmadev.propose.rules.module import Module, dotted
from pytest_gemmadev.propose.rules.rule import FAIR, LIKELY, SURE, Example, Fix, Rule, fix


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


class UnpackedItems(Rule):
    """Two loop variables over something that gives one: ``items()``, ``enumerate``, ``zip``."""

    name = "unpacked_items"
    kinds = (ErrorKind.TYPE, ErrorKind.VALUE)
    examples = (
        Example(
            "def f(d):\n    return [k + v for k, v in d]\n",
            "f({'abc': 'b'})",
            "in d",
            "in d.items()",
        ),
        Example(
            "def f(xs):\n    out = []\n    for i, x in xs:\n        out.append(i)\n"
            "    return out\n",
            "f([1])",
            "in xs",
            "in enumerate(xs)",
        ),
        Example(
            "def f(xs, ys):\n    return [x + y for x, y in (xs, ys)]\n",
            "f([1, 2, 3], [3, 4, 5])",
            "in (xs, ys)",
            "in zip(xs, ys)",
        ),
        Example("def f(x):\n    a, b = x\n    return a\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or not re.search("unpack", failure.message):
            return
        module = place.module
        for node in place.loops:
            if not isinstance(node.target, ast.Tuple):
                continue
            code, count = module.code(node.iter), len(node.target.elts)
            kind = place.type_of(node.iter)
            plain = isinstance(node.iter, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
            if (
                count == 2
                and plain
                and kind in ("", "dict", "defaultdict", "Counter", "OrderedDict")
            ):
                prior = SURE if kind else LIKELY - 0.2
                why = f"`{code}` gives keys; `items` gives pairs"
                yield from fix(prior, why, module.wrap(node.iter, "", ".items()"))
            if count == 2 and kind != "dict":
                index = getattr(node.target.elts[0], "id", "") in (
                    "i",
                    "j",
                    "idx",
                    "index",
                    "n",
                    "k",
                )
                why = "`enumerate` gives the index"
                prior = SURE if index else LIKELY - 0.3
                yield from fix(prior, why, module.wrap(node.iter, "enumerate("))
            if isinstance(node.iter, (ast.Tuple, ast.List)) and len(node.iter.elts) == count:
                inner = ", ".join(module.code(e) for e in node.iter.elts)
                why = "`zip` pairs the elements"
                yield from fix(SURE - 0.05, why, module.replace(node.iter, f"zip({inner})"))
            yield from _regrouped(module, node)


def _regrouped(module: Module, node: Loop) -> Iterator[Fix]:
    """``for i, (a, b) in enumerate(zip(…))`` for ``for i, a, b in …``."""
    target = node.target
    called = dotted(node.iter.func) if isinstance(node.iter, ast.Call) else ""
    if isinstance(target, ast.Tuple) and len(target.elts) == 3 and called in ("enumerate", "zip"):
        first, *rest = [module.code(e) for e in target.elts]
        if called == "enumerate":
            edit = module.replace(target, f"{first}, ({', '.join(rest)})")
            yield from fix(SURE, "`enumerate` gives an index and one element", edit)


class UnpackedCount(Rule):
    """Another number of values than of variables: one more ignored, one less asked for."""

    name = "unpacked_count"
    kinds = (ErrorKind.VALUE, ErrorKind.TYPE)
    examples = (
        Example(
            "def pair():\n    return 1, 2, 3\n\n\ndef f():\n    a, b = pair()\n    return a + b\n",
            "f()",
            "a, b =",
            "a, b, _ =",
        ),
        Example(
            "def f(line):\n    key, value = line.split('=')\n    return key\n",
            "f('a=b=c')",
            "split('=')",
            "split('=', 1)",
        ),
        Example("def f(x):\n    a, b = x\n    return a\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        match = re.search(
            r"(?:too many|not enough) values to unpack"
            r" \(expected (?:at least )?(\d+)(?:, got (\d+))?",
            failure.message,
        )
        if place is None or match is None:
            return
        module = place.module
        too_many = failure.message.startswith("too many")
        assigned = [(n.targets[0], n.value) for n in place.nodes(ast.Assign)]
        for target, value in (*assigned, *((n.target, n.iter) for n in place.loops)):
            if not isinstance(target, ast.Tuple):
                continue
            span = module.span(target.elts[-1])
            if too_many:
                why = "there are more values than variables"
                yield from _split_once(place, value, len(target.elts) - 1, why)
                for rest, prior in (("_", FAIR + 0.2), ("*_", FAIR - 0.2)):
                    edit = module.edit(span[1], span[1], f", {rest}") if span else None
                    yield from fix(prior, why, edit)
            elif len(target.elts) > int(match[2] or 1):
                kept = target.elts[: int(match[2] or 1)]
                used = {
                    n.id
                    for n in ast.walk(module.tree)
                    if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
                }
                dropped = [e for e in target.elts if e not in kept]
                if not any(getattr(e, "id", "") in used for e in dropped) and len(kept) > 1:
                    code = ", ".join(module.code(e) for e in kept)
                    why = "there are fewer values than variables"
                    yield from fix(LIKELY, why, module.replace(target, code))
            yield from self._in_callee(failure, place, target, value, too_many=too_many)

    def _in_callee(
        self, failure: Failure, place: Place, target: ast.Tuple, value: ast.expr, *, too_many: bool
    ) -> Iterator[Fix]:
        """The values that the called function returns, one more or one less."""
        if not isinstance(value, ast.Call):
            return
        for function in failure.project.callees(place.module, value, place.frame):
            for statement in function.returns:
                returned = statement.value
                why = f"`{function.name}` returns another number of values"
                if isinstance(returned, ast.Tuple) and too_many:
                    spans = [function.module.span(e) for e in returned.elts]
                    if len(spans) == len(target.elts) + 1 and spans[-1] and spans[-2]:
                        edit = function.module.edit(spans[-2][1], spans[-1][1], "")
                        yield from fix(FAIR, why, edit)
                elif returned is not None and not too_many:
                    own = {getattr(e, "id", "") for e in target.elts}
                    have = {dotted(n) for n in ast.walk(returned)}
                    mine = {n.id for n in ast.walk(function.node) if isinstance(n, ast.Name)}
                    further = sorted((own & mine) - have - {""})
                    if len(further) == 1:
                        added = function.module.wrap(returned, "", f", {further[0]}")
                        yield from fix(LIKELY, why, added)


def _split_once(place: Place, value: ast.expr, times: int, why: str) -> Iterator[Fix]:
    """``split(sep, 1)`` for ``split(sep)``."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return
    if value.func.attr in ("split", "rsplit") and len(value.args) == 1:
        span = place.module.span(value.args[0])
        edit = place.module.edit(span[1], span[1], f", {times}") if span else None
        yield from fix(SURE - 0.1, why, edit)


class TextIndexedByName(Rule):
    """``string indices must be integers``: the loop runs over keys where values are meant."""

    name = "text_indexed_by_name"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def f(d):\n    s = 0\n    for row in d:\n        s += row['n']\n    return s\n",
            "assert f({'a': {'n': 1}}) == 1",
            "in d:",
            "in d.values():",
        ),
        Example(
            "import json\n\n\ndef f(text):\n    return text['n']\n",
            "f('{}')",
            "text['n']",
            "json.loads(text)['n']",
        ),
        Example("def f(xs):\n    return xs['a']\n", "f(print)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or "string ind" not in failure.message:
            return
        module = place.module
        for node in place.nodes(ast.Subscript):
            name = dotted(node.value)
            if not name:
                continue
            for loop in module.ancestors(node):
                generators = getattr(loop, "generators", None) or [loop]
                for one in generators:
                    if isinstance(one, (ast.For, ast.comprehension)) and dotted(one.target) == name:
                        code = module.code(one.iter)
                        why = f"`{code}` gives its keys; `values` gives what they lead to"
                        yield from fix(SURE - 0.1, why, module.wrap(one.iter, "", ".values()"))
            if "json" in module.bindings:
                why = f"`{name}` is text, not yet decoded"
                yield from fix(LIKELY, why, module.wrap(node.value, "json.loads("))


class ListIndexedByElement(Rule):
    """``list indices must be integers``: an element, a pair or a name used as an index."""

    name = "list_indexed_by_element"
    kinds = (ErrorKind.TYPE, ErrorKind.INDEX)
    examples = (
        Example(
            "def f(grid, i, j):\n    return grid[i, j]\n",
            "f([[1]], 0, 0)",
            "grid[i, j]",
            "grid[i][j]",
        ),
        Example(
            "def f(xs):\n    return [xs[x] for x in xs]\n",
            "assert f(['a']) == ['a']",
            "[xs[x]",
            "[x",
        ),
        Example(
            "def f(xs):\n    out = []\n    for i in xs:\n        out.append((i, xs[i]))\n"
            "    return out\n",
            "assert f(['a']) == [(0, 'a')]",
            "in xs:",
            "in range(len(xs)):",
        ),
        Example("def f(xs):\n    return xs['a']\n", "f([1])"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None:
            return
        typed = re.search(r"(list|tuple) indices must be integers or slices", failure.message)
        if typed is None and "index out of range" not in failure.message:
            return
        module = place.module
        for node in place.nodes(ast.Subscript):
            base = module.span(node.value)
            span = module.span(node)
            if isinstance(node.slice, ast.Tuple) and base and span and typed:
                inner = "][".join(module.code(e) for e in node.slice.elts)
                apart = module.edit(base[1], span[1], f"[{inner}]")
                yield from fix(SURE, "each index has its own brackets", apart)
            loop = _loop_over(module, node)
            if loop is not None:
                code = module.code(loop.iter)
                less = 0.0 if typed else 0.8
                why = f"`{dotted(loop.target)}` is an element of `{code}`, not an index"
                edit = module.replace(node, dotted(loop.target))
                yield from fix(LIKELY - less, why, edit)
                edit = module.wrap(loop.iter, "range(len(", "))")
                yield from fix(LIKELY - 0.1 - less, why, edit)


def _loop_over(module: Module, node: ast.Subscript) -> ast.For | ast.comprehension | None:
    """The loop around ``xs[x]`` whose variable is ``x`` and which runs over ``xs`` itself."""
    index, base = dotted(node.slice), ast.unparse(node.value)
    for around in module.ancestors(node):
        for one in getattr(around, "generators", None) or [around]:
            if not isinstance(one, (ast.For, ast.comprehension)) or not index:
                continue
            if dotted(one.target) == index and ast.unparse(one.iter) == base:
                return one
    return None


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


class UnchangeableItem(Rule):
    """An element of a tuple or text set in place: a list, where it was made."""

    name = "unchangeable_item"
    kinds = (ErrorKind.TYPE, ErrorKind.ATTRIBUTE)
    examples = (
        Example(
            "def f(n):\n    xs = (0, 0)\n    xs[0] = n\n    return xs\n",
            "assert f(1) == [1, 0]",
            "(0, 0)",
            "[0, 0]",
        ),
        Example(
            "def f(xs, n):\n    xs[0] = n\n    return xs\n",
            "assert f((0, 0), 1) == [1, 0]",
            "    xs[0] = n",
            "    xs = list(xs)\n    xs[0] = n",
        ),
        Example("def f(x):\n    x[0] = 1\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        match = re.search(
            r"'(tuple|str|range)' object (?:does not support item"
            r"|has no attribute '(?:append|extend|insert|remove|sort)')",
            failure.message,
        )
        if place is None or match is None:
            return
        module, kind = place.module, match[1]
        bases = [n.value for n in place.nodes(ast.Subscript) if not isinstance(n.ctx, ast.Load)]
        bases += [n.value for n in place.nodes(ast.Attribute)]
        for base in bases:
            name = dotted(base)
            if not name:
                continue
            why = f"`{name}` is a {kind}, which cannot change"
            scope = place.function.node if place.function else module.tree
            for node in ast.walk(place.cls or scope):
                if isinstance(node, ast.Assign) and name in [dotted(t) for t in node.targets]:
                    yield from self._listed(module, node.value, why)
            if isinstance(base, ast.Name):
                edit = module.insert_before(place.statement, f"{name} = list({name})")
                yield from fix(FAIR, why, edit)

    def _listed(self, module: Module, value: ast.expr, why: str) -> Iterator[Fix]:
        if isinstance(value, ast.Tuple):
            inner = ", ".join(module.code(e) for e in value.elts)
            yield from fix(SURE - 0.1, why, module.replace(value, f"[{inner}]"))
        elif isinstance(value, ast.Call) and dotted(value.func) == "tuple":
            yield from fix(SURE - 0.1, why, module.replace(value.func, "list"))
        elif not isinstance(value, ast.List):
            yield from fix(FAIR, why, module.wrap(value, "list("))


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
    UnpackedItems(),
    UnpackedCount(),
    TextIndexedByName(),
    ListIndexedByElement(),
    Unhashable(),
    NoLength(),
    UnchangeableItem(),
    ChangedWhileIterated(),
)
