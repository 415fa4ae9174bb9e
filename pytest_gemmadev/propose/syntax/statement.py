"""One statement in its surroundings, and whether a text can stand in its place."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from pytest_gemmadev.propose.syntax.compiler import Fault, Target, compiled
from pytest_gemmadev.propose.syntax.counts import adjacency
from pytest_gemmadev.propose.syntax.scan import Brackets, Token, code_tokens, open_brackets
from pytest_gemmadev.propose.syntax.surroundings import Surroundings
from pytest_gemmadev.propose.syntax.text_layout import HEADERS, code_of, first_word, indentation

LONGEST = 300  # tokens of a statement that are looked at one by one
_SELDOM = 60  # times in the code that was counted
MISPLACED_BLOCK = 2.5  # nats: a header where no block follows, or a block behind no header


_ALIKE = 1.2  # nats, at most, for a line like those beside it


def _shape(line: str) -> str:
    """The sorts of a line's tokens; empty for very few, which are alike anyway."""
    sorts = [token.sort for token in code_tokens(line)]
    return " ".join(sorts) if len(sorts) > 1 else ""


def _begin(shape: str) -> str:
    return " ".join(shape.split(" ", 2)[:2])


class Splice(NamedTuple):
    """``text[start:end]`` of a statement becomes ``replacement``."""

    start: int
    end: int
    replacement: str
    cost: float  # nats, before distance and context
    name: str  # of the kind of edit: ``colon``
    note: str = ""  # for a person; empty: made from the edit


@dataclass(frozen=True)
class Statement:
    """The lines of a statement at or near a fault."""

    text: str
    offset: int  # of the fault in ``text``; beyond its end where the fault shows behind it
    message: str  # the compiler's
    opens_block: bool  # the next line of code is indented deeper
    around: Surroundings  # what the rest of the file tells
    target: Target | None = None
    beside: tuple[str, ...] = ()  # the lines right before and behind those of the fault

    @cached_property
    def shapes(self) -> Counter[str]:
        """The shapes of the lines beside: of what a list or a table has many alike."""
        return Counter(shape for line in self.beside if (shape := _shape(line)))

    def habit(self, text: str) -> float:
        """Nats that ``text`` gains because lines that differ from the statement's have the shape of
        others beside them."""
        old = set(self.text.split("\n"))
        new = [line for line in text.split("\n") if line not in old]
        if not 0 < len(new) < 3 or not self.shapes:
            return 0.0
        alike = min(self.shapes[_shape(line)] for line in new)
        begun = min(
            sum(_begin(shape) == _begin(_shape(line)) for shape in self.shapes) for line in new
        )
        return min(_ALIKE, max(0.5 * alike, 0.25 * begun))

    @cached_property
    def tokens(self) -> list[Token]:
        return code_tokens(self.text)

    @cached_property
    def at(self) -> int:
        """Index of the token at the fault: the first that ends behind its offset."""
        for index, token in enumerate(self.tokens):
            if token.end > self.offset:
                return index
        return len(self.tokens)

    @cached_property
    def places(self) -> tuple[int, ...]:
        """Indices at which tokens may be wrong: at the fault, and where two stand side by side
        that hardly ever do."""
        found = [self.at]
        for index in range(1, min(len(self.tokens), LONGEST)):
            if adjacency(self.sort(index - 1), self.sort(index)) < _SELDOM:
                found.append(index)
        return tuple(dict.fromkeys(found[:8]))

    @cached_property
    def brackets(self) -> Brackets:
        return open_brackets(self.tokens)

    @property
    def word(self) -> str:
        return self.tokens[0].text if self.tokens else ""

    @property
    def code_end(self) -> int:
        """Where its last token ends; a comment may follow."""
        return self.tokens[-1].end if self.tokens else len(self.text)

    def sort(self, index: int) -> str:
        """Of the token at an index; a newline before the first and behind the last."""
        return self.tokens[index].sort if 0 <= index < len(self.tokens) else "\n"

    def distance(self, start: int, end: int) -> int:
        """Tokens between a place and the fault."""
        first = sum(1 for t in self.tokens if t.end <= start)
        last = sum(1 for t in self.tokens if t.start < end)
        if any(first <= at <= last for at in self.places):
            return 0
        return min(min(abs(first - at), abs(last - at)) for at in self.places)

    def spliced(self, splice: Splice) -> str:
        return self.text[: splice.start] + splice.replacement + self.text[splice.end :]


def standing(
    text: str, opens_block: bool, target: Target | None
) -> tuple[ast.Module, float] | Fault:
    """The tree of a statement by itself, with what it costs that its block is missing; or the fault.

    A fault's place is in ``text``.
    """
    head = indentation(text)
    code = text[len(head) :]
    if head:
        code = code.replace(f"\n{head}", "\n")
    before = _before(first_word(code), code)
    is_header = _ends_in_colon(code)
    body = "\n pass" if before != _CASE else "\n  pass"
    behind = body if is_header else ""
    if is_header and first_word(code) == "try":
        behind += "\nfinally:\n pass"
    elif code.startswith("@"):
        behind += "\ndef f(): pass"
    result = compiled(before + code + behind, target)
    if isinstance(result, Fault):
        row = before.count("\n")
        column = result.column - (1 if before == _CASE and result.line == row else 0)
        lines = text.split("\n")
        if lines[min(max(0, result.line - row), len(lines) - 1)].startswith(head):
            column += len(head)
        return Fault(
            result.message, max(0, result.line - row), max(0, column), result.end_line - row,
            result.end_column, result.error,
        )  # fmt: skip
    return result, MISPLACED_BLOCK if is_header != opens_block else 0.0


_CASE = "match x:\n "


def _before(word: str, code: str) -> str:
    if word in ("elif", "else"):
        return "if 1:\n pass\n"
    if word in ("except", "finally"):
        return "try:\n pass\n"
    if word == "case" and _ends_in_colon(code):
        return _CASE
    return ""


def _ends_in_colon(code: str) -> bool:
    word = first_word(code)
    if word not in HEADERS:
        return False
    return code_of(code.rsplit("\n", 1)[-1]).endswith(":")
