"""A tokenizer that never gives up: every piece of a broken text becomes a token."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

KEYWORDS = frozenset(keyword.kwlist)
CLOSER = {"(": ")", "[": "]", "{": "}"}
OPENER = {close: open_ for open_, close in CLOSER.items()}

TRIVIA = frozenset({"comment", "newline", "join"})

_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\f\v]+)
  | (?P<join>\\\n)
  | (?P<newline>\n)
  | (?P<comment>\#[^\n]*)
  | (?P<string>(?:[bfurt]|br|rb|fr|rf|tr|rt)?(?:'''|\"\"\"|'|"))
  | (?P<number>0x[\da-f_]+|0[bo][\d_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:e[+-]?\d+)?j?)
  | (?P<name>[^\W\d]\w*)
  | (?P<op>\*\*=|//=|>>=|<<=|\.\.\.|===|!==|\*\*|//|>>|<<|<>|<=|>=|==|!=|->|:=|=>
        |\+=|-=|\*=|/=|%=|&=|\|=|\^=|@=|&&|\|\||.)
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Unrolled loops: each character is looked at once, also in a string that never ends.
_ENDS = {
    "'": re.compile(r"[^'\\\n]*(?:\\[\s\S][^'\\\n]*)*'"),
    '"': re.compile(r'[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*"'),
    "'''": re.compile(r"[^'\\]*(?:(?:\\[\s\S]|'(?!''))[^'\\]*)*'''"),
    '"""': re.compile(r'[^"\\]*(?:(?:\\[\s\S]|"(?!""))[^"\\]*)*"""'),
}


class Token(NamedTuple):
    kind: str  # name, number, string, open (a string without an end), op, comment, newline, join
    text: str
    start: int
    end: int

    @property
    def sort(self) -> str:
        """What stands for it in counts: keywords and operators as they are, the rest by kind."""
        if self.kind == "name":
            return self.text if self.text in KEYWORDS else "n"
        return {"number": "0", "string": "s", "open": "s", "newline": "\n"}.get(
            self.kind, self.text
        )


def scan(text: str) -> Iterator[Token]:
    """Tokens in order, newlines and comments too; spaces are left out."""
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:  # a character that no group names, a lone surrogate for one
            yield Token("op", text[at], at, at + 1)
            at += 1
            continue
        kind, end = str(match.lastgroup), match.end()
        if kind == "string":
            kind, end = _string(text, match)
        if kind != "space":
            yield Token(kind, text[at:end], at, end)
        at = end


def _string(text: str, match: re.Match[str]) -> tuple[str, int]:
    """The kind and the end of the string that begins at ``match``."""
    start = match.group().lstrip("bfurtBFURT")
    body = _ENDS[start].match(text, match.end())
    if body is not None:
        return "string", body.end()
    if len(start) == 3:
        return "open", len(text)
    line_end = text.find("\n", match.end())
    return "open", len(text) if line_end < 0 else line_end


def code_tokens(text: str) -> list[Token]:
    """Tokens that mean something to the parser."""
    return [t for t in scan(text) if t.kind not in TRIVIA]


class Brackets(NamedTuple):
    """Indices of tokens that are brackets without a partner."""

    unclosed: tuple[int, ...]
    stray: tuple[int, ...]  # close nothing
    mismatched: tuple[tuple[int, int], ...]  # (opening, closing) of different sorts that met

    @property
    def balanced(self) -> bool:
        return not (self.unclosed or self.stray)


def open_brackets(tokens: Sequence[Token]) -> Brackets:
    """Brackets without a partner. One that closes an outer bracket leaves the inner ones open."""
    stack: list[int] = []
    unclosed: list[int] = []
    stray: list[int] = []
    mismatched: list[tuple[int, int]] = []
    for index, token in enumerate(tokens):
        if token.kind != "op":
            continue
        if token.text in CLOSER:
            stack.append(index)
        elif token.text in OPENER:
            wanted = OPENER[token.text]
            if stack and tokens[stack[-1]].text != wanted:
                mismatched.append((stack[-1], index))
            depth = next(
                (n for n, at in enumerate(reversed(stack)) if tokens[at].text == wanted), -1
            )
            if depth < 0:
                stray.append(index)
                continue
            for _ in range(depth):
                unclosed.append(stack.pop())
            stack.pop()
    return Brackets(tuple(sorted([*unclosed, *stack])), tuple(stray), tuple(mismatched))
