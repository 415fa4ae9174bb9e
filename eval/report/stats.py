"""Counts -> rates with intervals, and the comparison of two runs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs on the same cases, case by case."""

    both: int
    only_first: int
    only_second: int
    neither: int
    p_value: float  # exact McNemar: chance of a split at least this uneven between equals


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure of two runs on the same cases."""

    pairs: int
    first: float  # median
    second: float
    p_value: float  # Wilcoxon's signed ranks: chance of so one-sided a difference between equals


def wilson(hits: int, total: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion; (0, 1) where nothing was counted."""
    if total == 0:
        return (0.0, 1.0)
    from scipy.stats import binomtest  # takes a second to import: not for --help

    interval = binomtest(hits, total).proportion_ci(confidence_level=confidence, method="wilson")
    return (float(interval.low), float(interval.high))


def mcnemar(pairs: Sequence[tuple[bool, bool]]) -> Comparison:
    """Compares two runs by the pairs (first succeeded, second succeeded) of each case."""
    first = sum(a and not b for a, b in pairs)
    second = sum(b and not a for a, b in pairs)
    p_value = 1.0
    if first + second:
        from scipy.stats import binomtest

        p_value = float(binomtest(first, first + second, 0.5).pvalue)
    both = sum(a and b for a, b in pairs)
    return Comparison(both, first, second, len(pairs) - both - first - second, p_value)


def signed_ranks(pairs: Sequence[tuple[float, float]]) -> Difference:
    """Compares two runs by what was measured of each case, (first, second); at least one."""
    p_value = 1.0
    if any(a != b for a, b in pairs):
        from scipy.stats import wilcoxon

        p_value = float(wilcoxon([a - b for a, b in pairs]).pvalue)
    first, second = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Difference(len(pairs), first, second, p_value)


def median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def percentile(values: Sequence[float], percent: int) -> float | None:
    """The value that ``percent`` in a hundred do not exceed, interpolated between neighbours."""
    if len(values) < 2:
        return values[0] if values else None
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
