"""Rates, intervals, comparisons."""

from __future__ import annotations

import pytest

from eval.report.stats import mcnemar, median, percentile, wilson

pytest.importorskip("scipy")


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        # by hand: (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n), z = 1.959964
        (10, 10, 0.7225, 1.0),
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (50, 100, 0.4038, 0.5962),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson(hits: int, total: int, low: float, high: float) -> None:
    assert wilson(hits, total) == pytest.approx((low, high), abs=1e-4)


def test_mcnemar_counts_what_differs() -> None:
    pairs = [(True, True)] * 5 + [(True, False)] * 1 + [(False, True)] * 8 + [(False, False)] * 2
    found = mcnemar(pairs)
    assert (found.both, found.only_first, found.only_second, found.neither) == (5, 1, 8, 2)
    assert found.p_value == pytest.approx(2 * (1 + 9) / 2**9)  # at most 1 of 9 coins, two-sided


def test_mcnemar_of_equal_runs() -> None:
    assert mcnemar([(True, True), (False, False)]).p_value == 1.0


def test_percentiles() -> None:
    values = [float(n) for n in range(1, 12)]
    assert median(values) == 6
    assert percentile(values, 90) == 10
    assert percentile([7.0], 90) == 7.0
    assert percentile([], 90) is None
    assert median([]) is None
