"""None where a value was due: a `return` forgotten, a method that changes its object in place."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.module import Function, Module
from pytest_gemmadev.propose.code.nodes import dotted, own_nodes
from pytest_gemmadev.propose.rules.failure import Failure, Place
from pytest_gemmadev.propose.rules.rule import (
    FAIR,
    LIKELY,
    SURE,
    Example,
    Fix,
    Rule,
    fix,
)
from pytest_gemmadev.types import Edit, ErrorKind

_KINDS = (ErrorKind.TYPE, ErrorKind.ATTRIBUTE, ErrorKind.ASSERTION, ErrorKind.VALUE)
_IN_PLACE = {
    "append": "",
    "extend": "",
    "insert": "",
    "remove": "",
    "clear": "",
    "sort": "sorted",
    "reverse": "reversed",
    "update": "",
    "add": "",
    "discard": "",
    "shuffle": "",
}


def shows_none(failure: Failure) -> bool:
    """True when the error says that something is None."""
    if failure.stack.kind is ErrorKind.ASSERTION:
        return "None" in (failure.facts.left, failure.facts.right)
    return "NoneType" in failure.message


def _empty_handed(failure: Failure) -> list[tuple[Function, bool]]:
    """Functions that may have given None, and whether the failing line itself calls them."""
    found: dict[ast.AST, tuple[Function, bool]] = {}
    for place in failure.places[:4]:
        for function, on_line in _reached(failure, place):
            found.setdefault(function.node, (function, on_line))
    for function in failure.called:
        found.setdefault(function.node, (function, False))
    # what those return may come from further functions
    for function, _ in list(found.values())[:6]:
        for statement in function.returns:
            for call in ast.walk(statement):
                if isinstance(call, ast.Call):
                    for inner in failure.project.callees(function.module, call):
                        found.setdefault(inner.node, (inner, False))
    return list(found.values())[:12]


def _reached(failure: Failure, place: Place) -> Iterator[tuple[Function, bool]]:
    """Functions called on the line of a place, or for the variables that the line reads."""
    callees = failure.project.callees
    for call in place.nodes(ast.Call):
        for function in callees(place.module, call, place.frame):
            yield function, True
    names = {n.id for n in place.nodes(ast.Name)}
    attributes = {dotted(n) for n in place.nodes(ast.Attribute)}
    scope = place.function.node if place.function else place.module.tree
    holders: list[ast.AST] = [scope]
    enclosing = place.cls
    if enclosing is not None:
        holders.append(enclosing)
    for holder in holders:
        for node in ast.walk(holder):
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
                continue
            targets = {dotted(t) for target in node.targets for t in ast.walk(target)}
            if targets & (names | attributes) - {""}:
                for function in callees(place.module, node.value, place.frame):
                    yield function, False


class MissingReturn(Rule):
    """A function that computes its result and does not return it."""

    name = "missing_return"
    kinds = _KINDS
    examples = (
        Example(
            "def double(x):\n    x * 2\n\n\ndef f(x):\n    return double(x) + 1\n",
            "f(1)",
            "    x * 2",
            "    return x * 2",
        ),
        Example(
            "def total(xs):\n    s = 0\n    for x in xs:\n        s += x\n",
            "assert total([1]) == 1",
            "        s += x",
            "        s += x\n    return s",
        ),
        Example(
            "class Cart:\n    def add(self, x):\n        self.x = x\n",
            "assert Cart().add(1).x == 1",
            "        self.x = x",
            "        self.x = x\n        return self",
        ),
        Example("def total(xs):\n    return None\n", "assert total([1]) == 1"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        if not shows_none(failure):
            return
        for function, on_line in _empty_handed(failure):
            if function.name == "__init__" or function.is_generator:
                continue
            less = 0.0 if on_line else 0.3
            valued = [r for r in function.returns if r.value is not None]
            for rank, (prior, why, edit) in enumerate(_returning(function, has_value=bool(valued))):
                yield from fix(prior - less - 0.1 * rank, why, edit)


def _returning(function: Function, *, has_value: bool) -> Iterator[tuple[float, str, Edit | None]]:
    """(prior, why, edit) of the ways to make a function return what it computes."""
    module, body = function.module, function.node.body
    why = f"`{function.name}` returns nothing"
    for statement in _ends(body):
        if isinstance(statement, ast.Expr) and not isinstance(
            statement.value, (ast.Constant, ast.Yield, ast.YieldFrom, ast.Await)
        ):
            value = statement.value
            called = isinstance(value, ast.Call)
            name = dotted(value.func).rpartition(".")[2] if isinstance(value, ast.Call) else ""
            in_place = name in _IN_PLACE
            if not in_place:
                span = module.span(statement)
                prior = SURE - (0.3 if called else 0.0)
                yield prior, why, module.edit(span[0], span[0], "return ") if span else None
    for node in own_nodes(function.node):
        if isinstance(node, ast.Return) and node.value is None and not has_value:
            for name in _results(function)[:1]:
                yield FAIR, why, module.replace(node, f"return {name}")
    last = body[-1]
    if isinstance(last, (ast.Return, ast.Raise)):
        return
    for rank, name in enumerate(_results(function)[:3]):
        prior = (LIKELY if not has_value else FAIR) + 0.2 - 0.4 * rank
        yield prior, why, module.insert_after(last, f"return {name}")
    if has_value:
        for code in ("False", "[]", "0", '""', "True"):
            if any(_same_type(code, r.value) for r in function.returns if r.value is not None):
                end = f"`{function.name}` returns nothing at its end"
                yield FAIR - 0.3, end, module.insert_after(last, f"return {code}")


def _same_type(code: str, node: ast.expr) -> bool:
    example = ast.parse(code, mode="eval").body
    if isinstance(example, ast.Constant) and isinstance(node, ast.Constant):
        return type(example.value) is type(node.value)
    return isinstance(example, ast.List) and isinstance(node, (ast.List, ast.ListComp))


def _ends(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that a block may end with, those of its last branches too."""
    last = body[-1]
    if isinstance(last, ast.If):
        yield from _ends(last.body)
        if last.orelse:
            yield from _ends(last.orelse)
    elif isinstance(last, (ast.With, ast.AsyncWith)):
        yield from _ends(last.body)
    elif isinstance(last, ast.Try):
        yield from _ends(last.body)
        for handler in last.handlers:
            yield from _ends(handler.body)
    else:
        yield last


