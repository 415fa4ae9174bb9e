"""Whole statements as people get them wrong: forgotten, swapped, at the wrong depth."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from training.rewrites.texts import Change, Names, Text, bodies, lines_of


def dropped(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """A statement, a guard or an ``else`` forgotten."""
    for body in bodies(node):
        for child in body:
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue
            first, last = lines_of(child)
            if len(body) > 1 and last - first < 5:
                yield *text.whole_lines(first, last), ""
            elif last == first and isinstance(child, ast.Assign | ast.AugAssign | ast.Expr):
                yield *text.span(child), "pass"
    if isinstance(node, ast.If) and node.orelse and not isinstance(node.orelse[0], ast.If):
        first, last = node.body[-1].end_lineno or 0, node.orelse[-1].end_lineno or 0
        if 0 < last - first < 5:
            yield *text.whole_lines(first + 1, last), ""


def swapped(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """Two statements in the wrong order."""
    for body in bodies(node):
        for one, two in pairwise(body):
            (first, middle), (after, last) = lines_of(one), lines_of(two)
            if after == middle + 1 and last - first < 5:
                start, end = text.whole_lines(first, last)
                cut = text.starts[after - 1]
                head, tail = text.text[start:cut], text.text[cut:end]
                if tail.endswith("\n"):
                    yield start, end, tail + head


def shifted(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """A statement at the wrong depth: out of its block, or into the one before it."""
    if isinstance(node, ast.For | ast.While | ast.If | ast.With) and len(node.body) > 1:
        child = node.body[-1]
        first, last = lines_of(child)
        if first == last and not getattr(node, "orelse", []):
            start = text.starts[first - 1]
            yield start, start + child.col_offset, " " * node.col_offset
    for body in bodies(node):
        for one, two in pairwise(body):
            first, last = lines_of(two)
            if isinstance(one, ast.For | ast.While | ast.If) and first == last and not one.orelse:
                start = text.starts[first - 1]
                if lines_of(one)[1] + 1 == first and one.body:
                    yield start, start + two.col_offset, " " * one.body[-1].col_offset


def jump(node: ast.AST, text: Text, names: Names) -> Iterator[Change]:
    """``break`` for ``continue``, a jump for a return, and the other way round."""
    if isinstance(node, ast.Break):
        for word in ("continue", "pass", "return"):
            yield *text.span(node), word
    elif isinstance(node, ast.Continue):
        for word in ("break", "pass"):
            yield *text.span(node), word
    elif isinstance(node, ast.While) and isinstance(node.test, ast.Compare):
        start = text.span(node)[0]
        yield start, start + 5, "if"
    elif isinstance(node, ast.If) and isinstance(node.test, ast.Compare) and not node.orelse:
        start = text.span(node)[0]
        if text.text[start : start + 3] == "if ":
            yield start, start + 2, "while"
    if (
        isinstance(node, ast.If)
        and len(node.orelse) == 1
        and isinstance(node.orelse[0], ast.If)
        and text.text.startswith("elif", text.span(node.orelse[0])[0])
    ):
        start = text.span(node.orelse[0])[0]
        yield start, start + 4, "if"
