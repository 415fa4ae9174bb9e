"""Syntax errors implanted into sound sources: one function for each way to break a line."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pytest_gemmadev.propose.syntax.scan import CLOSER, KEYWORDS, OPENER, Token, code_tokens
from pytest_gemmadev.propose.syntax.text_layout import indent, indentation, is_code

Breaker: TypeAlias = "Callable[[Source, random.Random], str | None]"
"""The broken text, or None where the source offers no place for it."""


@dataclass(frozen=True)
class Source:
    """A sound text with its tokens."""

    text: str
    tokens: tuple[Token, ...]

    @classmethod
    def of(cls, text: str) -> Source:
        return cls(text, tuple(code_tokens(text)))

    def replaced(self, token: Token, text: str) -> str:
        return self.text[: token.start] + text + self.text[token.end :]

    def pick(self, rng: random.Random, wanted: Callable[[int, Token], bool]) -> int | None:
        """The index of a random token of that sort."""
        start = rng.randrange(len(self.tokens)) if self.tokens else 0
        order = [*range(start, len(self.tokens)), *range(start)]
        return next((i for i in order if wanted(i, self.tokens[i])), None)

    def line_end(self, offset: int) -> int:
        end = self.text.find("\n", offset)
        return len(self.text) if end < 0 else end


def _drop(sort: Callable[[Token], bool]) -> Breaker:
    def broken(source: Source, rng: random.Random) -> str | None:
        index = source.pick(rng, lambda _, t: sort(t))
        return None if index is None else source.replaced(source.tokens[index], "")

    return broken


def _exchange(table: Mapping[str, Sequence[str]], line: str = "") -> Breaker:
    """A token of the table for another; only on lines that begin with one of the words."""

    def broken(source: Source, rng: random.Random) -> str | None:
        def wanted(_: int, token: Token) -> bool:
            if token.kind not in ("op", "name") or token.text not in table:
                return False
            start = source.text.rfind("\n", 0, token.start) + 1
            return bool(re.match(line, source.text[start:]))

        index = source.pick(rng, wanted)
        if index is None:
            return None
        token = source.tokens[index]
        return source.replaced(token, rng.choice(table[token.text]))

    return broken


def _double(source: Source, rng: random.Random) -> str | None:
    index = source.pick(rng, lambda _, t: t.kind == "op" and t.text in ":,.()[]{}=")
    return (
        None
        if index is None
        else source.replaced(source.tokens[index], source.tokens[index].text * 2)
    )


def _double_word(source: Source, rng: random.Random) -> str | None:
    index = source.pick(rng, lambda _, t: t.kind == "name")
    if index is None:
        return None
    text = source.tokens[index].text
    return source.replaced(source.tokens[index], f"{text} {text}")


def _swap(source: Source, rng: random.Random) -> str | None:
    def near(i: int, _: Token) -> bool:
        if i + 1 >= len(source.tokens):
            return False
        one, two = source.tokens[i], source.tokens[i + 1]
        return "\n" not in source.text[one.start : two.end] and one.text != two.text

    index = source.pick(rng, near)
    if index is None:
        return None
    one, two = source.tokens[index : index + 2]
    between = source.text[one.end : two.start] or " "
    return source.text[: one.start] + two.text + between + one.text + source.text[two.end :]


def _misspell(source: Source, rng: random.Random) -> str | None:
    index = source.pick(rng, lambda _, t: t.text in KEYWORDS and len(t.text) > 2)
    if index is None:
        return None
    token = source.tokens[index]
    at = rng.randrange(len(token.text) - 1)
    slips = (
        token.text[:at] + token.text[at + 1] + token.text[at] + token.text[at + 2 :],
        token.text[:at] + token.text[at + 1 :],
        token.text[:at] + token.text[at] + token.text[at:],
    )
    return source.replaced(token, rng.choice(slips))


def _glue(source: Source, rng: random.Random) -> str | None:
    index = source.pick(
        rng, lambda i, t: t.text in KEYWORDS and source.text[t.end : t.end + 1] == " "
    )
    if index is None:
        return None
    end = source.tokens[index].end
    return source.text[:end] + source.text[end + 1 :]


def _quote(change: Callable[[str, random.Random], str], triple: bool) -> Breaker:
    def broken(source: Source, rng: random.Random) -> str | None:
        index = source.pick(
            rng,
            lambda _, t: (
                t.kind == "string" and len(t.text) > 3 and t.text.endswith(('"""', "'''")) == triple
            ),
        )
        if index is None:
            return None
        token = source.tokens[index]
        return source.replaced(token, change(token.text, rng))

    return broken


