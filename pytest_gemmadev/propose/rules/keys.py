"""A key that is not in the dictionary: misspelt on either side, of another type, or absent."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.nodes import dotted
from pytest_gemmadev.propose.rules.failure import Failure, Place
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
from pytest_gemmadev.propose.similarity import closest, similarity
from pytest_gemmadev.types import Edit, ErrorKind

_MAX_LITERALS = 12  # places of one string that may all be renamed together


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """The key that is not there, and the expression that looks it up."""

    key: object
    place: Place
    node: ast.Subscript

    @property
    def module(self) -> Module:
        return self.place.module


def missing_key(failure: Failure) -> object:
    """The key itself where it is a plain value, else None."""
    try:
        return ast.literal_eval(failure.facts.name or failure.message)
    except (ValueError, SyntaxError):
        return None


def lookups(failure: Failure) -> list[Lookup]:
    """Subscripts on the failing line that may be the one, the likeliest first."""
    place, key = failure.site, missing_key(failure)
    if place is None:
        return []
    found = [n for n in place.nodes(ast.Subscript) if not isinstance(n.slice, ast.Slice)]
    known = [n for n in found if isinstance(n.slice, ast.Constant)]
    exact = [n for n in known if getattr(n.slice, "value", None) == key]
    by_name = []
    for node in found:
        fact = place.fact(node.slice.id) if isinstance(node.slice, ast.Name) else None
        if fact is not None and fact.value == failure.facts.name:
            by_name.append(node)
    rest = [n for n in found if n not in known]
    best = exact or by_name or rest
    owner = failure.facts.owner
    best.sort(key=lambda n: dotted(n.value) != owner)
    return [Lookup(key, place, node) for node in best]


def existing_keys(failure: Failure) -> list[object]:
    """The keys that are there, as far as they are plain values."""
    found: list[object] = []
    for text in failure.facts.alternatives:
        try:
            found.append(ast.literal_eval(text))
        except (ValueError, SyntaxError):
            continue
    return found


class MisspeltKey(Rule):
    """A string key that looks like one that is there, corrected where it is written."""

    name = "misspelt_key"
    kinds = (ErrorKind.KEY,)
    examples = (
        Example(
            "def cost(row):\n    return row['pirce'] * 2\n",
            "cost({'price': 1})",
            "pirce",
            "price",
        ),
        Example(
            "FIELD = 'pirce'\n\n\ndef cost(row):\n    return row[FIELD] * 2\n",
            "cost({'price': 1})",
            "pirce",
            "price",
        ),
        Example("def cost(row):\n    return row['weight'] * 2\n", "cost({'price': 1})"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        key = missing_key(failure)
        if not isinstance(key, str):
            return
        keys = [k for k in existing_keys(failure) if isinstance(k, str)]
        literals = _literals(failure, key)
        site = failure.site
        for other, likeness in closest(key, keys, floor=0.5):
            why = f"there is no key `{key}`, but `{other}`"
            for rank, (module, node) in enumerate(literals[:4]):
                on_line = site is not None and module is site.module and node.lineno == site.line
                prior = alike_prior(likeness) - (0.0 if on_line else 0.4 + 0.2 * rank)
                yield from fix(prior, why, module.replace_string(node, other))
            if 1 < len(literals) <= _MAX_LITERALS:
                edits = [module.replace_string(node, other) for module, node in literals]
                yield from fix(alike_prior(likeness) - 0.5, why, *edits)


class MisspeltKeyInDictionary(Rule):
    """A key that is right where it is read and misspelt where the dictionary is filled."""

    name = "misspelt_key_in_dictionary"
    kinds = (ErrorKind.KEY,)
    examples = (
        Example(
            "--- data.py\ndef row():\n    return {'pirce': 1}\n"
            "--- app.py\nfrom data import row\n\n\ndef cost():\n    return row()['price']\n\n\n"
            "def full():\n    r = row()\n    return r['price']\n",
            "full()",
            "pirce",
            "price",
        ),
        Example("def cost():\n    row = {'weight': 1}\n    return row['price']\n", "cost()"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        key = missing_key(failure)
        if not isinstance(key, str):
            return
        keys = [k for k in existing_keys(failure) if isinstance(k, str)]
        keys = keys or _written_keys(failure)
        wanted = len(_literals(failure, key)) + _in_tests(failure, key)
        for other, likeness in closest(key, keys, floor=0.55, limit=3):
            literals = _literals(failure, other)
            if not literals or len(literals) > _MAX_LITERALS:
                continue
            there = len(literals) + _in_tests(failure, other)
            prior = alike_prior(likeness) - (0.1 if wanted >= there else 1.0)
            if failure.site is not None and wanted < 2:
                prior -= 0.4
            edits = [module.replace_string(node, key) for module, node in literals]
            yield from fix(prior, f"`{other}` is set, `{key}` is read", *edits)


def _written_keys(failure: Failure) -> list[str]:
    """String keys of the dictionaries written in the files in question."""
    found: dict[str, None] = {}
    modules = {f.module.path: f.module for f in failure.suspects}
    for module in modules.values():
        for node in ast.walk(module.tree):
            parts: list[ast.expr | None] = []
            if isinstance(node, ast.Dict):
                parts = list(node.keys)
            elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                parts = [node.slice]
            for part in parts:
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    found[part.value] = None
    return list(found)


def _literals(failure: Failure, value: str) -> list[tuple[Module, ast.Constant]]:
    """String constants of that value in the project, those in the stack's files first."""
    return [
        (module, node)
        for module in failure.project.quoting(value)
        for node in module.strings
        if node.value == value
    ]


