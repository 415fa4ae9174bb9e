"""Imports at the top of a file, added and removed by libcst's codemod visitors."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import libcst

from pytest_gemmadev.files.regions import parse_quietly

if TYPE_CHECKING:
    from pytest_gemmadev.files.codemods import Import


def count_top_lines(tree: ast.Module, lines: int) -> int:
    """How many lines there are before the first statement that is no docstring and no import.

    ``lines`` are those of the file.
    """
    for place, statement in enumerate(tree.body):
        is_top = isinstance(statement, (ast.Import, ast.ImportFrom))
        if not is_top and not (place == 0 and _is_docstring(statement)):
            decorators = getattr(statement, "decorator_list", None)
            return (decorators[0] if decorators else statement).lineno - 1
    return lines


def rewrite_imports(before: str, after: str, *, goes_on: bool) -> str | None:
    """The top of a file as the visitors change it, given the imports that differ.

    None where no import differs, or where the visitors would put it elsewhere. ``goes_on`` says that
    other statements follow.
    """
    old, new = _imports(before), _imports(after)
    removed = [each for each in old if each not in new]
    added = [each for each in new if each not in old]
    if not (removed or added) or not _may_add(added, old, new):
        return None
    from pytest_gemmadev.files.codemods import add_imports, remove_imports

    # Whatever follows, the visitors look at the lines above it alone.
    newline = "\r\n" if before.endswith("\r\n") else "\n"
    stand_in = f"pass{newline}" if goes_on else ""
    try:
        module = libcst.parse_module(before + stand_in)
        if removed:
            module = remove_imports(module, removed)
        if added:
            module = add_imports(module, added)
    except (libcst.ParserSyntaxError, libcst.CSTValidationError, RecursionError, ValueError):
        return None
    code = module.code
    return code.removesuffix(stand_in) if code.endswith(stand_in) else None


def _may_add(added: list[Import], old: list[Import], new: list[Import]) -> bool:
    """Whether the visitor may put the imports there: behind the others, or in a ``from``."""
    extended = {module for module, name, _ in old if name is not None}
    return new[len(new) - len(added) :] == added or any(each[0] in extended for each in added)


def _imports(text: str) -> list[Import]:
    """What the statements import, in order; nothing where they do not parse."""
    tree = parse_quietly(text)
    found: list[Import] = []
    for statement in tree.body if tree is not None else ():
        if isinstance(statement, ast.Import):
            found += [(each.name, None, each.asname) for each in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            module = "." * statement.level + (statement.module or "")
            found += [(module, each.name, each.asname) for each in statement.names]
    return found


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
