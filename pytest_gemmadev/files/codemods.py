"""libcst's codemod visitors for imports, for modules that hold a docstring and imports alone.

Importing libcst's codemods takes up to a second, so import this where an import changes. Each visitor
takes 10 ms to make and would make others to find out what the tests have answered, or what is known
here: whether an import is used, and which are at the top.
"""

from __future__ import annotations

from collections.abc import Iterable

import libcst
from libcst.codemod import CodemodContext
from libcst.codemod.visitors import AddImportsVisitor, RemoveImportsVisitor

Import = tuple[str, "str | None", "str | None"]  # module with its dots, name in it, alias


class _Shallow(libcst.CSTTransformer):
    """Leaves out what is inside of an import statement, which the visitors do not look at."""

    def visit_Import(self, node: libcst.Import) -> bool:
        return False

    def visit_ImportFrom(self, node: libcst.ImportFrom) -> bool:
        return False


class _Adder(_Shallow, AddImportsVisitor):
    def visit_Module(self, node: libcst.Module) -> None:
        self.all_imports = _imports_of(node)


class _Remover(_Shallow, RemoveImportsVisitor):
    def visit_Module(self, node: libcst.Module) -> None:
        self._unused_imports = {
            name: statement
            for statement in _imports_of(node)
            if not isinstance(statement.names, libcst.ImportStar)
            for name in statement.names
        }


def add_imports(module: libcst.Module, names: Iterable[Import]) -> libcst.Module:
    """The module with those imports, behind the others or in a ``from`` that is there."""
    context = CodemodContext()
    for name in names:
        AddImportsVisitor.add_needed_import(context, *name)
    return module.visit(_Adder(context))


def remove_imports(module: libcst.Module, names: Iterable[Import]) -> libcst.Module:
    """The module without those imports."""
    context = CodemodContext()
    for name in names:
        RemoveImportsVisitor.remove_unused_import(context, *name)
    return module.visit(_Remover(context))


def _imports_of(module: libcst.Module) -> list[libcst.Import | libcst.ImportFrom]:
    return [
        statement
        for line in module.body
        if isinstance(line, libcst.SimpleStatementLine)
        for statement in line.body
        if isinstance(statement, (libcst.Import, libcst.ImportFrom))
    ]
