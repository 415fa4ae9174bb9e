"""Imports at the top of a file, added and removed by libcst's codemod visitors."""

from __future__ import annotations

import ast

import libcst

_Import = tuple[str, "str | None", "str | None"]  # module with its dots, name in it, alias


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
    """The top of a file as the visitors change it, who are given the imports that differ.

    None where no import differs, or where they refuse. ``goes_on`` says that statements follow.
    """
    old, new = _imports(before), _imports(after)
    if old is None or new is None or old.keys() == new.keys():
        return None
    # These import half of libcst's tools, and few repairs change an import.
    from libcst.codemod import CodemodContext
    from libcst.codemod.visitors import AddImportsVisitor, RemoveImportsVisitor

    # Whatever follows, the visitors look at the lines above it alone.
    newline = "\r\n" if before.endswith("\r\n") else "\n"
    stand_in = f"pass{newline}" if goes_on else ""
    context = CodemodContext()
    try:
        module = libcst.parse_module(before + stand_in)
        for name in (each for each in old if each not in new):
            RemoveImportsVisitor.remove_unused_import(context, *name)
        for name in (each for each in new if each not in old):
            AddImportsVisitor.add_needed_import(context, *name)
        module = RemoveImportsVisitor(context).transform_module(module)
        code = AddImportsVisitor(context).transform_module(module).code
    except (libcst.ParserSyntaxError, libcst.CSTValidationError, RecursionError, ValueError):
        return None
    return code.removesuffix(stand_in) if code.endswith(stand_in) else None


def _imports(text: str) -> dict[_Import, None] | None:
    """What the statements import, in order; None where they do not parse."""
    found: dict[_Import, None] = {}
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
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
