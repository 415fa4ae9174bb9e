"""Strings of several lines whose end or beginning is lost, and quotes around code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from pytest_gemmadev.propose.syntax.compiler import Fault, compiled
from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.scan import KEYWORDS, Token, scan
from pytest_gemmadev.propose.syntax.text_layout import (
    first_word,
    header_width,
    indent,
    indentation,
    is_code,
    next_code,
    previous_code,
)
from pytest_gemmadev.text.lines import line_number, line_starts

_CODE = re.compile(
    r"""\s*(?:(?:def|class|import|from|return|if|elif|for|while|try|with|raise|async)\b.*[:\w)\]]\s*$
        |@\w|[\w.\[\]'"]+\s*[-+*/]?=[^=]|[\w.]+\(.*\)\s*$|(?:else|try|finally)\s*:)""",
    re.VERBOSE,
)
_DEFINITION = re.compile(r"\s*(?:@|(?:async\s+)?def \w+\(|class \w+[(:])")
_DEFINES = re.compile(r"\s*(?:(?:async\s+)?def|class)\b|\s*\)")
LONGEST = 150  # lines of a docstring whose beginning is lost
CLOSINGS = 30  # places tried for the end of a string


def strings(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """The end of a triple-quoted string put where it may have been, or its beginning.

    Where an end or a beginning is lost, every later one changes its part, so that the compiler
    complains far below: the first string that borders on prose is the one to mend.
    """
    text = "\n".join(lines)
    starts = line_starts(text)
    tokens = [t for t in scan(text) if t.kind in ("string", "open") and _is_triple(t.text)]
    first: Token | None = None
    for token in tokens:
        beyond = _row(starts, token.start) > max(fault.line, fault.end_line)
        if beyond and token.kind != "open":
            continue
        if token.kind == "open" or _borders_on_prose(lines, starts, token):
            first = token
            break
    suspects = [] if first is None else [(first, 0.0)]
    reach = [t for t in tokens if "\n" in t.text and _row(starts, t.start) <= fault.line + 1]
    suspects += [(t, 1.2) for t in reach[-2:] if t is not first]
    for token, cost in suspects:
        yield from _closed(lines, starts, token, cost)
        yield from _opened(lines, starts, token, cost)


def _row(starts: Sequence[int], offset: int) -> int:
    return line_number(starts, offset) - 1


def _is_triple(text: str) -> bool:
    return text.lstrip("bfurtBFURT")[:3] in ("'''", '"""')


def _borders_on_prose(lines: Sequence[str], starts: Sequence[int], token: Token) -> bool:
    """True where words stand right before or behind the string, or it holds definitions."""
    row, last = _row(starts, token.start), _row(starts, token.end - 1)
    behind = lines[last][token.end - starts[last] :]
    if re.match(r"\s*[A-Za-z(]", behind) and first_word(behind) not in KEYWORDS:
        return True
    before = lines[row][: token.start - starts[row]]
    if re.search(r"[\w.]\s*$", before) and first_word(before) not in KEYWORDS:
        return True
    inside = token.text.split("\n")[1:-1]
    width = indent(lines[row])
    return any(indent(line) <= width and _DEFINITION.match(line) for line in inside)


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
    yield from _closed_below(lines, row, last, quote, cost)


def _closed_below(
    lines: Sequence[str], row: int, last: int, quote: str, cost: float
) -> Iterator[Fix]:
    """The end on a later line: before each line that looks like code."""
    width = indent(lines[row])
    pad = indentation(lines[row])
    own = _ends_on_own_lines(lines, quote)
    tried = 0
    for at in range(row + 1, min(last + 1, len(lines))):
        if lines[at] and not lines[at].strip() and indent(lines[at]) == width:
            # Spaces that stood before the end.
            yield Fix((Change(at, at + 1, (pad + quote,)),), cost + 0.3 + 0.1 * tried, "quote")
        if not is_code(lines[at]) or not _looks_like_code(lines[at], width):
            continue
        end = previous_code(lines, at)
        if end <= row:
            continue
        tried += 1
        if tried > CLOSINGS:
            return
        here = cost + 0.8 + 0.2 * tried + 0.5 * (indent(lines[at]) != width)
        line = lines[end].rstrip() + quote
        yield Fix((Change(end, end + 1, (line,)),), here + 0.5 * own, "quote")
        yield Fix((Change(end + 1, end + 1, (pad + quote,)),), here + 0.5 * (not own), "quote")


def _ends_on_own_lines(lines: Sequence[str], quote: str) -> bool:
    """True where most strings of several lines end on a line of their own."""
    ends = [line for line in lines if line.rstrip().endswith(quote)]
    alone = sum(line.strip() == quote for line in ends)
    return alone > sum(line.count(quote) == 1 and line.strip() != quote for line in ends) / 2


def _bracket_end(rest: str) -> float:
    return (
        1.0 if rest.endswith((")", "]", "}", "),")) and rest.count("(") < rest.count(")") else 0.0
    )


def _looks_like_code(line: str, width: int) -> bool:
    return indent(line) <= width and (bool(_CODE.match(line)) or _acts(line.strip()))


def _acts(line: str) -> bool:
    """True for a statement that does something; prose may parse as a name or an annotation."""
    tree = compiled(f"{line} pass" if line.endswith(":") else line)
    if isinstance(tree, Fault) or not tree.body:
        return False
    first = tree.body[0]
    if isinstance(first, ast.Expr):
        return isinstance(first.value, ast.Call | ast.Await | ast.Yield)
    return not isinstance(first, ast.AnnAssign) or first.value is not None


def _opened(
    lines: Sequence[str], starts: Sequence[int], token: Token, cost: float
) -> Iterator[Fix]:
    """The quotes are an end without a beginning, or too many."""
    row = _row(starts, token.start)
    line = lines[row]
    column = token.start - starts[row]
    quote = token.text.lstrip("bfurtBFURT")[:3]
    before, behind = line[:column], line[column + 3 :]

    def fix(at: int, text: str, price: float) -> Fix:
        return Fix((Change(at, at + 1, (text,)),), cost + price, "quote")

    if not behind.strip(" \t),]"):
        found = 0
        for at in range(row, max(-1, row - LONGEST), -1):
            above = previous_code(lines, at)
            if is_code(lines[at]) and _may_begin(lines, above, at):
                pad = indentation(lines[at])
                defines = above < 0 or bool(_DEFINES.match(lines[above]))
                if found < 3 or defines:
                    price = 0.3 if defines else 0.6 + 0.2 * found
                    yield fix(at, pad + quote + lines[at][len(pad) :], price)
                    if at > 0 and not lines[at - 1].strip():
                        left = bool(lines[at - 1]) or (at == 1 and bool(pad))  # where quotes stood
                        yield fix(at - 1, pad * bool(above >= 0) + quote, 0.2 if left else 1.2)
                found += 1
                if defines:
                    break
        if before.strip():
            stripped = before.lstrip()
            pad = before[: len(before) - len(stripped)]
            yield fix(row, pad + quote + stripped + line[column:], 0.5)
            yield fix(row, before.rstrip(), 2.0)
        else:
            yield Fix((Change(row, row + 1, ()),), cost + 2.0, "quote")
    elif not before.strip():
        # Code that someone put between such quotes, or the quotes of a text that has no end.
        yield fix(row, before + behind.lstrip(), 2.6)
    if behind.strip(" \t)],:").endswith(quote[0]) and token.kind == "open":
        yield fix(row, before + line[column + 2 :], 1.2)
    if before.count(quote) or before.rstrip().endswith(quote[0]):
        yield fix(row, before + behind, 1.5)


def _may_begin(lines: Sequence[str], above: int, row: int) -> bool:
    """True where a docstring may begin: behind a header, or at the top."""
    return above < 0 or indent(lines[row]) > header_width(lines, above) >= 0


def quoted_code(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """Code between triple quotes where a block must stand: the quotes taken away."""
    if "expected an indented block" not in fault.message:
        return
    text = "\n".join(lines)
    starts = line_starts(text)
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
