"""A keyword that a call gives and the function does not take, or gets twice."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator

from pytest_gemmadev.propose.code.import_statements import add_import
from pytest_gemmadev.propose.code.module import Function, Module
from pytest_gemmadev.propose.code.names import BUILTINS, all_arguments
from pytest_gemmadev.propose.code.nodes import dotted
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.mismatched_calls import (
    Misfit,
    add_last_parameter,
    misfits,
    names_read,
    unresolved,
    without_argument,
)
from pytest_gemmadev.propose.rules.rule import (
    FAIR,
    GUESS,
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
from pytest_gemmadev.types import ErrorKind

_MANY = re.compile(r"got multiple values for (?:keyword )?argument '(\w+)'")
_UNEXPECTED = re.compile(
    r"got an unexpected keyword argument '(\w+)'|'(\w+)' is an invalid keyword"
)


class UnexpectedKeyword(Rule):
    """A keyword that the function does not take: misspelt in the call, or in the definition."""

    name = "unexpected_keyword"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def tax(price):\n    return price\n\n\ndef f(x):\n    return tax(prise=x)\n",
            "f(1)",
            "prise=x",
            "price=x",
        ),
        Example(
            "def tax(prise):\n    return prise + 1\n",
            "tax(price=1)",
            "tax(prise):\n    return prise",
            "tax(price):\n    return price",
        ),
        Example(
            "def top(xs):\n    return sorted(xs, reversed=True)\n",
            "top([1])",
            "reversed=",
            "reverse=",
        ),
        Example("def tax(price):\n    return price\n", "tax(1, 2)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        match = _UNEXPECTED.search(failure.message)
        place = failure.inner
        if match is None or place is None:
            return
        wrong = match[1] or match[2]
        calls = [c for c in place.nodes(ast.Call) if any(k.arg == wrong for k in c.keywords)]
        known = {m.call: m.function for m in misfits(failure)}
        for call in calls[:2]:
            misfit = Misfit(place, call, known.get(call))
            yield from self._at_call(failure, misfit, wrong)
            if misfit.function is not None:
                yield from self._at_definition(misfit.function, wrong, in_test=not place.editable)
            yield from self._in_fields(failure, call, wrong)

    def _at_call(self, failure: Failure, misfit: Misfit, wrong: str) -> Iterator[Fix]:
        module, call = misfit.module, misfit.call
        keyword = next(k for k in call.keywords if k.arg == wrong)
        names = parameters_of(failure, misfit)
        taken = {k.arg for k in call.keywords}
        for name, likeness in closest(wrong, set(names) - taken, floor=0.5):
            why = f"there is no parameter `{wrong}`, but `{name}`"
            yield from fix(alike_prior(likeness), why, module.rename_argument(keyword, name))
        free = [n for n in names if n not in taken][len(call.args) :]
        if len(free) == 1:
            why = f"`{free[0]}` is the only parameter left"
            yield from fix(FAIR, why, module.rename_argument(keyword, free[0]))
        index = len(call.args) + call.keywords.index(keyword)
        why = f"`{wrong}` is not a parameter"
        yield from fix(WEAK, why, without_argument(module, call, index))

    def _at_definition(self, function: Function, wrong: str, *, in_test: bool) -> Iterator[Fix]:
        module = function.module
        less = 0.1 if in_test else 1.0
        names = [p for p in function.parameters if p not in ("self", "cls")]
        used = wrong in names_read(function)
        for name in names:
            likeness = similarity(name, wrong)
            node = next(a for a in all_arguments(function.node.args) if a.arg == name)
            only = used and name not in names_read(function)
            if likeness < 0.5 and not only:
                continue
            edits = [module.rename_argument(node, wrong)]
            if not only:
                inside = [n for s in function.node.body for n in module.names(s, name)]
                edits += [module.replace(n, wrong) for n in inside]
            why = f"`{name}` is passed as `{wrong}`"
            yield from fix((SURE if only else alike_prior(likeness)) - less, why, *edits)
        if used or function.node.args.kwarg is None:
            why = f"`{function.qualname}` has no parameter `{wrong}`"
            prior = SURE - 0.2 if used and wrong in unresolved(function) else GUESS
            edit = add_last_parameter(function, wrong if used else f"{wrong}=None")
            yield from fix(prior, why, edit)

    def _in_fields(self, failure: Failure, call: ast.Call, wrong: str) -> Iterator[Fix]:
        """A field of a dataclass or named tuple under another name."""
        cls = failure.project.class_named(dotted(call.func).rpartition(".")[2])
        if cls is None or failure.project.method(cls, "__init__") is not None:
            return
        fields = {
            s.target.id: s.target
            for s in cls.node.body
            if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)
        }
        for name, likeness in closest(wrong, fields, floor=0.5, limit=3):
            less = 0.1 if failure.site is None else 1.0
            why = f"`{cls.name}` has a field `{name}`, `{wrong}` is passed"
            edits = [cls.module.replace(fields[name], wrong)]
            edits += [
                cls.module.rename_attribute(n, wrong)
                for n in failure.project.self_attributes(cls)
                if n.attr == name
            ]
            yield from fix(alike_prior(likeness) - less, why, *edits)


def parameters_of(failure: Failure, misfit: Misfit) -> list[str]:
    """Parameters of what is called: the project's, a dataclass's, or the library's."""
    if misfit.function is not None:
        return [p for p in misfit.function.parameters if p not in ("self", "cls")]
    name = dotted(misfit.call.func)
    cls = failure.project.class_named(name.rpartition(".")[2]) if name else None
    if cls is not None:
        return [
            s.target.id
            for one in reversed(failure.project.bases(cls))
            for s in one.node.body
            if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)
        ]
    return _library_parameters(misfit.module, misfit.call, name)


