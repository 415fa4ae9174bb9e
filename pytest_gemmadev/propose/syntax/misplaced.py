"""What parses but stands where the compiler does not take it, put where it does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from pytest_gemmadev.propose.syntax.compiler import Fault, compiled
from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.text_layout import indentation
from pytest_gemmadev.text.lines import character_column

_COST = 0.3


def fixes(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """The one plain way to make such a statement legal; none where there are several."""
    if not fault.is_late:
        return
    tree = compiled("\n".join(lines))
    if isinstance(tree, Fault):
        return
    row = fault.line + 1
    if "outside async function" in fault.message or "asynchronous function" in fault.message:
        yield from _awaiting(lines, tree, row)
    elif "__future__ imports must occur" in fault.message:
        yield from _future(lines, tree, row)
    elif re.search(r"prior to (?:global|nonlocal)|before (?:global|nonlocal)", fault.message):
        yield from _declared(lines, tree, row)
    elif "keyword argument repeated" in fault.message:
        yield from _repeated(lines, tree, row)


def _awaiting(lines: Sequence[str], tree: ast.Module, row: int) -> Iterator[Fix]:
    """``async`` before the innermost function around the line."""
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.lineno <= row <= (node.end_lineno or 0)
    ]
    if around:
        at = max(node.lineno for node in around) - 1
        line = lines[at]
        pad = indentation(line)
        new = f"{pad}async {line[len(pad) :]}"
        yield Fix((Change(at, at + 1, (new,)),), _COST, "async", "a function that awaits is async")


def _future(lines: Sequence[str], tree: ast.Module, row: int) -> Iterator[Fix]:
    """The import moved to the top, behind the docstring and other such imports."""
    found = next((n for n in tree.body if n.lineno == row), None)
    if not isinstance(found, ast.ImportFrom) or found.module != "__future__":
        return
    target = 0
    while target < len(lines) and lines[target].startswith("#"):
        target += 1
    for node in tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if node.lineno >= row or not (is_text or is_future):
            break
        target = node.end_lineno or node.lineno
    first, last = row - 1, found.end_lineno or row
    moved = tuple(lines[first:last])
    changes = (Change(target, target, moved), Change(first, last, ()))
    yield Fix(changes, _COST, "future", "an import from __future__ comes first")


def _declared(lines: Sequence[str], tree: ast.Module, row: int) -> Iterator[Fix]:
    """The ``global`` moved to the beginning of its function."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        said = next(
            (
                n
                for n in ast.walk(node)
                if isinstance(n, ast.Global | ast.Nonlocal) and n.lineno == row
            ),
            None,
        )
        body = node.body
        if said is None or said.end_lineno != row or lines[row - 1].strip().count(";"):
            continue
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant) and body[1:]:
            body = body[1:]
        at = body[0].lineno - 1
        if at < row - 1 and at > node.lineno - 1:
            line = indentation(lines[at]) + lines[row - 1].strip()
            changes = (Change(at, at, (line,)), Change(row - 1, row, ()))
            yield Fix(changes, _COST, "global", "a declaration comes before the first use")
            return


def _repeated(lines: Sequence[str], tree: ast.Module, row: int) -> Iterator[Fix]:
    """An argument that is given twice with one value, given once."""
    line = lines[row - 1]
    for call in ast.walk(tree):
        for before, one in pairwise(call.keywords if isinstance(call, ast.Call) else ()):
            earlier = call.keywords[: call.keywords.index(one)]  # type: ignore[attr-defined]
            twice = any(ast.dump(other) == ast.dump(one) for other in earlier)
            if twice and before.end_lineno == row == one.lineno == one.end_lineno:
                start = character_column(line, before.end_col_offset or 0)
                end = character_column(line, one.end_col_offset or 0)
                change = Change(row - 1, row, (line[:start] + line[end:],))
                yield Fix((change,), _COST, "repeated", "an argument given twice")
