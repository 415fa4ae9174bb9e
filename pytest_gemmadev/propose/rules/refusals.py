"""Arguments that must be refused: the test expects an exception, and none is raised."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.module import Function
from pytest_gemmadev.propose.code.nodes import dotted
from pytest_gemmadev.propose.rules.expected_exceptions import expected_exceptions
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import FAIR, Example, Fix, Rule, fix
from pytest_gemmadev.propose.rules.unbound import first_statement
from pytest_gemmadev.types import ErrorKind

_FUNCTIONS = 6
_REFUSED = {
    "IndexError": ("{p} < 0 or {p} >= len({whole})", "{p} >= len({whole})", "{p} < 0"),
    "KeyError": ("{p} not in {whole}",),
    "ZeroDivisionError": ("{p} == 0", "not {p}"),
    "TypeError": ("{p} is None", "not isinstance({p}, {kind})", "isinstance({p}, bool)"),
    "ValueError": (
        "not {p}",
        "{p} < 0",
        "{p} is None",
        "{p} <= 0",
        "isinstance({p}, bool)",
        "not isinstance({p}, {kind})",
    ),
}


class Refused(Rule):
    """A guard that raises what the test expects, for one parameter at a time."""

    name = "refused"
    kinds = (ErrorKind.ASSERTION,)
    examples = (
        Example(
            "def root(n):\n    return abs(n) ** 0.5\n",
            "import pytest\nfrom app import root\n---\nwith pytest.raises(ValueError):\n    root(-1)",
            "    return abs(n)",
            "    if n < 0:\n        raise ValueError(n)\n    return abs(n)",
        ),
        Example(
            "class Row:\n    def __len__(self):\n        return 3\n\n    def place(self, i):\n"
            "        if i < 0:\n            i += len(self)\n        return i\n",
            "import pytest\nfrom app import Row\n---\nwith pytest.raises(IndexError):\n"
            "    Row().place(3)",
            "            i += len(self)\n",
            "            i += len(self)\n        if i < 0 or i >= len(self):\n"
            "            raise IndexError(i)\n",
        ),
        Example(
            "def root(n):\n    return n\n",
            "import pytest\nfrom app import root\n---\nassert root(-1) == 1",
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        if "DID NOT RAISE" not in failure.message and "not raised" not in failure.message:
            return
        for rank, function in enumerate(failure.suspects[:_FUNCTIONS]):
            places = _places(function)
            for error in expected_exceptions(failure):
                if error not in _REFUSED:
                    continue
                for order, (name, test) in enumerate(_tests(function, error)):
                    for later, place in enumerate(places.get(name, places[""])):
                        code = f"if {test}:\n    raise {error}({name})"
                        edit = function.module.insert_before(place, code)
                        prior = FAIR - 0.3 * rank - 0.15 * order - 0.1 * later
                        yield from fix(prior, f"`{error}` is expected for such `{name}`", edit)


def _tests(function: Function, error: str) -> Iterator[tuple[str, str]]:
    """(parameter, condition) pairs, the likeliest first."""
    names = [name for name in function.parameters if name != function.receiver]
    wholes = [n for n in names if len(names) > 1]
    if function.cls is not None and function.receiver is not None:
        wholes.insert(0, function.receiver)
    kinds = {
        a.arg: dotted(a.annotation)
        for a in function.positional
        if isinstance(a.annotation, ast.Name)
    }
    for template in _REFUSED[error]:
        for name in names:
            if "{kind}" in template and name not in kinds:
                continue
            for whole in wholes if "{whole}" in template else [""]:
                if whole != name:
                    yield name, template.format(p=name, whole=whole, kind=kinds.get(name, ""))


def _places(function: Function) -> dict[str, list[ast.stmt]]:
    """Statements before which a guard may stand: the first, and the first after a parameter's own.

    By name of the parameter; for all others under the empty name.
    """
    first = first_statement(function)
    body = function.node.body
    found: dict[str, list[ast.stmt]] = {"": [first]}
    start = next(i for i, s in enumerate(body) if s is first)
    for statement, following in zip(body[start:], body[start + 1 :], strict=False):
        bound = {
            n.id
            for n in ast.walk(statement)
            if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        }
        for name in bound & set(function.parameters):
            found.setdefault(name, [first]).insert(0, following)
    return found


RULES: tuple[Rule, ...] = (Refused(),)
