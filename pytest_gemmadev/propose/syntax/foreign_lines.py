"""Fixes of whole lines: comments of other languages, and text that is no code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pytest_gemmadev.propose.syntax.compiler import Fault
from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.scan import KEYWORDS
from pytest_gemmadev.propose.syntax.text_layout import (
    first_word,
    indent,
    indentation,
    next_code,
    statement_at,
    statements,
)

_CODE = re.compile(
    r"""\s*(?:(?:def|class|import|from|return|if|elif|for|while|try|with|raise|async)\b.*[:\w)\]]\s*$
        |@\w|[\w.\[\]'"]+\s*[-+*/]?=[^=]|[\w.]+\(.*\)\s*$|(?:else|try|finally)\s*:)""",
    re.VERBOSE,
)
_DELETE, _COMMENT = 6.0, 5.0


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
        behind = next_code(lines, one.last)
        if behind < len(lines) and indent(lines[behind]) > indent(lines[one.first]):
            price = max(price, 2.0)  # whatever it is, a block hangs on it
        yield Fix((_commented(lines, one.first, one.last),), _COMMENT + price + more, "stray-text")
        yield Fix((Change(one.first, one.last, ()),), _DELETE + price + more, "stray-line")
        header = lines[one.last - 1].rstrip().endswith(":")
        if header and first_word(lines[one.first]) not in ("class", "def"):
            pad = indentation(lines[one.first])
            yield Fix((Change(one.first, one.last, (f"{pad}if True:",)),), 7.0 + more, "header")
    if any(one.first < fault.line < one.last for one in rows[index : index + 1]):
        alone = _commented(lines, fault.line, fault.line + 1)
        yield Fix((alone,), _COMMENT - 0.5 + _prose(lines[fault.line]), "stray-text")
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


_SENTENCE = re.compile(r"^\W*[A-Za-z']+(?:[ ,]+[A-Za-z']+){2,}[.!?:,]?\s*$")


def _prose(line: str) -> float:
    """Nats: less for a line that reads like a sentence than for one that reads like code."""
    words = re.findall(r"[A-Za-z']+", line)
    plain = [w for w in words if w not in KEYWORDS]
    if _SENTENCE.match(line) and len(plain) >= 2:
        return -3.0 if len(words) > 3 else -2.0
    if len(plain) >= 5 and not re.search(r"[=()\[\]{}*/<>_\"]|\w\.\w", line):
        return -2.5 if line.count(",") <= len(words) // 4 else 0.0
    if not words:
        return -2.5 if not re.search(r"[\w)\]}]", line) else -0.5
    return 2.0
