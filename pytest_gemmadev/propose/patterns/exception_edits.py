"""Exceptions: another type caught or raised, `raise` for `return`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.patterns.pattern import Pattern
from pytest_gemmadev.propose.patterns.results import returned_values

_COMMON = (
    "ValueError",
    "TypeError",
    "KeyError",
    "IndexError",
    "AttributeError",
    "ZeroDivisionError",
    "LookupError",
    "RuntimeError",
    "StopIteration",
    "FileNotFoundError",
    "OSError",
    "NotImplementedError",
    "OverflowError",
    "AssertionError",
    "UnicodeDecodeError",
    "ImportError",
)
_NEAR = {
    "KeyError": ("IndexError", "LookupError", "AttributeError", "ValueError"),
    "IndexError": ("KeyError", "LookupError", "ValueError"),
    "ValueError": ("TypeError", "KeyError"),
    "TypeError": ("ValueError", "AttributeError"),
    "AttributeError": ("TypeError", "KeyError"),
    "IOError": ("OSError", "FileNotFoundError"),
}


def _others(name: str, unit: Unit) -> list[str]:
    """Exceptions that may be meant by ``name``: near ones, those of the file, the common ones."""
    own = [
        s.name
        for s in unit.source.tree.body
        if isinstance(s, ast.ClassDef) and s.name.endswith(("Error", "Exception", "Warning"))
    ]
    found = dict.fromkeys((*_NEAR.get(name, ()), *own, *_COMMON))
    found.pop(name, None)
    return list(found)


class CaughtType(Pattern[ast.ExceptHandler]):
    """Another exception caught, or one more."""

    name = "caught_exception"
    nodes = (ast.ExceptHandler,)
    examples = (
        (
            "def f(d):\n    try:\n        return d[0]\n    except KeyError:\n        return 0\n",
            "def f(d):\n    try:\n        return d[0]\n    except IndexError:\n        return 0\n",
        ),
        (
            "def f(d):\n    try:\n        return d[0]\n    except KeyError:\n        return 0\n",
            "def f(d):\n"
            "    try:\n"
            "        return d[0]\n"
            "    except (KeyError, TypeError):\n"
            "        return 0\n",
        ),
    )
    untouched = ("def f(d):\n    try:\n        return d[0]\n    finally:\n        g(d)\n",)

    def edits(self, node: ast.ExceptHandler, unit: Unit) -> Iterator[Change]:
        if node.type is None:
            return
        code = unit.code(node.type)
        inner = code[1:-1] if isinstance(node.type, ast.Tuple) else code
        span = unit.span(node.type)
        for rank, other in enumerate(_others(code, unit)[:14]):
            yield Change(((*span, other),), 1.0 - 0.15 * rank)
            yield Change(((*span, f"({inner}, {other})"),), 0.7 - 0.15 * rank)


class RaisedType(Pattern[ast.Raise]):
    """Another exception raised."""

    name = "raised_exception"
    nodes = (ast.Raise,)
    examples = (
        ("def f(a):\n    raise ValueError('no')\n", "def f(a):\n    raise TypeError('no')\n"),
        ("def f(a):\n    raise KeyError\n", "def f(a):\n    raise IndexError\n"),
    )
    untouched = ("def f(a):\n    try:\n        g(a)\n    except KeyError:\n        raise\n",)

    def edits(self, node: ast.Raise, unit: Unit) -> Iterator[Change]:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        if isinstance(raised, ast.Name):
            for rank, other in enumerate(_others(raised.id, unit)[:14]):
                yield replace(raised, other, unit, 1.0 - 0.15 * rank)


class RaiseOrReturn(Pattern[ast.stmt]):
    """`raise` for a returned exception, `return` of a value for `raise`."""

    name = "raise_or_return"
    nodes = (ast.Raise, ast.Return, ast.Expr)
    examples = (
        ("def f(a):\n    raise ValueError('no')\n", "def f(a):\n    return None\n"),
        ("def f(a):\n    return ValueError('no')\n", "def f(a):\n    raise ValueError('no')\n"),
    )
    untouched = ("def f(a):\n    return a\n",)

    def edits(self, node: ast.stmt, unit: Unit) -> Iterator[Change]:
        start, end = unit.span(node)
        if isinstance(node, ast.Raise):
            if unit.function(node) is not None:
                for value in returned_values(unit, node)[:6]:
                    yield Change(((start, end, f"return {value}"),))
            return
        given = node.value if isinstance(node, (ast.Return, ast.Expr)) else None
        called = given.func if isinstance(given, ast.Call) else given
        named = isinstance(called, ast.Name) and called.id.endswith(("Error", "Exception"))
        if given is not None and named:
            yield Change(((start, end, f"raise {unit.code(given)}"),))


PATTERNS = (CaughtType(), RaisedType(), RaiseOrReturn())