def _results(function: Function) -> list[str]:
    """Variables that a function may be meant to return, the likeliest first."""
    weights: dict[str, float] = {}
    for node in own_nodes(function.node):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            parent = function.module.parents.get(node)
            loop = isinstance(parent, (ast.For, ast.comprehension)) or isinstance(
                function.module.enclosing(node, (ast.Tuple, ast.stmt)), ast.Tuple
            )
            weights[node.id] = weights.get(node.id, 0.0) + (0.1 if loop else 1.0)
        elif isinstance(node, ast.Attribute) and node.attr in _IN_PLACE:
            name = dotted(node.value)
            weights[name] = weights.get(name, 0.0) + (1.0 if name in weights else 0.0)
    for name in ("result", "results", "total", "output", "res", "ret"):
        if name in weights:
            weights[name] += 1.5
    weights = {name: weight for name, weight in weights.items() if weight}
    for node in ast.walk(function.node.body[-1]):
        if isinstance(node, ast.Name) and node.id in weights:
            weights[node.id] += 0.5
    ranked = sorted(weights, key=lambda n: -weights[n])
    me = function.receiver
    if me and any(
        isinstance(n, ast.Attribute) and dotted(n.value) == me and isinstance(n.ctx, ast.Store)
        for n in own_nodes(function.node)
    ):
        ranked.append(me)
    if not ranked:
        ranked = [p for p in function.parameters if p not in ("self", "cls")][:1]
    return ranked


