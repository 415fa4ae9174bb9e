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

from pytest_gemmadev.propose.code.nodes import FUNCTIONS, LOOPS
from pytest_gemmadev.propose.code.part import Part
from pytest_gemmadev.propose.code.replacements import Replacement, changed

Fingerprint: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Region:
    """Whole lines of a file that hold a change, and the header under which they compile alone."""

    start: int
    end: int
    header: str


def region_of(part: Part, within: ast.AST | None, replacements: Sequence[Replacement]) -> Region:
    """The smallest whole statements, ``within`` or around it, that hold the replacements."""
    lowest = min(start for start, _, _ in replacements)
    highest = max(end for _, end, _ in replacements)
    owner = within
    if part.of_type(ast.Nonlocal, ast.Global):
        owner = part.root  # what they speak of is bound elsewhere
    while owner is not None and not _holds(part, owner, lowest, highest):
        owner = part.statement(parent) if (parent := part.parent(owner)) else None
    source = part.source
    if isinstance(owner, ast.stmt):
        start, end = part.span(owner)
        start, end = min(start, lowest), max(end, highest)
    else:
        start, end = _siblings(part, lowest, highest)
    return Region(source.line_start(start), source.line_end(end), _header(part, owner))


def _holds(part: Part, owner: ast.AST, lowest: int, highest: int) -> bool:
    if not isinstance(owner, ast.stmt):
        return True
    if part.source.is_elif(owner) or not part.source.leads_line(owner):
        return False
    first, last = part.source.lines_of(owner, owner)
    return first <= lowest and highest <= last


def _siblings(part: Part, lowest: int, highest: int) -> tuple[int, int]:
    """The extent of the root's statements that a change between two of them touches."""
    start, end = lowest, highest
    for statement in getattr(part.root, "body", ()):
        first, last = part.span(statement)
        if first <= highest and lowest <= part.source.line_end(last):
            start, end = min(start, first), max(end, last)
    return start, end


def _header(part: Part, owner: ast.AST | None) -> str:
    """Stand-ins for what stands around ``owner``, so that ``return`` and ``break`` compile in it."""
    lines: list[str] = []
    needs_loop = True
    child = owner
    for ancestor in part.ancestors(owner) if owner is not None else ():
        indent = part.source.indentation(ancestor) if isinstance(ancestor, ast.stmt) else ""
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
    own = part.source.indentation(owner) if isinstance(owner, ast.stmt) else ""
    if isinstance(part.root, ast.ClassDef) and owner is None:
        own = part.source.indentation(part.root.body[0])
    if first[:1] in (" ", "\t") or (not lines and own):
        lines.insert(0, "if _:\n")
    return "".join(lines)


def fingerprint(
    part: Part, region: Region, replacements: Sequence[Replacement]
) -> Fingerprint | None:
    """What tells the code of a region with the replacements from other code; None: does not compile."""
    code = changed(part.text, region.start, region.end, replacements)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compiled = compile(region.header + code, "<candidate>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, OverflowError, MemoryError):
        return None
    return essence(compiled)


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
