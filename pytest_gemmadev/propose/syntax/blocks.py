"""Fixes of whole lines: strings of several lines, comments of other languages, text that is no code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pytest_gemmadev.propose.syntax.check import Fault
from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.layout import (
    first_word,
    indent,
    indentation,
    is_code,
    next_code,
    previous_code,
    statement_at,
    statements,
)
from pytest_gemmadev.propose.syntax.scan import KEYWORDS, TRIVIA, Token, scan

_CODE = re.compile(
    r"""\s*(?:(?:def|class|import|from|return|if|elif|for|while|try|with|raise|async)\b.*[:\w)\]]\s*$
        |@\w|[\w.\[\]'"]+\s*[-+*/]?=[^=]|[\w.]+\(.*\)\s*$|(?:else|try|finally)\s*:)""",
    re.VERBOSE,
)
_DELETE, _COMMENT = 6.0, 5.0
CLOSINGS = 30  # places tried for the end of a string


# --- strings of several lines --------------------------------------------------------------------


def strings(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """The end of a triple-quoted string put where it may have been, or its beginning."""
    text = "\n".join(lines)
    tokens = [t for t in scan(text) if t.kind not in TRIVIA]
    starts = _starts(lines)
    suspects: list[tuple[Token, float]] = []
    for token in tokens:
        row = _row(starts, token.start)
        if token.kind == "open" and token.text.lstrip("bfurtBFURT")[:3] in ("'''", '"""'):
            suspects.append((token, 0.0))
        elif token.kind == "string" and "\n" in token.text and row <= fault.line + 1:
            if token.text.lstrip("bfurtBFURT")[:3] in ("'''", '"""'):
                suspects.append((token, 1.0))
    for token, cost in suspects[-3:]:
        yield from _closed(lines, starts, token, cost)
        yield from _opened(lines, starts, token, cost)


def _starts(lines: Sequence[str]) -> list[int]:
    at, starts = 0, []
    for line in lines:
        starts.append(at)
        at += len(line) + 1
    return starts


def _row(starts: Sequence[int], offset: int) -> int:
    from bisect import bisect_right

    return bisect_right(starts, offset) - 1


def _closed(
    lines: Sequence[str], starts: Sequence[int], token: Token, cost: float
) -> Iterator[Fix]:
    body = token.text.lstrip("bfurtBFURT")
    quote = body[:3]
    row = _row(starts, token.start)
    last = _row(starts, token.end - 1)
    column = token.start - starts[row] + len(token.text) - len(body) + 3
    rest = lines[row][column:].rstrip()
    width = indent(lines[row])
    # On its first line, most of all where code follows.
    follows = next_code(lines, row + 1)
    code_next = follows < len(lines) and _looks_like_code(lines[follows], width)
    end = column + len(rest)
    if rest or not code_next:
        # Two quotes of three are there already.
        missing = 3 - (len(rest) - len(rest.rstrip(quote[0])) if len(rest) > 2 else 0)
        if missing:
            line = lines[row][:end] + quote[0] * missing + lines[row][end:]
            closing = 0.5 if code_next else 1.8
            inside = _bracket_end(rest)
            yield Fix((Change(row, row + 1, (line,)),), cost + closing + inside, "quote")
            if inside:
                cut = column + len(rest.rstrip(")]},"))
                line = lines[row][:cut] + quote + lines[row][cut:]
                yield Fix((Change(row, row + 1, (line,)),), cost + closing, "quote")
    tried = 0
    pad = indentation(lines[row])
    for at in range(row + 1, min(last + 1, len(lines))):
        if not is_code(lines[at]) or not _looks_like_code(lines[at], width):
            continue
        end_row = previous_code(lines, at)
        if end_row <= row:
            continue
        tried += 1
        if tried > CLOSINGS:
            return
        blank = not lines[at - 1].strip()
        here = cost + 1.0 + 0.15 * tried - 0.3 * blank + 0.5 * (indent(lines[at]) != width)
        yield Fix((Change(end_row, end_row + 1, (lines[end_row].rstrip() + quote,)),), here + 0.2,
                  "quote")  # fmt: skip
        yield Fix((Change(end_row + 1, end_row + 1, (pad + quote,)),), here, "quote")


def _bracket_end(rest: str) -> float:
    return (
        1.0 if rest.endswith((")", "]", "}", "),")) and rest.count("(") < rest.count(")") else 0.0
    )


def _looks_like_code(line: str, width: int) -> bool:
    return indent(line) <= width and bool(_CODE.match(line))


def _opened(
    lines: Sequence[str], starts: Sequence[int], token: Token, cost: float
) -> Iterator[Fix]:
    """The quotes are an end without a beginning, or too many."""
    row = _row(starts, token.start)
    line = lines[row]
    column = token.start - starts[row]
    quote = token.text.lstrip("bfurtBFURT")[:3]
    if line[column:].strip() == quote:
        without = (line[:column].rstrip(),) if line[:column].strip() else ()
        yield Fix((Change(row, row + 1, without),), cost + 2.0, "quote")
        for at in range(row - 1, max(-1, row - 40), -1):
            if line[:column].strip():
                break
            before = previous_code(lines, at)
            if before >= 0 and lines[before].rstrip().endswith(":") and is_code(lines[at]):
                new = indentation(lines[at]) + quote + lines[at].lstrip(" \t")
                yield Fix((Change(at, at + 1, (new,)),), cost + 1.4, "quote")
                break
    elif not line[:column].strip():
        # Code that someone put between such quotes, or the quotes of a text that has no end.
        rest = line[column + 3 :]
        yield Fix((Change(row, row + 1, (line[:column] + rest.lstrip(),)),), cost + 2.6, "quote")
    if line[column + 3 :].strip(" \t)],:").endswith(quote[0]) and token.kind == "open":
        less = line[:column] + line[column + 2 :]
        yield Fix((Change(row, row + 1, (less,)),), cost + 1.2, "quote")
    if line[:column].count(quote) or line[:column].rstrip().endswith(quote[0]):
        yield Fix(
            (Change(row, row + 1, (line[:column] + line[column + 3 :],)),), cost + 1.5, "quote"
        )


def quoted_code(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """Code between triple quotes where a block must stand: the quotes taken away."""
    if "expected an indented block" not in fault.message:
        return
    text = "\n".join(lines)
    starts = _starts(lines)
    for token in scan(text):
        row = _row(starts, token.start)
        if token.kind != "string" or row < fault.line:
            continue
        body = token.text
        if body[:3] not in ("'''", '"""') or row > fault.line:
            return
        last = _row(starts, token.end - 1)
        inner = text[starts[row] : token.start] + body[3:-3]
        inner += text[token.end : starts[last] + len(lines[last])]
        for pad in ("", "   "):
            new = tuple((pad + inner).split("\n"))
            yield Fix((Change(row, last + 1, new),), 1.0, "quote")
        return


# --- comments of other languages -----------------------------------------------------------------

_SLASHES = re.compile(r"^(\s*)//+\s?(.*)$")
_TRAILING = re.compile(r"^(.*?\S)\s*;?\s*//+(.*)$")
_BLOCK = re.compile(r"/\*(.*?)\*/")
_DASHES = re.compile(r"^(\s*)(?:--|%|;+|REM\b|'(?=\s))\s?(.*)$")


def comments(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """``//``, ``/* */``, ``--`` and ``;`` comments, as Python's or as the code they hide."""
    for row in sorted({fault.line, max(0, fault.line - 1)}, key=lambda r: r != fault.line):
        if row >= len(lines):
            continue
        yield from _comments(lines, row, 0.5 * (row != fault.line))


def _comments(lines: Sequence[str], row: int, cost: float) -> Iterator[Fix]:
    line = lines[row]

    def fix(text: str, price: float, name: str = "comment") -> Fix:
        return Fix((Change(row, row + 1, (text,)),), cost + price, name)

    if match := _SLASHES.match(line):
        is_code_text = bool(_statement_like(match[2]))
        yield fix(f"{match[1]}# {match[2]}", 1.2 if is_code_text else 0.3)
        yield fix(f"{match[1]}{match[2]}", 0.8 if is_code_text else 4.0)
        every = [
            Change(r, r + 1, (f"{m[1]}# {m[2]}",))
            for r, m in ((r, _SLASHES.match(text)) for r, text in enumerate(lines))
            if m and not _statement_like(m[2])
        ]
        if len(every) > 1:
            yield Fix(tuple(every), cost + 0.4, "comment")
    elif "//" in line and (match := _TRAILING.match(line)):
        for at in (m.start() for m in re.finditer("//", line)):
            code = line[:at].rstrip()
            yield fix(f"{code.rstrip(';').rstrip()}  # {line[at:].lstrip('/ ')}", 0.9)
    if match := _DASHES.match(line):
        yield fix(f"{match[1]}# {match[2]}", 2.0)
    if "/*" in line and "*/" in line:
        yield fix(_BLOCK.sub(lambda m: m[1].strip(), line), 1.0)
        yield fix(re.sub(r"^(\s*)/\*\s*(.*?)\s*\*/\s*$", r"\1# \2", line), 0.9)
        yield fix(re.sub(r"\s*/\*\s*(.*?)\s*\*/\s*$", r"  # \1", line), 1.1)
    elif "/*" in line:
        yield from _block_comment(lines, row, cost)
    yield from _marks(line, fix)


def _marks(line: str, fix: object) -> Iterator[Fix]:
    """A comment mark of another language where a value stands: an empty string was meant."""
    assert callable(fix)
    for mark in ("/*", "*/", "//", "<!--", "-->"):
        if mark in line:
            at = line.index(mark)
            after = line[at + len(mark) :]
            if line[:at].rstrip().endswith(("=", "(", ",", "+", "return")) and after[:1] in (
                ".",
                ")",
                ",",
            ):
                yield fix(f'{line[:at]}""{after}', 1.6, "quote")
            yield fix(line.replace(mark, ""), 2.0)


def _statement_like(text: str) -> bool:
    """True where a comment's text is rather code than prose."""
    word = first_word(text)
    if word in (
        "return",
        "break",
        "continue",
        "pass",
        "raise",
        "import",
        "def",
        "class",
        "for",
        "while",
    ):
        return (
            word in ("break", "continue", "pass")
            or len(text.split()) < 4
            or bool(_CODE.match(text))
        )
    return bool(re.match(r"\s*[\w.\[\]]+\s*([-+*/]?=[^=]|\()", text))


def _block_comment(lines: Sequence[str], row: int, cost: float) -> Iterator[Fix]:
    for last in range(row, min(len(lines), row + 200)):
        if "*/" in lines[last]:
            made = []
            for at in range(row, last + 1):
                text = lines[at].replace("/*", "").replace("*/", "").strip().lstrip("*").strip()
                made.append(f"{indentation(lines[at])}# {text}".rstrip())
            yield Fix((Change(row, last + 1, tuple(made)),), cost + 0.4, "comment")
            return


# --- what is no code at all ----------------------------------------------------------------------


def outcast(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """The statement at the fault, or the run of lines around it, made a comment or taken out."""
    rows = statements(lines)
    index = statement_at(rows, fault.line)
    if index < 0:
        return
    for at, more in ((index, 0.0), (index - 1, 1.5)):
        if at < 0:
            continue
        one = rows[at]
        price = _prose(lines[one.first])
        yield Fix((_commented(lines, one.first, one.last),), _COMMENT + price + more, "stray-text")
        yield Fix((Change(one.first, one.last, ()),), _DELETE + price + more, "stray-line")
        header = lines[one.last - 1].rstrip().endswith(":")
        if header and first_word(lines[one.first]) not in ("class", "def"):
            pad = indentation(lines[one.first])
            yield Fix((Change(one.first, one.last, (f"{pad}if True:",)),), 7.0 + more, "header")
    first = last = fault.line
    while first > 0 and lines[first - 1].strip():
        first -= 1
    while last < len(lines) and lines[last].strip():
        last += 1
    if last - first > 1:
        price = sum(map(_prose, lines[first:last])) / (last - first)
        yield Fix((_commented(lines, first, last),), _COMMENT + price + 0.3 * (last - first),
                  "stray-text")  # fmt: skip


def _commented(lines: Sequence[str], first: int, last: int) -> Change:
    return Change(first, last, tuple(
        f"{indentation(line)}# {line.lstrip()}" if line.strip() else line
        for line in lines[first:last]
    ))  # fmt: skip


def _prose(line: str) -> float:
    """Nats: less for a line that reads like a sentence than for one that reads like code."""
    words = re.findall(r"[A-Za-z']+", line)
    plain = [w for w in words if w not in KEYWORDS]
    marks = len(re.findall(r"[=()\[\]{}:+*/<>_\"]", line))
    if len(plain) >= 4 and marks <= 1:
        return -3.0
    if not words:
        return -2.5 if not re.search(r"[\w)\]}]", line) else -0.5
    return 1.0
