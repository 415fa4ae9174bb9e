"""Names that code at a place can read, as the language has it."""

from __future__ import annotations

import ast

from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.names import BUILTINS, bound_names
from pytest_gemmadev.propose.code.nodes import COMPREHENSIONS, FUNCTIONS


def visible_names(module: Module, node: ast.AST) -> dict[str, str]:
    """Names in reach of a node, ``local``, ``global``, ``builtin`` or ``module`` by name."""
    found: dict[str, str] = {}
    innermost = True
    for scope in (node, *module.ancestors(node)):
        if isinstance(scope, COMPREHENSIONS):
            for generator in scope.generators:
                for target in ast.walk(generator.target):
                    if isinstance(target, ast.Name):
                        found.setdefault(target.id, "local")
        elif isinstance(scope, (*FUNCTIONS, ast.Lambda)):
            if scope is not node and not _in_signature(module, node, scope):
                for name in bound_names(scope):
                    found.setdefault(name, "local")
                innermost = False
        elif isinstance(scope, ast.ClassDef):
            if innermost and scope is not node:
                for name in bound_names(scope):
                    found.setdefault(name, "local")
            innermost = False
    for name in module.bindings:
        found.setdefault(name, "global")
    for name in ("__name__", "__file__", "__doc__"):
        found.setdefault(name, "module")
    for name in BUILTINS:
        found.setdefault(name, "builtin")
    return found


def _in_signature(module: Module, node: ast.AST, function: ast.AST) -> bool:
    """True when ``node`` stands in a decorator, default or annotation of ``function``."""
    child = node
    for ancestor in module.ancestors(node):
        if ancestor is function:
            break
        child = ancestor
    if isinstance(function, ast.Lambda):
        return child is function.args
    if isinstance(function, FUNCTIONS):
        return (
            child is function.args or child is function.returns or child in function.decorator_list
        )
    return False