def _without_end(text: str, _: random.Random) -> str:
    return text[:-3] if text.endswith(('"""', "'''")) else text[:-1]


def _without_start(text: str, _: random.Random) -> str:
    at = re.search(r"'''|\"\"\"|'|\"", text)
    assert at is not None
    return text[: at.start()] + text[at.end() :]


def _other_end(text: str, _: random.Random) -> str:
    return text[:-1] + ("'" if text[-1] == '"' else '"')


def _typographic(text: str, _: random.Random) -> str:
    at = re.search(r"['\"]", text)
    assert at is not None
    return f"{text[: at.start()]}“{text[at.end() : -1]}”"


# --- lines ---------------------------------------------------------------------------------------


def lines_changed(change: Callable[[list[str], int, random.Random], list[str] | None]) -> Breaker:
    """Applies a change of lines at a random line of code."""

    def broken(source: Source, rng: random.Random) -> str | None:
        lines = source.text.split("\n")
        rows = [i for i, line in enumerate(lines) if is_code(line)]
        rng.shuffle(rows)
        for row in rows[:200]:
            made = change(list(lines), row, rng)
            if made is not None and made != lines:
                return "\n".join(made)
        return None

    return broken


def _header(line: str) -> bool:
    return bool(re.match(r"\s*(?:if|for|while|def|class|with|try|else|elif|except)\b.*:\s*$", line))


