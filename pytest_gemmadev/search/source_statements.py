"""The statements and functions of a source text, by their lines: what localization points at."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_gemmadev.text.lines import line_starts
from pytest_gemmadev.types import Span


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; of a compound one the header only."""

    span: Span
    function: tuple[int, int]  # lines of the innermost function around it, (0, 0) at module level
    defines: frozenset[str]  # names bound, for module and class level statements and signatures
    uses: frozenset[str]


def read_statements(path: str, text: str) -> list[Statement]:
    """Statements by first line; of a compound one the header only. Empty for a broken text."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    found: list[Statement] = []
    _walk(tree, path, (0, 0), in_function=False, found=found)
    found.sort(key=lambda s: (s.span.start_line, -s.span.end_line))
    return found


def _walk(
    node: ast.AST,
    path: str,
    function: tuple[int, int],
    *,
    in_function: bool,
    found: list[Statement],
) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            found.append(_statement(child, path, function, in_function=in_function))
        inner = function
        inside = in_function
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner, inside = (child.lineno, child.end_lineno or child.lineno), True
        if isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            _walk(child, path, inner, in_function=inside, found=found)


def _statement(
    node: ast.stmt | ast.ExceptHandler | ast.match_case,
    path: str,
    function: tuple[int, int],
    *,
    in_function: bool,
) -> Statement:
    body = getattr(node, "body", None)
    if isinstance(node, ast.match_case):
        first = node.pattern.lineno
        last = node.pattern.end_lineno or first
    else:
        first = node.lineno
        last = node.end_lineno or first
    if isinstance(body, list) and body:
        last = max(first, min(last, body[0].lineno - 1))
        header: list[ast.AST] = [
            c for c in ast.iter_child_nodes(node) if not isinstance(c, ast.stmt)
        ]
    else:
        header = [node]
    names = [n for part in header for n in ast.walk(part)]
    uses = {n.id for n in names if isinstance(n, ast.Name)}
    uses |= {n.attr for n in names if isinstance(n, ast.Attribute)}
    defines: set[str] = set()
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        defines, function = {node.name}, (function[0], node.end_lineno or first)
    elif not in_function:
        defines = {n.id for n in names if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return Statement(Span(path, first, last), function, frozenset(defines), frozenset(uses))


def function_at(names: Sequence[tuple[int, int, str]], line: int) -> str:
    """Qualified name of the innermost function around a line."""
    inner = [f for f in names if f[0] <= line <= f[1]]
    return max(inner)[2] if inner else "<module>"


def function_names(text: str) -> list[tuple[int, int, str]]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    found: list[tuple[int, int, str]] = []

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                name = f"{prefix}{child.name}"
                if not isinstance(child, ast.ClassDef):
                    found.append((child.lineno, child.end_lineno or child.lineno, name))
                visit(child, f"{name}.")
            else:
                visit(child, prefix)

    visit(tree, "")
    return found


def function_bodies(text: str) -> list[tuple[int, int]]:
    """Offsets of the bodies of a text's functions, first and last; none of a broken text."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    starts = [*line_starts(text), len(text)]
    return [
        (starts[node.body[0].lineno - 1], starts[node.end_lineno or node.lineno])
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
