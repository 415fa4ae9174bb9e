"""Finds what stands on both sides of a template, so that it is written as it stands in the file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeAlias

from pytest_gemmadev.propose.templates.holes import Code
from pytest_gemmadev.propose.templates.matcher import Shape, same_code, symbol_of

Kept: TypeAlias = dict[tuple[ast.AST, ast.AST], str]
"""(first node, last node) of the after side, and the name under which a match holds all of it.

The two are one node, or operands of a chain that the before side has too: of ``0 < a < b`` for
``a < b`` the last two.
"""


def kept_nodes(shape: Shape, before: Code, after: Code) -> Kept:
    """What of the after side stands on the before side too, the outermost nodes first."""
    found: Kept = {}
    stack: list[ast.AST] = [*after.body] if isinstance(after.body, list) else [after.body]
    while stack:
        node = stack.pop()
        same = next((n for n in shape.parts if _is_same(n, before, node, after)), None)
        if same is not None:
            found[node, node] = shape.parts[same]
            continue
        for old in shape.parts:
            for run in _runs(old, before, node, after):
                found[run] = shape.parts[old]
        stack.extend(ast.iter_child_nodes(node))
    return found


def _is_same(old: ast.AST, before: Code, new: ast.AST, after: Code) -> bool:
    if not isinstance(old, ast.expr) or type(old) is not type(new) or not same_code(old, new):
        return False
    return _holes_of(old, before) == _holes_of(new, after)


def _holes_of(node: ast.AST, code: Code) -> list[str]:
    return [code.operators[n] for n in ast.walk(node) if n in code.operators]


def _runs(
    old: ast.AST, before: Code, new: ast.AST, after: Code
) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Where a longer comparison holds all of a shorter one."""
    if not isinstance(old, ast.Compare) or not isinstance(new, ast.Compare):
        return
    few, many = [old.left, *old.comparators], [new.left, *new.comparators]
    ours = [before.operators.get(old, "") or symbol_of(op) for op in old.ops]
    for start in range(len(many) - len(few) + 1):
        end = start + len(few)
        theirs = [
            after.links.get((new, n), "") or symbol_of(new.ops[n]) for n in range(start, end - 1)
        ]
        if ours == theirs and all(
            same_code(a, b) for a, b in zip(few, many[start:end], strict=True)
        ):
            yield many[start], many[end - 1]
