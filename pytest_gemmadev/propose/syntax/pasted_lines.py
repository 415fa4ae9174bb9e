"""Lines that came along when code was pasted or saved: fences, prompts, commands, marks of a diff."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from pytest_gemmadev.propose.syntax.compiler import Fault
from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.text_layout import indentation, inside_strings

_FENCE = re.compile(r"\s*(?:```|~~~)\s*\w*\s*$")
_EDITOR = re.compile(r"\s*:(?:w|q|x|wq|qa|wqa)!?\s*$")
_MAGIC = re.compile(
    r"\s*(?:%{1,2}[a-z]\w*(?:\s|$)|![a-z][\w./-]*(?:\s|$)|\?{1,2}\w|\w[\w.]*\?{1,2}$)"
)
_COMMAND = re.compile(
    r"(?:\$\s+\w.*"
    r"|(?:sudo\s+)?(?:git|pip3?|conda|python3?|cd|ls|mkdir|rm|apt(?:-get)?|docker|npm|export|source"
    r"|bash|chmod|echo|curl|wget|make|touch)\s+[-\w./~][^=(]*)$"
)
_BRACE = re.compile(r"\s*[{}]\s*;?\s*$")
_MARK = re.compile(r"\s*(?:[@`~$^&|\\/<>?!;,.*+=%-]|-{3,}|={3,}|~{3,}|\*{3,})\s*$")
_NUMBERED = re.compile(r"\s*(\d+)(?:[:.|)]\s?|\t|\s)")
_TEMPLATE = re.compile(
    r"\{%-?\s*(?:if|elif|else|endif|for|endfor|block|endblock|include|set|raw|macro|extends)\b"
    r"|\{\{-?\s*[a-z_][\w.]*(?:\s*\|[^{}]*)?\s*-?\}\}",
    re.IGNORECASE,
)
_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@|diff --git |index [0-9a-f]+\.\.[0-9a-f]+")


def is_template(lines: Sequence[str]) -> bool:
    """True for a file that a template engine makes code of: it may be sound as it stands."""
    return any(_TEMPLATE.search(line) for line in lines)


def fixes(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """All lines of the file that are of the sort which stands at the fault, or just before it."""
    rows = [r for r in (fault.line, fault.line - 1, fault.end_line) if 0 <= r < len(lines)]
    if "line continuation" in fault.message:
        yield from _continuations(lines)
    for row in dict.fromkeys(rows):
        for pattern, made, cost, note in _SORTS:
            if pattern.match(lines[row]):
                yield _everywhere(lines, pattern, made, cost, note)
    for row in dict.fromkeys(rows):
        yield from _diff(lines, row)
    if rows:
        yield from _numbers(lines, rows[0])


def _everywhere(
    lines: Sequence[str],
    pattern: re.Pattern[str],
    made: Callable[[str], tuple[str, ...]],
    cost: float,
    note: str,
) -> Fix:
    strings = inside_strings(lines)
    changes = tuple(
        Change(row, row + 1, made(line))
        for row, line in enumerate(lines)
        if pattern.match(line) and row not in strings
    )
    return Fix(changes, cost, "leftover", note)


def _gone(line: str) -> tuple[str, ...]:
    return ()


def _as_comment(line: str) -> tuple[str, ...]:
    return (f"{indentation(line)}# {line.lstrip()}",)


_SORTS = (
    (_FENCE, _gone, 0.2, "a fence of Markdown"),
    (_EDITOR, _gone, 0.2, "a command to an editor"),
    (_MAGIC, _as_comment, 0.3, "a command of a notebook"),
    (_COMMAND, _as_comment, 0.6, "a command of a shell"),
    (_BRACE, _gone, 0.8, "a brace around a block"),
    (_MARK, _gone, 0.8, "a line of nothing but marks"),
)


def _continuations(lines: Sequence[str]) -> Iterator[Fix]:
    """Spaces behind the backslashes at line ends taken out, all over the file."""
    strings = inside_strings(lines)
    changes = tuple(
        Change(row, row + 1, (line.rstrip(),))
        for row, line in enumerate(lines)
        if re.search(r"\\[ \t]+$", line) and row not in strings and "#" not in line
    )
    if changes:
        yield Fix(changes, 0.1, "space", "a space behind a backslash")


# --- diffs ---------------------------------------------------------------------------------------


def _diff(lines: Sequence[str], row: int) -> Iterator[Fix]:
    """A piece of a diff in the file, as if it were applied: only where it takes and adds lines."""
    first = last = row
    while first > 0 and _is_marked(lines[first - 1]):
        first -= 1
    while last < len(lines) and _is_marked(lines[last]):
        last += 1
    marks = {line[:1] for line in lines[first:last]} & {"+", "-"}
    if len(marks) < 2:
        return
    new = tuple(line[1:] for line in lines[first:last] if line[:1] == "+")
    yield Fix((Change(first, last, new),), 0.3, "diff", "a piece of a diff, applied")


def _is_marked(line: str) -> bool:
    return line[:1] in ("+", "-") or bool(_HUNK.match(line))


# --- line numbers --------------------------------------------------------------------------------


def _numbers(lines: Sequence[str], row: int) -> Iterator[Fix]:
    """Line numbers that were copied along, each one more than that before."""
    first = last = row
    while first > 0 and _follows(lines[first - 1], lines[first]):
        first -= 1
    while last + 1 < len(lines) and _follows(lines[last], lines[last + 1]):
        last += 1
    if last - first < 2:
        return
    matches = [_NUMBERED.match(line) for line in lines[first : last + 1]]
    new = tuple(
        line[m.end() :] if m else line
        for line, m in zip(lines[first : last + 1], matches, strict=True)
    )
    yield Fix((Change(first, last + 1, new),), 0.4, "numbers", "line numbers copied along")


def _follows(line: str, following: str) -> bool:
    one, two = _NUMBERED.match(f"{line} "), _NUMBERED.match(f"{following} ")
    return one is not None and two is not None and int(two[1]) == int(one[1]) + 1
