"""Import statements added to a file, in the style and at the place that the file has for them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence

from pytest_gemmadev.propose.code.module import Function, Module
from pytest_gemmadev.propose.code.nodes import is_docstring
from pytest_gemmadev.propose.code.project import Project
from pytest_gemmadev.types import Edit

ImportStatement = ast.Import | ast.ImportFrom


def add_import(module: Module, target: str, name: str = "", alias: str = "") -> Edit | None:
    """``import target`` or ``from target import name``, in a ``from`` that is there already."""
    if name:
        for statement in leading_imports(module):
            if not isinstance(statement, ast.ImportFrom) or statement.names[0].name == "*":
                continue
            if _written(statement) == target:
                return _extended(module, statement, name, alias)
    line = _line(target, name, alias)
    return _new_line(module, target, line, is_from=bool(name))


def import_in(function: Function, target: str, name: str = "", alias: str = "") -> Edit | None:
    """The import as the first statement of a function, after its docstring."""
    body = function.node.body
    first = body[1] if len(body) > 1 and is_docstring(body[0]) else body[0]
    return function.module.insert_before(first, _line(target, name, alias))


def reference(project: Project, module: Module, target: Module) -> str:
    """How ``module`` names ``target`` in a ``from`` import: relative where that is the style."""
    siblings = [m for m in (module, *_neighbours(project, module)) if m.imports]
    levels = [s.level > 0 for m in siblings for s in m.imports if isinstance(s, ast.ImportFrom)]
    own = [s for s in module.imports if isinstance(s, ast.ImportFrom) and _is_local(project, s)]
    style = any(s.level for s in own) if own else any(levels)
    return relative(module, target.name) if style and module.package else target.name


def relative(module: Module, target: str) -> str:
    """``..other`` for a module of the same top-level package, else the absolute name."""
    here, there = module.package.split("."), target.split(".")
    if not module.package or here[0] != there[0]:
        return target
    shared = 0
    while shared < min(len(here), len(there)) and here[shared] == there[shared]:
        shared += 1
    return "." * (len(here) - shared + 1) + ".".join(there[shared:])


def leading_imports(module: Module) -> list[ImportStatement]:
    """The imports at the top of a file, before its first other statement."""
    found: list[ImportStatement] = []
    for index, statement in enumerate(module.tree.body):
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            found.append(statement)
        elif not (index == 0 and is_docstring(statement)) and found:
            break
    return found


def _neighbours(project: Project, module: Module) -> list[Module]:
    folder = module.path.rpartition("/")[0]
    paths = [p for p in project.paths if p.rpartition("/")[0] == folder and p != module.path]
    return [m for p in paths[:10] if (m := project.module(p)) is not None]


def _is_local(project: Project, statement: ast.ImportFrom) -> bool:
    return bool(statement.level) or (statement.module or "") in project.names


def _written(statement: ast.ImportFrom) -> str:
    return "." * statement.level + (statement.module or "")


def _line(target: str, name: str, alias: str) -> str:
    suffix = f" as {alias}" if alias else ""
    return f"from {target} import {name}{suffix}" if name else f"import {target}{suffix}"


def _extended(module: Module, statement: ast.ImportFrom, name: str, alias: str) -> Edit | None:
    """The ``from`` import with one more name, at its place where the names are sorted."""
    new = f"{name} as {alias}" if alias else name
    names = [a.name for a in statement.names]
    if names == sorted(names):
        for existing in statement.names:
            if existing.name > name:
                span = module.span(existing)
                return module.edit(span[0], span[0], f"{new}, ") if span else None
    span = module.span(statement.names[-1])
    return module.edit(span[1], span[1], f", {new}") if span else None


def _new_line(module: Module, target: str, line: str, *, is_from: bool) -> Edit | None:
    """The import on a line of its own among those of its kind."""
    leading = [s for s in leading_imports(module) if not _is_future(s)]
    group = [s for s in leading if _is_standard(_target(s)) == _is_standard(target)]
    key = (is_from, target.lower())
    for statement in group:
        if (isinstance(statement, ast.ImportFrom), _target(statement).lower()) > key:
            return module.insert_before(statement, line)
    if group:
        return module.insert_after(group[-1], line)
    if leading and _is_standard(target):
        edit = module.insert_before(leading[0], line)
        return edit and module.edit(edit.start, edit.end, edit.replacement + "\n")
    if leading:
        return module.insert_after(leading[-1], f"\n{line}")
    return _first_import(module, line)


def _first_import(module: Module, line: str) -> Edit | None:
    """The import in a file that has none: after the docstring and what must come first."""
    body: Sequence[ast.stmt] = module.tree.body
    before = [s for i, s in enumerate(body) if (i == 0 and is_docstring(s)) or _is_future(s)]
    if before:
        return module.insert_after(before[-1], f"\n{line}")
    if not body:
        return None
    first = body[0]
    gap = (
        "\n\n" if isinstance(first, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) else "\n"
    )
    edit = module.insert_before(first, line)
    return edit and module.edit(edit.start, edit.end, edit.replacement + gap)


def _target(statement: ImportStatement) -> str:
    if isinstance(statement, ast.Import):
        return statement.names[0].name
    return _written(statement)


def _is_standard(target: str) -> bool:
    return target.partition(".")[0] in sys.stdlib_module_names


def _is_future(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
