"""Arguments and parameters that parse one by one, and not in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from pytest_gemmadev.propose.syntax.scan import CLOSER, OPENER
from pytest_gemmadev.propose.syntax.statement import Splice, Statement

_ORDER = ("positional argument follows", "argument unpacking follows", "positional patterns follow")
_DEFAULTS = ("non-default argument follows", "parameter without a default follows")
_NAMED = re.compile(r"\s*\w+\s*=(?!=)")


def splices(s: Statement) -> Iterator[Splice]:
    """Arguments sorted, parameters given defaults."""
    if any(mark in s.message for mark in _ORDER):
        yield from _sorted(s)
    elif any(mark in s.message for mark in _DEFAULTS):
        yield from _with_defaults(s)


def _lists(s: Statement) -> Iterator[tuple[int, int, list[str]]]:
    """(start, end, parts) of what stands between round brackets, cut at its commas, inner first."""
    stack: list[tuple[int, list[int]]] = []
    for token in s.tokens:
        if token.kind != "op":
            continue
        if token.text in CLOSER:
            stack.append((token.end, []))
        elif token.text in OPENER and stack:
            start, commas = stack.pop()
            bounds = [start, *commas, token.start]
            parts = [s.text[a:b] for a, b in pairwise(bounds)]
            if token.text == ")" and len(parts) > 1 and "#" not in s.text[start : token.start]:
                yield start, token.start, [parts[0], *(part[1:] for part in parts[1:])]
        elif token.text == "," and stack:
            stack[-1][1].append(token.start)


def _rank(part: str) -> int:
    part = part.strip()
    if part.startswith("**"):
        return 3
    return 2 if _NAMED.match(part) else 1 if part.startswith("*") else 0


def _sorted(s: Statement) -> Iterator[Splice]:
    for start, end, parts in _lists(s):
        if [p for p in parts if p.strip()] != parts:
            continue
        ranks = [_rank(part) for part in parts]
        if ranks != sorted(ranks):
            words = sorted((part.strip() for part in parts), key=_rank)
            edges = [re.match(r"\s*", part).group() for part in parts]  # type: ignore[union-attr]
            text = ",".join(f"{edge}{word}" for edge, word in zip(edges, words, strict=True))
            tail = parts[-1][len(parts[-1].rstrip()) :]
            yield Splice(start, end, text + tail, 1.0, "order", "named arguments come last")


def _with_defaults(s: Statement) -> Iterator[Splice]:
    for start, end, parts in _lists(s):
        late = False
        made = []
        for part in parts:
            bare = part.strip()
            plain = bare.isidentifier() or re.fullmatch(r"\w+\s*:[^=]+", bare)
            made.append(f"{part.rstrip()}=None" if late and plain else part)
            late = (late or "=" in bare) and not bare.startswith("*")
        if made != parts:
            yield Splice(
                start, end, ",".join(made), 1.0, "default", "a default for what follows one"
            )