_METHOD_PARAMETERS = {
    "sort": ["key", "reverse"],
    "split": ["sep", "maxsplit"],
    "encode": ["encoding", "errors"],
    "decode": ["encoding", "errors"],
    "min": ["key", "default"],
    "max": ["key", "default"],
    "enumerate": ["iterable", "start"],
    "strftime": ["format"],
}


def _library_parameters(module: Module, call: ast.Call, name: str) -> list[str]:
    """Parameters of a built-in or of a function of a loaded standard module."""
    last = name.rpartition(".")[2] or getattr(call.func, "attr", "")
    if last in _METHOD_PARAMETERS:
        return _METHOD_PARAMETERS[last]
    found: object = None
    if name in BUILTINS:
        found = getattr(sys.modules["builtins"], name)
    elif name:
        base, _, attribute = name.rpartition(".")
        home = base or next(
            (
                s.module or ""
                for s in module.bindings.get(name, ())
                if isinstance(s, ast.ImportFrom) and not s.level
            ),
            "",
        )
        if home in sys.stdlib_module_names:
            found = getattr(sys.modules.get(home), attribute, None)
    if not callable(found):
        return []
    try:
        return list(inspect.signature(found).parameters)
    except (ValueError, TypeError):  # some built-ins tell nothing
        return []


class MultipleValues(Rule):
    """An argument passed twice, by place and by name."""

    name = "multiple_values"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def tax(price, rate=1):\n    return price\n\n\ndef f(x):\n"
            "    return tax(x, price=x)\n",
            "f(1)",
            "tax(x, price=x)",
            "tax(x)",
        ),
        Example("def tax(price):\n    return price\n", "tax(1, 2)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        match = _MANY.search(failure.message)
        if match is None:
            return
        for misfit in misfits(failure)[:2]:
            call = misfit.call
            keyword = next((k for k in call.keywords if k.arg == match[1]), None)
            if keyword is None or not call.args:
                continue
            why = f"`{match[1]}` is passed twice"
            index = len(call.args) + call.keywords.index(keyword)
            yield from fix(LIKELY - 0.3, why, without_argument(misfit.module, call, index))
            yield from fix(FAIR, why, without_argument(misfit.module, call, len(call.args) - 1))


class NoInit(Rule):
    """A class that takes no arguments where its fields are annotated: ``@dataclass`` forgotten."""

    name = "no_init"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "from dataclasses import dataclass\n\n\nclass Item:\n    name: str\n    price: int\n",
            "Item('a', 1)",
            "class Item",
            "@dataclass\nclass Item",
        ),
        Example("class Item:\n    name = 'x'\n", "Item('a', 1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        match = re.match(r"(\w+)\(\) takes no arguments", failure.message)
        cls = failure.project.class_named(match[1]) if match else None
        if cls is None or failure.project.method(cls, "__init__") is not None:
            return
        if not any(isinstance(s, ast.AnnAssign) for s in cls.node.body) or cls.node.decorator_list:
            return
        edits = [cls.module.insert_before(cls.node, "@dataclass")]
        if "dataclass" not in cls.module.bindings:
            edits.append(add_import(cls.module, "dataclasses", "dataclass"))
        yield from fix(SURE - 0.1, f"`{cls.name}` has fields and no `__init__`", *edits)


RULES: tuple[Rule, ...] = (UnexpectedKeyword(), MultipleValues(), NoInit())
