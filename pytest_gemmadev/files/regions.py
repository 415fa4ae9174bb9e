"""Statements that cover a change of lines: what has to be parsed to make it in a tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_gemmadev.text.diff import LineChange


@dataclass(frozen=True, slots=True)
class Region:
    """Statements of one block that follow one another, with the lines above them that are no code."""

    start: int  # line, from 0
    end: int  # not included
    is_nested: bool  # in another statement


def find_regions(tree: ast.Module, lines: Sequence[str], change: LineChange) -> list[Region]:
    """All that cover the change, the smallest first and the whole file last."""
    found: list[Region] = []
    pending: list[tuple[list[ast.stmt], bool]] = [(tree.body, False)]
    while pending:
        block, is_nested = pending.pop()
        spans = _spans(block, lines)
        if spans and not is_nested:
            spans[0], spans[-1] = (0, spans[0][1]), (spans[-1][0], len(lines))
        found += [Region(*span, is_nested) for span in _cover(spans, change)]
        for statement in block:
            if statement.lineno - 1 <= change.start and change.end <= _end(statement):
                pending += [(inner, True) for inner in _blocks(statement)]
    whole = Region(0, len(lines), is_nested=False)
    return [*sorted(found, key=lambda region: region.end - region.start), whole]


def _blocks(statement: ast.AST) -> Iterator[list[ast.stmt]]:
    """The blocks of a compound statement, those of its clauses too."""
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if isinstance(block, list) and block:
            yield block
    for name in ("handlers", "cases"):
        for clause in getattr(statement, name, ()):
            yield from _blocks(clause)


def _spans(block: Sequence[ast.stmt], lines: Sequence[str]) -> list[tuple[int, int]]:
    """The lines of each statement, from the end of the one before; those that share one together.

    Empty for a block whose first statement goes on with the line of the header.
    """
    spans: list[tuple[int, int]] = []
    for statement in block:
        start, end = _start(statement), _end(statement)
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((spans[-1][1] if spans else start, end))
    if not spans:
        return []
    start = spans[0][0]
    before = lines[start][: block[0].col_offset]
    is_continued = start > 0 and lines[start - 1].rstrip("\r\n").endswith("\\")
    return [] if before.strip(" \t\f@") or is_continued else spans


def _cover(spans: Sequence[tuple[int, int]], change: LineChange) -> Iterator[tuple[int, int]]:
    """The few ranges that cover a change: an insertion belongs to what stands before or after it."""
    start, end = change.start, change.end
    if start == end:
        yield from (span for span in spans if span[0] <= start <= span[1])
        return
    first = next((n for n, span in enumerate(spans) if span[0] <= start < span[1]), None)
    last = next((n for n, span in enumerate(spans) if span[0] < end <= span[1]), None)
    if first is None or last is None:
        return
    yield spans[first][0], spans[last][1]
    if first:  # lines that move into a block belong to the statement before
        yield spans[first - 1][0], spans[last][1]


def _start(statement: ast.stmt) -> int:
    """The first line of a statement, from 0, decorators included."""
    decorators = getattr(statement, "decorator_list", None)
    return (decorators[0].lineno if decorators else statement.lineno) - 1


def _end(statement: ast.stmt) -> int:
    """The line after a statement, from 0."""
    return statement.end_lineno or statement.lineno
