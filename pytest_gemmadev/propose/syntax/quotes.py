"""Strings that do not end where they should: quotes missing, doubled, of the wrong kind, nested."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from pytest_gemmadev.propose.syntax.counts import surprise
from pytest_gemmadev.propose.syntax.scan import KEYWORDS, Token, code_tokens, scan
from pytest_gemmadev.propose.syntax.statement import Splice, Statement

_ADD, _DROP, _CHANGE, _ESCAPE, _PATH = 1.0, 1.6, 0.8, 1.3, 0.4
_BEGUN = 0.8  # nats gained before a word that ends in the quote
_RARE = 0.3  # nats of cost for a nat of surprise at the borders of strings
_PLACES = 160  # tried in one line
_EDGE = re.compile(r"(?<=\w)(?!\w)|(?<!\w)(?=\w)|(?<=\W)(?=\W)")
_PREFIXED = re.compile(r"(?i)\b(?:[fbru]|br|rb|fr|rf)(?=\w)")  # the quote behind it is lost
_WORD = re.compile(r"[^\W\d]\w*")


def splices(s: Statement) -> Iterator[Splice]:
    """Edits of quotes on the line of a string without an end, each with the cost of its strings."""
    index = next((i for i, t in enumerate(s.tokens) if t.kind == "open"), None)
    if index is None:
        yield from _nested(s)
        yield from _in_comments(s)
        return
    broken = s.tokens[index]
    quote = _quote(broken.text)
    if len(quote) == 3:
        return  # `long_strings`: its end may be many lines away
    start = s.text.rfind("\n", 0, broken.start) + 1
    end = s.text.find("\n", broken.start)
    end = len(s.text) if end < 0 else end
    begun = _begun(s, start, end)
    for splice in _line_edits(s.text, start, end, quote):
        cost = splice.cost + _oddness(s, splice, start, end)
        cost -= _BEGUN * (splice.start == begun and splice.replacement == quote)
        yield splice._replace(cost=cost)


def _begun(s: Statement, start: int, end: int) -> int:
    """Where the first word of the line begins that quotes end and do not begin; -1 for none."""
    for before, token in pairwise(s.tokens):
        is_string = token.kind in ("string", "open") and before.kind == "name"
        if is_string and start <= before.start < end and before.end == token.start:
            return before.start
    return -1


def _in_comments(s: Statement) -> Iterator[Splice]:
    """``x = blue #00f'``: a string whose beginning is lost, so that its rest reads as a comment."""
    for token in scan(s.text):
        quote = next((q for q in "'\"" if token.text.count(q) % 2), "")
        if token.kind == "comment" and quote:
            start = s.text.rfind("\n", 0, token.start) + 1
            at_mark = Splice(token.start, token.start, quote, _ADD, "quote")
            for splice in (at_mark, *_line_edits(s.text, start, token.start, quote)):
                if splice.replacement == quote:
                    odd = _oddness(s, splice, start, token.end)
                    yield splice._replace(cost=splice.cost + odd)


def _quote(text: str) -> str:
    body = text.lstrip("bfurtBFURT")
    return body[:3] if body[:3] in ("'''", '"""') else body[:1]


def _line_edits(text: str, start: int, end: int, quote: str) -> Iterator[Splice]:
    other = "'" if quote == '"' else '"'
    places = [start + m.start() for m in _EDGE.finditer(text[start:end])]
    stripped = start + len(text[start:end].rstrip())
    prefixed = [start + m.end() for m in _PREFIXED.finditer(text[start:end])]
    for at in sorted({*places[-_PLACES:], *prefixed, stripped}):
        if at < end and text[at].isspace() and (at == start or text[at - 1].isspace()):
            continue  # amid spaces, where no string begins or ends
        yield Splice(at, at, quote, _ADD, "quote")
    for at in (i for i in range(start, end) if text[i] in "'\""):
        mine = text[at] == quote
        yield Splice(at, at + 1, "", _DROP, "quote")
        yield Splice(at, at + 1, other if mine else quote, _CHANGE + 0.1 * mine, "quote")
        if mine and start < at and text[at - 1].isalnum() and text[at + 1 : at + 2].isalpha():
            yield Splice(at, at, "\\", _ESCAPE, "quote")
    for match in re.finditer(rf"(?<!\\)\\(?={quote})", text[start:end]):
        at = start + match.start()  # of a backslash that hides the end: a path, or ``'\\'``
        is_path = "\\" in text[start:at] or text[at - 1] in "'\""
        yield Splice(at, at, "\\", _PATH if is_path else _ESCAPE, "quote")


