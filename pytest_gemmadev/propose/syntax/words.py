"""Keywords misspelt, in the wrong place, or of another language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from pytest_gemmadev.propose.syntax.scan import CLOSER, KEYWORDS, OPENER
from pytest_gemmadev.propose.syntax.statement import Splice, Statement
from pytest_gemmadev.propose.syntax.text_layout import HEADERS

_LEADING = frozenset(
    [
        "def",
        "class",
        "if",
        "elif",
        "else",
        "for",
        "while",
        "try",
        "except",
        "finally",
        "with",
        "return",
        "import",
        "from",
        "raise",
        "assert",
        "del",
        "global",
        "nonlocal",
        "pass",
        "break",
        "continue",
        "lambda",
        "yield",
        "async",
        "await",
        "match",
        "case",
        "print",
    ]
)
_INNER = frozenset(["if", "else", "for", "lambda", "import", "await", "async", "yield"])
# of these, what stands inside statements too
NEAR = 1500  # characters before and behind the fault in which phrases are looked for
_MISSPELT = 0.5
_CASE = 0.3


def splices(s: Statement) -> Iterator[Splice]:
    """Edits of words and of phrases from other languages."""
    yield from _misspelt(s)
    yield from _assignments(s)
    yield from _colons(s)
    yield from _comprehensions(s)
    code = _outside_strings(s)
    first = code.rfind("\n", 0, max(0, min(s.offset, len(code)) - NEAR)) + 1
    for phrase in PHRASES:
        for match in phrase.pattern.finditer(code, first, first + 2 * NEAR):
            made = phrase.made
            text = made(match) if callable(made) else match.expand(made)
            text = _restored(text, s.text, match.start(), code)
            yield Splice(match.start(), match.end(), text, phrase.cost, phrase.name, phrase.note)


# --- misspelt ------------------------------------------------------------------------------------


def _misspelt(s: Statement) -> Iterator[Splice]:
    for index, token in enumerate(s.tokens):
        if token.kind != "name" or token.text in KEYWORDS or len(token.text) < 2:
            continue
        near = index <= 1 or abs(index - s.at) <= 4
        if not near:
            continue
        if not index and (token.text[1:] in KEYWORDS or token.text[:-1] in KEYWORDS):
            word = token.text[1:] if token.text[1:] in KEYWORDS else token.text[:-1]
            if len(word) == 2:  # longer ones are found below
                yield Splice(token.start, token.end, word, _MISSPELT, "keyword")
        for word, away in _close_to(token.text):
            if index and word in _LEADING - _INNER and s.tokens[0].text != "from":
                away += 1.5
            cost = _CASE if token.text.lower() == word.lower() else _MISSPELT + 0.5 * (away - 1)
            cost += 0.15 * abs(index - s.at) * (index > 0)
            cost += 1.0 if s.around.knows(token.text) else 0.0
            yield Splice(token.start, token.end, word, cost, "keyword")


@lru_cache(maxsize=4096)
def _close_to(text: str) -> tuple[tuple[str, float], ...]:
    """Keywords that a slip or two of the fingers turn into ``text``, with how many."""
    found = []
    for word in (*KEYWORDS, "match", "case"):
        if word in ("match", "case") and text in ("match", "case"):
            continue
        if text.lower() == word.lower():
            found.append((word, 0.5))
            continue
        limit = 1 if len(word) < 5 else 2
        if abs(len(word) - len(text)) > limit or (len(word) < 3 and len(text) != len(word)):
            continue
        away = _slips(text.lower(), word.lower())
        if away <= limit and not (len(word) == 2 and sorted(text) != sorted(word)):
            found.append((word, float(away)))
    return tuple(found)


def _slips(a: str, b: str) -> int:
    """Letters wrong, missing, doubled, or swapped with their neighbour."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        older, before, row = before, row, [i]
        for j, y in enumerate(b, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return row[-1]


# --- = and : -------------------------------------------------------------------------------------


def _assignments(s: Statement) -> Iterator[Splice]:
    """``=`` where a comparison stands."""
    equals = [t for t in s.tokens if t.text == "="]
    condition = s.word in ("if", "elif", "while", "assert", "return", "not") or "==" in s.message
    for token in equals:
        cost = 0.3 if condition else 2.0
        yield Splice(token.start, token.end, "==", cost, "comparison")
        if condition:
            yield Splice(token.start, token.end, ":=", 4.5, "comparison")
    if condition and 1 < len(equals) <= 4:
        first, last = equals[0].start, equals[-1].end
        text = re.sub(r"(?<![=!<>:+\-*/%&|^])=(?!=)", "==", s.text[first:last])
        yield Splice(first, last, text, 0.6, "comparison")


def _colons(s: Statement) -> Iterator[Splice]:
    """The colon at the end of a header."""
    if not s.tokens or s.word not in HEADERS:
        return
    last = s.tokens[-1]
    if last.text == ":":
        return
    cost = 0.1 if s.opens_block else 1.2
    yield Splice(last.end, last.end, ":", cost, "colon")
    if last.kind == "op" and last.text not in ")]}":
        yield Splice(last.start, last.end, ":", cost + 0.3, "colon")
        if len(s.tokens) > 1 and s.tokens[-2].text == ":":
            yield Splice(last.start, last.end, "", cost + 0.3, "stray")


# --- comprehensions ------------------------------------------------------------------------------


def _comprehensions(s: Statement) -> Iterator[Splice]:
    """``[f(x) x in y]``: the lost ``for``."""
    depth = 0
    for before, name, after in zip(s.tokens, s.tokens[1:], s.tokens[2:], strict=False):
        if before.kind == "op":
            depth += (before.text in CLOSER) - (before.text in OPENER)
        ends = before.text in OPENER or (
            before.kind in ("name", "number", "string") and before.text not in KEYWORDS
        )
        is_name = name.kind == "name" and name.text not in KEYWORDS
        if depth > 0 and ends and is_name and after.text == "in" and name.start > before.end:
            yield Splice(name.start, name.start, "for ", 0.4, "keyword")


# --- other languages -----------------------------------------------------------------------------

Made: TypeAlias = str | Callable[[re.Match[str]], str]


class Phrase(NamedTuple):
    pattern: re.Pattern[str]
    made: Made
    cost: float
    name: str
    note: str = ""


def _phrase(pattern: str, made: Made, cost: float, name: str, note: str = "") -> Phrase:
    return Phrase(re.compile(pattern, re.MULTILINE), made, cost, name, note)


def _step(match: re.Match[str]) -> str:
    return f"{match[1]} {match[2][0]}= 1"


_NAME = r"[^\W\d]\w*"
_TARGET = rf"{_NAME}(?:\.{_NAME}|\[[^\[\]\n]*\])*"
PHRASES = (
    _phrase(r"\belse\s+if\b", "elif", 0.2, "keyword"),
    _phrase(r"\b(?:elseif|elsif|elsef|elif\s+if)\b", "elif", 0.2, "keyword"),
    _phrase(r"^(\s*)else(\s+\S.*:\s*)$", r"\1elif\2", 0.9, "keyword"),
    _phrase(r"^(\s*)(?:else|elif)\s*(?=:)", r"\1else", 0.4, "keyword"),
    _phrase(r"^(\s*)(?:function|func|fun|fn|sub|void|redef|undef)\s+(?=\w+\s*\()", r"\1def ", 0.4,
            "keyword"),
    _phrase(rf"^(\s*)(?:public|private|protected|static|final|inline)\s+(?:{_NAME}\s+)?(?=\w)",
            r"\1", 1.6, "keyword"),
    _phrase(r"^(\s*)(?:var|let|const|val|auto|int|float|double|string|String|bool|boolean|char|long"
            r"|my|local|dim)\s+(?=\w)", r"\1", 0.6, "keyword"),
    _phrase(r"^(\s*)(?:catch)\b", r"\1except", 0.3, "keyword"),
    _phrase(r"^(\s*)(?:catch|except)\s*\(\s*([\w.]+)\s+(\w+)\s*\)", r"\1except \2 as \3", 0.5,
            "keyword"),
    _phrase(r"^(\s*)(?:throw)\b(?:\s+new\b)?", r"\1raise", 0.3, "keyword"),
    _phrase(r"^(\s*)(?:foreach|forall)\b", r"\1for", 0.3, "keyword"),
    _phrase(r"^(\s*)until\b\s*(.*?)(:?)$", r"\1while not (\2):", 0.8, "keyword"),
    _phrase(r"^(\s*)unless\b\s*(.*?)(:?)$", r"\1if not (\2):", 0.8, "keyword"),
    _phrase(r"^(\s*)switch\b\s*(.*?)[:{]?\s*$", r"\1match \2:", 0.8, "keyword"),
    _phrase(r"^(\s*)(?:include|require|using|use|#include)\s+(?=\w)", r"\1import ", 0.8, "keyword"),
    _phrase(r"^(\s*)(?:puts|echo|say)\s+(.+?)$", r"\1print(\2)", 0.8, "keyword"),
    _phrase(r"\s*\bthen\s*:?\s*$", ":", 0.3, "keyword"),
    _phrase(r"\s+do\s*:?\s*$", ":", 0.4, "keyword"),
    _phrase(r"\bnew\s+(?=[A-Za-z_]\w*\s*\()", "", 0.5, "keyword"),
    _phrase(rf"\bclass\s+({_NAME})\s+(?:extends|implements|of|from)\s+([\w.]+)", r"class \1(\2)",
            0.4, "keyword"),
    _phrase(rf"\bfor\s+({_NAME})\s+(?:of|on|from|im|ni|at|=)\s+", r"for \1 in ", 0.6, "keyword"),
    _phrase(rf"\bfor\s*\(\s*(?:\w+\s+)?({_NAME})\s*(?:in|of|:)\s+(.+)\)\s*(?=:|\{{|$)",
            r"for \1 in \2", 0.9, "keyword"),
    _phrase(rf"\bfor\s*\(\s*(?:\w+\s+)?({_NAME})\s*=\s*(\w+)\s*;\s*\1\s*<\s*([^;]+?)\s*;\s*"
            r"(?:\1\s*\+\+|\+\+\s*\1)\s*\)\s*[:{]?", r"for \1 in range(\2, \3):", 0.6, "keyword"),
    _phrase(r"^(\s*)(?:default|otherwise)\s*:\s*$", r"\1case _:", 0.4, "keyword"),
    _phrase(r"^(\s*)else(?=\s*\()", r"\1elif", 0.9, "keyword"),
    _phrase(r"\bnot\s+is\b", "is not", 0.6, "keyword"),
    _phrase(r"\bin\s+not\b", "not in", 0.6, "keyword"),
    _phrase(r"\bnot\s+(==|=)(?!=)", "!=", 0.6, "operator"),
    _phrase(r"^(\s*)import\s+([\w., ]+?)\s+from\s+([\w.]+)\s*$", r"\1from \3 import \2", 0.3,
            "keyword"),
    _phrase(rf"^(\s*){_NAME}\s+([\w.]+)\s+import\b", r"\1from \2 import", 0.6, "keyword"),
    _phrase(rf"^(\s*)from\s+([\w.]+)\s+{_NAME}\s+(?=\w)", r"\1from \2 import ", 1.0, "keyword"),
    _phrase(r"^(\s*)from\s+([\w.]+)\s+(?=[\w(*])(?!import)", r"\1from \2 import ", 0.6, "keyword"),
    _phrase(r"^(\s*)from\s+([\w.]+)(?:\s+import)?\s*$", r"\1import \2", 1.6, "keyword"),
    _phrase(r"\s*&&\s*", " and ", 0.2, "operator"),
    _phrase(r"\s*\|\|\s*", " or ", 0.2, "operator"),
    _phrase(r"!\s*(?=[\w(])", "not ", 0.3, "operator"),
    _phrase(r"===", "==", 0.2, "operator"),
    _phrase(r"!==|<>|=!(?=\s*[\w(])|~=|≠", "!=", 0.3, "operator"),
    _phrase(r"=<", "<=", 0.4, "operator"),
    _phrase(r"=>", ">=", 0.7, "operator"),
    _phrase(r"=>", ":", 1.0, "operator"),
    _phrase(r"\s*=>\s*", " -> ", 1.4, "operator"),
    _phrase(r"(?<=[<>!=])\s+(?==)", "", 0.3, "operator"),
    _phrase(r"=(?=[-+*/%])", "", 2.5, "operator"),
    _phrase(r"=([-+*/%&|^])(?!\w)", r"\1=", 1.0, "operator"),
    _phrase(r"([-+*/])\s+=", r"\1=", 0.5, "operator"),
    _phrase(rf"({_TARGET})\s*(\+\+|--)", _step, 0.4, "operator"),
    _phrase(rf"(?<![\w.)\]])(\+\+|--)({_TARGET})", lambda m: f"{m[2]} {m[1][0]}= 1", 0.4,
            "operator"),
    _phrase(r"(?<=\w)(?:->|::)(?=\w)", ".", 0.6, "operator"),
    _phrase(r"^(\s*)(return |.*?= *)?([^?=\n]+?)\s*\?\s*([^:\n]+?)\s*:\s*([^;\n]+?)\s*;?\s*$",
            r"\1\2\4 if \3 else \5", 0.8, "operator", "a conditional expression of C"),
    _phrase(r"\s*\{\s*$", ":", 0.6, "brace"),
    _phrase(r"^(\s*)\}\s*(?=\w)", r"\1", 0.6, "brace"),
    _phrase(r"\s*;\s*$", "", 0.4, "stray"),
    _phrase(r"^(\s*)\$(?=\w)", r"\1", 0.5, "stray"),
    _phrase(r"\$(?=\w)", "", 0.7, "stray"),
    _phrase(r"^(\s*)(?:>>>|\.\.\.|In \[\d+\]:) ?", r"\1", 0.4, "prompt", "an interpreter's prompt"),
    _phrase(r"^(\s*)[+-](?=\s*\w)", r"\1", 1.2, "stray", "a mark of a diff"),
    _phrase(r"->\s*:", ":", 0.6, "annotation"),
    _phrase(r"(?<=\))\s*:\s*([\w.\[\], ]+):\s*$", r" -> \1:", 0.8, "annotation"),
    _phrase(r"(?<=\))\s*=>?\s*([\w.\[\], ]+):\s*$", r" -> \1:", 0.9, "annotation"),
    _phrase(r"\)\s*-\s*>?\s*(?=[A-Za-z_\"'])", ") -> ", 1.0, "annotation"),
    _phrase(r"\)\s*>\s*(?=[A-Za-z_\"'].*:\s*$)", ") -> ", 1.0, "annotation"),
    _phrase(r"\blambda\s+([\w, ]*?)\s*(?:->|=>|\.)\s*", r"lambda \1: ", 0.5, "colon"),
    _phrase(r"\blambda ([\w, ]*?\w) (?=[\w\"'(\[{])", r"lambda \1: ", 0.3, "colon"),
    _phrase(r"^(\s*)([A-Z]\w*[a-z]\w*)(?=\s*\([\w., =]*\)\s*:\s*$)", r"\1class \2", 0.8,
            "keyword"),
    _phrase(rf"^(\s*)({_NAME})(?=\s*\([^()]*\)\s*(?:->.*)?:\s*$)", r"\1def \2", 1.2, "keyword"),
    _phrase(rf"^(\s*)(?:{_NAME}\s+)({_NAME})(?=\s*\([^()]*\)\s*(?:->.*)?:\s*$)", r"\1def \2", 1.4,
            "keyword"),
    _phrase(r"^(\s*)def\s+(?=\w+\s*(?:\(\w*\))?\s*:\s*$)", r"\1class ", 3.0, "keyword"),
    _phrase(r"^(\s*(?:async\s+)?def\s+\w+)\s*(?=:|->)", r"\1()", 0.4, "bracket"),
    _phrase(r"^(\s*(?:async\s+)?def\s+\w+)\s+([^()\n]*?)\)?(:?\s*)$", r"\1(\2)\3", 1.2, "bracket"),
    _phrase(rf"^(\s*){_NAME}\s+(.+:)\s*$", r"\1while \2", 3.0, "keyword"),
    _phrase(rf"^(\s*){_NAME}\s+(.+:)\s*$", r"\1if \2", 3.2, "keyword"),
    _phrase(rf"^(\s*){_NAME}\s+(.+ in .+:)\s*$", r"\1for \2", 1.2, "keyword"),
    _phrase(r"^(\s*)(?:if|while)\s+(\w+(?:\s*,\s*\w+)*\s+in\s+.+:)\s*$", r"\1for \2", 3.0,
            "keyword"),
)  # fmt: skip


def _outside_strings(s: Statement) -> str:
    """The text, strings filled with a character of equal width that no phrase looks for."""
    parts: list[str] = []
    at = 0
    for token in s.tokens:
        if token.kind in ("string", "open") and len(token.text) > 2:
            parts += (s.text[at : token.start], token.text[0], "\0" * (len(token.text) - 2))
            parts.append(token.text[-1])
            at = token.end
    parts.append(s.text[at:])
    return "".join(parts)


def _restored(made: str, text: str, start: int, code: str) -> str:
    """The replacement with the strings it copies put back."""
    if "\0" not in made:
        return made
    strings = iter(
        text[m.start() : m.end()] for m in re.finditer("\0+", code) if m.start() >= start
    )
    return re.sub("\0+", lambda _: next(strings, ""), made)
