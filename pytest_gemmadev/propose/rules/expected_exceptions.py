"""Exceptions that are not raised, and others than the test expects."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from pytest_gemmadev.propose.code.nodes import FUNCTIONS, dotted, own_nodes
from pytest_gemmadev.propose.rules.failure import Failure, Place
from pytest_gemmadev.propose.rules.rule import LIKELY, SURE, Example, Fix, Rule, fix
from pytest_gemmadev.types import ErrorKind


class RaisedValue(Rule):
    """``raise`` of something that is no exception."""

    name = "raised_value"
    kinds = (ErrorKind.TYPE,)
    examples = (
        Example(
            "def f(x):\n    raise NotImplemented\n",
            "import pytest\nfrom app import f\n---\n"
            "with pytest.raises(NotImplementedError):\n    f(1)",
            "NotImplemented",
            "NotImplementedError",
        ),
        Example(
            "def f(x):\n    raise 'bad'\n",
            "import pytest\nfrom app import f\n---\nwith pytest.raises(ValueError):\n    f(1)",
            "'bad'",
            "ValueError('bad')",
        ),
        Example("def f(x):\n    return x + 'a'\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or "must derive from BaseException" not in failure.message:
            return
        for node in place.nodes(ast.Raise):
            value = node.exc
            if value is None:
                continue
            if dotted(value) == "NotImplemented":
                edit = place.module.replace(value, "NotImplementedError")
                yield from fix(SURE, "`NotImplemented` is a value, not an exception", edit)
                continue
            expected = expected_exceptions(failure)
            for rank, name in enumerate(dict.fromkeys([*expected, "ValueError", "RuntimeError"])):
                edit = place.module.wrap(value, f"{name}(")
                yield from fix(LIKELY - 0.4 * rank, "only exceptions can be raised", edit)


def expected_exceptions(failure: Failure) -> list[str]:
    """What the failing test expects to be raised, by name."""
    place = failure.tested
    if place is None:
        return []
    found: list[str] = []
    for around in (place.statement, *place.module.ancestors(place.statement)):
        if isinstance(around, (ast.With, ast.AsyncWith, ast.Expr)):
            for call in ast.walk(around):
                if isinstance(call, ast.Call) and call.args:
                    name = dotted(call.func).rpartition(".")[2]
                    if name in ("raises", "assertRaises", "assertRaisesRegex"):
                        kinds = call.args[0]
                        parts = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
                        found += [dotted(part) for part in parts if dotted(part)]
    return list(dict.fromkeys(found))


class AnotherException(Rule):
    """Another exception raised than the test expects."""

    name = "another_exception"
    kinds = tuple(ErrorKind)
    examples = (
        Example(
            "def f(x):\n    raise KeyError('bad')\n",
            "import pytest\nfrom app import f\n---\nwith pytest.raises(ValueError):\n    f(1)",
            "KeyError",
            "ValueError",
        ),
        Example("def f(x):\n    raise KeyError('bad')\n", "f(1)"),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        place = failure.site
        if place is None or not isinstance(place.statement, ast.Raise):
            return
        raised = place.statement.exc
        func = raised.func if isinstance(raised, ast.Call) else raised
        if func is None or not dotted(func):
            return
        for name in expected_exceptions(failure):
            bare = name.rpartition(".")[2]
            visible = failure.visible(place, place.statement)
            if bare in visible and bare != dotted(func):
                why = f"the test expects `{bare}`"
                yield from fix(LIKELY, why, place.module.replace(func, bare))


class Uncaught(Rule):
    """An error that leaves a ``try`` whose handlers are for others."""

    name = "uncaught"
    kinds = tuple(k for k in ErrorKind if k not in (ErrorKind.SYNTAX, ErrorKind.INDENTATION))
    examples = (
        Example(
            "def f(x):\n    try:\n        return int(x)\n    except ValueError:\n        return 0\n",
            "assert f(float('inf')) == 0",
            "except ValueError",
            "except (ValueError, OverflowError)",
        ),
        Example(
            "def f(x):\n    try:\n        return int(x)\n    except (ValueError, KeyError):\n"
            "        return 0\n",
            "assert f(None) == 0",
            "(ValueError, KeyError)",
            "(ValueError, KeyError, TypeError)",
        ),
        Example(
            "def f(d):\n    try:\n        return d[0]\n    except KeyError:\n        return 0\n",
            "assert f([]) == 0",
            "KeyError",
            "IndexError",
        ),
        Example(
            "def f(x):\n    try:\n        x = x or 0\n    except ValueError:\n        x = 1\n"
            "    return int(x)\n",
            "f('a')",
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        raised = failure.stack.error
        for depth, place in enumerate(failure.sites):
            for handlers in _handlers_around(place):
                if raised not in failure.visible(place, handlers[0]):
                    continue
                for rank, handler in enumerate(reversed(handlers)):
                    caught = handler.type
                    if caught is None:
                        continue
                    code = place.module.code(caught)
                    inner = code.strip("()") if isinstance(caught, ast.Tuple) else code
                    if re.search(rf"\b{raised}\b", inner):
                        continue
                    prior = LIKELY - 0.5 * depth - 0.3 * rank
                    why = f"`{raised}` is not caught here"
                    wider = place.module.replace(caught, f"({inner.rstrip(', ')}, {raised})")
                    yield from fix(prior, why, wider)
                    if not isinstance(caught, ast.Tuple):
                        yield from fix(prior - 1.0, why, place.module.replace(caught, raised))


def _handlers_around(place: Place) -> Iterator[list[ast.ExceptHandler]]:
    """Handlers of the ``try`` blocks whose body holds the place, the innermost first."""
    child: ast.AST = place.statement
    for around in place.module.ancestors(place.statement):
        if isinstance(around, (*FUNCTIONS, ast.ClassDef)):
            return
        if isinstance(around, ast.Try) and child in around.body and around.handlers:
            yield around.handlers
        child = around


class NotRaised(Rule):
    """An exception that is made and not raised."""

    name = "not_raised"
    kinds = (ErrorKind.ASSERTION,)
    examples = (
        Example(
            "def f(x):\n    if x < 0:\n        ValueError('bad')\n    return x\n",
            "import pytest\nfrom app import f\n---\nwith pytest.raises(ValueError):\n    f(-1)",
            "ValueError('bad')",
            "raise ValueError('bad')",
        ),
        Example(
            "def f(x):\n    return x\n",
            "import pytest\nfrom app import f\n---\nwith pytest.raises(ValueError):\n    f(-1)",
        ),
    )

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        if "DID NOT RAISE" not in failure.message and "not raised" not in failure.message:
            return
        for function in failure.suspects:
            for node in own_nodes(function.node):
                value = node.value if isinstance(node, (ast.Expr, ast.Return)) else None
                func = value.func if isinstance(value, ast.Call) else value
                name = dotted(func).rpartition(".")[2] if func is not None else ""
                if name.endswith(("Error", "Exception")) and value is not None:
                    code = f"raise {function.module.code(value)}"
                    edit = function.module.replace(node, code)
                    yield from fix(SURE, f"`{name}` is made and not raised", edit)


RULES: tuple[Rule, ...] = (RaisedValue(), AnotherException(), Uncaught(), NotRaised())
