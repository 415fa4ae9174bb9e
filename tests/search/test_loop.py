"""The loop on real code in memory, with proposers that substitute text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest
from in_memory import InMemory, Substitutions

from pytest_gemmadev.models.scripted import ScriptedModel
from pytest_gemmadev.propose.write import WriteProposer
from pytest_gemmadev.search.budget import Budget, Meter
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.limits import DEFAULT, Limits
from pytest_gemmadev.search.loop import repair
from pytest_gemmadev.types import (
    Candidate,
    Confidence,
    ModelInfo,
    Outcome,
    Overlay,
    RepairTask,
    Status,
    StillFailing,
    TimedOut,
    Verdict,
)

TOTAL = """\
def total(items):
    result = 0
    for price, count in items:
        result += price + count
    return result
"""
MEAN = """\
def mean(values):
    return summ(values) // len(value)
"""


def repaired(
    project: InMemory,
    *table: tuple[str, str, float],
    seconds: float = 60.0,
    limits: Limits = DEFAULT,
) -> tuple[dict[str, Outcome], Overlay]:
    ticks = itertools.count()
    clock = lambda: next(ticks) * 0.001  # noqa: E731  # a clock that only counts calls
    context = SearchContext(
        files=project,
        oracle=project,
        proposers=[Substitutions(table)],
        writers=[],
        model=None,
        clock=clock,
        accept=Confidence.GUESS,
        limits=limits,
    )
    outcomes, overlay = repair(context, project.observe({}), Meter(Budget(seconds), clock))
    return {o.nodeid: o for o in outcomes}, overlay


def test_a_plausible_patch_is_accepted_and_nothing_else_changes() -> None:
    project = InMemory(
        {"total.py": TOTAL, "other.py": "def one():\n    return 1\n"},
        {"t::two": "total([(2, 3)]) == 6", "t::none": "total([]) == 0", "t::one": "one() == 1"},
    )
    outcomes, overlay = repaired(
        project, ("price + count", "price - count", -1.0), ("price + count", "price * count", -2.0)
    )
    assert overlay == {"total.py": TOTAL.replace("price + count", "price * count").encode()}
    assert list(outcomes) == ["t::two"]
    assert outcomes["t::two"].status is Status.REPAIRED
    assert outcomes["t::two"].patches[0].rank == 2
    assert "+        result += price * count" in outcomes["t::two"].patches[0].diff


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        pytest.param([], "no candidate patch was found for it", id="nothing to try"),
        pytest.param(
            [("price + count", "price - count", -1.0)],
            "none of 1 candidate patch turned it green: they ran out at 0.0 of 60 s",
            id="nothing that helps",
        ),
    ],
)
def test_what_is_not_repaired_says_why(table: list[tuple[str, str, float]], reason: str) -> None:
    project = InMemory({"total.py": TOTAL}, {"t::two": "total([(2, 3)]) == 6"})
    outcomes, overlay = repaired(project, *table)
    assert (outcomes["t::two"].reason, overlay) == (reason, {})


def test_a_patch_that_breaks_what_passed_is_not_accepted() -> None:
    project = InMemory(
        {"total.py": TOTAL}, {"t::two": "total([(2, 3)]) == 6", "t::none": "total([]) == 0"}
    )
    outcomes, overlay = repaired(project, ("return result", "return 6", -1.0))
    assert overlay == {}
    assert outcomes["t::two"].status is Status.UNREPAIRED
    assert "1 candidate patch" in outcomes["t::two"].reason


def test_faults_behind_one_another_are_repaired_one_after_the_other() -> None:
    project = InMemory({"mean.py": MEAN}, {"t::mean": "mean([1, 2]) == 1.5"})
    outcomes, overlay = repaired(
        project,
        ("summ(", "sum(", -0.5),
        ("len(value)", "len(values)", -0.5),
        (" // ", " / ", -2.0),
    )
    expected = "def mean(values):\n    return sum(values) / len(values)\n"
    assert overlay == {"mean.py": expected.encode()}
    assert outcomes["t::mean"].status is Status.REPAIRED


def test_several_failures_with_one_cause_are_repaired_once() -> None:
    project = InMemory(
        {"mean.py": "def mean(values):\n    return summ(values) / len(values)\n"},
        {"t::a": "mean([1, 2]) == 1.5", "t::b": "mean([4]) == 4"},
    )
    outcomes, overlay = repaired(project, ("summ(", "sum(", -0.5))
    assert set(overlay) == {"mean.py"}
    assert [o.status for o in outcomes.values()] == [Status.REPAIRED, Status.REPAIRED]
    assert [len(o.patches) for o in outcomes.values()] == [1, 0]
    assert outcomes["t::b"].reason == "the same cause as t::a"


def test_tests_with_a_further_fault_do_not_hold_back_those_that_are_repaired() -> None:
    project = InMemory(
        {
            "mean.py": "def mean(values, scale=1):\n    return summ(values) / len(values) + scale - 1\n"
        },
        {"t::a": "mean([1, 2]) == 1.5", "t::b": "mean([1, 2], 2) == 3.0", "t::c": "mean([4]) == 4"},
    )
    outcomes, overlay = repaired(project, ("summ(", "sum(", -0.5), ("+ scale - 1", "* scale", -3.0))
    assert b"sum(values) / len(values) * scale" in overlay["mean.py"]
    assert {o.status for o in outcomes.values()} == {Status.REPAIRED}
    assert [len(o.patches) for o in outcomes.values()] == [1, 0, 1]


def test_a_test_that_fails_only_sometimes_is_flaky_and_left_alone() -> None:
    project = InMemory(
        {"total.py": TOTAL}, {"t::two": "True"}, results={"t::two": [False, False, True]}
    )
    outcomes, overlay = repaired(project, ("price + count", "price * count", -2.0))
    assert overlay == {}
    assert outcomes["t::two"].status is Status.FLAKY


def test_the_likelier_of_two_plausible_patches_wins_and_the_other_is_listed() -> None:
    project = InMemory({"total.py": TOTAL}, {"t::two": "total([(2, 2), (2, 3)]) == 10"})
    outcomes, overlay = repaired(
        project,
        ("price + count", "price * abs(count)", -3.0),
        ("price + count", "price * count", -4.0),
        ("price + count", "count * price", -9.0),
    )
    assert b"price * abs(count)\n" in overlay["total.py"]
    chosen = [p.chosen for p in outcomes["t::two"].patches]
    assert chosen == [True, False, False]


def test_the_patch_that_explains_more_failures_wins_over_the_likelier_one() -> None:
    project = InMemory(
        {"total.py": TOTAL}, {"t::two": "total([(2, 3)]) == 6", "t::all": "total([(4, 5)]) == 20"}
    )
    outcomes, overlay = repaired(
        project,
        ("price + count", "price + count + 1", -1.0),
        ("price + count", "price * count", -4.0),
    )
    assert b"price * count" in overlay["total.py"]
    assert [o.status for o in outcomes.values()] == [Status.REPAIRED, Status.REPAIRED]


@pytest.mark.parametrize("seconds", [0.0, 1e-9])
def test_without_budget_nothing_is_tried(seconds: float) -> None:
    project = InMemory({"total.py": TOTAL}, {"t::two": "total([(2, 3)]) == 6"})
    outcomes, overlay = repaired(project, ("price + count", "price * count", -2.0), seconds=seconds)
    assert overlay == {}
    assert outcomes["t::two"].status is Status.SKIPPED
    assert "budget" in outcomes["t::two"].reason


def test_a_project_without_failures_is_left_alone() -> None:
    project = InMemory({"total.py": TOTAL}, {"t::none": "total([]) == 0"})
    outcomes, overlay = repaired(project, ("price + count", "price * count", -2.0))
    assert (outcomes, overlay) == ({}, {})


def test_candidates_that_are_slow_to_come_are_tried_while_the_next_is_written() -> None:
    project = InMemory({"total.py": TOTAL}, {"t::two": "total([(2, 3)]) == 6"})
    now = [0.0]
    pulled: list[float] = []

    class Slow(Substitutions):
        def propose(self, task: RepairTask) -> Iterator[Candidate]:
            for candidate in super().propose(task):
                now[0] += 3.0
                pulled.append(now[0])
                yield candidate

    table = [("price + count", f"price - {n}", -1.0) for n in range(9)]
    context = SearchContext(
        files=project,
        oracle=project,
        proposers=[],
        writers=[Slow([*table[:2], ("price + count", "price * count", -2.0), *table[2:]])],
        model=None,
        clock=lambda: now[0],
        accept=Confidence.GUESS,
    )
    meter = Meter(Budget(20.0), lambda: now[0])
    _, overlay = repair(context, project.observe({}), meter)
    assert b"price * count" in overlay["total.py"]
    assert pulled[-1] <= 15.0  # the writer's share of the budget is 12 s


FILLERS = [("return n", f"return n - {1000 + k}", -2.0) for k in range(300)]


def test_a_patch_that_leaves_its_own_lines_failing_is_not_believed_soon() -> None:
    project = InMemory(
        {"twice.py": "def twice(n):\n    return n\n"},
        {"t::a": "twice(2) == 4", "t::b": "twice(3) == 6"},
    )
    outcomes, overlay = repaired(
        project, ("return n", "return 4", -1.0), *FILLERS, ("return n", "return n * 2", -3.0)
    )
    assert overlay == {"twice.py": b"def twice(n):\n    return n * 2\n"}
    assert {o.status for o in outcomes.values()} == {Status.REPAIRED}


@pytest.mark.slow
def test_failures_elsewhere_do_not_make_a_search_go_on() -> None:
    project = InMemory(
        {"twice.py": "def twice(n):\n    return n\n", "half.py": "def half(n):\n    return -n\n"},
        {"t::a": "twice(2) == 4", "t::b": "half(8) == 4"},
    )
    table = [("return n", "return n + 2", -1.0), *FILLERS, ("return n", "return n * 2", -3.0)]
    no_doubt = replace(DEFAULT, more_in_doubt=0.0)
    outcomes, overlay = repaired(project, *table, limits=no_doubt)
    assert overlay == {"twice.py": b"def twice(n):\n    return n + 2\n"}
    assert outcomes["t::a"].validations < len(FILLERS)
    assert outcomes["t::b"].status is Status.UNREPAIRED


@pytest.mark.slow
def test_a_search_goes_on_for_longer_where_what_was_found_is_doubtful() -> None:
    table = [("return n", "return n + 2", -1.0), *FILLERS]
    tried = []
    for doubt in (0.0, 10.0):
        project = InMemory({"twice.py": "def twice(n):\n    return n\n"}, {"t::a": "twice(2) == 4"})
        limits = replace(DEFAULT, more_in_doubt=doubt)
        outcomes, _ = repaired(project, *table, limits=limits)
        tried.append(outcomes["t::a"].validations)
    assert tried[0] < tried[1]


class Hasty(InMemory):
    """Takes what multiplies for a loop without an end, unless it is asked to be patient."""

    def validate(self, task: RepairTask, candidate: Candidate) -> Verdict:
        multiplies = any("*" in edit.replacement for edit in candidate.edits)
        if multiplies and not task.patient:
            return TimedOut("no end after 0.1 s", 0.1, cut_short=True)
        return super().validate(task, candidate)


class Loose(Hasty):
    """Says at first that what multiplies fails, as where only a new import would tell."""

    def validate(self, task: RepairTask, candidate: Candidate) -> Verdict:
        found = super().validate(task, candidate)
        if not isinstance(found, TimedOut):
            return found
        return StillFailing(0, 1, cut_short=True)


@pytest.mark.parametrize("kind", [Hasty, Loose])
@pytest.mark.parametrize("quick", ["", "return n + n"])
def test_what_was_cut_short_is_tried_again_where_nothing_else_helps(
    quick: str, kind: type[Hasty]
) -> None:
    def project() -> InMemory:
        return kind({"twice.py": "def twice(n):\n    return n\n"}, {"t::a": "twice(2) == 4"})

    table = [("return n", "return n * 2", -1.0), ("return n", "return n - 2", -2.0)]
    if quick:
        table.append(("return n", quick, -3.0))
    outcomes, overlay = repaired(project(), *table)
    expected = f"def twice(n):\n    {quick or 'return n * 2'}\n"
    assert overlay == {"twice.py": expected.encode()}
    assert outcomes["t::a"].status is Status.REPAIRED


@pytest.mark.parametrize("learns", [True, False])
def test_a_function_that_fails_is_written_again_with_what_it_gave(learns: bool) -> None:
    """The model gives the right one only when it is shown the first one."""
    wrong, right = (TOTAL.replace("price + count", f"price {s} count") for s in "-*")
    model = ScriptedModel(
        {"result += price - count": [f"```python\n{right}```"]} if learns else {},
        default=(f"```python\n{wrong}```",),
        info=ModelInfo(spec="scripted", name="scripted", has_chat_template=True),
    )
    project = InMemory({"total.py": TOTAL}, {"t::two": "total([(2, 3)]) == 6"})
    ticks = itertools.count()
    clock = lambda: next(ticks) * 0.001  # noqa: E731  # a clock that only counts calls
    context = SearchContext(
        files=project,
        oracle=project,
        proposers=[],
        writers=[WriteProposer(model)],
        model=None,
        clock=clock,
        accept=Confidence.GUESS,
    )
    _, overlay = repair(context, project.observe({}), Meter(Budget(60.0), clock))
    assert overlay == ({"total.py": right.encode()} if learns else {})
    again = [prompt for prompt in model.prompts if "wrong as well" in prompt]
    assert 0 < len(again) <= 2 * DEFAULT.rewriting_rounds


def test_single_edits_go_on_where_the_model_has_written_nothing_that_helps() -> None:
    project = InMemory({"total.py": TOTAL}, {"t::two": "total([(2, 3)]) == 6"})
    now = [0.0]

    class Slow(Substitutions):
        def propose(self, task: RepairTask) -> Iterator[Candidate]:
            for candidate in super().propose(task):
                now[0] += 3.0
                yield candidate

    wrong = [("price + count", f"price - {n}", -1.0) for n in range(9)]
    context = SearchContext(
        files=project,
        oracle=project,
        proposers=[Slow([*wrong, ("price + count", "price * count", -2.0)])],
        writers=[Substitutions([])],
        model=None,
        clock=lambda: now[0],
        accept=Confidence.GUESS,
    )
    meter = Meter(Budget(40.0), lambda: now[0])
    outcomes, _ = repair(context, project.observe({}), meter)
    (chosen,) = outcomes[0].patches
    assert "price * count" in chosen.diff
    assert 24.0 < now[0] <= 33.0  # after the first pass, and none of them twice
