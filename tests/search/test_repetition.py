"""Which failures are flaky, why, and which repairs they are not credited to."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from in_memory import InMemory, Substitutions

from pytest_gemmadev.search.budget import Budget, Meter
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.loop import repair
from pytest_gemmadev.types import (
    Candidate,
    Confidence,
    Observation,
    Outcome,
    Overlay,
    RepairTask,
    Status,
    TestOutcome,
    Verdict,
)

DOUBLE = "def double(n):\n    return n * 3\n"
DICE = "import random\nDICE = random.Random()\n"
REAL = {"t::double": "double(2) == 4 and double(5) == 10"}
NOT_CREDITED = {Status.FLAKY, Status.UNREPAIRED}  # one in 16 fails each time that it runs again
RIGHT = ("n * 3", "n * 2", -1.0)


def repaired(project: InMemory, *substitutions: tuple[str, str, float]) -> dict[str, Outcome]:
    context = SearchContext(
        oracle=project,
        proposers=[Substitutions(substitutions)],
        writers=[],
        files=project,
        model=None,
        clock=time.monotonic,
        accept=Confidence.GUESS,
    )
    meter = Meter(Budget(60), time.monotonic)
    outcomes, _overlay = repair(context, project.observe({}), meter)
    return {outcome.nodeid: outcome for outcome in outcomes}


@dataclass(slots=True)
class Random(InMemory):
    """A test draws from a sequence that is the same each time the project is made."""

    draws: Mapping[str, random.Random] = field(default_factory=dict)
    share: float = 0.5

    def _run(self, nodeid, overlay):  # type: ignore[no-untyped-def]
        if nodeid in self.draws:
            self.results = {nodeid: [self.draws[nodeid].random() >= self.share]}
        return super(Random, self)._run(nodeid, overlay)

    def validate(self, task: RepairTask, candidate: Candidate) -> Verdict:
        """Without losses that are flaky, as the oracle of pytest's tests has it."""
        steady = replace(task, regression=task.regression - self.draws.keys())
        return super(Random, self).validate(steady, candidate)


@pytest.mark.parametrize("seed", range(40))
def test_a_test_that_fails_half_the_time_stands_in_no_repairs_way(seed: int) -> None:
    tests = {**REAL, "t::roll": "double(1)", "t::roll_too": "double(0) == 0"}
    draws = {name: random.Random(f"{seed} {name}") for name in ("t::roll", "t::roll_too")}
    project = Random({"lib.py": DICE + DOUBLE}, tests, draws=draws)
    outcomes = repaired(project, ("n * 3", "n * 4", -0.5), ("n * 3", "n + n + 0", -0.9), RIGHT)
    assert outcomes["t::double"].status is Status.REPAIRED
    for name in draws:
        assert name not in outcomes or outcomes[name].status in NOT_CREDITED


@pytest.mark.parametrize("seed", range(40))
def test_a_test_that_fails_half_the_time_is_credited_to_no_patch(seed: int) -> None:
    draws = {"t::roll": random.Random(seed)}
    project = Random({"lib.py": DICE + DOUBLE}, {"t::roll": "double(1)"}, draws=draws)
    candidates = [("n * 3", f"n * {number}", -1.0) for number in range(4, 24)]
    statuses = {outcome.status for outcome in repaired(project, *candidates).values()}
    assert statuses <= NOT_CREDITED


def test_how_often_a_flaky_test_fails_is_counted() -> None:
    results = [False, *[False, True, True, False], True, *[True] * 4, *[False] * 20]
    project = InMemory({"lib.py": DICE + DOUBLE}, {"t::a": "1"}, {"t::a": results})
    outcome = repaired(project, RIGHT)["t::a"]
    assert outcome.status is Status.FLAKY
    assert outcome.reason == "it failed 3 of 10 runs with nothing changed"


