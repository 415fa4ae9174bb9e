"""What the sound rest of a file tells about a broken line: its names and its habits."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_gemmadev.propose.syntax.scan import KEYWORDS, TRIVIA, scan

REACH = 600  # lines before and after the fault that are read
_BUILTIN = frozenset(dir(builtins)) | {"self", "cls", "__name__", "__file__", "__doc__"}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Identifiers of the other lines, and which token follows which there."""

    names: Counter[str]
    pairs: Counter[tuple[str, str]]

    @classmethod
    def of(cls, lines: Sequence[str], first: int, last: int) -> Surroundings:
        """Those of the rows ``first`` to ``last``, the latter not included."""
        before = lines[max(0, first - REACH) : first]
        after = lines[last : last + REACH]
        names: Counter[str] = Counter()
        pairs: Counter[tuple[str, str]] = Counter()
        for part in (before, after):
            previous = "\n"
            for token in scan("\n".join(part)):
                if token.kind in TRIVIA:
                    if token.kind == "newline":
                        previous = "\n"
                    continue
                if token.kind == "name" and token.text not in KEYWORDS:
                    names[token.text] += 1
                pairs[previous, token.text] += 1
                previous = token.text
        return cls(names, pairs)

    def knows(self, name: str) -> bool:
        return name in self.names or name in _BUILTIN

    def discount(self, before: str, token: str, after: str) -> float:
        """Nats that a token between two others gains where the file does so elsewhere."""
        gain = 0.5 if self.pairs[before, token] else 0.0
        return gain + (0.5 if self.pairs[token, after] else 0.0)
