"""Whether changed code compiles, and whether it is code seen before.

Only the smallest statements that hold the change are compiled, under stand-ins for the function and
loop around them. Two changes with one bytecode are one candidate; a change that leaves the bytecode as
it was is none.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from types import CodeType
from typing import TypeAlias

from pytest_gemmadev.propose.code.unit import FUNCTIONS, LOOPS, Unit
from pytest_gemmadev.propose.patterns.pattern import Change, Replacement

Fingerprint: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """Whole lines of a file that hold a change, and the header under which they compile alone."""

    start: int
    end: int
    header: str


def region_of(unit: Unit, node: ast.AST, change: Change) -> Region:
    """The smallest whole statements that hold a change made at ``node``."""
    lowest = min(start for start, _, _ in change.replacements)
    highest = max(end for _, end, _ in change.replacements)
    owner = change.region if change.region is not None else unit.statement(node)
    if unit.of_type(ast.Nonlocal, ast.Global):
        owner = unit.root  # what they speak of is bound elsewhere
    while owner is not None and not _holds(unit, owner, lowest, highest):
        owner = unit.statement(parent) if (parent := unit.parent(owner)) else None
    source = unit.source
    if isinstance(owner, ast.stmt) and not isinstance(owner, ast.Module):
        start, end = unit.span(owner)
        start, end = min(start, lowest), max(end, highest)
    else:
        start, end = _siblings(unit, lowest, highest)
    return Region(source.line_start(start), source.line_end(end), _header(unit, owner))


def _holds(unit: Unit, owner: ast.AST, lowest: int, highest: int) -> bool:
    if not isinstance(owner, ast.stmt):
        return True
    start, end = unit.span(owner)
    if isinstance(owner, ast.If) and unit.text.startswith("elif", start):
        return False
    alone = not unit.text[unit.source.line_start(start) : start].strip()
    return (
        alone and unit.source.line_start(start) <= lowest and highest <= unit.source.line_end(end)
    )


def _siblings(unit: Unit, lowest: int, highest: int) -> tuple[int, int]:
    """The extent of the root's statements that a change between two of them touches."""
    start, end = lowest, highest
    for statement in getattr(unit.root, "body", ()):
        first, last = unit.span(statement)
        if first <= highest and lowest <= unit.source.line_end(last):
            start, end = min(start, first), max(end, last)
    return start, end


def _header(unit: Unit, owner: ast.AST | None) -> str:
    """Stand-ins for what stands around ``owner``, so that ``return`` and ``break`` compile in it."""
    lines: list[str] = []
    needs_loop = True
    child = owner
    for ancestor in unit.ancestors(owner) if owner is not None else ():
        indent = unit.source.indentation(unit.span(ancestor)[0]) if _has_place(ancestor) else ""
        if isinstance(ancestor, FUNCTIONS):
            word = "async def" if isinstance(ancestor, ast.AsyncFunctionDef) else "def"
            lines.append(f"{indent}{word} _():\n")
            break
        if isinstance(ancestor, LOOPS) and needs_loop and child in ancestor.body:
            lines.append(f"{indent}while _:\n")
            needs_loop = False
        child = ancestor
    lines.reverse()
    first = lines[0] if lines else ""
    at = unit.span(owner)[0] if owner is not None and _has_place(owner) else None
    own = unit.source.indentation(at) if at is not None else ""
    if isinstance(unit.root, ast.ClassDef) and owner is None:
        own = unit.source.indentation(unit.span(unit.root.body[0])[0])
    if first[:1] in (" ", "\t") or (not lines and own):
        lines.insert(0, "if _:\n")
    return "".join(lines)


def _has_place(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt)


def fingerprint(
    unit: Unit, region: Region, replacements: Sequence[Replacement]
) -> Fingerprint | None:
    """What tells the code of a region with the replacements from other code; None: does not compile."""
    code = changed(unit.text, region.start, region.end, replacements)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = compile(region.header + code, "<candidate>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, OverflowError, MemoryError):
        return None
    return essence(compiled)


def changed(text: str, start: int, end: int, replacements: Sequence[Replacement]) -> str:
    """``text[start:end]`` with the replacements made."""
    parts: list[str] = []
    at = start
    for first, last, new in sorted(replacements, key=lambda r: (r[0], r[1])):
        parts.append(text[at:first])
        parts.append(new)
        at = last
    parts.append(text[at:end])
    return "".join(parts)


def essence(code: CodeType) -> Fingerprint:
    """Bytecode, names and constants, without lines and columns."""
    constants = tuple(
        essence(c) if isinstance(c, CodeType) else (type(c).__name__, repr(c))
        for c in code.co_consts
    )
    return (
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_argcount,
        code.co_kwonlyargcount,
        code.co_flags,
        getattr(code, "co_exceptiontable", b""),
        constants,
    )
