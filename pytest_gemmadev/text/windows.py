"""Long texts cut to where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

DOTS = "…"


def distinguish(texts: Sequence[str], width: int) -> list[str]:
    """The texts, each of at most about ``width`` characters, and no two the same that were not.

    What is cut is a window round each place where two of them begin to differ; `DOTS` stand for what
    is left out.
    """
    if all(len(text) <= width for text in texts):
        return list(texts)
    places = _first_differences(texts)
    room = max(8, width // (len(places) + 1))
    windows = [(0, room)]
    for place in places:
        start, end = max(0, place - room // 2), place + room // 2
        if start <= windows[-1][1]:
            windows[-1] = (windows[-1][0], max(end, windows[-1][1]))
        else:
            windows.append((start, end))
    return [_cut(text, windows) for text in texts]


def _first_differences(texts: Sequence[str]) -> list[int]:
    """Places at which two of the texts begin to differ, each once, in order."""
    # In alphabetical order, neighbours differ where any two begin to.
    return sorted({_common(one, other) for one, other in pairwise(sorted(set(texts)))})


def _common(one: str, other: str) -> int:
    """Characters at the beginning that two texts share."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _cut(text: str, windows: Sequence[tuple[int, int]]) -> str:
    parts: list[str] = []
    seen = 0
    for start, end in windows:
        if start >= len(text):
            break
        parts.append(DOTS if start > seen else "")
        parts.append(text[start:end])
        seen = end
    return "".join(parts) + (DOTS if seen < len(text) else "")
