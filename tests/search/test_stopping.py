"""When a pass over candidates ends that has found something plausible."""

from __future__ import annotations

import pytest

from pytest_gemmadev.search.budget import Budget, Meter
from pytest_gemmadev.search.limits import Limits
from pytest_gemmadev.search.stopping import StoppingRule

LIMITS = Limits(
    more=40, more_while_others_fail=160, more_while_related_fail=800, more_share=0.5, more_s=6.0
)


def meter(seconds: float) -> Meter:
    """A meter that was started so many seconds ago."""
    times = iter([0.0])
    return Meter(Budget(1000.0), lambda: next(times, seconds))


@pytest.mark.parametrize(
    ("tried", "explains_all", "related_fail", "last"),
    [
        pytest.param(10, True, False, 50, id="explains all"),
        pytest.param(200, True, False, 300, id="took long to find"),
        pytest.param(10, False, False, 170, id="others fail"),
        pytest.param(10, False, True, 810, id="what runs its lines fails"),
    ],
)
def test_the_pass_ends_after_some_more_candidates(
    tried: int, explains_all: bool, related_fail: bool, last: int
) -> None:
    rule = StoppingRule(LIMITS, tried=tried)
    rule.narrow(meter(0.0), explains_all=explains_all, related_fail=related_fail)
    rule.tried = last - 1
    assert not rule.ends(meter(0.0))
    rule.tried = last
    assert rule.ends(meter(0.0))


def test_the_pass_ends_after_some_more_time() -> None:
    rule = StoppingRule(LIMITS, tried=10)
    rule.narrow(meter(2.0), explains_all=True)
    assert not rule.ends(meter(9.0))
    assert rule.ends(meter(9.1))  # 2.0 and half of that, and 6 seconds


def test_without_anything_plausible_it_goes_on() -> None:
    rule = StoppingRule(LIMITS, tried=10_000)
    assert not rule.ends(meter(1000.0))


def test_a_better_one_ends_it_sooner_and_a_worse_one_does_not_prolong_it() -> None:
    rule = StoppingRule(LIMITS, tried=10)
    rule.narrow(meter(0.0), explains_all=False, related_fail=True)
    rule.tried = 20
    rule.narrow(meter(0.0), explains_all=True)
    assert rule.last == 60
    rule.tried = 30
    rule.narrow(meter(0.0), explains_all=False, related_fail=True)
    assert rule.last == 60
