"""Kinds of syntax nodes, and what a node tells without its file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeAlias

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
"""Fields that hold statements, or handlers and cases with statements in them."""
_CHILDLESS = frozenset(("ctx", "op", "ops", "id", "attr", "arg", "kind", "type_comment"))
# Of operators and contexts `ast` makes one object each and puts it in many places: they are no children.
_FIELDS: dict[type[ast.AST], tuple[str, ...]] = {}


def child_nodes(node: ast.AST) -> list[ast.AST]:
    """The children of a node in the order of its fields; operators and contexts are none."""
    found: list[ast.AST] = []
    for name in _fields(type(node)):
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            found.append(value)
        elif isinstance(value, list):
            found += [item for item in value if isinstance(item, ast.AST)]
    return found


def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    """The fields of a kind that may hold children; made once for each kind."""
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(name for name in kind._fields if name not in _CHILDLESS)
    return _FIELDS[kind]


def dotted(node: ast.AST) -> str:
    """``a.b.c`` for an expression of that form, else an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def first_line(node: ast.AST) -> int:
    """The line a node begins on, that of its first decorator; 0 for a node without a place."""
    decorators = getattr(node, "decorator_list", None)
    line: int = getattr(decorators[0] if decorators else node, "lineno", 0)
    return line


def last_line(node: ast.AST) -> int:
    """The line a node ends on; 0 for a node without a place."""
    line: int | None = getattr(node, "end_lineno", None)
    return line or 0


def is_docstring(statement: ast.AST) -> bool:
    """True for a string that stands as a statement, which a first one makes the docstring."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def docstring_of(node: ast.AST) -> ast.stmt | None:
    """The statement that is the docstring of a function, class or module."""
    if not isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Module)) or not node.body:
        return None
    return node.body[0] if is_docstring(node.body[0]) else None


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run in a scope itself: bodies of functions and classes in it are left out."""
    stack: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, ast.Lambda):
            stack.extend(node.args.defaults)
        elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            stack.extend(node.decorator_list)
            if not isinstance(node, ast.ClassDef):
                stack.extend([*node.args.defaults, *(d for d in node.args.kw_defaults if d)])
        else:
            stack.extend(ast.iter_child_nodes(node))


def header_nodes(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement without those of the blocks in it, nested functions included."""
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        yield node
        for name, value in ast.iter_fields(node):
            if name in BLOCKS and isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                continue
            values = value if isinstance(value, list) else [value]
            stack.extend(v for v in values if isinstance(v, ast.AST))


def inner_blocks(statement: ast.stmt) -> list[tuple[str, list[ast.stmt]]]:
    """(name, statements) of the blocks that a compound statement owns, `elif` chains not opened."""
    found: list[tuple[str, list[ast.stmt]]] = []
    if isinstance(statement, FUNCTIONS):
        return found
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            found.append((name, block))
    return found
