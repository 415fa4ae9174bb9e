"""What becomes of a failing set whose test is at fault: nothing is written, and it is said why."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest
from in_memory import InMemory, Substitutions

from pytest_gemmadev.search.budget import Budget, Meter
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.limits import Limits
from pytest_gemmadev.search.loop import repair
from pytest_gemmadev.types import (
    Confidence,
    ErrorStack,
    Expression,
    Frame,
    Outcome,
    Overlay,
    RepairTask,
    Role,
    Status,
)


class Probed(InMemory):
    """A project whose one test stands in a file, and whose code can be asked what it gives."""

    def read(self, path: str) -> bytes:
        if path == "test_m.py":
            (test,) = self.tests.values()
            return f"from m import clamp\n\ndef test_it():\n    assert {test}\n".encode()
        return InMemory.read(self, path)

    def behaviours(self, task: RepairTask, overlays: Sequence[Overlay]) -> list[None]:
        return [None] * len(overlays)

    def evaluate(
        self, task: RepairTask, overlays: Sequence[Overlay], expressions: Sequence[Expression]
    ) -> list[dict[Expression, str]]:
        found = []
        for overlay in overlays:
            names: dict[str, object] = {}
            exec(overlay["m.py"].decode() if "m.py" in overlay else self.files["m.py"], names)
            found.append({each: repr(eval(each.text, dict(names))) for each in expressions})
        return found

    def _stack(self, nodeid: str, error: Exception) -> ErrorStack:
        stack = InMemory._stack(self, nodeid, error)
        _, *frames = stack.frames
        return replace(stack, frames=(Frame("test_m.py", 4, "test_it", Role.TEST), *frames))


CLAMP = '''\
def clamp(x, low, high):
    """Limit x to at least low and no more than high."""
    return max(low, min(x, high))
'''
EXAMPLE = CLAMP.replace('high."""', 'high.\n\n    >>> clamp(5, 0, 3)\n    3\n    """')
SPECIAL = ("min(x, high)", "min(x, high + 1)", -1.0)


def outcome_of(
    source: str, test: str, *table: tuple[str, str, float], limits: Limits | None = None
) -> tuple[Outcome, Overlay]:
    project = Probed({"m.py": source}, {"test_m.py::test_it": test})
    ticks = itertools.count()
    clock = lambda: next(ticks) * 0.001  # noqa: E731  # a clock that only counts calls
    context = SearchContext(
        files=project,
        oracle=project,
        proposers=[Substitutions(table)],
        writers=[],
        model=None,
        clock=clock,
        limits=limits or Limits(),
        accept=Confidence.GUESS,
    )
    (outcome,), overlay = repair(context, project.observe({}), Meter(Budget(60.0), clock))
    return outcome, overlay


def test_nothing_is_searched_where_documentation_contradicts_the_test() -> None:
    outcome, overlay = outcome_of(EXAMPLE, "clamp(5, 0, 3) == 4", SPECIAL)
    assert outcome.status is Status.TEST_SUSPECT
    assert overlay == {}
    assert outcome.validations == 0
    assert outcome.suspect_test is not None
    assert "the docstring of clamp says: clamp(5, 0, 3) gives 3" in outcome.reason
    assert "+    assert clamp(5, 0, 3) == 3" in outcome.suspect_test.diff


def test_nothing_is_written_where_every_patch_breaks_what_is_stated() -> None:
    outcome, overlay = outcome_of(EXAMPLE, "clamp(9, 0, 3) == 4", SPECIAL)
    assert outcome.status is Status.TEST_SUSPECT
    assert overlay == {}
    assert outcome.suspect_test is not None
    assert outcome.suspect_test.got == "3"


def test_a_false_test_is_named_where_no_patch_is_found() -> None:
    limits = Limits(suspected=0.999, suspected_early=0.999, suspected_alone=0.999, noted=0.3)
    outcome, overlay = outcome_of(CLAMP, "clamp(5, 0, 3) == 4", limits=limits)
    assert outcome.status is Status.UNREPAIRED
    assert outcome.suspect_test is not None
    assert outcome.suspect_test.probability < 0.999
    outcome, overlay = outcome_of(
        CLAMP, "clamp(5, 0, 3) == 4", limits=replace(limits, suspected_alone=0.3)
    )
    assert outcome.status is Status.TEST_SUSPECT
    assert overlay == {}


def test_a_patch_is_suggested_where_the_test_may_be_wrong() -> None:
    limits = Limits(suspected=0.999, suspected_early=0.999, doubted=0.3)
    outcome, overlay = outcome_of(CLAMP, "clamp(5, 0, 3) == 4", SPECIAL, limits=limits)
    assert outcome.status is Status.SUGGESTED
    assert overlay == {}
    assert outcome.suspect_test is not None
    assert outcome.reason.startswith("the test is likelier wrong, at line 4: 4 breaks what clamp")
    assert "written only when asked for" in outcome.reason


@pytest.mark.parametrize("source", [CLAMP, EXAMPLE])
def test_a_bug_is_repaired_as_before(source: str) -> None:
    broken = source.replace("min(x, high)", "min(x, low)")
    outcome, overlay = outcome_of(
        broken, "clamp(5, 0, 3) == 3", ("min(x, low)", "min(x, high)", -1.0)
    )
    assert outcome.status is Status.REPAIRED
    assert overlay == {"m.py": source.encode()}
    assert outcome.suspect_test is None
