"""What is taken back at the end of a session: halves of repairs, and what is not needed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from in_memory import InMemory, Substitutions

from pytest_gemmadev.search.accept import Accepted
from pytest_gemmadev.search.budget import Budget, Meter
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.failing_sets import FailingSet
from pytest_gemmadev.search.found import Found, Step
from pytest_gemmadev.search.half_repairs import left_behind
from pytest_gemmadev.search.loop import repair
from pytest_gemmadev.search.needless import drop_needless_steps
from pytest_gemmadev.search.repairs import Repair
from pytest_gemmadev.search.search import search
from pytest_gemmadev.types import (
    Candidate,
    Confidence,
    Edit,
    ErrorKind,
    ErrorStack,
    Observation,
    Origin,
    Outcome,
    Overlay,
    Plausible,
    RankedPatch,
    RepairTask,
    Status,
    TestOutcome,
)

Table = tuple[tuple[str, str, float], ...]

PRICES = """\
PRICES = {"pear": 5, "fig": 2}

def price(name):
    return PRICES[name]

def total(names):
    return sum(price(name) for name in names)
"""


@dataclass(frozen=True, slots=True)
class FromRules:
    """Substitutions that say of themselves that they follow from the error's own words."""

    inner: Substitutions
    name: str = "rules"

    def propose(self, task: RepairTask) -> Iterator[Candidate]:
        for candidate in self.inner.propose(task):
            yield replace(candidate, origin=Origin.parse("rule:substitution"))


def context_of(project: InMemory, table: Table, *, names: bool = False) -> SearchContext:
    ticks = itertools.count()
    proposer = Substitutions(table)
    return SearchContext(
        files=project,
        oracle=project,
        proposers=[FromRules(proposer) if names else proposer],
        writers=[],
        model=None,
        clock=lambda: next(ticks) * 0.001,
        accept=Confidence.GUESS,
    )


def repaired(
    project: InMemory, *table: tuple[str, str, float], names: bool = False
) -> tuple[dict[str, Outcome], Overlay]:
    context = context_of(project, table, names=names)
    meter = Meter(Budget(60.0), context.clock)
    outcomes, overlay = repair(context, project.observe({}), meter)
    return {o.nodeid: o for o in outcomes}, overlay


def changed(project: InMemory, overlay: Overlay) -> dict[str, str]:
    return {p: data.decode() for p, data in overlay.items() if data.decode() != project.files[p]}


# --- halves --------------------------------------------------------------------------------------


def test_a_hidden_error_that_leaves_a_wrong_value_is_taken_back() -> None:
    project = InMemory(
        {"prices.py": PRICES},
        {
            "t::none": "total([]) == 0",
            "t::free": "price('plum') == 0",
            "t::two": "total(['plum', 'plum']) == 0",
            "t::plum": "total(['plum']) == 4",
        },
    )
    outcomes, overlay = repaired(project, ("PRICES[name]", "PRICES.get(name, 0)", -1.0))
    assert overlay == {}
    assert {o.status for o in outcomes.values()} == {Status.UNREPAIRED}
    assert set(outcomes) == {"t::free", "t::two", "t::plum"}
    first = outcomes["t::free"]
    assert "half a repair was taken back: with it KeyError gives way to AssertionError" in (
        first.reason
    )
    assert first.patches == ()
    assert first.best_failing is not None
    assert (first.best_failing.passed, first.best_failing.total) == (2, 3)
    assert "+    return PRICES.get(name, 0)" in first.best_failing.diff
    assert outcomes["t::plum"].stack.error == "KeyError"
    assert outcomes["t::plum"].reason.startswith("behind it stands AssertionError")


TWO_FAULTS = """\
def mean(values):
    return summ(values) / len(values)

def scaled(values, scale):
    return mean(values) * rate(scale)

def rate(scale):
    return {1: 1}[scale]
"""


