"""Brackets over many lines, as the indentation shows them: the compiler complains far from the place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytest_gemmadev.propose.syntax.compiler import Fault
from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.scan import CLOSER, OPENER, TRIVIA, Token, scan
from pytest_gemmadev.propose.syntax.text_layout import (
    HEADERS,
    code_of,
    first_word,
    indent,
    indentation,
    is_code,
    previous_code,
)

LONGEST = 3000  # lines from a bracket to the fault that it causes
_OWN, _AT_END, _STRAY, _INSIDE = 0.2, 0.4, 0.5, 0.4
_EXPECTS = re.compile(r"(?:(?<![=!<>])=|\b(?:return|in|import|yield)|([\w.]*\w))$")
_PLACES = 3  # stray brackets that are tried


class _Open(NamedTuple):
    text: str
    row: int
    width: int  # columns that its line is indented
    ends_line: bool


class _Piece(NamedTuple):
    token: Token
    row: int
    column: int
    leads: bool  # its line
    ends_line: bool


def fixes(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """Brackets closed where the lines inside end, opened where they begin, or taken out."""
    row = min(fault.line, len(lines) - 1)
    yield from _opened(lines, fault, row)
    first = _beginning(lines, row)
    pieces = list(_pieces(lines, first, min(len(lines), max(row, fault.end_line) + LONGEST)))
    yield from _closed(lines, pieces, max(row, fault.end_line))
    if "does not match" in fault.message or "unmatched" in fault.message:
        yield from _strays(lines, pieces, row)


def _beginning(lines: Sequence[str], row: int) -> int:
    """The line nearest above that is indented least of all and closes nothing, or the row itself."""
    width, found = indent(lines[row]) if is_code(lines[row]) else 1 << 16, row
    for at in range(row, max(-1, row - LONGEST), -1):
        line = lines[at]
        if not is_code(line) or line.lstrip()[0] in ")]}'\"":
            continue
        here = indent(line)
        if here < width or at == row:
            width, found = here, at
        if width == 0:
            break
    return found


def _pieces(lines: Sequence[str], first: int, last: int) -> Iterator[_Piece]:
    """The tokens of the rows, with where they stand in their lines."""
    row, leads, start = first, True, 0
    before: _Piece | None = None
    for token in scan("\n".join(lines[first:last])):
        if token.kind in TRIVIA:
            if token.kind == "newline":
                if before is not None:
                    yield before._replace(ends_line=True)
                    before = None
                leads = True
            row += token.text.count("\n")
            start = token.end if "\n" in token.text else start
            continue
        if before is not None:
            yield before
        before = _Piece(token, row, token.start - start, leads, False)
        leads = False
        if "\n" in token.text:
            row += token.text.count("\n")
            start = token.start + token.text.rindex("\n") + 1
    if before is not None:
        yield before._replace(ends_line=True)


def _closed(lines: Sequence[str], pieces: Sequence[_Piece], fault: int) -> Iterator[Fix]:
    """Before a line that is indented no deeper than the one with the bracket, and closes nothing."""
    stack: list[_Open] = []
    for piece in pieces:
        token, row = piece.token, piece.row
        text = token.text if token.kind == "op" else ""
        if piece.leads and stack and stack[-1].row < row:
            left = _left_open(stack, indent(lines[row]), text)
            if left:
                yield from _closings(lines, left, row)
                if row > fault:
                    return
                del stack[-len(left) :]
        if text in CLOSER:
            width = indent(lines[row])
            stack.append(_Open(text, row, width, piece.ends_line))
        elif text in OPENER and stack:
            if stack[-1].text != OPENER[text] and not piece.leads:
                yield from _before(lines, stack, piece)
            depth = next((n for n, one in enumerate(stack[::-1], 1) if one.text == OPENER[text]), 0)
            del stack[len(stack) - depth :]
    if stack and len(stack) < 3:
        yield from _closings(lines, stack, len(lines))


def _before(lines: Sequence[str], stack: Sequence[_Open], piece: _Piece) -> Iterator[Fix]:
    """What the brackets inside lack, right before one that closes another."""
    wanted = OPENER[piece.token.text]
    left: list[_Open] = []
    for one in reversed(stack):
        if one.text == wanted:
            break
        left.append(one)
    else:
        return
    line = lines[piece.row]
    made = line[: piece.column] + "".join(CLOSER[one.text] for one in left) + line[piece.column :]
    yield Fix((Change(piece.row, piece.row + 1, (made,)),), _INSIDE * len(left), "bracket")


def _left_open(stack: Sequence[_Open], width: int, text: str) -> list[_Open]:
    """The brackets that should have been closed before a line; those of its own are for it to close."""
    left = [one for one in stack if one.width >= width]
    if text in OPENER:
        last = next((i for i in range(len(left)) if left[i].text == OPENER[text]), len(left))
        left = left[last + 1 :]
    return left if left and stack[-len(left) :] == left else []


def _closings(lines: Sequence[str], left: Sequence[_Open], row: int) -> Iterator[Fix]:
    """The closing brackets as the last thing before a row: on a line of their own, or at an end."""
    end = previous_code(lines, row)
    if end < left[-1].row:
        return
    text = "".join(CLOSER[one.text] for one in reversed(left))
    line = code_of(lines[end])
    if line.endswith(":") and first_word(lines[left[0].row]) in HEADERS:
        made = f"{line[:-1]}{text}:{lines[end][len(line) :]}"
        yield Fix((Change(end, end + 1, (made,)),), _AT_END, "bracket")
        return
    more = 0.3 * (len(left) - 1)
    hanging = left[0].ends_line and end > left[-1].row
    pad = indentation(lines[left[0].row])
    yield Fix(
        (Change(end + 1, end + 1, (pad + text,)),), more + (_OWN if hanging else 1.2), "bracket"
    )
    bare = line[:-1] if line.endswith(",") and not hanging else line
    made = f"{bare}{text}{lines[end][len(line) :]}"
    yield Fix((Change(end, end + 1, (made,)),), more + _AT_END + 0.4 * hanging, "bracket")
    if bare != line:  # the comma belongs behind the bracket
        made = f"{bare}{text},{lines[end][len(line) :]}"
        yield Fix((Change(end, end + 1, (made,)),), more + _AT_END + 0.3, "bracket")


def _strays(lines: Sequence[str], pieces: Sequence[_Piece], fault: int) -> Iterator[Fix]:
    """A bracket that closes what the lines behind it go on with."""
    stack: list[_Open] = []
    count = 0
    for index, piece in enumerate(pieces):
        text = piece.token.text if piece.token.kind == "op" else ""
        if piece.row > fault:
            return
        if text in CLOSER:
            stack.append(_Open(text, piece.row, indent(lines[piece.row]), piece.ends_line))
        elif text in OPENER:
            if not stack or stack[-1].text != OPENER[text]:
                continue
            opening = stack.pop()
            following = next((p for p in pieces[index + 1 :] if p.leads), None)
            goes_on = (
                following is not None
                and following.row <= fault
                and indent(lines[following.row]) > opening.width
                and opening.row < piece.row
                and not piece.leads
            )
            if goes_on and piece.ends_line and count < _PLACES:
                count += 1
                line = lines[piece.row]
                at = line.rindex(text)
                made = line[:at] + line[at + 1 :]
                yield Fix((Change(piece.row, piece.row + 1, (made,)),), _STRAY, "bracket")


def _opened(lines: Sequence[str], fault: Fault, row: int) -> Iterator[Fix]:
    """The lost opening bracket of lines that a closing one ends, however many they are."""
    closing = lines[row].strip()[:1]
    if "unmatched" not in fault.message or closing not in OPENER:
        return
    width = indent(lines[row])
    at = previous_code(lines, row)
    while at >= 0 and indent(lines[at]) > width:
        at = previous_code(lines, at)
    if at < 0 or at == row - 1 or indent(lines[at]) != width:
        return
    line = code_of(lines[at])
    match = _EXPECTS.search(line)
    if match is not None:
        space = "" if match[1] else " "
        made = f"{line}{space}{OPENER[closing]}{lines[at][len(line) :]}"
        cost = 0.6 if match[1] else _OWN
        yield Fix((Change(at, at + 1, (made,)),), cost, "bracket")
