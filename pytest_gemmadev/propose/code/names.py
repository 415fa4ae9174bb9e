"""What a scope binds, and what Python has built in."""

from __future__ import annotations

import ast
from collections import defaultdict

from pytest_gemmadev.propose.code.nodes import FUNCTIONS, own_nodes

BUILTINS = frozenset(
    name
    for name in dir(__import__("builtins"))
    if not name.startswith("_") and name not in ("copyright", "credits", "license", "exit", "quit")
)


def bound_names(scope: ast.AST) -> dict[str, list[ast.AST]]:
    """Names that a function, class or module binds itself, with the nodes that do."""
    found: dict[str, list[ast.AST]] = defaultdict(list)
    elsewhere: set[str] = set()
    if isinstance(scope, (*FUNCTIONS, ast.Lambda)):
        for argument in all_arguments(scope.args):
            found[argument.arg].append(argument)
    for node in own_nodes(scope):
        for name in _binds(node):
            found[name].append(node)
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            elsewhere.update(node.names)
    for comprehension in own_nodes(scope):
        if isinstance(comprehension, ast.comprehension):
            for target in ast.walk(comprehension.target):
                if isinstance(target, ast.Name):
                    found[target.id] = [n for n in found[target.id] if n is not target]
    return {n: nodes for n, nodes in found.items() if nodes and n not in elsewhere}


def all_arguments(args: ast.arguments) -> list[ast.arg]:
    """Every parameter, ``*args`` and ``**kwargs`` included."""
    starred = [a for a in (args.vararg, args.kwarg) if a is not None]
    return [*args.posonlyargs, *args.args, *args.kwonlyargs, *starred]


def _binds(node: ast.AST) -> list[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            return [a.asname or a.name.partition(".")[0] for a in aliases if a.name != "*"]
        case ast.ExceptHandler(name=str(name)):
            return [name]
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case _:
            return []
