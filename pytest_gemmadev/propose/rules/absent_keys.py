"""A key that is absent: from a dictionary, from a set, from what a string is formatted with."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.nodes import dotted
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.keys import Lookup, lookups, missing_key
from pytest_gemmadev.propose.rules.rule import (
    FAIR,
    LIKELY,
    SURE,
    Example,
    Fix,
    Rule,
    alike_prior,
    fix,
)
from pytest_gemmadev.propose.similarity import similarity
from pytest_gemmadev.types import Edit, ErrorKind


class AbsentKey(Rule):
    """A key that may be absent: a first value where it is filled, a default where it is read."""

    name = "absent_key"
    kinds = (ErrorKind.KEY,)
    examples = (
        Example(
            "def count(xs):\n    n = {}\n    for x in xs:\n        n[x] += 1\n    return n\n",
            "count('a')",
            "n[x] += 1",
            "n[x] = n.get(x, 0) + 1",
        ),
        Example(
            "def group(xs):\n    n = {}\n    for x in xs:\n        n[x].append(x)\n    return n\n",
            "group('a')",
            "n[x].append",
            "n.setdefault(x, []).append",
        ),
        Example(
            "def price(table, code):\n    return table[code]\n",
            "price({'a': 2}, 'b')",
            "table[code]",
            "table.get(code)",
        ),
        Example("def price(table):\n    return table.pop('x')\n", "price({'a': 2})"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        for lookup in lookups(failure)[:2]:
            module, node = lookup.module, lookup.node
            base, key = module.code(node.value), module.code(node.slice)
            why = f"`{base}` may lack the key"
            parent = module.parents.get(node)
            if isinstance(parent, ast.AugAssign) and parent.target is node:
                yield from self._counted(lookup, parent, base, key)
                continue
            if isinstance(node.ctx, ast.Del):
                statement = module.statement(node)
                if statement is not None:
                    edit = module.replace(statement, f"{base}.pop({key}, None)")
                    yield from fix(LIKELY, why, edit)
                continue
            filled = _FILLED.get(parent.attr) if isinstance(parent, ast.Attribute) else None
            if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store):
                filled = "{}"
            if filled is not None:
                edit = module.replace(node, f"{base}.setdefault({key}, {filled})")
                yield from fix(SURE - 0.2, why, edit)
            if isinstance(node.ctx, ast.Load) and filled is None:
                for rank, default in enumerate(_defaults(module, node)):
                    code = f"{base}.get({key}{default})"
                    yield from fix(FAIR - 0.4 * rank, why, module.replace(node, code))

    def _counted(
        self, lookup: Lookup, statement: ast.AugAssign, base: str, key: str
    ) -> Iterator[Fix]:
        module = lookup.module
        sign = module.text[slice(*_between(module, statement.target, statement.value))].strip()
        value = statement.value
        empty = "[]" if isinstance(value, (ast.List, ast.ListComp)) else "0"
        if isinstance(value, (ast.JoinedStr, ast.Constant)) and not isinstance(
            getattr(value, "value", None), (int, float)
        ):
            empty = '""'
        operand = module.code(value)
        if isinstance(value, (ast.BinOp, ast.IfExp, ast.BoolOp, ast.Compare, ast.Lambda)):
            operand = f"({operand})"
        code = f"{base}[{key}] = {base}.get({key}, {empty}) {sign.rstrip('=').strip()} {operand}"
        why = f"`{base}` has no first value for a new key"
        yield from fix(SURE - 0.1, why, module.replace(statement, code))


_FILLED = {"append": "[]", "extend": "[]", "insert": "[]", "add": "set()", "update": "{}"}


def _between(module: Module, left: ast.AST, right: ast.AST) -> tuple[int, int]:
    first, second = module.span(left), module.span(right)
    return (first[1], second[0]) if first and second else (0, 0)


def _defaults(module: Module, node: ast.Subscript) -> list[str]:
    """What ``get`` falls back on, by what becomes of the value."""
    parent = module.parents.get(node)
    if isinstance(parent, (ast.BinOp, ast.AugAssign)):
        return [", 0", ""]
    if isinstance(parent, (ast.For, ast.comprehension)):
        return [", []", ""]
    if isinstance(parent, ast.Call) and dotted(parent.func) == "len":
        return [", []"]
    if isinstance(parent, ast.Attribute) or (
        isinstance(parent, ast.Subscript) and parent.value is node
    ):
        return [", {}", ', ""'] if not isinstance(parent, ast.Attribute) else [', ""', ", {}"]
    return ["", ", 0", ', ""']


class AbsentElement(Rule):
    """``pop``, ``remove`` of something that may be absent."""

    name = "absent_element"
    kinds = (ErrorKind.KEY,)
    examples = (
        Example(
            "def drop(seen, x):\n    seen.remove(x)\n    return seen\n",
            "drop({1}, 2)",
            "seen.remove",
            "seen.discard",
        ),
        Example(
            "def drop(d, x):\n    return d.pop(x)\n",
            "drop({1: 1}, 2)",
            "d.pop(x)",
            "d.pop(x, None)",
        ),
        Example("def drop(d, x):\n    return d[x]\n", "drop({1: 1}, 2)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None:
            return
        module = place.module
        for call in place.nodes(ast.Call):
            func = call.func
            if not isinstance(func, ast.Attribute) or call.keywords:
                continue
            why = f"`{module.code(func.value)}` may lack it"
            if func.attr == "remove" and len(call.args) == 1:
                yield from fix(LIKELY, why, module.rename_attribute(func, "discard"))
            elif func.attr == "pop" and len(call.args) == 1:
                span = module.span(call.args[0])
                edit = module.edit(span[1], span[1], ", None") if span else None
                yield from fix(LIKELY, why, edit)


class FormatKey(Rule):
    """``"{name}".format(nmae=…)``: the placeholder and the keyword differ."""

    name = "format_key"
    kinds = (ErrorKind.KEY,)
    examples = (
        Example(
            "def hello(who):\n    return 'Hi {name}'.format(nmae=who)\n",
            "hello('x')",
            "nmae=who",
            "name=who",
        ),
        Example(
            "def hello(who):\n    return 'Hi {who}'.format('x')\n",
            "hello('x')",
            ".format('x')",
            ".format('x', who=who)",
        ),
        Example("def hello(who):\n    return 'Hi {name}'.format()\n", "hello('x')"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place, key = failure.site, missing_key(failure)
        if place is None or not isinstance(key, str):
            return
        module = place.module
        for call in place.nodes(ast.Call):
            if not isinstance(call.func, ast.Attribute) or call.func.attr != "format":
                continue
            for keyword in call.keywords:
                if keyword.arg and keyword.arg != key:
                    likeness = similarity(key, keyword.arg)
                    prior = alike_prior(likeness) if likeness > 0.5 else FAIR
                    why = f"the placeholder is `{key}`"
                    yield from fix(prior, why, module.rename_argument(keyword, key))
            if key in failure.visible(place, call) and key.isidentifier():
                yield from fix(LIKELY, f"`{key}` is not passed", _with_keyword(module, call, key))


def _with_keyword(module: Module, call: ast.Call, name: str) -> Edit | None:
    span = module.span(call)
    if span is None:
        return None
    comma = ", " if call.args or call.keywords else ""
    return module.edit(span[1] - 1, span[1] - 1, f"{comma}{name}={name}")


RULES: tuple[Rule, ...] = (AbsentKey(), AbsentElement(), FormatKey())
