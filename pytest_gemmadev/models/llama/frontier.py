"""Exits from completions that are being written: places where another token may follow, the likeliest first.

The likelihood of an exit bounds that of every completion that takes it. So the likeliest completions are
found best first: follow the likeliest exit, greedily, to its end, and drop the exits that cannot lead to
one of the completions that are kept.
"""

from __future__ import annotations

import heapq
import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pytest_gemmadev.models.llama.sampling import Row, log_normalizer

FOLLOWED = 3  # ways followed for each completion that is wanted
WIDTH = 24  # tokens looked at where a text may be left
RANGE = 14.0  # nats below the text so far from which on nobody looks


@dataclass(frozen=True, slots=True)
class Exit:
    """Another token at a place of a text, and how likely the text is up to there with it."""

    nats: float  # log-likelihood of its tokens
    tokens: tuple[int, ...]  # after the prompt; the last one is not the text's
    source: int  # the sequence that holds those before it


@dataclass(slots=True)
class Frontier:
    """The exits not taken yet, and how likely a completion must be to be one of the ``keep`` best."""

    keep: int
    _exits: list[tuple[float, tuple[int, ...], int]] = field(default_factory=list)
    _ends: list[float] = field(default_factory=list)  # of completions, the likeliest first, negated

    @property
    def floor(self) -> float:
        """Log-likelihood in nats that a further completion has to exceed."""
        return -self._ends[self.keep - 1] if len(self._ends) >= self.keep else -math.inf

    def look(
        self, row: Row, nats: float, tokens: Sequence[int], *, following: int, source: int
    ) -> float:
        """Notes the exits from a text after ``tokens``; returns its log-likelihood with ``following``.

        ``row`` are the logits there, ``nats`` is the log-likelihood so far; ``following`` is -1 for a text
        that ends there.
        """
        normalizer = log_normalizer(row)
        least = max(self.floor - nats, -RANGE) + normalizer
        likely = np.flatnonzero(row > np.float32(least))
        if len(likely) > WIDTH + 1:
            likely = likely[np.argpartition(row[likely], -WIDTH - 1)[-WIDTH - 1 :]]
        for token in likely:
            if token != following:
                way = (*tokens, int(token))
                heapq.heappush(self._exits, (normalizer - float(row[token]) - nats, way, source))
        return nats + float(row[following]) - normalizer if following >= 0 else nats

    def pop(self) -> Exit | None:
        """The likeliest exit that can still lead to one of the best; None where there is none."""
        if not self._exits or -self._exits[0][0] <= self.floor:
            return None
        cost, tokens, source = heapq.heappop(self._exits)
        return Exit(-cost, tokens, source)

    def end(self, nats: float) -> None:
        """Notes the log-likelihood of a completion that has ended."""
        insort(self._ends, -nats)
