"""The one top-level function or class that two sources of a module differ in, compiled by itself.

Compiling a module takes 20 microseconds a line, which for a long one is more than all the rest of a
validation. Where it is not certain that the part means by itself what it means in its module, there is
no chunk.
"""

from __future__ import annotations
import __future__

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import decode_source
from types import CodeType

_FUTURE = 0
for _name in __future__.all_feature_names:
    _FUTURE |= getattr(__future__, _name).compiler_flag


@dataclass(frozen=True, slots=True)
class Outline:
    """A source and where its top-level functions and classes lie."""

    lines: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]  # first and last line of each, decorators included


@dataclass(frozen=True, slots=True)
class Chunk:
    """Module codes that hold one definition each, with the lines it has in its module."""

    old: CodeType
    new: CodeType
    end: int  # last line of the old one
    shift: int  # lines that the new one has more


def outline(data: bytes) -> Outline:
    """The outline of a source that compiles."""
    text = decode_source(data)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    spans = []
    for node in ast.parse(text).body:
        if isinstance(node, kinds) and node.end_lineno is not None:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            spans.append((first, node.end_lineno))
    return Outline(tuple(text.split("\n")), tuple(spans))


def changed_chunk(before: Outline, data: bytes, module: CodeType) -> Chunk | None:
    """What differs in ``data``, if one chunk holds it all; ``module`` is the code it had before."""
    after = decode_source(data).split("\n")
    start, end = _differing_lines(before.lines, after)
    shift = len(after) - len(before.lines)
    for first, last in before.spans:
        # Lines inserted right behind it may belong to it; where they do not, its code differs.
        if first <= start and end <= last:
            old = before.lines[first - 1 : last]
            new = after[first - 1 : last + shift]
            try:
                return Chunk(
                    _compile(old, first, module), _compile(new, first, module), last, shift
                )
            except (SyntaxError, ValueError):  # the whole module says better what is wrong
                return None
    return None


def _differing_lines(before: Sequence[str], after: Sequence[str]) -> tuple[int, int]:
    """First and last line of ``before`` that differ; where lines are inserted, those around."""
    shorter = min(len(before), len(after))
    start = 0
    while start < shorter and before[start] == after[start]:
        start += 1
    end = 0
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return start + 1, len(before) - end


def _compile(lines: Sequence[str], first: int, module: CodeType) -> CodeType:
    text = "\n" * (first - 1) + "\n".join(lines) + "\n"
    flags = module.co_flags & _FUTURE
    code: CodeType = compile(text, module.co_filename, "exec", flags=flags, dont_inherit=True)
    return code
