"""Files of pairs, wrong and accepted programs; and scripts as functions, which can be broken.

A file of pairs has a JSON object a line with ``buggy`` and ``fixed``, ``id`` and ``license``. What is
accepted there is mostly statements of a module.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_gemmadev.core.types import GemmadevError

_STAY = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_INDENT = "    "


def read_pairs(path: Path) -> Iterator[dict[str, Any]]:
    """The pairs of a file; `GemmadevError` where a row is none or the file cannot be read."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _pair(line, f"{path}:{number}")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GemmadevError(f"{path}: cannot be read ({reason}); check the path") from None


def is_pair(row: object) -> bool:
    """Whether a row of a file is a pair rather than a finished example."""
    return isinstance(row, dict) and all(isinstance(row.get(k), str) for k in ("buggy", "fixed"))


def _pair(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise GemmadevError(f"{where}: not JSON ({error}); repair or remove the row") from None
    if not is_pair(row):
        raise GemmadevError(f"{where}: a row needs the texts 'buggy' and 'fixed'")
    return dict(row)


def as_function(text: str) -> str | None:
    """The program with its statements in a function ``main``, definitions and imports before it.

    None where it does not parse, where nothing is left to move, or where moving would change what it
    says: a text of several lines takes the indentation in, ``global`` and ``import *`` need the module.
    """
    tree = _parsed(text)
    if tree is None or any(map(_needs_module, ast.walk(tree))):
        return None
    lines = text.expandtabs(len(_INDENT)).split("\n")
    apart: list[str] = []
    moved: list[str] = []
    kept: list[ast.stmt] = []
    at = 0
    for statement in tree.body:
        first = min(
            [statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", ()))]
        )
        last = statement.end_lineno or statement.lineno
        if first <= at:  # two statements in a line
            return None
        stays = isinstance(statement, _STAY)
        (apart if stays else moved).extend(lines[at:last])
        if not stays:
            kept.append(statement)
        at = last
    if not kept:
        return None
    body = "\n".join(_INDENT + line if line.strip() else "" for line in moved).strip("\n")
    head = "\n".join(apart).strip("\n")
    made = (head + "\n\n\n" if head else "") + f"def main():\n{body}\n"
    whole = _parsed(made)
    if whole is None or not isinstance(whole.body[-1], ast.FunctionDef):
        return None
    same = list(map(ast.dump, whole.body[-1].body)) == list(map(ast.dump, kept))
    return made if same else None


def _parsed(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _needs_module(node: ast.AST) -> bool:
    return isinstance(node, ast.Global) or (
        isinstance(node, ast.ImportFrom) and any(each.name == "*" for each in node.names)
    )
