"""A name that is not defined: misspelt, meant as an attribute or a string, of another language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_gemmadev.propose.code.module import Function, Module
from pytest_gemmadev.propose.code.names import bound_names
from pytest_gemmadev.propose.code.nodes import FUNCTIONS
from pytest_gemmadev.propose.code.project import Class
from pytest_gemmadev.propose.rules.failure import Failure, Place
from pytest_gemmadev.propose.rules.library import CONSTANTS, RENAMED_BUILTINS
from pytest_gemmadev.propose.rules.rule import (
    FAIR,
    LIKELY,
    SURE,
    WEAK,
    Example,
    Fix,
    Rule,
    alike_prior,
    fix,
)
from pytest_gemmadev.propose.similarity import closest, similarity
from pytest_gemmadev.types import Edit, ErrorKind

_MESSAGE = re.compile(r"name '(\w+)' is not defined|variable '(\w+)'")


@dataclass(frozen=True, slots=True, eq=False)
class Unknown:
    """The name that is not defined, and where the failing code uses it."""

    name: str
    place: Place
    use: ast.Name  # on the failing line

    @property
    def module(self) -> Module:
        return self.place.module

    @property
    def function(self) -> Function | None:
        return self.place.function

    @property
    def uses(self) -> list[ast.Name]:
        """Every mention in the function, or in the module for code outside functions."""
        scope = self.function.node if self.function else self.module.tree
        return self.module.names(scope, self.name)


def unknown_name(failure: Failure) -> Unknown | None:
    """What a `NameError` complains about; None where that is not in the project."""
    place = failure.site
    match = _MESSAGE.search(failure.message)
    name = failure.facts.name or next((g for g in match.groups() if g), "") if match else ""
    name = name or failure.facts.name
    if place is None or not name:
        return None
    found = [n for n in place.nodes(ast.Name) if n.id == name]
    if not found:  # a decorator or a default: the line of the whole definition
        found = [n for n in ast.walk(place.statement) if isinstance(n, ast.Name) and n.id == name]
    return Unknown(name, place, found[0]) if found else None


def renamed(unknown: Unknown, name: str, prior: float, why: str) -> Iterator[Fix]:
    """The name replaced wherever the function mentions it."""
    yield from fix(prior, why, *(unknown.module.replace(use, name) for use in unknown.uses))


class MisspeltName(Rule):
    """A name that looks like one in reach."""

    name = "misspelt_name"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "def total(items):\n    return sum(itmes)\n",
            "total([1])",
            "itmes",
            "items",
        ),
        Example(
            "def show(n):\n    user_name = n\n    return f'{usr_name!r} and more'\n",
            "show('x')",
            "usr_name",
            "user_name",
        ),
        Example("def f(x):\n    return quaternion(x)\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None:
            return
        visible = failure.visible(unknown.place, unknown.use)
        worth = {"local": 0.0, "global": -0.15, "builtin": -0.4, "module": -1.2}
        for name, likeness in closest(unknown.name, visible, floor=0.55):
            if name in ("self", "cls") and len(unknown.name) < 3:
                continue
            if name in ("True", "False", "None") and likeness < 0.8:
                continue
            prior = alike_prior(likeness) + worth[visible[name]]
            why = f"`{unknown.name}` is not defined; `{name}` is"
            yield from renamed(unknown, name, prior, why)


class MisspeltBinding(Rule):
    """A name misspelt where it is bound, or bound under one name and used under another."""

    name = "misspelt_binding"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "def total(items):\n    totl = 0\n    for i in items:\n"
            "        total = total + i\n    return total\n",
            "total([1])",
            "totl",
            "total",
        ),
        Example(
            "def total(items):\n    s = 0\n    for entry in items:\n"
            "        s += item.price + item.tax\n    return s\n",
            "total([1])",
            "for entry",
            "for item",
        ),
        Example(
            "def total(items):\n    s = 0\n    for i in items:\n        s += element\n"
            "    return s\n",
            "total([1])",
            "+= element",
            "+= i",
        ),
        Example("def f(x):\n    return x + y\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None or unknown.function is None:
            return
        scope = unknown.function.node
        mentions = [n for n in ast.walk(scope) if isinstance(n, ast.Name)]
        read = {n.id for n in mentions if isinstance(n.ctx, ast.Load)}
        called = [unknown.module.parents.get(u) for u in unknown.uses]
        is_called = any(isinstance(c, ast.Call) and c.func in unknown.uses for c in called)
        for name, nodes in bound_names(scope).items():
            likeness = similarity(name, unknown.name)
            unused = name not in read and not name.startswith("_")
            if name == unknown.name or name in ("self", "cls"):
                continue
            if unused and likeness < 0.55 and not is_called:
                why = f"`{name}` is bound and never used, `{unknown.name}` is not defined"
                yield from renamed(unknown, name, FAIR, why)
            if unused or likeness >= 0.6:
                edits = []
                for node in nodes:
                    if isinstance(node, ast.arg):
                        edits.append(unknown.module.rename_argument(node, unknown.name))
                    elif isinstance(node, ast.Name):
                        edits.append(unknown.module.replace(node, unknown.name))
                    else:
                        edits.append(None)
                edits += [
                    unknown.module.replace(n, unknown.name)
                    for n in mentions
                    if n.id == name and n not in nodes
                ]
                prior = alike_prior(likeness, -0.4) if likeness >= 0.55 else FAIR - 0.5
                known = failure.project.mentions(name) > len(nodes)
                if unused and likeness >= 0.7 and len(unknown.uses) > 1 and not known:
                    prior = SURE / 2 - 3.0 * (1.0 - likeness)  # several signs of one slip
                elif not unused:
                    prior -= 1.0
                elif any(isinstance(node, ast.arg) for node in nodes):
                    prior -= 0.5  # callers may name it
                why = f"`{unknown.name}` is used, `{name}` is what is bound"
                yield from fix(prior, why, *edits)


class MissingSelf(Rule):
    """``self.`` left out before an attribute or method of the class."""

    name = "missing_self"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "class Cart:\n    def __init__(self):\n        self.items = []\n\n"
            "    def size(self):\n        return len(items)\n",
            "Cart().size()",
            "len(items)",
            "len(self.items)",
        ),
        Example(
            "class Cart:\n    RATE = 2\n\n    @staticmethod\n    def tax(x):\n"
            "        return x * RATE\n",
            "Cart.tax(1)",
            "* RATE",
            "* Cart.RATE",
        ),
        Example(
            "class Cart:\n    def size(self):\n        return len(items)\n",
            "Cart().size()",
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None or unknown.function is None:
            return
        holder = _method_around(unknown.module, unknown.function)
        if holder is None or holder.cls is None:
            return
        cls = Class(unknown.module, holder.cls)
        owner = holder.receiver or cls.name
        members = failure.project.members(cls)
        parent = unknown.module.parents.get(unknown.use)
        if isinstance(parent, ast.Assign) and unknown.name in {
            t.attr for t in parent.targets if isinstance(t, ast.Attribute)
        }:
            return  # `self.x = x` sets the attribute
        for name in members:
            if name == unknown.name or name == f"_{unknown.name}":
                why = f"`{name}` is an attribute of `{cls.name}`"
                exact = SURE if name == unknown.name else LIKELY
                yield from renamed(unknown, f"{owner}.{name}", exact - 0.05, why)
        for name, likeness in closest(unknown.name, members, floor=0.72, limit=2):
            if not name.startswith("_"):
                why = f"`{unknown.name}` is not defined; `{owner}.{name}` is"
                yield from renamed(unknown, f"{owner}.{name}", alike_prior(likeness) - 0.5, why)


def _method_around(module: Module, function: Function) -> Function | None:
    """The function itself, or the method in which it is nested."""
    found: Function | None = function
    while found is not None and found.cls is None:
        outer = module.enclosing(found.node, FUNCTIONS)
        found = module.function_of(outer) if outer is not None else None
    return found


class MissingSelfParameter(Rule):
    """A method that uses ``self`` and does not take it."""

    name = "missing_self_parameter"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "class Cart:\n    rate = 2\n\n    @staticmethod\n    def tax(x):\n"
            "        return x * self.rate\n",
            "Cart().tax(1)",
            "    @staticmethod\n    def tax(x)",
            "    def tax(self, x)",
        ),
        Example("def tax(x):\n    return x * self.rate\n", "tax(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        function = unknown.function if unknown else None
        if unknown is None or function is None or function.cls is None:
            return
        if unknown.name not in ("self", "cls"):
            return
        module, name = unknown.module, unknown.name
        static = [d for d in function.node.decorator_list if getattr(d, "id", "") == "staticmethod"]
        edits = [add_first_parameter(function, name)]
        if static:
            edits.append(without_decorator(function, static[0]))
        yield from fix(SURE - 0.1, f"`{function.name}` uses `{name}` and does not take it", *edits)
        if function.positional and not static:
            first = function.positional[0]
            if first.arg not in {n.id for n in ast.walk(function.node) if isinstance(n, ast.Name)}:
                why = f"the first parameter of `{function.name}` is meant to be `{name}`"
                yield from fix(SURE, why, module.rename_argument(first, name))


def add_first_parameter(function: Function, name: str) -> Edit | None:
    """``name`` before the other parameters of a function."""
    module, node = function.module, function.node
    start = module.offset(node.lineno, node.col_offset)
    match = re.compile(rf"(?:async\s+)?def\s+{re.escape(node.name)}\s*\(").match(module.text, start)
    if match is None:
        return None
    empty = not any((function.parameters, node.args.vararg, node.args.kwarg))
    return module.edit(match.end(), match.end(), name if empty else f"{name}, ")


def without_decorator(function: Function, decorator: ast.expr) -> Edit | None:
    """The function without the line of one of its decorators."""
    module = function.module
    start = module.line_start(module.offset(decorator.lineno, 0))
    line = decorator.end_lineno or decorator.lineno
    if line >= len(module.starts):
        return None
    return module.edit(start, module.starts[line], "")


class ForeignWord(Rule):
    """``true``, ``null``, ``xrange``: a word of another language or of Python 2."""

    name = "foreign_word"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example("def f(x):\n    return x is null\n", "f(1)", "null", "None"),
        Example("def f(n):\n    return list(xrange(n))\n", "f(1)", "xrange", "range"),
        Example("def f(n):\n    return falsy\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None:
            return
        word = CONSTANTS.get(unknown.name) or RENAMED_BUILTINS.get(unknown.name)
        if word == "self" and (unknown.function is None or unknown.function.receiver != "self"):
            return
        if word is not None:
            yield from renamed(unknown, word, SURE, f"`{unknown.name}` is `{word}` in Python")


class LostQuotes(Rule):
    """A string without its quotes: a key, an argument, one side of a comparison."""

    name = "lost_quotes"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "def price(row):\n    return row[price_eur] * row['count']\n",
            "price({'price_eur': 2, 'count': 1})",
            "[price_eur]",
            "['price_eur']",
        ),
        Example("def f(x):\n    return away(x)\n", "f(1)"),
        Example("def f(x):\n    return missing + 1\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None:
            return
        module = unknown.module
        parent = module.parents.get(unknown.use)
        is_key = isinstance(parent, ast.Subscript) and parent.slice is unknown.use
        is_key = is_key or (isinstance(parent, ast.Dict) and unknown.use in parent.keys)
        compared = isinstance(parent, (ast.Compare, ast.List, ast.Tuple, ast.Set))
        passed = isinstance(parent, ast.Call) and unknown.use in parent.args
        if not (is_key or compared or passed):
            return
        texts = [m.text for m in (*failure.project.tests, *failure.project.modules(unknown.name))]
        known = any(f"'{unknown.name}'" in t or f'"{unknown.name}"' in t for t in texts)
        prior = (SURE - 0.1 if is_key else LIKELY - 0.2) if known else WEAK
        prior -= 0.0 if known or is_key else 1.0
        quote = "'" if module.text.count("'") > module.text.count('"') else '"'
        why = f"`{unknown.name}` is a string"
        yield from fix(prior, why, module.replace(unknown.use, f"{quote}{unknown.name}{quote}"))


class MissingAs(Rule):
    """``except Error`` or ``with open(…)`` whose block uses a name that ``as`` should bind."""

    name = "missing_as"
    kinds = (ErrorKind.NAME,)
    examples = (
        Example(
            "def f(x):\n    try:\n        return int(x)\n    except ValueError:\n"
            "        return str(e)\n",
            "f('a')",
            "except ValueError:",
            "except ValueError as e:",
        ),
        Example(
            "def f(p):\n    with open(p):\n        return f1.read()\n",
            "f(__file__)",
            "open(p):",
            "open(p) as f1:",
        ),
        Example("def f(x):\n    with open(x) as h:\n        return g\n", "f(__file__)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        unknown = unknown_name(failure)
        if unknown is None:
            return
        module, name = unknown.module, unknown.name
        why = f"`{name}` is what `as` should bind"
        for around in module.ancestors(unknown.use):
            if isinstance(around, FUNCTIONS):
                return
            if isinstance(around, ast.ExceptHandler) and around.name is None and around.type:
                end = module.span(around.type)
                if end is not None:
                    at = _past_parentheses(module.text, end[1])
                    yield from fix(SURE, why, module.edit(at, at, f" as {name}"))
                return
            if isinstance(around, (ast.With, ast.AsyncWith)):
                for item in around.items:
                    end = module.span(item.context_expr)
                    if item.optional_vars is None and end is not None:
                        at = _past_parentheses(module.text, end[1])
                        yield from fix(SURE - 0.2, why, module.edit(at, at, f" as {name}"))


def _past_parentheses(text: str, at: int) -> int:
    """The offset after closing parentheses that follow directly."""
    match = re.compile(r"[ \t]*\)").match(text, at)
    return match.end() if match else at


RULES: tuple[Rule, ...] = (
    MisspeltName(),
    MisspeltBinding(),
    MissingSelf(),
    MissingSelfParameter(),
    ForeignWord(),
    LostQuotes(),
    MissingAs(),
)
