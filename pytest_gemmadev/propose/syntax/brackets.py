"""Brackets that nothing closes, that close nothing, or that do not match."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_gemmadev.propose.syntax.generic import insertion_cost
from pytest_gemmadev.propose.syntax.scan import CLOSER, OPENER
from pytest_gemmadev.propose.syntax.statement import LONGEST, Splice, Statement
from pytest_gemmadev.propose.syntax.text_layout import indent

REACH = 40  # lines, or places in a line, tried for one bracket
MISMATCHED = 3  # pairs of brackets that do not match, of which one is changed
_CLOSE, _OPEN, _DROP, _MATCH = 0.6, 2.0, 2.6, 0.9
_MISALIGNED = 1.5  # nats: a closing bracket leads a line that is not indented as the opening one's
_LINE_END = 0.6
_BEFORE_OTHER = 2.0  # nats gained right before a bracket that closes another sort


def splices(s: Statement) -> Iterator[Splice]:
    """Edits that balance the statement's brackets."""
    if s.brackets.balanced:
        return
    unclosed, stray, mismatched = s.brackets
    for opening, closing in mismatched[:MISMATCHED]:
        yield from _matches(s, opening, closing)
    for index in unclosed:
        yield from _closings(s, (index,))
        opening_token = s.tokens[index]
        cost = _DROP + 0.5 * len(unclosed)
        around = s.text[: opening_token.start][-1:] + s.text[opening_token.end :][:1]
        cost += 2.0 * (len(around) == 2 and around.isidentifier())
        yield Splice(opening_token.start, opening_token.end, "", cost, "bracket")
    if len(unclosed) > 1:
        yield from _closings(s, unclosed)
    for index in stray:
        yield from _openings(s, index)
        token = s.tokens[index]
        cost = _MATCH + 0.4 * min(3, abs(s.at - index))
        yield Splice(token.start, token.end, "", cost, "bracket")
        for opening in unclosed:
            if opening < index:
                yield from _matches(s, opening, index)


def _closings(s: Statement, unclosed: tuple[int, ...]) -> Iterator[Splice]:
    """The missing closing brackets behind the last opening one: anywhere on its line, and at the
    ends of later lines."""
    text = "".join(CLOSER[s.tokens[i].text] for i in reversed(unclosed))
    lines = 0
    for gap in range(unclosed[-1] + 1, len(s.tokens) + 1):
        at = s.tokens[gap - 1].end
        behind = s.tokens[gap].start if gap < len(s.tokens) else len(s.text)
        ends_line = "\n" in s.text[at:behind] or gap == len(s.tokens) or _before_comma(s, gap)
        if lines and not ends_line and not _nearly(s, gap):
            continue
        cost = _CLOSE + insertion_cost(s, gap, text[0]) + 0.15 * len(text) + 0.1 * min(lines, 8)
        cost -= _LINE_END * ends_line
        cost -= _BEFORE_OTHER * any(gap == closing for _, closing in s.brackets.mismatched)
        cost += _MISALIGNED * _misaligned(s, gap, unclosed)
        yield Splice(at, at, text, cost, "bracket")
        lines += "\n" in s.text[at:behind]
        if lines > REACH:
            return


def _before_comma(s: Statement, gap: int) -> bool:
    """True before a comma that ends a line."""
    if s.tokens[gap].text != "," or gap + 1 >= len(s.tokens):
        return False
    return "\n" in s.text[s.tokens[gap].end : s.tokens[gap + 1].start]


def _nearly(s: Statement, gap: int) -> bool:
    """True at most a few tokens before the fault."""
    return 0 <= s.at - gap <= 4


def _misaligned(s: Statement, gap: int, closed: tuple[int, ...]) -> int:
    """Brackets that lead a line and close, after the insertion, what began at another indentation."""
    if "\n" not in s.text or len(s.tokens) > LONGEST:
        return 0
    stack: list[int] = []
    count = 0
    for index, token in enumerate(s.tokens):
        if index == gap:
            stack = [i for i in stack if i not in closed]
        if token.kind != "op":
            continue
        if token.text in CLOSER:
            stack.append(index)
        elif token.text in OPENER and stack:
            opening = stack.pop()
            count += _leads(s, token.start) and _width(s, token.start) != _width(
                s, s.tokens[opening].start
            )
    return count


def _leads(s: Statement, offset: int) -> bool:
    return not s.text[s.text.rfind("\n", 0, offset) + 1 : offset].strip()


def _width(s: Statement, offset: int) -> int:
    start = s.text.rfind("\n", 0, offset) + 1
    end = s.text.find("\n", start)
    return indent(s.text[start : end if end >= 0 else len(s.text)])


def _openings(s: Statement, stray: int) -> Iterator[Splice]:
    """The missing opening bracket at every place before a closing one."""
    text = OPENER[s.tokens[stray].text]
    for gap in range(max(0, stray - REACH), stray):
        at = s.tokens[gap].start
        start = at
        if gap and s.tokens[gap - 1].kind == "name" and s.sort(gap - 1) == "n":
            start = s.tokens[gap - 1].end  # a call: no space before its bracket
        cost = _OPEN + insertion_cost(s, gap, text) + 0.05 * (stray - gap)
        yield Splice(start, at, text, cost, "bracket")


def _matches(s: Statement, opening: int, closing: int) -> Iterator[Splice]:
    """One of two brackets that do not match made to match the other."""
    one, two = s.tokens[opening], s.tokens[closing]
    before = s.sort(opening - 1)
    call = before in ("n", ")", "]")
    name = s.tokens[opening - 1].text if opening else ""
    pairs = s.around.pairs
    known = pairs[name, OPENER[two.text]] > pairs[name, one.text]  # as it is called elsewhere
    yield Splice(two.start, two.end, CLOSER[one.text], _MATCH, "bracket")
    cost = _MATCH + (0.5 if call else 0.2) - 1.2 * known
    yield Splice(one.start, one.end, OPENER[two.text], cost, "bracket")
