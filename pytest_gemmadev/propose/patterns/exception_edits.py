"""Exceptions: another type caught or raised, `raise` for `return`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change
from pytest_gemmadev.propose.patterns.pattern import Pattern

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


def other_exceptions(name: str, unit: Unit) -> list[str]:
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
        for rank, other in enumerate(other_exceptions(code, unit)[:14]):
            yield Change(((*span, other),), 1.0 - 0.15 * rank)
            yield Change(((*span, f"({inner}, {other})"),), 0.7 - 0.15 * rank)


PATTERNS = (CaughtType(),)