def _in_tests(failure: Failure, value: str) -> int:
    return sum(n.value == value for module in failure.project.tests for n in module.strings)


class MisspeltGet(Rule):
    """None from ``get``: its key looks like one that the project writes."""

    name = "misspelt_get"
    kinds = (ErrorKind.ATTRIBUTE, ErrorKind.TYPE, ErrorKind.ASSERTION)
    examples = (
        Example(
            "def row():\n    return {'price': 1}\n\n\ndef cost():\n"
            "    return row().get('pirce') + 1\n",
            "cost()",
            "pirce",
            "price",
        ),
        Example(
            "def row():\n    return {'price': 1}\n\n\ndef cost():\n"
            "    return row().get('weight') + 1\n",
            "cost()",
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        shown = f"{failure.message} {failure.facts.left} {failure.facts.right}"
        if "None" not in shown:
            return
        keys = _written_keys(failure)
        for function in failure.suspects[:8]:
            module = function.module
            for call in ast.walk(function.node):
                if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                    continue
                key = call.args[0] if call.func.attr == "get" and call.args else None
                if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                    continue
                if key.value in keys:
                    continue
                for other, likeness in closest(key.value, keys, floor=0.6, limit=2):
                    why = f"no key `{key.value}` is ever set, but `{other}`"
                    yield from fix(alike_prior(likeness), why, module.replace_string(key, other))
                    literals = _literals(failure, other)
                    if len(literals) == 1:
                        edit = literals[0][0].replace_string(literals[0][1], key.value)
                        yield from fix(alike_prior(likeness) - 0.4, why, edit)


class KeyOfAnotherForm(Rule):
    """A key of another type or case than those that are there: ``str``, ``int``, ``lower``."""

    name = "key_of_another_form"
    kinds = (ErrorKind.KEY,)
    examples = (
        Example(
            "def price(table, code):\n    return table[code]\n",
            "price({'1': 2}, 1)",
            "[code]",
            "[str(code)]",
        ),
        Example(
            "def price(table, code):\n    return table[code]\n",
            "price({'apple': 2}, 'Apple')",
            "[code]",
            "[code.lower()]",
        ),
        Example("def price(table, code):\n    return table[code]\n", "price({'pear': 2}, 'Apple')"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        keys = existing_keys(failure)
        for lookup in lookups(failure)[:2]:
            code = lookup.module.code(lookup.node.slice)
            if isinstance(lookup.node.slice, ast.Tuple):
                continue
            for new, what in _forms(lookup.key, keys, code):
                edit = lookup.module.replace(lookup.node.slice, new)
                yield from fix(SURE - 0.1, f"the keys are {what}", edit)


def _forms(key: object, keys: list[object], code: str) -> list[tuple[str, str]]:
    """Expressions that turn the key into one that is there, with a word for what those are."""
    found: list[tuple[str, str]] = []
    bare = code if re.fullmatch(r"[\w.]+(\(.*\)|\[.*\])?", code) else f"({code})"
    if isinstance(key, str):
        for method, what in (
            ("lower", "in lower case"),
            ("upper", "in upper case"),
            ("strip", "without blanks"),
            ("title", "capitalized"),
        ):
            if getattr(key, method)() in keys:
                found.append((f"{bare}.{method}()", what))
        if key.strip().lower() in keys and not found:
            found.append((f"{bare}.strip().lower()", "in lower case without blanks"))
        if re.fullmatch(r"\s*-?\d+\s*", key) and int(key) in keys:
            found.append((f"int({code})", "numbers"))
    elif str(key) in keys:
        found.append((f"str({code})", "strings"))
    elif isinstance(key, float) and key.is_integer() and int(key) in keys:
        found.append((f"int({code})", "whole numbers"))
    if isinstance(key, int) and not isinstance(key, bool):
        for shift in (-1, 1):
            if key + shift in keys and key not in keys and all(isinstance(k, int) for k in keys):
                found.append((f"{code} {'+' if shift > 0 else '-'} 1", "off by one"))
    return found


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


RULES: tuple[Rule, ...] = (
    MisspeltKey(),
    MisspeltKeyInDictionary(),
    MisspeltGet(),
    KeyOfAnotherForm(),
    AbsentKey(),
    AbsentElement(),
    FormatKey(),
)
