"""Backslashes, keywords used as names, arguments, and blanks that were to be filled in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_gemmadev.propose.syntax.scan import CLOSER, KEYWORDS, OPENER, Token
from pytest_gemmadev.propose.syntax.statement import Splice, Statement

_PREFIX = re.compile(r"^[A-Za-z]*")
_NEVER_NAMES = frozenset(["None", "True", "False", "not", "in", "is", "and", "or", "if", "else"])
_BLANK = re.compile(
    r"(?<=[=(,:\[\s])<\s*([A-Za-z][\w /.:-]*?)\s*>(?=\s*(?:[,)\]}#]|$))", re.MULTILINE
)
_HYPHEN = re.compile(r"^\s*(?:import|from)\s+([\w.]+(?:-[\w.]+)+)")


def splices(s: Statement) -> Iterator[Splice]:
    """Edits of strings whose escapes are no escapes, of names that are keywords, of blanks."""
    if "escape" in s.message:
        yield from _paths(s)
    yield from _keywords(s)
    yield from _arguments(s)
    yield from _hyphens(s)
    for match in _BLANK.finditer(s.text):
        text = f'"<{match[1]}>"'
        yield Splice(match.start(), match.end(), text, 0.9, "blank", "a blank to be filled in")
    if hyphened := _HYPHEN.match(s.text):
        text = hyphened[1].replace("-", "_")
        yield Splice(hyphened.start(1), hyphened.end(1), text, 0.6, "name", "a module's name")


def _paths(s: Statement) -> Iterator[Splice]:
    """``"C:\\Users"`` as a raw string; its backslashes doubled where it could not end."""
    for token in s.tokens:
        if token.kind != "string" or "\\" not in token.text:
            continue
        prefix = _PREFIX.match(token.text)
        end = token.start + (prefix.end() if prefix else 0)
        if "r" in s.text[token.start : end].lower():
            continue
        is_path = bool(re.search(r"[A-Za-z]:\\|\\\\", token.text))
        if not re.search(r"\\['\"]", token.text):
            cost = 0.2 if is_path else 0.5
            yield Splice(end, end, "r", cost, "escape", "a string of backslashes")
        doubled = re.sub(r"\\(?=[uUNx])", r"\\\\", s.text[end : token.end])
        yield Splice(end, token.end, doubled, 1.0, "escape", "a backslash that is no escape")


def _keywords(s: Statement) -> Iterator[Splice]:
    """``self.class``, ``run(async=1)``: the keyword with an underscore, as is the custom."""
    for index, token in enumerate(s.tokens):
        if token.text not in KEYWORDS or token.text in _NEVER_NAMES:
            continue
        before, after = _text(s, index - 1), _text(s, index + 1)
        attribute = before == "." and token.start == s.tokens[index - 1].end
        argument = before in ("(", ",") and after == "=" and token.text != "lambda"
        was_name = token.text in ("async", "await") and after not in ("def", "with", "for")
        if attribute or argument or (was_name and after in ("", ",", ")", "=", ".", "(")):
            cost = 0.6 if attribute and after != "import" else 0.5
            yield Splice(
                token.end, token.end, "_", cost, "keyword-name", "a keyword used as a name"
            )


def _text(s: Statement, index: int) -> str:
    return s.tokens[index].text if 0 <= index < len(s.tokens) else ""


def _hyphens(s: Statement) -> Iterator[Splice]:
    """``my-name = 1``, ``def my-name():``: the hyphens of a name as underscores."""
    match = re.match(r"\s*(?:def\s+)?([A-Za-z_]\w*(?:-[A-Za-z_]\w*)+)\s*(?:=(?!=)|\(|:)", s.text)
    if match is not None:
        name = match[1].replace("-", "_")
        cost = 0.3 if s.around.knows(name) else 0.8
        yield Splice(match.start(1), match.end(1), name, cost, "name", "a hyphen in a name")


def _arguments(s: Statement) -> Iterator[Splice]:
    """``{"a" = 1}`` and ``f(a: 1)``: the sign that the bracket around asks for, all of them."""
    wrong: dict[str, list[Token]] = {}
    stack: list[tuple[str, bool]] = []
    for index, token in enumerate(s.tokens):
        if token.kind == "op" and token.text in CLOSER:
            stack.append((token.text, index > 0 and s.sort(index - 1) in ("n", ")", "]")))
        elif token.kind == "op" and token.text in OPENER and stack:
            stack.pop()
        elif stack and token.text in ("=", ":"):
            bracket, is_call = stack[-1]
            if token.text == "=" and bracket == "{":
                wrong.setdefault(": ", []).append(token)
            elif token.text == ":" and bracket == "(" and is_call and s.word != "def":
                named = s.sort(index - 1) == "n" and _text(s, index - 2) in ("(", ",")
                if named and "lambda" not in {t.text for t in s.tokens[:index]}:
                    wrong.setdefault("=", []).append(token)
    for made, tokens in wrong.items():
        first, last = tokens[0], tokens[-1]
        text, at = "", first.start
        for token in tokens:
            left, right = token.start, token.end
            while s.text[left - 1] == " " and left > at:
                left -= 1
            while s.text[right : right + 1] == " ":
                right += 1
            text += s.text[at:left] + made
            at = right
        start = first.start
        while s.text[start - 1] == " ":
            start -= 1
        name = "colon" if made == ": " else "operator"
        yield Splice(start, max(at, last.end), text, 0.3 + 0.1 * len(tokens), name)
