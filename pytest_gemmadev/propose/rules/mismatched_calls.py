"""A call that does not fit its function: repaired at the call, or at the definition."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_gemmadev.propose.code.module import Function, Module
from pytest_gemmadev.propose.code.names import BUILTINS, all_arguments, bound_names
from pytest_gemmadev.propose.code.nodes import dotted
from pytest_gemmadev.propose.code.project import Class
from pytest_gemmadev.propose.rules.failure import Failure, Place
from pytest_gemmadev.propose.rules.rule import (
    FAIR,
    SURE,
    WEAK,
    Example,
    Fix,
    Rule,
    alike_prior,
    fix,
)
from pytest_gemmadev.propose.rules.undefined_names import add_first_parameter
from pytest_gemmadev.propose.similarity import closest
from pytest_gemmadev.types import Edit, ErrorKind

_CALLED = re.compile(r"^([\w.<>]+)\(\) ")
_COUNTS = re.compile(r"takes (?:from \d+ to )?(\d+|no) (?:positional )?arguments?(?: but (\d+))?")
_QUOTED = re.compile(r"'(\w+)'")


@dataclass(frozen=True, slots=True, eq=False)
class Misfit:
    """A call that does not fit, with the function that it reaches."""

    place: Place  # of the call
    call: ast.Call
    function: Function | None  # None where it is not the project's

    @property
    def module(self) -> Module:
        return self.place.module

    @property
    def bound(self) -> bool:
        """True when the call passes the first parameter by itself: ``self``, ``cls``."""
        function = self.function
        return function is not None and function.cls is not None and function.receiver is not None


def misfits(failure: Failure) -> list[Misfit]:
    """Calls on the failing line that may be the one, the likeliest first."""
    match = _CALLED.match(failure.message)
    place = failure.inner
    if place is None:
        return []
    qualname = match[1] if match else ""
    name = qualname.rpartition(".")[2]
    functions = failure.project.functions(qualname) if name else []
    wanted = {name, qualname.split(".")[-2] if name == "__init__" and "." in qualname else name}
    found: list[Misfit] = []
    for call in place.nodes(ast.Call):
        called = dotted(call.func).rpartition(".")[2] or getattr(call.func, "attr", "")
        reached = failure.project.callees(place.module, call, place.frame)
        exact = [f for f in functions if f in reached or called == f.name]
        exact = exact or [f for f in reached if f.name == name]
        if exact:
            found.append(Misfit(place, call, exact[0]))
        elif called in wanted or not name:
            found.append(Misfit(place, call, functions[0] if functions else None))
        elif name == "__init__" and functions:
            found.append(Misfit(place, call, functions[0]))
    found.sort(key=lambda m: m.function is None)
    return found


def names_read(function: Function) -> set[str]:
    """Variables that the body of a function mentions."""
    return {n.id for s in function.node.body for n in ast.walk(s) if isinstance(n, ast.Name)}


def unresolved(function: Function) -> list[str]:
    """Names that the body reads and nothing defines, in the order of their use."""
    module = function.module
    known = set(bound_names(function.node)) | set(module.bindings) | BUILTINS
    for scope in module.ancestors(function.node):
        if not isinstance(scope, (ast.ClassDef, ast.Module)):
            known |= set(bound_names(scope))
    inner = [n for n in ast.walk(function.node) if isinstance(n, (ast.Lambda, ast.comprehension))]
    for node in inner:
        known |= {
            n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        if isinstance(node, ast.Lambda):
            known |= {a.arg for a in all_arguments(node.args)}
    reads = [n for s in function.node.body for n in ast.walk(s) if isinstance(n, ast.Name)]
    return list(dict.fromkeys(n.id for n in reads if n.id not in known))


class SelfMissing(Rule):
    """A method defined without ``self``, or without the decorator that spares it."""

    name = "self_missing"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "class Cart:\n    def size(x):\n        return x\n",
            "Cart().size(1)",
            "def size(x)",
            "def size(self, x)",
        ),
        Example(
            "class Cart:\n    def size(x):\n        return x\n",
            "Cart().size(1)",
            "    def size",
            "    @staticmethod\n    def size",
        ),
        Example(
            "class Cart:\n    def make(cls, x):\n        return x\n",
            "Cart.make(1)",
            "    def make",
            "    @classmethod\n    def make",
        ),
        Example("def size(x):\n    return x\n", "size(1, 2)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        if not re.search(r"\(\) (takes|missing|got multiple)", failure.message):
            return
        for misfit in misfits(failure)[:2]:
            function = misfit.function
            if function is None or function.cls is None:
                continue
            first = function.positional[0].arg if function.positional else ""
            decorators = function.decorators & {"staticmethod", "classmethod"}
            why = f"`{function.qualname}` is called on an object and takes none"
            if decorators:
                continue
            if first not in ("self", "cls"):
                edit = add_first_parameter(function, "self")
                uses_self = "self" in names_read(function)
                yield from fix(SURE if uses_self else SURE - 0.15, why, edit)
            on_class = (
                failure.project.type_of(misfit.module, misfit.call.func.value)
                if isinstance(misfit.call.func, ast.Attribute)
                else None
            )
            if first == "cls" or (
                first == "self" and on_class and first not in names_read(function)
            ):
                prior = SURE if first == "cls" else WEAK
                edit = function.module.insert_before(function.node, "@classmethod")
                yield from fix(prior, f"`{function.qualname}` is called on the class", edit)
            if first not in ("self", "cls") and "self" not in names_read(function):
                edit = function.module.insert_before(function.node, "@staticmethod")
                yield from fix(SURE - 0.5, why, edit)


class SelfPassed(Rule):
    """``self`` passed where the call passes it already, or a method called on its class."""

    name = "self_passed"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "class A:\n    def __init__(self, x):\n        self.x = x\n\n\n"
            "class B(A):\n    def __init__(self, x):\n        super().__init__(self, x)\n",
            "B(1)",
            "super().__init__(self, x)",
            "super().__init__(x)",
        ),
        Example(
            "class A:\n    def area(self):\n        return 1\n\n\ndef f():\n    return A.area()\n",
            "f()",
            "A.area()",
            "A().area()",
        ),
        Example("def f(x):\n    return g(x, x)\n\n\ndef g(x):\n    return x\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        for misfit in misfits(failure)[:3]:
            call, module = misfit.call, misfit.module
            receiver = misfit.place.function.receiver if misfit.place.function else None
            first = call.args[0] if call.args else None
            is_method = isinstance(call.func, ast.Attribute)
            if receiver and is_method and isinstance(first, ast.Name) and first.id == receiver:
                why = f"`{receiver}` is passed by the call itself"
                yield from fix(SURE, why, without_argument(module, call, 0))
            func = call.func
            if not isinstance(func, ast.Attribute) or "'self'" not in failure.message:
                continue
            target = failure.project.resolve(module, dotted(func.value))
            if target is not None and isinstance(target[1], ast.ClassDef):
                why = f"`{func.attr}` needs an object of `{dotted(func.value)}`"
                yield from fix(FAIR + 0.3, why, module.wrap(func.value, "", "()"))


def without_argument(module: Module, call: ast.Call, index: int) -> Edit | None:
    """The call without one of its positional arguments."""
    spans = [module.span(a) for a in (*call.args, *call.keywords)]
    here = spans[index]
    if here is None:
        return None
    if index + 1 < len(spans):
        following = spans[index + 1]
        return module.edit(here[0], following[0], "") if following else None
    before = spans[index - 1] if index else None
    return module.edit(before[1] if before else here[0], here[1], "")


class MissingArgument(Rule):
    """An argument left out: a variable of the parameter's name, or a default for the parameter."""

    name = "missing_argument"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def tax(price, rate):\n    return price * rate\n\n\n"
            "def total(price, rate):\n    return tax(price)\n",
            "total(1, 2)",
            "tax(price)",
            "tax(price, rate)",
        ),
        Example(
            "def greet(name, loud):\n    return name.upper() if loud else name\n",
            "assert greet('a') == 'a'",
            "loud):",
            "loud=False):",
        ),
        Example("def tax(price):\n    return price * rate\n", "tax(1, 2)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        if "missing" not in failure.message or "required" not in failure.message:
            return
        names = [n for n in _QUOTED.findall(failure.message) if n not in ("self", "cls")]
        for misfit in misfits(failure)[:3]:
            if names:
                yield from self._at_call(failure, misfit, names)
                yield from self._at_definition(misfit, names)

    def _at_call(self, failure: Failure, misfit: Misfit, names: list[str]) -> Iterator[Fix]:
        visible = failure.visible(misfit.place, misfit.call)
        local = {n for n, kind in visible.items() if kind == "local"}
        receiver = misfit.place.function.receiver if misfit.place.function else None
        members = _attributes(failure, misfit)
        choices: list[list[tuple[str, float]]] = []
        for name in names:
            found = [(name, SURE)] if name in visible and visible[name] != "builtin" else []
            if receiver and name in members:
                found.append((f"{receiver}.{name}", SURE - 0.2))
            found += [
                (n, alike_prior(s) - 0.3) for n, s in closest(name, local, floor=0.55, limit=2)
            ]
            for attribute, likeness in closest(name, members, floor=0.7, limit=1):
                if receiver:
                    found.append((f"{receiver}.{attribute}", alike_prior(likeness) - 0.5))
            used = _uses_in_call(misfit.call)
            unused = sorted(n for n in local - used if n not in ("self", "cls"))
            found += [(n, WEAK) for n in unused[:3] if n not in {f for f, _ in found}]
            choices.append(found[:4])
        for choice in (choices[0] if choices else []) if len(names) == 1 else _first_of(choices):
            value, prior = choice
            values = [value] if len(names) == 1 else value.split("\0")
            yield from fix(
                prior, f"`{names[0]}` is not passed", insert_arguments(misfit, names, values)
            )

    def _at_definition(self, misfit: Misfit, names: list[str]) -> Iterator[Fix]:
        function = misfit.function
        if function is None:
            return
        in_test = not misfit.place.editable
        for rank, value in enumerate(_default_values(function, names[-1])):
            edits = []
            for name in names:
                node = next((a for a in all_arguments(function.node.args) if a.arg == name), None)
                span = function.module.span(node) if node else None
                spaced = " = " if node is not None and node.annotation else "="
                edit = function.module.edit(span[1], span[1], f"{spaced}{value}") if span else None
                edits.append(edit)
            prior = (FAIR if in_test else WEAK) - 0.4 * rank
            yield from fix(prior, f"`{names[-1]}` has no default", *edits)


def _first_of(choices: list[list[tuple[str, float]]]) -> list[tuple[str, float]]:
    """The best value for each of several arguments, as one choice."""
    if not all(choices):
        return []
    return [("\0".join(c[0][0] for c in choices), sum(c[0][1] for c in choices))]


def _attributes(failure: Failure, misfit: Misfit) -> set[str]:
    function = misfit.place.function
    if function is None or function.cls is None:
        return set()
    return set(failure.project.members(Class(misfit.module, function.cls)))


def _uses_in_call(call: ast.Call) -> set[str]:
    return {
        n.id for a in (*call.args, *call.keywords) for n in ast.walk(a) if isinstance(n, ast.Name)
    }


def insert_arguments(misfit: Misfit, names: list[str], values: list[str]) -> Edit | None:
    """The call with the values passed for the parameters ``names``, in their places."""
    call, module, function = misfit.call, misfit.module, misfit.function
    span = module.span(call)
    if span is None or any(isinstance(a, ast.Starred) for a in call.args):
        return None
    positional = [a.arg for a in function.positional] if function else []
    if misfit.bound and positional:
        positional = positional[1:]
    last = len(call.args)
    in_order = positional[last : last + len(names)] == names
    if in_order and call.keywords:
        start = module.span(call.keywords[0])
        return module.edit(start[0], start[0], ", ".join(values) + ", ") if start else None
    if in_order or not call.args:
        code = ", ".join(values)
    else:
        code = ", ".join(f"{n}={v}" for n, v in zip(names, values, strict=True))
    arguments = [module.span(a) for a in (*call.args, *call.keywords)]
    if not arguments:
        return module.edit(span[1] - 1, span[1] - 1, code)
    end = arguments[-1]
    if end is None:
        return None
    at = end[1]
    while module.text[at : span[1] - 1].startswith(")"):  # parentheses around the last argument
        at += 1
    return module.edit(at, at, f", {code}")


def _default_values(function: Function, name: str) -> list[str]:
    """Defaults that fit a parameter, by its annotation, its name and its use."""
    found: dict[str, None] = {}
    argument = next((a for a in all_arguments(function.node.args) if a.arg == name), None)
    annotation = dotted(argument.annotation) if argument and argument.annotation else ""
    by_type = {
        "int": "0",
        "float": "0.0",
        "str": '""',
        "bool": "False",
        "list": "()",
        "dict": "None",
    }
    if annotation in by_type:
        found[by_type[annotation]] = None
    for node in ast.walk(function.node):
        if (
            isinstance(node, (ast.If, ast.IfExp, ast.While))
            and name in ast.unparse(node.test).split()
        ):
            found["False"] = None
        if isinstance(node, ast.UnaryOp) and dotted(node.operand) == name:
            found["False" if isinstance(node.op, ast.Not) else "0"] = None
        if isinstance(node, ast.BinOp) and name in (dotted(node.left), dotted(node.right)):
            found["1" if isinstance(node.op, (ast.Mult, ast.Div, ast.Pow)) else "0"] = None
        if isinstance(node, (ast.For, ast.comprehension)) and dotted(node.iter) == name:
            found["()"] = None
    found["None"] = None
    return list(found)[:4]


class ExtraArgument(Rule):
    """An argument too many: the parameter that the body uses, or one argument less."""

    name = "extra_argument"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def tax(price):\n    return price * rate\n",
            "tax(1, 2)",
            "(price)",
            "(price, rate)",
        ),
        Example(
            "def tax(price):\n    return price\n\n\ndef f(price, rate):\n"
            "    return tax(price, rate)\n",
            "f(1, 2)",
            "tax(price, rate)",
            "tax(price)",
        ),
        Example("def tax(price, rate):\n    return price\n", "tax(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        if not _COUNTS.search(failure.message):
            return
        for misfit in misfits(failure)[:2]:
            function, call, module = misfit.function, misfit.call, misfit.module
            for index in range(len(call.args) - 1, -1, -1):
                prior = FAIR - 0.3 * (len(call.args) - 1 - index)
                code = module.code(call.args[index])
                why = f"`{code}` is an argument too many"
                yield from fix(prior, why, without_argument(module, call, index))
            if function is None or not call.args:
                continue
            given = dotted(call.args[-1])
            names = unresolved(function)
            why = f"`{function.qualname}` takes one parameter less than it is given"
            for name in names[:2]:
                yield from fix(SURE - 0.05, why, add_last_parameter(function, name))
            fits = given and "." not in given and given not in function.parameters
            if not names and fits and misfit.place.editable:
                yield from fix(WEAK, why, add_last_parameter(function, given))


def add_last_parameter(function: Function, name: str) -> Edit | None:
    """``name`` after the other positional parameters of a function."""
    args, module = function.node.args, function.module
    positional = function.positional
    if not positional:
        return add_first_parameter(function, name)
    last: ast.AST = positional[-1]
    if args.defaults:
        last = args.defaults[-1]
        name = f"{name}=None"
    span = module.span(last)
    return module.edit(span[1], span[1], f", {name}") if span else None


RULES: tuple[Rule, ...] = (SelfMissing(), SelfPassed(), MissingArgument(), ExtraArgument())
