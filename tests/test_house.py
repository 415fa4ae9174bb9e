"""Rules of the house that a reader can see: functions take few arguments by position."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pytest_gemmadev"
PARTS = ("search", "files", "text", "prompting", "validate")
MAX_POSITIONAL = 3  # besides self and cls


def positional(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The names of what can be passed by position, ``self`` and ``cls`` left out."""
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def crowded(source: str) -> list[str]:
    """``line name: arguments`` of each function that takes too many by position."""
    return [
        f"{function.lineno} {function.name}: {', '.join(names)}"
        for function in functions(ast.parse(source))
        if len(names := positional(function)) > MAX_POSITIONAL
    ]


@pytest.mark.parametrize("part", PARTS)
def test_functions_take_few_arguments_by_position(part: str) -> None:
    files = sorted((PACKAGE / part).rglob("*.py"))
    assert files
    found = {str(path.relative_to(PACKAGE)): crowded(path.read_text("utf-8")) for path in files}
    assert {path: names for path, names in found.items() if names} == {}


SIGNATURES = {
    "three": ("def f(a, b, c): ...", []),
    "four": ("def f(a, b, c, d): ...", ["1 f: a, b, c, d"]),
    "four with defaults": ("def f(a, b, c=1, d=2): ...", ["1 f: a, b, c, d"]),
    "positional only": ("def f(a, b, /, c, d): ...", ["1 f: a, b, c, d"]),
    "the rest by name": ("def f(a, b, c, *, d, e): ...", []),
    "self": ("class C:\n    def f(self, a, b, c): ...", []),
    "self and four": ("class C:\n    def f(self, a, b, c, d): ...", ["2 f: a, b, c, d"]),
    "cls": ("class C:\n    async def f(cls, a, b, c): ...", []),
}


@pytest.mark.parametrize(("source", "expected"), SIGNATURES.values(), ids=SIGNATURES)
def test_what_is_counted(source: str, expected: list[str]) -> None:
    assert crowded(source) == expected