def _oddness(s: Statement, splice: Splice, start: int, end: int) -> float:
    """Nats: how unlike strings the line's strings are after the edit, and how unlike code the rest."""
    size = len(splice.replacement) - (splice.end - splice.start)
    line = s.spliced(splice)[start : end + size]
    before = {t.text for t in code_tokens(s.text[start:end]) if t.kind == "string"}
    tokens = code_tokens(line)
    cost = 0.0
    previous = "\n"
    for index, token in enumerate(tokens):
        following = tokens[index + 1].sort if index + 1 < len(tokens) else "\n"
        if token.kind == "open":
            return 50.0
        if token.kind == "string":
            if token.text not in before:
                cost += _RARE * surprise(previous, "s", following) + _unlike_text(s, token)
            cost += 1.5 if previous == "s" else 0.0
        elif token.kind == "name" and token.text not in KEYWORDS:
            attached = previous == "." or following == "="
            cost += 0.0 if attached or s.around.knows(token.text) else 0.6
            cost += 1.5 if previous in ("n", "s", "0", ")") else 0.0
        previous = token.sort
    return cost


def _unlike_text(s: Statement, token: Token) -> float:
    """Nats: brackets that do not pair, code with known names, spaces at the ends."""
    quote = _quote(token.text)
    body = token.text.lstrip("bfurtBFURT")[len(quote) : -len(quote)]
    cost = 0.0
    for open_, close in ("()", "[]", "{}"):
        cost += 0.8 * abs(body.count(open_) - body.count(close))
    other = "'" if quote == '"' else '"'
    cost += 0.8 * (body.count(other) % 2)
    if re.search(r"['\"]\s*[,+%]|[,+%]\s*['\"]", body):
        cost += 1.5
    if re.match(r"[\w.]+\s*=\s", body):
        cost += 1.5
    if re.match(r"(?i)(?:[fbru]|br|fr)\s", body):
        cost += 1.5  # rather its prefix
    if re.search(r"\{[A-Za-z_][\w.]*[}!:(\[]", body) and token.text[:1] in "'\"":
        cost += 0.4
    if body and body != body.strip():
        cost += 0.4
    if body[-1:] in (",", ":") or body[:1] in (",", ")"):
        cost += 1.4 if body[-1:] == "," else 0.6
    if re.search(r"^\.\w+\(|\w\.\w+\(|\)\.\w", body):
        cost += 1.0
    if re.search(r"\w[(\[]|[,=]\s*\w+\s*[)\]=,]|\w\.\w+\(", body):
        words = _WORD.findall(body)
        cost += 1.6 if words and all(map(s.around.knows, words)) else 0.5
    elif re.fullmatch(r"[^\W\d]\w*", body) and s.around.names[body]:
        cost += 0.5 + 0.3 * (s.around.names[body] > 2)
    return cost


# --- f-strings -----------------------------------------------------------------------------------

_FSTRING = re.compile(r"(?i)(?:f|fr|rf)$")


def _nested(s: Statement) -> Iterator[Splice]:
    """Braces and quotes inside f-strings."""
    for index, token in enumerate(s.tokens):
        prefix = token.text[: len(token.text) - len(token.text.lstrip("bfurtBFURT"))]
        if token.kind == "string" and _FSTRING.match(prefix):
            yield from _braces(token)
            yield from _reused(s, index)


def _braces(token: Token) -> Iterator[Splice]:
    quote = _quote(token.text)
    first = token.text.index(quote) + len(quote)
    last = len(token.text) - len(quote)
    for at in range(first, last):
        here = token.start + at
        if token.text[at] in "{}":
            yield Splice(here, here + 1, "", 2.0, "f-string")
            yield Splice(here, here, token.text[at], 2.2, "f-string")
            if token.text[at : at + 2] == "{}":
                yield Splice(here, here + 2, "", 2.0, "f-string")
    if token.text.count("{") > token.text.count("}"):
        for match in _EDGE.finditer(token.text, first, last + 1):
            word = token.text[match.start() - 1 : match.start()]
            cost = 1.0 if word.isalnum() or word in (")", "]") else 2.5
            following = token.text[match.start() : match.start() + 1]
            cost += 0.0 if following in (*"'\" .,:;!?)", "") else 0.6
            at = token.start + match.start()
            yield Splice(at, at, "}", cost, "f-string")
    elif token.text.count("}") > token.text.count("{"):
        for match in _EDGE.finditer(token.text, first, last):
            at = token.start + match.start()
            yield Splice(at, at, "{", 1.6, "f-string")


def _reused(s: Statement, index: int) -> Iterator[Splice]:
    """``f"{x["a"]}"``: the inner quotes become the other kind."""
    token = s.tokens[index]
    quote = _quote(token.text)
    other = "'" if quote == '"' else '"'
    for last in range(index + 1, min(len(s.tokens), index + 9)):
        end = s.tokens[last]
        if end.kind != "string" or "\n" in s.text[token.start : end.end]:
            continue
        whole = s.text[token.start : end.end]
        body = whole[whole.index(quote) + 1 : -1]
        if other in body or body.count("{") != body.count("}"):
            continue
        start = token.start + whole.index(quote) + 1
        yield Splice(start, end.end - 1, body.replace(quote, other), 0.8, "f-string")