@pytest.mark.parametrize("names", [True, False], ids=["names its cause", "a guess"])
def test_a_repair_stays_beside_a_failure_with_a_reason_of_its_own(names: bool) -> None:
    project = InMemory(
        {"mean.py": TWO_FAULTS},
        {"t::a": "mean([1, 2]) == 1.5", "t::b": "scaled([1], 2) == 2", "t::c": "mean([4]) == 4"},
    )
    outcomes, overlay = repaired(project, ("summ(", "sum(", -0.5), names=names)
    if names:
        assert changed(project, overlay) == {"mean.py": TWO_FAULTS.replace("summ", "sum")}
        assert outcomes["t::a"].status is Status.REPAIRED
        assert outcomes["t::b"].stack.error == "KeyError"
    else:
        assert overlay == {}
        assert outcomes["t::a"].status is Status.UNREPAIRED


def test_what_fails_on_the_patched_line_itself_is_never_a_reason_of_its_own() -> None:
    source = "def share(part, of):\n    return part / lenn(of)\n"
    project = InMemory(
        {"share.py": source},
        {"t::a": "share(1, [2]) == 1", "t::b": "share(1, []) == 0", "t::c": "share(4, [2]) == 4"},
    )
    outcomes, overlay = repaired(project, ("lenn(of)", "len(of)", -0.5), names=True)
    assert overlay == {}
    assert outcomes["t::b"].stack.error == "NameError"
    assert "ZeroDivisionError" in outcomes["t::a"].reason


def test_a_half_that_is_taken_back_leaves_other_repairs() -> None:
    project = InMemory(
        {"prices.py": PRICES, "total.py": "def twice(n):\n    return n + n + n\n"},
        {
            "t::free": "price('plum') == 0",
            "t::plum": "total(['plum']) == 4",
            "t::twice": "twice(2) == 4",
        },
    )
    outcomes, overlay = repaired(
        project, ("PRICES[name]", "PRICES.get(name, 0)", -1.0), ("n + n + n", "n + n", -1.0)
    )
    assert changed(project, overlay) == {"total.py": "def twice(n):\n    return n + n\n"}
    assert {n: o.status for n, o in outcomes.items()} == {
        "t::free": Status.UNREPAIRED,
        "t::plum": Status.UNREPAIRED,
        "t::twice": Status.REPAIRED,
    }


def test_a_half_whose_other_half_is_found_stays() -> None:
    project = InMemory(
        {"prices.py": PRICES},
        {"t::free": "price('plum') == 0", "t::plum": "total(['plum']) == 4"},
    )
    table = (
        ("PRICES[name]", "PRICES.get(name, 0)", -1.0),
        ("sum(price(name) for", "sum(price(name) or 4 for", -2.0),
    )
    outcomes, overlay = repaired(project, *table)
    assert b"get(name, 0)" in overlay["prices.py"]
    assert {o.status for o in outcomes.values()} == {Status.REPAIRED}


COLLECTED = "tests/test_a.py"


def collected(*passing: str, failing: str = "") -> Observation:
    """A run of the tests of one file, in which one may fail."""
    outcomes = dict.fromkeys((COLLECTED, *passing), TestOutcome.PASSED)
    stacks: tuple[ErrorStack, ...] = ()
    if failing:
        outcomes[failing] = TestOutcome.FAILED
        stacks = (ErrorStack(failing, "call", ErrorKind.KEY, "KeyError", "'x'", ()),)
    return Observation(outcomes, frozenset(outcomes) - {COLLECTED}, stacks)


@pytest.mark.parametrize(
    ("final", "is_half"),
    [
        pytest.param(collected(f"{COLLECTED}::a"), False, id="all pass"),
        pytest.param(collected(f"{COLLECTED}::a", failing=f"{COLLECTED}::b"), False, id="some"),
        pytest.param(collected(failing=f"{COLLECTED}::b"), True, id="none"),
        pytest.param(collected(failing="tests/test_b.py::b"), False, id="another file"),
    ],
)
def test_a_file_that_can_be_collected_and_has_no_green_test(
    final: Observation, is_half: bool
) -> None:
    broken = ErrorStack(COLLECTED, "collect", ErrorKind.IMPORT, "ImportError", "no", ())
    candidate = Candidate((Edit("a.py", 7, 10, "json"),), Origin.parse("rule:x"), 0.0)
    found = Found((Step(candidate, 0.0, 1),), {}, Plausible(1), (COLLECTED,))
    patches = (RankedPatch(candidate, "", 1, chosen=True),)
    after = collected(f"{COLLECTED}::a")
    accepted = Accepted(found, {"a.py": b"import json\n"}, patches, after, "")
    done = Repair(FailingSet((broken,)), accepted, {})
    stacks = left_behind(done, final, read=lambda _path: b"import jsn\n")
    assert bool(stacks) is is_half


