"""Characters that look like code and are not: typographic quotes, exotic spaces, full-width signs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from pytest_gemmadev.propose.syntax.compiler import Fault
from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.scan import scan

_MEANT = {
    **dict.fromkeys("“”„‟″〝〞«»", '"'), **dict.fromkeys("‘’‚‛′´‹›", "'"),
    **dict.fromkeys("–—−‐‑‒―", "-"), "×": "*", "÷": "/", "≤": "<=", "≥": ">=", "≠": "!=", "→": "->",
    "…": "...", "∗": "*", "⁄": "/", "∙": "*", "·": "*", "¬": "not ", "∧": " and ", "∨": " or ",
    "、": ",", "。": ".", "「": '"', "」": '"', "【": "[", "】": "]",
}  # fmt: skip
_QUOTES = frozenset("“”„‟″〝〞«»‘’‚‛′´‹›「」")
_SPACES = frozenset("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f"
                    "\u205f\u3000\u1680\x0b\x1c\x1d\x1e\x1f\x85\u2028\u2029")  # fmt: skip


def fixes(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """The whole file with such characters replaced, outside strings and comments."""
    told = any(mark in fault.message for mark in ("invalid", "non-printable", "\\"))
    near = "".join(lines[max(0, fault.line - 1) : fault.line + 1])
    if not told and _SPACES.isdisjoint(near):
        return
    changes = []
    for row, line in enumerate(lines):
        new = plain(line)
        if new != line:
            changes.append(Change(row, row + 1, (new,)))
    if changes:
        yield Fix(tuple(changes), 0.2, "character", "characters that only look like code")


def plain(line: str) -> str:
    """The line with look-alikes outside strings and comments written in ASCII."""
    if line.isascii() and not any(ord(c) < 32 and c not in "\t\f" for c in line):
        return line
    made = []
    quoted = False
    for token in _pieces(line):
        if token[0] == "code":
            text = ""
            for character in token[1]:
                quoted ^= character in _QUOTES
                text += _ascii(character, quoted=quoted)
            made.append(text)
        else:
            made.append(token[1])
    return "".join(made)


def _pieces(line: str) -> Iterator[tuple[str, str]]:
    """(``code`` or ``text``, piece) for all of the line."""
    at = 0
    for token in scan(line):
        if token.kind in ("string", "comment") and token.start >= at:
            if token.kind == "comment" and _inside_quotes(line[: token.start]):
                continue
            yield "code", line[at : token.start]
            yield "text", token.text
            at = token.end
    yield "code", line[at:]


def _inside_quotes(before: str) -> bool:
    return sum(c in _QUOTES for c in before) % 2 == 1


def _ascii(character: str, *, quoted: bool) -> str:
    if character in _QUOTES:
        return _MEANT[character]
    if quoted:  # the text of a string whose quotes are being replaced
        return character
    if character in _MEANT:
        return _MEANT[character]
    if character in _SPACES:
        return " "
    category = unicodedata.category(character)
    if category in ("Cf", "Cc") and character not in "\t\f":
        return ""
    folded = unicodedata.normalize("NFKC", character)
    if category[0] in "PS" and folded.isascii() and len(folded) == 1:
        return folded  # full-width punctuation
    if category == "Nd" and folded.isascii():
        return folded
    return character
