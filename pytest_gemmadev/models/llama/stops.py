"""Where a completion ends."""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST = 80  # characters of a piece that is repeated
_CIRCLES = 3 * _LONGEST  # three times and more


def cut_at_stop(text: str, stops: Sequence[str]) -> str | None:
    """``text`` before the first stop string in it, or None when it holds none."""
    ends = [at for stop in stops if stop and (at := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else None


def goes_in_circles(text: str) -> bool:
    """Whether the end of ``text`` repeats one piece, which a greedy model then does forever."""
    end = text[-_CIRCLES:]
    if len(end) < _CIRCLES:
        return False
    return any(end[period:] == end[:-period] for period in range(1, _LONGEST + 1))
