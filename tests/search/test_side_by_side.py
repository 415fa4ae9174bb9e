"""Failures that meet no common file are searched at the same time, and end as one by one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count

import pytest
from in_memory import InMemory, Substitutions

from pytest_gemmadev.models.scripted import ScriptedModel
from pytest_gemmadev.models.turns import TakingTurns, for_threads
from pytest_gemmadev.search.budget import Budget, Meter
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.failing_sets import FailingSet, disjoint_sets
from pytest_gemmadev.search.loop import repair
from pytest_gemmadev.types import (
    Candidate,
    Completion,
    Confidence,
    ErrorKind,
    ErrorStack,
    Frame,
    GemmadevError,
    Outcome,
    Overlay,
    Proposer,
    RepairTask,
    Role,
    Sampling,
    Status,
)

FILES = {
    "a.py": "def first():\n    return on\n",
    "b.py": "def second():\n    return tw\n",
    "c.py": "one = 1\ntwo = 2\n",
}
TESTS = {"t::first": "first() == 1", "t::second": "second() == 2", "t::sum": "one + two == 3"}
TABLE = (("return on\n", "return one\n", -1.0), ("return tw\n", "return two\n", -1.0))


@dataclass
class Meeting:
    """Substitutions that wait for one another before the first candidate."""

    barrier: threading.Barrier
    table: tuple[tuple[str, str, float], ...] = TABLE
    name: str = "meeting"

    def propose(self, task: RepairTask) -> Iterator[Candidate]:
        self.barrier.wait(10)
        yield from Substitutions(self.table).propose(task)


def repaired(
    project: InMemory, *proposers: Proposer, seconds: float = 30.0
) -> tuple[dict[str, Outcome], Overlay]:
    """With a search beside for each further proposer."""
    first, *beside = (
        SearchContext(
            oracle=project,
            proposers=[proposer],
            writers=[],
            files=project,
            model=None,
            clock=time.monotonic,
            accept=Confidence.GUESS,
        )
        for proposer in proposers
    )
    meter = Meter(Budget(seconds), time.monotonic)
    outcomes, overlay = repair(first, project.observe({}), meter, beside=beside)
    return {o.nodeid: o for o in outcomes}, overlay


def test_failures_apart_are_searched_at_the_same_time() -> None:
    barrier = threading.Barrier(2)
    outcomes, overlay = repaired(InMemory(FILES, TESTS), Meeting(barrier), Meeting(barrier))
    assert {nodeid: o.status for nodeid, o in outcomes.items()} == {
        "t::first": Status.REPAIRED,
        "t::second": Status.REPAIRED,
    }
    assert outcomes["t::second"].patches[0].diff.count("\n+++ ") == 1
    one_by_one = repaired(InMemory(FILES, TESTS), Substitutions(TABLE))
    assert overlay == one_by_one[1]
    assert {n: o.reason for n, o in outcomes.items()} == {
        n: o.reason for n, o in one_by_one[0].items()
    }


def test_repairs_of_one_file_are_found_one_after_the_other() -> None:
    files = {**FILES, "c.py": "one = 1\ntwo = 2\nthree = 3\n"}
    table = (("one = 1\n", "on = one = 1\n", -1.0), ("two = 2\n", "tw = two = 2\n", -1.0))
    outcomes, overlay = repaired(InMemory(files, TESTS), Substitutions(table), Substitutions(table))
    assert overlay == {"c.py": b"on = one = 1\ntw = two = 2\nthree = 3\n"}
    assert {o.status for o in outcomes.values()} == {Status.REPAIRED}


def test_what_cannot_be_repaired_beside_another_is_closed() -> None:
    outcomes, overlay = repaired(
        InMemory(FILES, TESTS), Substitutions(TABLE[:1]), Substitutions(TABLE[:1])
    )
    assert outcomes["t::first"].status is Status.REPAIRED
    assert outcomes["t::second"].status is Status.UNREPAIRED
    assert list(overlay) == ["a.py"]


@dataclass
class Fails:
    name: str = "fails"

    def propose(self, task: RepairTask) -> Iterator[Candidate]:
        raise GemmadevError("no server answers")


@dataclass
class Endless:
    name: str = "endless"

    def propose(self, task: RepairTask) -> Iterator[Candidate]:
        for number in count(10):
            table = tuple((f"return {name}\n", f"return {number}\n", -1.0) for name in ("on", "tw"))
            yield from Substitutions(table).propose(task)


@pytest.mark.timeout(60)
def test_an_error_in_one_ends_the_others() -> None:
    with pytest.raises(GemmadevError, match="no server answers"):
        repaired(InMemory(FILES, TESTS), Fails(), Endless(), seconds=1e9)


def stack(nodeid: str, *frames: tuple[str, Role], phase: str = "call") -> FailingSet:
    made = tuple(Frame(path, 1, "f", role) for path, role in frames)
    return FailingSet((ErrorStack(nodeid, phase, ErrorKind.NAME, "NameError", nodeid, made),))


SOURCE, TEST, OUTSIDE = Role.SOURCE, Role.TEST, Role.OUTSIDE


@pytest.mark.parametrize(
    ("first", "second", "is_apart"),
    [
        pytest.param(
            stack("a", ("t.py", TEST), ("a.py", SOURCE)),
            stack("b", ("t.py", TEST), ("b.py", SOURCE)),
            True,
            id="other files, same tests",
        ),
        pytest.param(
            stack("a", ("t.py", TEST), ("a.py", SOURCE)),
            stack("b", ("t.py", TEST), ("b.py", SOURCE), ("a.py", SOURCE)),
            False,
            id="a common file",
        ),
        pytest.param(
            stack("a", ("t.py", TEST)), stack("b", ("t.py", TEST)), False, id="tests of one file"
        ),
        pytest.param(
            stack("a", ("t.py", TEST)), stack("b", ("u.py", TEST)), True, id="tests of two files"
        ),
        pytest.param(
            stack("a", ("a.py", SOURCE)), stack("a", ("b.py", SOURCE)), False, id="the same test"
        ),
        pytest.param(
            stack("a", ("a.py", SOURCE), ("lib.py", OUTSIDE)),
            stack("b", ("b.py", SOURCE), ("lib.py", OUTSIDE)),
            True,
            id="a library",
        ),
    ],
)
def test_what_is_apart(first: FailingSet, second: FailingSet, is_apart: bool) -> None:
    assert (disjoint_sets(first, [second], 2) == [first, second]) is is_apart
    assert disjoint_sets(first, [second], 1) == [first]


@dataclass
class Slow(ScriptedModel):
    inside: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def complete(self, prompt: str, sampling: Sampling) -> tuple[Completion, ...]:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        time.sleep(0.02)
        with self.lock:
            self.inside -= 1
        return ()


@pytest.mark.parametrize(
    ("in_turns", "most"), [pytest.param(True, 1, id="turns"), pytest.param(False, 3, id="at once")]
)
def test_a_model_for_one_thread_is_asked_by_one_at_a_time(in_turns: bool, most: int) -> None:
    inner = Slow()
    model = TakingTurns(inner) if in_turns else inner
    barrier = threading.Barrier(3)

    def ask() -> None:
        barrier.wait(10)
        model.complete("p", Sampling())

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (inner.most == 1) is (most == 1)


def test_models_that_may_be_asked_at_once_are_left_as_they_are() -> None:
    assert for_threads(None) is None
    single = ScriptedModel()
    assert isinstance(for_threads(single), TakingTurns)
    many = ScriptedModel(info=replace(single.info, is_concurrent=True))
    assert for_threads(many) is many
