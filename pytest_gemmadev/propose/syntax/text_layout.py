"""The lines of a text: indentation, statements, blocks; also where brackets or quotes are broken."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_gemmadev.propose.syntax.scan import (
    CLOSER,
    OPENER,
    TRIVIA,
    Token,
    code_tokens,
    open_brackets,
    scan,
)

HEADERS = frozenset(
    [
        "if",
        "elif",
        "else",
        "for",
        "while",
        "try",
        "except",
        "finally",
        "with",
        "def",
        "class",
        "async",
        "match",
        "case",
    ]
)
CLAUSES = frozenset(["elif", "else", "except", "finally", "case"])
_HEADER = 60  # lines of a header, at most
_HARD = re.compile(
    r"""(?:def|class|import|return|while|try|raise|del|global|nonlocal|assert|pass|break|continue
        |with|elif|except|finally)\b(?!\s*[=.,)])
      | from\s+[\w.]+\s+import\b
      | else\s*:
      | (?:if|for|async)\b.*:\s*(?:\#.*)?$
      | @\w[\w.]*\s*(?:\(|$)""",
    re.VERBOSE,
)
_ASSIGNMENT = re.compile(r"[A-Za-z_][\w.\[\]'\", ]*?\s*(?:[-+*/|&%^]|//|\*\*|>>|<<)?=(?!=)")
_CALL = re.compile(r"[A-Za-z_][\w.]*\(")
_OPERAND = re.compile(r"(?:in|and|or|is|not|for|if|else|lambda|await|None|True|False)\b")


@dataclass(frozen=True, slots=True)
class Rows:
    """Lines ``first`` to ``last``, the latter not included."""

    first: int
    last: int


def indent(line: str) -> int:
    """The column at which the code of a line begins: tabs to multiples of eight, 0 at a form feed."""
    return len(indentation(line).rpartition("\f")[2].expandtabs(8))


def indentation(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t\f"))]


def is_code(line: str) -> bool:
    stripped = line.lstrip(" \t\f")
    return bool(stripped) and not stripped.startswith("#")


def first_word(line: str) -> str:
    match = re.match(r"\s*(\w+)", line)
    return match.group(1) if match else ""


def header_width(lines: Sequence[str], row: int) -> int:
    """The column of the header that ends in this row; -1 where none does."""
    if not code_of(lines[row]).endswith(":"):
        return -1
    depth = 0
    for at in range(row, max(-1, row - _HEADER), -1):
        for token in scan(lines[at]):
            if token.kind == "op":
                depth += (token.text in OPENER) - (token.text in CLOSER)
        if depth <= 0:
            return indent(lines[at])
    return -1


def code_of(line: str) -> str:
    """The line without its comment and the space before that."""
    for token in scan(line):
        if token.kind == "comment":
            return line[: token.start].rstrip()
    return line.rstrip()


def next_code(lines: Sequence[str], row: int) -> int:
    """The first line of code at ``row`` or after it; the number of lines where there is none."""
    while row < len(lines) and not is_code(lines[row]):
        row += 1
    return row


def previous_code(lines: Sequence[str], row: int) -> int:
    """The last line of code before ``row``; -1 where there is none."""
    row -= 1
    while row >= 0 and not is_code(lines[row]):
        row -= 1
    return row


def indent_unit(lines: Sequence[str]) -> int:
    """The step by which most blocks of the text are indented; 4 where nothing tells."""
    steps: dict[int, int] = {}
    before, opened = 0, False
    for line in lines[:2000]:
        if not is_code(line):
            continue
        width = indent(line)
        if opened and width > before:
            steps[width - before] = steps.get(width - before, 0) + 1
        before, opened = width, line.rstrip().endswith(":")
    return max(steps, key=lambda step: (steps[step], -step)) if steps else 4


# --- statements ----------------------------------------------------------------------------------


def statements(lines: Sequence[str]) -> list[Rows]:
    """The rows of each statement, headers without their blocks.

    An open bracket ends where the next line plainly begins a new statement.
    """
    return list(_statements("\n".join(lines), lines))


def _statements(text: str, lines: Sequence[str]) -> Iterator[Rows]:
    row, first, depth, fresh = 0, -1, 0, True
    header = False
    for token in scan(text):
        if token.kind == "newline":
            if first >= 0 and depth == 0:
                yield Rows(first, row + 1)
                first = -1
            row, fresh = row + 1, True
            continue
        row_here = row
        row += token.text.count("\n")
        if token.kind in TRIVIA:
            continue
        if fresh and first >= 0 and depth > 0 and _begins(lines, row_here, first, header):
            yield Rows(first, row_here)
            first, depth = -1, 0
        if first < 0:
            first, depth = row_here, 0
            header = token.text in HEADERS
        fresh = False
        if token.kind == "op":
            if token.text in CLOSER:
                depth += 1
            elif token.text in OPENER:
                depth = max(0, depth - 1)
    if first >= 0:
        yield Rows(first, len(lines))


def _begins(lines: Sequence[str], row: int, first: int, header: bool) -> bool:
    """True where a line inside an open bracket looks like the next statement."""
    line, start = lines[row].strip(), indent(lines[first])
    width = indent(lines[row])
    if _HARD.match(line):
        return True
    before = code_of(lines[previous_code(lines, row)])
    if header and before.endswith(":") and width > start:
        return True
    if width > start or _OPERAND.match(line) or before.endswith(tuple("([{,+-*/%|&=<>\\.")):
        return False
    return bool(_ASSIGNMENT.match(line) or _CALL.match(line)) or (
        width < start and line[0].isalpha()
    )


def statement_at(rows: Sequence[Rows], line: int) -> int:
    """Index of the statement that holds a line, or of the last one before it; -1 before all."""
    found = -1
    for index, one in enumerate(rows):
        if one.first > line:
            break
        found = index
    return found


def bracketed(lines: Sequence[str], rows: Sequence[Rows], index: int) -> Rows | None:
    """The rows of a statement in brackets as its indentation shows them, however many of its
    brackets are lost; None where no bracket is open around the statement at ``index``."""
    start = index
    while start >= 0 and not _opens_bracket(lines[rows[start].first]):
        width = indent(lines[rows[start].first])
        start -= 1
        while start >= 0 and indent(lines[rows[start].first]) >= width:
            start -= 1
    if start < 0:
        return None
    first = rows[start].first
    width = indent(lines[first])
    end = max(rows[index].first, first) + 1
    while end < len(lines):
        at_level = is_code(lines[end]) and indent(lines[end]) <= width
        if at_level and not lines[end].lstrip().startswith(tuple(OPENER)):
            break
        end += 1
    return Rows(first, previous_code(lines, end) + 1)


def _opens_bracket(line: str) -> bool:
    """True where a line by itself leaves a bracket open at its end."""
    tokens = code_tokens(line)
    return bool(tokens) and bool(open_brackets(tokens).unclosed)


# --- blocks --------------------------------------------------------------------------------------


def block_end(lines: Sequence[str], row: int, width: int) -> int:
    """The row behind the lines from ``row`` on that are indented at least ``width`` columns.

    Blank lines and comments belong to it where code of the block follows.
    """
    end = row
    for at in range(row, len(lines)):
        if is_code(lines[at]):
            if indent(lines[at]) < width:
                break
            end = at + 1
    return end


def shifted(line: str, columns: int) -> str:
    """The line moved by columns; its tabs stay where they can."""
    stripped = line.lstrip(" \t\f")
    if not stripped:
        return line
    width = max(0, indent(line) + columns)
    old = indentation(line)
    if "\t" in old and old == "\t" * len(old) and width % 8 == 0:
        return "\t" * (width // 8) + stripped
    if columns < 0 and old.expandtabs(8)[:width] == " " * width and "\t" not in old:
        return old[:width] + stripped
    return " " * width + stripped


def open_levels(lines: Sequence[str], row: int) -> list[tuple[int, int]]:
    """(indentation, row) of the statements whose blocks enclose ``row``, outermost first,
    the one just before it last."""
    levels: list[tuple[int, int]] = []
    for one in statements(lines[:row]):
        width = indent(lines[one.first])
        while levels and levels[-1][0] >= width:
            levels.pop()
        levels.append((width, one.first))
    return levels


def inside_strings(lines: Sequence[str]) -> frozenset[int]:
    """Rows that begin inside a string of several lines."""
    rows: set[int] = set()
    row = 0
    for token in scan("\n".join(lines)):
        if token.kind == "newline":
            row += 1
            continue
        count = token.text.count("\n")
        if token.kind in ("string", "open"):
            rows.update(range(row + 1, row + 1 + count))
        row += count
    return frozenset(rows)


def tokens_of(lines: Sequence[str], rows: Rows) -> list[Token]:
    """Tokens of a statement, offsets from the beginning of its first line."""
    return code_tokens("\n".join(lines[rows.first : rows.last]))