@dataclass(slots=True)
class Chained(InMemory):
    """A test that fails when certain others run before it."""

    polluters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ran: list[Sequence[str]] = field(default_factory=list)

    def observe(self, overlay: Overlay) -> Observation:
        return self._pollute(super(Chained, self).observe(overlay), list(self.tests))

    def repeat(
        self, task: RepairTask, nodeids: Sequence[str], *, is_fresh: bool = False
    ) -> Observation:
        self.ran.append(nodeids)
        seen = super(Chained, self).repeat(task, nodeids)
        return self._pollute(seen, nodeids)

    def _pollute(self, seen: Observation, ran: Sequence[str]) -> Observation:
        outcomes = dict(seen.outcomes)
        stacks = list(seen.stacks)
        for nodeid, needed in self.polluters.items():
            if nodeid in ran and needed <= set(ran[: list(ran).index(nodeid)]):
                outcomes[nodeid] = TestOutcome.FAILED
                stacks.append(self._stack(nodeid, AssertionError("polluted")))
        return Observation(outcomes, seen.collected, tuple(stacks))


MANY = {f"t::quiet{number}": "1" for number in range(20)}


@pytest.mark.parametrize(
    ("needed", "words"),
    [
        pytest.param({"t::quiet3"}, "fails after t::quiet3, which leaves", id="one"),
        pytest.param({"t::quiet0"}, "fails after t::quiet0, which leaves", id="the first"),
        pytest.param(
            {"t::quiet11", "t::quiet10"}, "fails after t::quiet10 and t::quiet11,", id="two"
        ),
        pytest.param(
            {"t::quiet1", "t::quiet19"}, "fails where everything runs", id="two far apart"
        ),
    ],
)
def test_what_another_test_pollutes_is_named(needed: set[str], words: str) -> None:
    project = Chained(
        {"lib.py": DOUBLE},
        {**MANY, "t::chained": "1", **REAL},
        polluters={"t::chained": frozenset(needed)},
    )
    outcomes = repaired(project, RIGHT)
    assert outcomes["t::chained"].status is Status.FLAKY
    assert "it passes alone (5 of 5 runs)" in outcomes["t::chained"].reason
    assert words in outcomes["t::chained"].reason
    assert outcomes["t::double"].status is Status.REPAIRED
    assert len(project.ran) < 25


def test_what_a_repair_turns_green_by_what_ran_before_is_credited_to_it() -> None:
    """One fails where the other one has left its half-made state, which the repair is of."""
    tests = {**REAL, "t::after": "double(1)"}

    def pollute(seen: Observation, ran: Sequence[str]) -> Observation:
        broken = seen.outcomes.get("t::double") is TestOutcome.FAILED
        project.polluters = {"t::after": frozenset({"t::double"})} if broken else {}
        return Chained._pollute(project, seen, ran)

    class Following(Chained):
        def _pollute(self, seen: Observation, ran: Sequence[str]) -> Observation:
            return pollute(seen, ran)

    project = Following({"lib.py": DOUBLE}, tests)
    outcomes = repaired(project, RIGHT)
    assert {o.status for o in outcomes.values()} == {Status.REPAIRED}


def test_what_fails_alike_each_time_is_run_again_twice() -> None:
    project = Chained({"lib.py": DOUBLE}, dict(REAL))
    assert repaired(project, RIGHT)["t::double"].status is Status.REPAIRED
    assert len(project.ran) == 4  # and once without the repair and once with it


def test_runs_that_are_not_the_users_own_are_said_and_not_searched() -> None:
    class Elsewhere(InMemory):
        @property
        def unlike(self) -> str:
            return "`lib` comes from /a/lib.py in this run, and from lib.py where it is run again"

    outcome = repaired(Elsewhere({"lib.py": DOUBLE}, dict(REAL)), RIGHT)["t::double"]
    assert outcome.status is Status.SKIPPED
    assert outcome.reason.startswith("`lib` comes from /a/lib.py")
    assert outcome.patches == ()
