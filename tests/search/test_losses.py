"""What counts as lost after a change, and what does not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pytest
from in_memory import InMemory

from pytest_gemmadev.search.losses import find_losses
from pytest_gemmadev.types import Observation, Overlay, TestOutcome

PASSED, FAILED = TestOutcome.PASSED, TestOutcome.FAILED
FILES = {"one.py": "def one():\n    return 1\n"}
TESTS = {"t::a": "one() == 1", "t::b": "one() > 0"}


class Renaming(InMemory):
    """Knows which node ids are others in each run."""

    def learn_flaky(self, overlay: Overlay, nodeids: Collection[str]) -> frozenset[str]:
        return frozenset(n for n in nodeids if "12:00" in n)


def losses(project: InMemory, before: Observation, after: Observation) -> frozenset[str]:
    return find_losses(
        project, before, after, overlay={}, changed=BROKEN, regression=before.passing
    )


def seen(**outcomes: TestOutcome) -> Observation:
    named = {f"t::{name}": outcome for name, outcome in outcomes.items()}
    return Observation(named, frozenset(named), ())


BROKEN = {"one.py": b"def one():\n    return 0\n"}


@pytest.mark.parametrize(
    ("again", "lost", "runs"),
    [
        pytest.param([True, False] * 3, {"t::b"}, 6, id="passes without the change, fails with it"),
        pytest.param([False], set(), 1, id="fails without the change as well"),
        pytest.param([True, True], set(), 2, id="passes with the change as well"),
        pytest.param([True, False, False], set(), 3, id="fails without it the second time"),
    ],
)
def test_a_failure_counts_where_it_does_not_come_by_itself(
    again: list[bool], lost: set[str], runs: int
) -> None:
    project = InMemory(FILES, TESTS, {"t::b": again})
    before, after = seen(a=FAILED, b=PASSED), seen(a=PASSED, b=FAILED)
    assert losses(project, before, after) == lost
    assert project.observed == ([{}, BROKEN] * 3)[:runs]


def test_a_slow_run_is_repeated_once() -> None:
    project = InMemory(FILES, TESTS, {"t::b": [True, False] * 3})
    after = replace(seen(a=PASSED, b=FAILED), durations={"t::a": 60.0})
    assert losses(project, seen(a=FAILED, b=PASSED), after) == {"t::b"}
    assert project.observed == [{}, BROKEN]


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        pytest.param("c", {"t::c"}, id="gone"),
        pytest.param("c[12:00]", set(), id="another name in each run"),
    ],
)
def test_a_test_that_is_gone_counts_where_its_name_stays(name: str, lost: set[str]) -> None:
    project = Renaming(FILES, TESTS)
    before, after = seen(a=FAILED, **{name: PASSED}), seen(a=PASSED)
    assert losses(project, before, after) == lost
    assert losses(InMemory(FILES, TESTS), before, after) == {f"t::{name}"}


def test_nothing_is_run_again_where_nothing_is_lost() -> None:
    project = InMemory(FILES, TESTS)
    before = seen(a=FAILED, b=PASSED)
    assert losses(project, before, seen(a=PASSED, b=PASSED)) == frozenset()
    assert project.observed == []
