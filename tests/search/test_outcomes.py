"""What became of each failure, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_gemmadev.search.accept import Accepted
from pytest_gemmadev.search.failing_sets import FailingSet
from pytest_gemmadev.search.found import Found, SearchResult, Statistics, Step, TimeSpent
from pytest_gemmadev.search.outcomes import (
    Outcomes,
    explain_failure,
    number_suggestions,
    suggestions,
)
from pytest_gemmadev.types import (
    Candidate,
    Confidence,
    ErrorKind,
    ErrorStack,
    Inapplicable,
    Observation,
    Plausible,
    RankedPatch,
    Status,
    TestOutcome,
)

CANDIDATE = Candidate((), "test:edit", 0.0)


def stack(nodeid: str) -> ErrorStack:
    return ErrorStack(nodeid, "call", ErrorKind.NAME, "NameError", "", ())


def observation(**outcomes: TestOutcome) -> Observation:
    failing = tuple(stack(n) for n, o in outcomes.items() if o is TestOutcome.FAILED)
    return Observation(outcomes, frozenset(outcomes), failing)


BEFORE = observation(a=TestOutcome.FAILED, b=TestOutcome.FAILED, c=TestOutcome.PASSED)


def accepted(
    *,
    destroys: str = "",
    differ: str = "",
    assertions: int = 0,
    b: str = "passed",
    probability: float = 0.97,
) -> Accepted:
    step = Step(CANDIDATE, 0.0, 1, destroys)
    found = Found((step,), {}, Plausible(2), ("a",), assertions=assertions)
    after = observation(a=TestOutcome.PASSED, b=TestOutcome(b), c=TestOutcome.PASSED)
    patch = RankedPatch(CANDIDATE, "", 1, chosen=True, probability=probability)
    is_suggestion = bool(destroys) or patch.confidence is Confidence.GUESS
    return Accepted(found, {}, (patch,), after, differ, is_suggestion)


def closed(repair: Accepted) -> Outcomes:
    outcomes = Outcomes()
    failing = FailingSet((stack("a"),))
    statistics = Statistics(validations=7)
    outcomes.close(failing, repair, BEFORE, statistics=statistics, seconds=1.5)
    return outcomes


@pytest.mark.parametrize(
    ("repair", "status", "reason"),
    [
        pytest.param(
            accepted(),
            Status.REPAIRED,
            "3 tests pass with it, 0 other plausible patches",
            id="plain",
        ),
        pytest.param(
            accepted(differ="f(1) gives 1, with another 2"),
            Status.REPAIRED,
            "3 tests pass with it, 0 other plausible patches that differ: f(1) gives 1, with another 2",
            id="others differ",
        ),
        pytest.param(
            accepted(assertions=1),
            Status.REPAIRED,
            "3 tests pass with it, 0 other plausible patches",
            id="sure whatever runs it",
        ),
        pytest.param(
            accepted(probability=0.4),
            Status.SUGGESTED,
            "it passes the tests, and so may a wrong one; written only when asked for; 3 tests pass "
            "with it, 0 other plausible patches",
            id="a guess",
        ),
        pytest.param(
            accepted(assertions=1, probability=0.85),
            Status.REPAIRED,
            "3 tests pass with it, 0 other plausible patches; thinly tested: one assertion runs what "
            "was changed",
            id="thinly tested",
        ),
        pytest.param(
            accepted(destroys="newly reaches `rmtree`"),
            Status.SUGGESTED,
            "it newly reaches `rmtree`; written only when asked for; 3 tests pass with it, 0 other "
            "plausible patches",
            id="destructive",
        ),
    ],
)
def test_a_repair_says_why(repair: Accepted, status: Status, reason: str) -> None:
    outcome = closed(repair).by_nodeid["a"]
    assert (outcome.status, outcome.reason) == (status, reason)
    assert (outcome.validations, outcome.seconds) == (7, 1.5)


def test_what_turns_green_with_it_has_the_same_cause_and_what_does_not_stays_open() -> None:
    outcomes = closed(accepted())
    assert outcomes.by_nodeid["b"].reason == "the same cause as a"
    still = closed(accepted(b="failed"))
    assert "b" not in still.by_nodeid
    assert still.is_open("b")


def test_a_repair_that_fails_again_is_open_and_a_suggestion_is_not() -> None:
    assert closed(accepted()).is_open("a")
    assert not closed(accepted(destroys="newly reaches `rmtree`")).is_open("a")


def test_giving_up_closes_all_and_notes_the_cost_at_the_first() -> None:
    outcomes = Outcomes()
    failing = FailingSet((stack("a"), stack("b")))
    outcomes.give_up(
        failing, Status.UNREPAIRED, "why", statistics=Statistics(validations=7), seconds=2.0
    )
    assert [o.validations for o in outcomes.by_nodeid.values()] == [7, 0]
    assert not outcomes.is_open("a")
    assert not outcomes.is_open("b")


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        pytest.param(SearchResult(), "no candidate patch was found for it", id="nothing"),
        pytest.param(
            SearchResult(statistics=Statistics(validations=1)),
            "none of 1 candidate patch turned it green",
            id="none",
        ),
        pytest.param(
            SearchResult(statistics=Statistics(validations=2), is_out_of_budget=True),
            "out of budget after 2 candidate patches",
            id="budget",
        ),
        pytest.param(
            SearchResult(
                statistics=Statistics(validations=2),
                is_out_of_budget=True,
                time=TimeSpent(54.02, 54.0, 60.0),
            ),
            "out of budget after 2 candidate patches, at 54.0 of 60 s",
            id="budget, with times",
        ),
        pytest.param(
            SearchResult(
                statistics=Statistics(validations=2),
                is_out_of_budget=True,
                time=TimeSpent(32.0, 54.0, 60.0),
            ),
            "its share of the time was over at 32.0 of 60 s: none of 2 candidate patches turned it "
            "green",
            id="a share of the budget",
        ),
        pytest.param(
            SearchResult(statistics=Statistics(validations=2), time=TimeSpent(32.0, 54.0, 60.0)),
            "none of 2 candidate patches turned it green: they ran out at 32.0 of 60 s",
            id="candidates ran out",
        ),
        pytest.param(
            SearchResult(
                statistics=Statistics(validations=2),
                has_candidates_left=True,
                time=TimeSpent(32.0, 54.0, 60.0),
            ),
            "none of 2 candidate patches turned it green: stopped at 32.0 of 60 s, before all were "
            "tried",
            id="candidates are left",
        ),
        pytest.param(
            SearchResult([accepted().found], Statistics(validations=2), is_out_of_budget=True),
            "no plausible patch of 1 survived a full run; 2 candidate patches validated",
            id="not carried",
        ),
    ],
)
def test_a_search_without_a_repair_says_why(result: SearchResult, reason: str) -> None:
    assert explain_failure(result) == reason


def test_why_a_plausible_patch_cannot_be_written_is_said() -> None:
    result = SearchResult((Found((), {}, Plausible(1), ()),), Statistics(validations=3))
    reason = "no plausible patch can be written: a.py: no; 3 candidate patches validated"
    assert explain_failure(result, Inapplicable("a.py: no")) == reason


def test_suggestions_are_numbered_by_the_command_that_writes_them() -> None:
    outcomes = closed(accepted(destroys="newly reaches `rmtree`")).by_nodeid
    first = outcomes["a"]
    second = replace(first, nodeid="z")
    repaired = replace(first, nodeid="r", status=Status.REPAIRED, reason="3 tests pass with it")
    numbered = number_suggestions([first, repaired, second])
    assert suggestions(numbered) == [numbered[0], numbered[2]]
    assert ["gemmadev apply" in outcome.reason for outcome in numbered] == [True, False, True]
    assert "gemmadev apply 2" in numbered[2].reason
