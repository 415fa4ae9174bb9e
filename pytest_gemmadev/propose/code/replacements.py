"""Pieces of a text replaced by others, before they are edits of a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Replacement: TypeAlias = tuple[int, int, str]
"""(start, end, new text): offsets into the text of the file."""


def with_newlines(code: str, newline: str) -> str:
    """``code`` with every line ended by ``newline``, for a file whose lines end so."""
    if newline == "\n":
        return code
    return code.replace("\r\n", "\n").replace("\n", newline)


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
