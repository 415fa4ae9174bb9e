"""What counts as lost after a change, and what does not."""

from __future__ import annotations

from collections.abc import Collection

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


def seen(**outcomes: TestOutcome) -> Observation:
    named = {f"t::{name}": outcome for name, outcome in outcomes.items()}
    return Observation(named, frozenset(named), ())


@pytest.mark.parametrize(
    ("again", "lost"),
    [
        pytest.param([True], {"t::b"}, id="it passes without the change"),
        pytest.param([False], set(), id="it fails without the change as well"),
    ],
)
def test_a_failure_counts_where_it_does_not_come_by_itself(
    again: list[bool], lost: set[str]
) -> None:
    project = InMemory(FILES, TESTS, {"t::b": again})
    before, after = seen(a=FAILED, b=PASSED), seen(a=PASSED, b=FAILED)
    assert find_losses(project, before, after, overlay={}, regression=before.passing) == lost
    assert project.observed == [{}]


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
    assert find_losses(project, before, after, overlay={}, regression=before.passing) == lost
    assert find_losses(
        InMemory(FILES, TESTS), before, after, overlay={}, regression=before.passing
    ) == {f"t::{name}"}


def test_nothing_is_run_again_where_nothing_is_lost() -> None:
    project = InMemory(FILES, TESTS)
    before = seen(a=FAILED, b=PASSED)
    assert (
        find_losses(
            project, before, seen(a=PASSED, b=PASSED), overlay={}, regression=before.passing
        )
        == frozenset()
    )
    assert project.observed == []
