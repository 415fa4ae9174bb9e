"""A key that is not in the dictionary as it is written: misspelt on either side, or of another type."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.nodes import dotted
from pytest_gemmadev.propose.rules.failure import Failure, Place
from pytest_gemmadev.propose.rules.rule import (
    SURE,
    Example,
    Fix,
    Rule,
    alike_prior,
    fix,
)
from pytest_gemmadev.propose.similarity import closest
from pytest_gemmadev.types import ErrorKind

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


RULES: tuple[Rule, ...] = (
    MisspeltKey(),
    MisspeltKeyInDictionary(),
    MisspeltGet(),
    KeyOfAnotherForm(),
)
