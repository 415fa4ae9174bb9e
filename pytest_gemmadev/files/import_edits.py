"""Imports at the top of a file, added and removed by libcst's codemod visitors."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

import libcst

_Import = tuple[str, "str | None", "str | None"]  # module with its dots, name in it, alias


@dataclass(frozen=True, slots=True)
class ImportEdit:
    """What an edit of the imports has to do to the lines before the first other statement."""

    end: int  # lines there are before that statement
    text: str  # those
    has_more: bool  # a statement follows
    removed: tuple[_Import, ...]
    added: tuple[_Import, ...]


def find_import_edit(
    before: ast.Module, after: ast.Module, lines: Sequence[str]
) -> ImportEdit | None:
    """How the imports of a module change; None where they do not. ``lines`` are those before."""
    old, new = _imports(before), _imports(after)
    removed = tuple(each for each in old if each not in new)
    added = tuple(each for each in new if each not in old)
    if not removed and not added:
        return None
    others = (
        statement
        for place, statement in enumerate(before.body)
        if not isinstance(statement, (ast.Import, ast.ImportFrom))
        and not (place == 0 and _is_docstring(statement))
    )
    first = next(others, None)
    decorators = getattr(first, "decorator_list", None)
    end = len(lines) if first is None else (decorators[0] if decorators else first).lineno - 1
    return ImportEdit(end, "".join(lines[:end]), first is not None, removed, added)


def rewrite_imports(edit: ImportEdit) -> str | None:
    """The lines as the visitors leave them; None where the visitors refuse the edit."""
    # These import half of libcst's tools, and few repairs change an import.
    from libcst.codemod import CodemodContext
    from libcst.codemod.visitors import AddImportsVisitor, RemoveImportsVisitor

    newline = "\r\n" if edit.text.endswith("\r\n") else "\n"
    stand_in = f"pass{newline}" if edit.has_more else ""
    context = CodemodContext()
    try:
        module = libcst.parse_module(edit.text + stand_in)
        for name in edit.removed:
            RemoveImportsVisitor.remove_unused_import(context, *name)
        for name in edit.added:
            AddImportsVisitor.add_needed_import(context, *name)
        module = RemoveImportsVisitor(context).transform_module(module)
        code = AddImportsVisitor(context).transform_module(module).code
    except (libcst.ParserSyntaxError, libcst.CSTValidationError, RecursionError, ValueError):
        return None
    return code.removesuffix(stand_in) if code.endswith(stand_in) else None


def _imports(tree: ast.Module) -> dict[_Import, None]:
    """What the statements of a module import, functions and conditions left out, in order."""
    found: dict[_Import, None] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            found |= {(each.name, None, each.asname): None for each in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            module = "." * statement.level + (statement.module or "")
            found |= {(module, each.name, each.asname): None for each in statement.names}
    return found


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )
