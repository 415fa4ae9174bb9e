"""What is odd about a whole file that compiles, to tell repairs of one fault apart.

Most of it shows where a block begins or ends: a name that nothing defines, a statement that is never
reached, a method outside its class. What a file has of that anyway is in all its repairs alike, and
decides nothing between them.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator, Sequence

_BUILTIN = frozenset(dir(builtins)) | {"__file__", "__name__", "__doc__", "__path__", "__spec__",
                                       "__class__", "__module__", "__qualname__", "__package__",
                                       "__loader__", "__annotations__"}  # fmt: skip
_UNDEFINED, _UNREACHED, _ONCE, _NO_BREAK = 1.2, 2.0, 1.2, 2.0
_METHOD, _NO_SELF, _IDLE = 2.0, 0.8, 1.2
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def oddness_of_file(text: str, tree: ast.Module) -> float:
    """Nats. The text compiles, and ``tree`` is its tree."""
    return _UNDEFINED * len(undefined(text)) + sum(map(_odd, ast.walk(tree)))


def undefined(text: str) -> set[tuple[str, str]]:
    """(scope, name) of what is read where nothing defines it, though another scope does.

    Names that the file defines nowhere tell nothing: a line that is taken out takes its own along.
    """
    module = symtable.symtable(text, "<file>", "exec")
    known = set(_BUILTIN)
    elsewhere: set[str] = set()
    scopes = list(_scopes(module))
    for scope in scopes:
        for symbol in scope.get_symbols():
            if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
                is_module = scope is module or symbol.is_declared_global()
                (known if is_module else elsewhere).add(symbol.get_name())
            elif symbol.is_parameter():
                elsewhere.add(symbol.get_name())
    missing = elsewhere - known
    return {
        (scope.get_name(), symbol.get_name())
        for scope in scopes
        for symbol in scope.get_symbols()
        if symbol.is_referenced()
        and (symbol.is_global() or scope is module)
        and symbol.get_name() in missing
    }


def _scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _scopes(child)


def _odd(node: ast.AST) -> float:
    match node:
        case ast.For() | ast.AsyncFor() | ast.While():
            cost = _blocks(node.body) + _blocks(node.orelse)
            cost += _ONCE * isinstance(node.body[-1], ast.Return | ast.Raise | ast.Break)
            cost += _IDLE * _continues(node.body[-1])
            return cost + _NO_BREAK * (bool(node.orelse) and not _breaks(node.body))
        case ast.ClassDef():
            return _blocks(node.body) + sum(map(_without_self, node.body))
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return _blocks(node.body) + _methods(node.body)
        case ast.Module():
            return _blocks(node.body) + _methods(node.body)
        case ast.If() | ast.Try():
            rest = node.finalbody if isinstance(node, ast.Try) else []
            return _blocks(node.body) + _blocks(node.orelse) + _blocks(rest)
        case ast.With() | ast.AsyncWith() | ast.ExceptHandler():
            return _blocks(node.body)
    return 0.0


def _blocks(body: Sequence[ast.stmt]) -> float:
    """Nats for statements behind one that leaves the block."""
    return _UNREACHED * any(isinstance(node, _LEAVES) for node in body[:-1])


def _breaks(body: Sequence[ast.AST]) -> bool:
    """True where a ``break`` of this loop lies in its body."""
    for node in body:
        if isinstance(node, ast.Break):
            return True
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        inner: list[ast.AST] = list(ast.iter_child_nodes(node))
        if isinstance(node, ast.For | ast.AsyncFor | ast.While):
            inner = list(node.orelse)
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case) and _breaks(inner):
            return True
    return False


def _continues(last: ast.stmt) -> bool:
    """True for a ``continue`` at the end of a loop, which would go on anyway."""
    if isinstance(last, ast.If) and not last.orelse:
        last = last.body[-1]
    return isinstance(last, ast.Continue)


def _methods(body: Sequence[ast.stmt]) -> float:
    """Nats for functions that take a ``self`` and lie in no class."""
    return _METHOD * sum(_first_name(node) in ("self", "cls") for node in body)


def _without_self(node: ast.stmt) -> float:
    name = _first_name(node)
    if name is None or name in ("self", "cls", "mcs", "mcls", "_self", "_cls", "_"):
        return 0.0
    return _NO_SELF * (not getattr(node, "decorator_list", ()))


def _first_name(node: ast.stmt) -> str | None:
    """The name of a function's first parameter, "" where it has none; None for anything else."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    arguments = [*node.args.posonlyargs, *node.args.args]
    if not arguments and node.args.vararg:
        return "self"  # who takes whatever comes takes that too
    return arguments[0].arg if arguments else ""
