"""Classes whose methods are misspelt, out of place, or no properties."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.propose.code.module import Function, Module
from pytest_gemmadev.propose.code.nodes import FUNCTIONS, dotted, first_line
from pytest_gemmadev.propose.code.project import Class
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.library import DUNDERS
from pytest_gemmadev.propose.rules.missing_attributes import missing_name
from pytest_gemmadev.propose.rules.rule import (
    SURE,
    Example,
    Fix,
    Rule,
    alike_prior,
    fix,
)
from pytest_gemmadev.propose.rules.undefined_names import without_decorator
from pytest_gemmadev.propose.similarity import similarity
from pytest_gemmadev.types import Edit, ErrorKind


class MisspeltDunder(Rule):
    """A special method whose name the interpreter does not know: ``_init_``, ``__int__``."""

    name = "misspelt_dunder"
    kinds = (ErrorKind.ATTRIBUTE, ErrorKind.TYPE, ErrorKind.ASSERTION)
    examples = (
        Example(
            "class Item:\n    def _init_(self, name):\n        self.name = name\n",
            "Item('a')",
            "_init_",
            "__init__",
        ),
        Example(
            "class Cart:\n    def __length__(self):\n        return 1\n",
            "len(Cart())",
            "__length__",
            "__len__",
        ),
        Example("class Cart:\n    def length(self):\n        return 1\n", "len(Cart())"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        for cls in _classes_meant(failure):
            defined = {s.name: s for s in cls.node.body if isinstance(s, FUNCTIONS)}
            for name, node in defined.items():
                plain = name.strip("_")
                if name in DUNDERS or len(name) < len(plain) + 2 or not plain:
                    continue
                for dunder in DUNDERS:
                    likeness = similarity(plain, dunder.strip("_"))
                    if likeness >= 0.6 and dunder not in defined:
                        why = f"`{name}` means nothing to Python; `{dunder}` does"
                        edit = cls.module.rename_definition(node, dunder)
                        yield from fix(alike_prior(likeness), why, edit)


def _classes_meant(failure: Failure) -> list[Class]:
    """Classes of the project that the error names, or that the values in its frames have."""
    names = [failure.facts.owner, *re.findall(r"'([\w.]+)'", failure.message)]
    names += re.findall(r"^([A-Z]\w*)\b", failure.message)
    for place in failure.places[:3]:
        names += [fact.type for fact in place.frame.facts if "." in fact.type]
        if place.cls is not None:
            own = failure.project.bases(Class(place.module, place.cls))
            names += [one.name for one in own]
        calls = place.nodes(ast.Call)
        names += [dotted(call.func).rpartition(".")[2] for call in calls]
    found = [failure.project.class_named(n) for n in dict.fromkeys(names) if n and n[0] != "_"]
    return list({c.node: c for c in found if c is not None}.values())


class MethodOutsideClass(Rule):
    """A method that slipped out of its class by its indentation."""

    name = "method_outside_class"
    kinds = (ErrorKind.ATTRIBUTE,)
    examples = (
        Example(
            "class Cart:\n    def __init__(self):\n        self.n = 1\n\n\n"
            "def size(self):\n    return self.n\n",
            "Cart().size()",
            "\n\ndef size(self):\n    return self.n\n",
            "\n\n    def size(self):\n        return self.n\n",
        ),
        Example("class Cart:\n    x = 1\n\n\ndef size(cart):\n    return 1\n", "Cart().size()"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        cls, name = failure.owner, missing_name(failure)
        if cls is None:
            return
        module = cls.module
        for function in module.functions:
            if function.name != name or function.cls is not None or not function.positional:
                continue
            if function.positional[0].arg not in ("self", "cls"):
                continue
            nested = module.parents.get(function.node)
            body = cls.node.body[0]
            shift = module.indentation(body)
            current = module.indentation(function.node)
            edits = reindented(module, function.node, current, shift)
            follows = nested is module.tree or module.enclosing(function.node, ast.ClassDef)
            if edits and follows and function.node.lineno > cls.node.lineno:
                why = f"`{name}` takes `self` and stands outside `{cls.name}`"
                yield from fix(SURE - 0.1, why, *edits)


def reindented(module: Module, node: ast.stmt, old: str, new: str) -> list[Edit]:
    """The lines of a statement moved to another indentation; none where a text spans lines."""
    inside = [n for n in ast.walk(node) if isinstance(n, (ast.Constant, ast.JoinedStr))]
    if any(isinstance(n, ast.expr) and n.lineno != n.end_lineno for n in inside):
        return []
    edits = []
    for line in range(first_line(node), (node.end_lineno or node.lineno) + 1):
        start = module.starts[line - 1]
        if module.text.startswith(old, start) and module.text[start:].split("\n", 1)[0].strip():
            edits.append(module.edit(start, start + len(old), new))
    return edits


class PropertyMissing(Rule):
    """A method that the test reads as an attribute, or the other way round."""

    name = "property_or_method"
    kinds = (ErrorKind.ATTRIBUTE, ErrorKind.TYPE, ErrorKind.ASSERTION)
    examples = (
        Example(
            "class Cart:\n    def total(self):\n        return 5\n",
            "assert Cart().total == 5",
            "    def total",
            "    @property\n    def total",
        ),
        Example(
            "class Cart:\n    @property\n    def total(self):\n        return 5\n",
            "assert Cart().total() == 5",
            "    @property\n",
            "",
        ),
        Example(
            "class Cart:\n    def total(self):\n        return 5\n", "assert Cart().total() == 6"
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.inner
        if place is None:
            return
        for node in place.nodes(ast.Attribute):
            parent = place.module.parents.get(node)
            called = isinstance(parent, ast.Call) and parent.func is node
            for function in failure.project.functions(node.attr)[:3]:
                if function.cls is None or len(function.parameters) != 1:
                    continue
                is_property = bool(function.decorators & {"property", "cached_property"})
                if called and is_property and "not callable" in failure.message:
                    yield from self._method(function, in_test=not place.editable)
                elif not called and not function.decorators and _shows_method(failure, function):
                    why = f"`{function.name}` is read like an attribute"
                    edit = function.module.insert_before(function.node, "@property")
                    yield from fix(SURE - (0.1 if not place.editable else 1.2), why, edit)

    def _method(self, function: Function, *, in_test: bool) -> Iterator[Fix]:
        for decorator in function.node.decorator_list:
            if dotted(decorator).rpartition(".")[2] in ("property", "cached_property"):
                why = f"`{function.name}` is called like a method"
                edit = without_decorator(function, decorator)
                yield from fix(SURE - (0.1 if in_test else 1.2), why, edit)


def _shows_method(failure: Failure, function: Function) -> bool:
    """True when the error shows the method itself where its result was due."""
    shown = f"{failure.message} {failure.facts.left} {failure.facts.right}"
    named = "'method'" in shown or "'function'" in shown or "bound method" in shown
    return named or function.qualname in shown


RULES: tuple[Rule, ...] = (
    MisspeltDunder(),
    MethodOutsideClass(),
    PropertyMissing(),
)