def _block_left(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """The block behind a header as deep as the header."""
    if not _header(lines[row]) or row + 1 >= len(lines) or not is_code(lines[row + 1]):
        return None
    width, body = indent(lines[row]), indent(lines[row + 1])
    for at in range(row + 1, len(lines)):
        if is_code(lines[at]) and indent(lines[at]) <= width:
            break
        if lines[at].strip():
            lines[at] = lines[at][min(body - width, indent(lines[at])) :]
    return lines


def _line_left(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """One line a step to the left."""
    if indent(lines[row]) < 4 or "\t" in indentation(lines[row]):
        return None
    lines[row] = lines[row][4:]
    return lines


def _line_right(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    lines[row] = " " * rng.choice((1, 2, 4, 4)) + lines[row]
    return lines


def _line_odd(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """One line to a column between two levels."""
    if indent(lines[row]) < 4:
        return None
    lines[row] = lines[row][rng.choice((1, 2, 3)) :]
    return lines


def _line_tab(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    width = indent(lines[row])
    if width < 4 or width % 4:
        return None
    lines[row] = "\t" * (width // 4) + lines[row].lstrip()
    return lines


def _clause_off(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    if not re.match(r"\s+(?:else|elif|except|finally)\b.*:\s*$", lines[row]):
        return None
    lines[row] = lines[row][4:] if rng.random() < 0.5 else "    " + lines[row]
    return lines


def _cut(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """A line someone stopped typing in."""
    tokens = code_tokens(lines[row])
    if len(tokens) < 4:
        return None
    lines[row] = lines[row][: tokens[rng.randrange(1, len(tokens) - 1)].end]
    return lines


def _split(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """A newline in the middle of a line."""
    tokens = code_tokens(lines[row])
    if len(tokens) < 4:
        return None
    at = tokens[rng.randrange(1, len(tokens))].start
    lines[row : row + 1] = [lines[row][:at].rstrip(), lines[row][at:]]
    return lines


def _joined(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """Two lines become one."""
    if row + 1 >= len(lines) or not is_code(lines[row + 1]) or "#" in lines[row]:
        return None
    lines[row : row + 2] = [f"{lines[row]} {lines[row + 1].lstrip()}"]
    return lines


def _conflict(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    last = min(len(lines), row + rng.randrange(1, 4))
    ours = lines[row:last]
    theirs = [re.sub(r"\b(\w+)\b(?!.*\b\w+\b)", r"\1_old", line, count=1) for line in ours]
    if rng.random() < 0.5:
        theirs = ours[:-1]
    lines[row:last] = ["<<<<<<< HEAD", *ours, "=======", *theirs, ">>>>>>> feature"]
    return lines


def _prose(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    said = ("TODO fix this before the release", "this does not work yet, see the ticket",
            "Traceback (most recent call last):", "------------", "sdfg kjh")  # fmt: skip
    lines.insert(row, indentation(lines[row]) + rng.choice(said))
    return lines


def _slashes(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """A comment in the style of C."""
    comments = [i for i, line in enumerate(lines) if re.match(r"\s*# \w", line)]
    if not comments:
        return None
    at = rng.choice(comments)
    lines[at] = lines[at].replace("# ", "// ", 1)
    return lines


def _semicolon_colon(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    if not _header(lines[row]):
        return None
    lines[row] = lines[row].rstrip()[:-1] + rng.choice((";", " {", " then", ",", "::", ":;", ""))
    return lines


def _print2(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    """``print`` as a statement, wherever a line is a plain call of it."""
    hits = [i for i, line in enumerate(lines) if re.match(r"\s*print\((?![^)]*=).+\)$", line)]
    for at in hits:
        lines[at] = re.sub(r"print\((.+)\)$", r"print \1", lines[at])
    return lines if hits else None


def _except2(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    hits = [i for i, line in enumerate(lines) if re.match(r"\s*except [\w.]+ as \w+:", line)]
    for at in hits:
        lines[at] = lines[at].replace(" as ", ", ", 1)
    return lines if hits else None


def _raise2(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    hits = [i for i, line in enumerate(lines) if re.match(r"\s*raise \w+\([^()]+\)$", line)]
    if not hits:
        return None
    at = rng.choice(hits)
    lines[at] = re.sub(r"\((.+)\)$", r", \1", lines[at])
    return lines


def _space(lines: list[str], row: int, rng: random.Random) -> list[str] | None:
    at = lines[row].rfind(" ")
    if at <= len(indentation(lines[row])) or re.search(r"['\"#]", lines[row]):
        return None
    lines[row] = f"{lines[row][:at]}\u00a0{lines[row][at + 1 :]}"
    return lines


_OPERATORS = frozenset(
    ["+", "-", "*", "/", "%", "==", "!=", "<", ">", "<=", ">=", "+=", "-=", "in", "and", "or", "is"]
)

BREAKERS: Mapping[str, Breaker] = {
    "drop-colon": _drop(lambda t: t.text == ":"),
    "drop-closer": _drop(lambda t: t.kind == "op" and t.text in OPENER),
    "drop-opener": _drop(lambda t: t.kind == "op" and t.text in CLOSER),
    "drop-comma": _drop(lambda t: t.text == ","),
    "drop-equals": _drop(lambda t: t.text == "="),
    "drop-dot": _drop(lambda t: t.text == "."),
    "drop-operator": _drop(lambda t: t.text in _OPERATORS),
    "drop-keyword": _drop(lambda t: t.text in ("def", "class", "in", "import", "if", "return", "as")),
    "double": _double,
    "double-word": _double_word,
    "swap": _swap,
    "misspell": _misspell,
    "glue": _glue,
    "wrong-closer": _exchange({")": ["]", "}"], "]": [")", "}"], "}": [")", "]"]}),
    "wrong-opener": _exchange({"(": ["[", "{"], "[": ["("], "{": ["("]}),
    "assignment": _exchange({"==": ["="]}, r"\s*(?:if|elif|while)\b"),
    "c-operator": _exchange({"and": ["&&"], "or": ["||"], "==": ["==="], "!=": ["<>", "!=="],
                             "not": ["!"]}),
    "case": _exchange({k: [k.capitalize(), k.upper()] for k in ("if", "for", "def", "class",
                                                               "return", "else", "import")}),
    "punctuation": _exchange({",": [".", ";"], ".": [",", ";"], ":": [";"], "=": ["-", ":"]}),
    "quote-end": _quote(_without_end, triple=False),
    "quote-start": _quote(_without_start, triple=False),
    "quote-kind": _quote(_other_end, triple=False),
    "quote-typographic": _quote(_typographic, triple=False),
    "triple-end": _quote(_without_end, triple=True),
    "triple-start": _quote(_without_start, triple=True),
    "block-left": lines_changed(_block_left),
    "line-left": lines_changed(_line_left),
    "line-right": lines_changed(_line_right),
    "line-odd": lines_changed(_line_odd),
    "line-tab": lines_changed(_line_tab),
    "clause-off": lines_changed(_clause_off),
    "cut": lines_changed(_cut),
    "split": lines_changed(_split),
    "joined": lines_changed(_joined),
    "conflict": lines_changed(_conflict),
    "prose": lines_changed(_prose),
    "slashes": lines_changed(_slashes),
    "header-end": lines_changed(_semicolon_colon),
    "print": lines_changed(_print2),
    "except": lines_changed(_except2),
    "raise": lines_changed(_raise2),
    "space": lines_changed(_space),
}  # fmt: skip