class InPlaceResult(Rule):
    """``xs = xs.sort()``: the method changes its object and gives None."""

    name = "in_place_result"
    kinds = _KINDS
    examples = (
        Example(
            "def order(xs):\n    ys = xs.sort()\n    return ys[0]\n",
            "order([1])",
            "xs.sort()",
            "sorted(xs)",
        ),
        Example(
            "def add(xs, x):\n    xs = xs.append(x)\n    return len(xs)\n",
            "add([1], 2)",
            "xs = xs.append(x)",
            "xs.append(x)",
        ),
        Example(
            "def add(xs, x):\n    return xs.append(x)\n",
            "assert add([1], 2) == [1, 2]",
            "    return xs.append(x)",
            "    xs.append(x)\n    return xs",
        ),
        Example("def order(xs):\n    return xs.get(1)\n", "assert order({}) == 1"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        if not shows_none(failure):
            return
        functions = [f for f, _ in _empty_handed(failure)]
        functions += [p.function for p in failure.sites if p.function is not None]
        for function in dict.fromkeys(functions):
            for call in own_nodes(function.node):
                if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                    continue
                if call.func.attr in _IN_PLACE:
                    yield from self._repaired(function.module, call, call.func)

    def _repaired(self, module: Module, call: ast.Call, func: ast.Attribute) -> Iterator[Fix]:
        parent = module.parents.get(call)
        if isinstance(parent, ast.Expr):
            return
        base, code = module.code(func.value), module.code(call)
        why = f"`{func.attr}` changes `{base}` and gives None"
        pure = _IN_PLACE[func.attr]
        if pure:
            span, args = module.span(call), module.span(call.args[0] if call.args else call)
            rest = "".join(f", {module.code(k)}" for k in call.keywords) if span and args else ""
            new = f"sorted({base}{rest})" if pure == "sorted" else f"{base}[::-1]"
            yield from fix(SURE - 0.05, why, module.replace(call, new))
        statement = module.statement(call)
        if isinstance(statement, ast.Assign) and statement.value is call:
            target = dotted(statement.targets[0])
            if target == base:
                yield from fix(SURE - 0.1, why, module.replace(statement, code))
            else:
                indent = module.indentation(statement)
                new = f"{code}\n{indent}{target} = {base}"
                yield from fix(LIKELY, why, module.replace(statement, new))
        elif isinstance(statement, ast.Return) and statement.value is call:
            new = f"{code}\n{module.indentation(statement)}return {base}"
            yield from fix(SURE - 0.1, why, module.replace(statement, new))


class NoneDefault(Rule):
    """An operand that may be None: an empty value in its place."""

    name = "none_default"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def size(xs=None):\n    return len(xs)\n",
            "assert size() == 0",
            "len(xs)",
            "len(xs or [])",
        ),
        Example(
            "def add(a, b=None):\n    return a + b\n",
            "assert add(1) == 1",
            "a + b",
            "a + (b or 0)",
        ),
        Example("def size(x):\n    return len(x)\n", "size(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or "NoneType" not in failure.message:
            return
        module = place.module
        empty = '""' if "'str'" in failure.message or '"str"' in failure.message else "[]"
        if any(f"'{t}'" in failure.message for t in ("int", "float", "decimal.Decimal")):
            empty = "0"
        for node in place.nodes(ast.Name, ast.Attribute, ast.Call):
            parent = module.parents.get(node)
            if not isinstance(
                parent, (ast.BinOp, ast.Compare, ast.For, ast.comprehension, ast.Call)
            ):
                continue
            if isinstance(parent, ast.Call) and (
                node not in parent.args
                or dotted(parent.func) not in ("len", "sum", "sorted", "list")
            ):
                continue
            if isinstance(parent, ast.For) and parent.iter is not node:
                continue
            if isinstance(node, ast.Name) and place.type_of(node) not in ("", "NoneType"):
                continue
            if isinstance(node, ast.Call) and dotted(node.func) in ("len", "int", "str", "float"):
                continue
            if isinstance(parent, (ast.BinOp, ast.Compare)) and empty == "[]":
                continue
            code = module.code(node)
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "get"
                and len(node.args) == 1
            ):
                end = module.span(node.args[0])
                edit = module.edit(end[1], end[1], f", {empty}") if end else None
                yield from fix(LIKELY, f"`{code}` may be None", edit)
            bare = isinstance(parent, (ast.Call, ast.For, ast.comprehension))
            new = f"{code} or {empty}" if bare else f"({code} or {empty})"
            yield from fix(FAIR - 0.2, f"`{code}` may be None", module.replace(node, new))


RULES: tuple[Rule, ...] = (MissingReturn(), InPlaceResult(), NoneDefault())
