"""Lines of source text, counted as Python counts them.

``\\r\\n``, ``\\n`` and ``\\r`` end a line. What `str.splitlines` takes for an end besides, such as a form
feed or U+2028, is part of the line for Python's tokenizer, for tracebacks and for editors.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

_END = re.compile(r"\r\n|\n|\r")
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")


def line_starts(text: str) -> tuple[int, ...]:
    """Offsets at which lines begin."""
    return (0, *(m.end() for m in _END.finditer(text)))


def lines_with_ends(text: str) -> list[str]:
    """The lines with what ends them; joined, they are the text."""
    return _LINE.findall(text)


def lines_of(text: str) -> list[str]:
    """The lines without what ends them; a last one that is empty is left out."""
    return [line.rstrip("\r\n") for line in lines_with_ends(text)]


def line_at(text: str, offset: int) -> int:
    """The line, from 1, that holds an offset."""
    return sum(1 for _ in _END.finditer(text, 0, offset)) + 1


def line_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Offsets of the whole lines from ``start`` to ``end``, what ends the last one included."""
    first = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    closing = _END.search(text, end)
    return first, closing.end() if closing else len(text)


def line_end(text: str, offset: int) -> int:
    """Offset of what ends the line of ``offset``, or of the end of the text."""
    found = _END.search(text, offset)
    return found.start() if found else len(text)


def split_lines(text: str) -> list[str]:
    """The lines without what ends them; a last empty one where the text ends in a line end."""
    return _END.split(text)


def newline_of(text: str) -> str:
    """What ends the first line; ``\\n`` where nothing does."""
    found = _END.search(text)
    return found.group() if found else "\n"


def line_number(starts: Sequence[int], offset: int) -> int:
    """The line, from 1, that holds an offset, given the `line_starts` of its text."""
    return bisect_right(starts, offset)


def line_numbers(starts: Sequence[int], start: int, end: int) -> range:
    """The lines, from 1, that hold ``text[start:end]``; an empty piece is held by one line."""
    return range(bisect_right(starts, start), bisect_right(starts, max(start, end - 1)) + 1)


def character_column(line: str, column: int) -> int:
    """The column in characters of a column in UTF-8 bytes, as `ast` counts them, both from 0."""
    if line.isascii():
        return column
    data = line.encode("utf-8", "surrogatepass")[:column]
    return sum(byte & 0xC0 != 0x80 for byte in data)  # all bytes but those that go on with one
