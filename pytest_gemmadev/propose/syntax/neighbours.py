"""What the lines right beside a fault tell: a line that stands there twice, a comment that goes on,
decorators, the text of a docstring."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pytest_gemmadev.propose.syntax.compiler import Fault
from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.scan import KEYWORDS
from pytest_gemmadev.propose.syntax.text_layout import (
    first_word,
    header_width,
    indent,
    indentation,
    is_code,
    next_code,
    previous_code,
)

_DEFINES = re.compile(r"\s*(?:(?:async\s+)?def|class)\b|\s*@\w")
_DECORATOR = re.compile(r"\s*[A-Za-z_][\w.]*(?:\(.*\))?\s*$")
_CODE = re.compile(r"[=\[\]{}\"]|\w\(|\w\.\w|\w_\w")
_SHORT = 5  # lines of a docstring above the one at which the compiler stumbles


def fixes(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """Fixes that need no look at the statement itself."""
    yield from _twice(lines, fault)
    yield from _goes_on(lines, fault)
    yield from _decorator(lines, fault)
    yield from _docstring(lines, fault)


def _twice(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """One of two equal lines that follow each other."""
    near = [fault.line, fault.line - 1, fault.line + 1, fault.end_line]
    for row in dict.fromkeys(near):
        if not 0 <= row < len(lines) - 1 or not is_code(lines[row]):
            continue
        behind = next_code(lines, row + 1)
        is_line = len(lines[row].split()) > 1 or lines[row].rstrip().endswith((":", "(", "[", "{"))
        if behind < len(lines) and lines[behind].rstrip() == lines[row].rstrip() and is_line:
            yield Fix((Change(row, behind, ()),), 0.2, "repeated", "a line that stands there twice")


def _goes_on(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """A line behind a comment that is more of it: a line break too many, or a mark too few."""
    for row in dict.fromkeys((fault.line, fault.line - 1)):
        if not 0 < row < len(lines) or not is_code(lines[row]):
            continue
        line, above = lines[row], lines[row - 1]
        if not above.lstrip().startswith("#") or indent(above) != indent(line):
            continue
        behind = next_code(lines, row + 1)
        if behind < len(lines) and indent(lines[behind]) > indent(line):
            continue  # a block hangs on it
        between = row + 1 < len(lines) and lines[row + 1].lstrip().startswith("#")
        cost = 0.9 - 0.5 * between + 3.5 * bool(_CODE.search(line))
        cost += 1.0 * (
            first_word(line) in KEYWORDS - {"and", "or", "not", "is", "in", "as", "with"}
        )
        new = f"{indentation(line)}# {line.lstrip()}"
        yield Fix((Change(row, row + 1, (new,)),), cost, "comment", "a comment that goes on")


def _decorator(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """``@`` before a name between a decorator and a definition."""
    for row in dict.fromkeys((fault.line, fault.line - 1)):
        if not 0 < row < len(lines) - 1 or not _DECORATOR.match(lines[row]):
            continue
        above, behind = previous_code(lines, row), next_code(lines, row + 1)
        if above < 0 or behind >= len(lines) or not _DEFINES.match(lines[behind]):
            continue
        if lines[above].lstrip().startswith("@") and indent(lines[above]) == indent(lines[row]):
            pad = indentation(lines[row])
            new = f"{pad}@{lines[row][len(pad) :]}"
            yield Fix((Change(row, row + 1, (new,)),), 0.2, "decorator")


def _docstring(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """The quotes before prose that begins a body and ends in quotes."""
    row = previous_code(lines, fault.line + 1)
    for _ in range(_SHORT):
        above = previous_code(lines, row)
        if above < 0 or row < 0:
            return
        if indent(lines[row]) > header_width(lines, above) >= 0:
            break
        row = above
    else:
        return
    line = lines[row]
    quote = next(
        (m[0] for text in lines[row:] if (m := re.search(r"'''|\"\"\"", text)) is not None), ""
    )
    words = line.split()
    if quote and len(words) > 1 and quote not in line and not re.search(r"[=\[\]{}]", line):
        pad = indentation(line)
        new = f"{pad}{quote}{line[len(pad) :]}"
        yield Fix(
            (Change(row, row + 1, (new,)),), 0.6, "quote", "a docstring without its beginning"
        )
