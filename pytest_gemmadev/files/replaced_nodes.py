"""Replaces those nodes of a concrete syntax tree that an edit changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

import libcst

# Statements of a block are parsed in a class, which no ``else`` or ``except`` can go on with.
_HEADER = "class _:\n"

_Node = TypeVar("_Node", bound=libcst.CSTNode)


def replace_nodes(before: str, after: str, *, is_nested: bool) -> str | None:
    """The code of the statements ``before`` with the nodes replaced that differ in ``after``.

    Both are whole lines, from the place where they stand in their file if ``is_nested``. None where
    one of them does not parse, or is not just statements of one block. Raises `RecursionError` where
    they are nested too deep. The result lacks what libcst loses of either.
    """
    header = _HEADER if is_nested else ""
    try:
        new = libcst.parse_module(header + after)  # the one that may be broken
        old = libcst.parse_module(header + before)
    except libcst.ParserSyntaxError:
        return None
    if is_nested and _indent_of(old) != _indent_of(new):
        return None
    return _merge_modules(old, new).code.removeprefix(header)


def _indent_of(module: libcst.Module) -> str | None:
    """The indentation of the block below the header; None where that is not all there is."""
    statement = module.body[0]
    if len(module.body) > 1 or not isinstance(statement, libcst.ClassDef):
        return None
    block = statement.body
    if not isinstance(block, libcst.IndentedBlock):
        return None
    return module.default_indent if block.indent is None else block.indent


def _merge_modules(old: libcst.Module, new: libcst.Module) -> libcst.Module:
    """The old module with its nodes that differ replaced, as the new one is written."""
    styles = (
        (module.default_indent, module.default_newline, module.encoding) for module in (old, new)
    )
    if len(set(styles)) > 1:  # by which the nodes of either are written
        return new
    ends = old.with_changes(has_trailing_newline=new.has_trailing_newline)
    return merge_nodes(ends, new)


def merge_nodes(old: _Node, new: _Node) -> _Node:
    """``old`` with the smallest nodes that differ replaced by those of ``new``.

    It is ``old`` itself where nothing differs, and ``new`` where the node itself does. Nodes that
    do not differ stay the same objects.
    """
    if type(old) is not type(new):
        return new
    changes: dict[str, Any] = {}
    for name in _fields(type(old)):
        one, other = getattr(old, name), getattr(new, name)
        merged: object = one
        if isinstance(one, libcst.CSTNode) and isinstance(other, libcst.CSTNode):
            merged = merge_nodes(one, other)
        elif _is_sequence(one) and _is_sequence(other):
            merged = _merge_sequences(one, other)
        elif one != other:
            if not isinstance(one, libcst.CSTNode) and not isinstance(other, libcst.CSTNode):
                return new
            merged = other
        if merged is not one:
            changes[name] = merged
    return old.with_changes(**changes) if changes else old


def _merge_sequences(
    old: Sequence[libcst.CSTNode], new: Sequence[libcst.CSTNode]
) -> Sequence[libcst.CSTNode]:
    """The old nodes with those that differ replaced, in pairs where there are as many."""
    if len(old) == len(new):
        merged = [merge_nodes(one, other) for one, other in zip(old, new, strict=True)]
        return old if all(map(_is, merged, old)) else merged
    limit = min(len(old), len(new))
    first = 0
    while first < limit and merge_nodes(old[first], new[first]) is old[first]:
        first += 1
    last = 0
    while last < limit - first and merge_nodes(old[-1 - last], new[-1 - last]) is old[-1 - last]:
        last += 1
    return [*old[:first], *new[first : len(new) - last], *old[len(old) - last :]]


@cache
def _fields(kind: type[libcst.CSTNode]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _is(one: object, other: object) -> bool:
    return one is other


def _is_sequence(value: object) -> bool:
    return isinstance(value, (list, tuple))