# --- what is not needed --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OneByOne:
    """Has for each test a substitution of its own."""

    table: dict[str, tuple[str, str]]
    name: str = "one by one"

    def propose(self, task: RepairTask) -> Iterator[Candidate]:
        for target in task.targets:
            yield from Substitutions(((*self.table[target], -1.0),)).propose(task)


@pytest.mark.parametrize(
    "limit", ["LIMITS[two()]", "LIMITS[two() + 1]"], ids=["needless", "needed"]
)
def test_a_repair_that_a_later_one_makes_needless_is_dropped(limit: str) -> None:
    one = f"LIMITS = {{2: 1}}\n\ndef one():\n    return {limit}\n"
    project = InMemory(
        {"a.py": one, "b.py": "def two():\n    return 9\n"},
        {"t::one": "one() == 1", "t::two": "two() == 2"},
    )
    table = {"t::one": (limit, "LIMITS.get(3, 1)"), "t::two": ("return 9", "return 2")}
    context = replace(context_of(project, ()), proposers=[OneByOne(table)])
    found, overlay = repair(context, project.observe({}), Meter(Budget(60.0), context.clock))
    outcomes = {outcome.nodeid: outcome for outcome in found}
    assert {o.status for o in outcomes.values()} == {Status.REPAIRED}
    right = {"b.py": "def two():\n    return 2\n"}
    if limit == "LIMITS[two()]":
        assert changed(project, overlay) == right
        assert outcomes["t::one"].reason == "the same cause as t::two"
        assert (outcomes["t::one"].patches, len(outcomes["t::two"].patches)) == ((), 1)
    else:
        assert changed(project, overlay) == {
            **right,
            "a.py": one.replace(limit, "LIMITS.get(3, 1)"),
        }
        assert len(outcomes["t::one"].patches) == 1


def test_a_step_that_nothing_needs_is_dropped() -> None:
    source = "def mean(values):\n    total = summ(values)\n    return total / len(values)\n"
    project = InMemory({"mean.py": source}, {"t::mean": "mean([1, 2]) == 1.5"})
    table = (
        ("len(values)", "len(values + [])", -0.1),
        ("summ(", "sum(", -0.5),
    )
    context = context_of(project, table)
    seen = project.observe({})
    task = RepairTask(seen.stacks, ("t::mean",), seen.passing, project.files, {})
    one = next(c for c in context.proposers[0].propose(task) if "sum(" in c.edits[0].replacement)
    result = search(context, task, Meter(Budget(60.0), context.clock))
    [found] = [each for each in result.found if each.steps[-1].candidate.edits == one.edits]
    first = next(context.proposers[0].propose(task))
    longer = source.replace("len(values)", "len(values + [])")
    at = longer.index("summ(")
    later = replace(one, edits=(replace(one.edits[0], start=at, end=at + 5),))
    both = replace(
        found,
        steps=(replace(found.steps[0], candidate=first), replace(found.steps[0], candidate=later)),
        sources={"mean.py": longer.replace("summ(", "sum(")},
    )
    fewer = drop_needless_steps(context, both, task)
    assert fewer.sources == {"mean.py": source.replace("summ(", "sum(")}
    assert len(fewer.steps) == 1
    assert isinstance(fewer.verdict, Plausible)


def test_steps_that_are_needed_stay() -> None:
    source = "def mean(values):\n    total = summ(values)\n    return total / len(value)\n"
    project = InMemory({"mean.py": source}, {"t::mean": "mean([1, 2]) == 1.5"})
    table = (("summ(", "sum(", -0.5), ("len(value)", "len(values)", -0.5))
    outcomes, overlay = repaired(project, *table)
    right = source.replace("summ", "sum").replace("len(value)", "len(values)")
    assert changed(project, overlay) == {"mean.py": right}
    assert str(outcomes["t::mean"].patches[0].candidate.origin).count("+") == 1
