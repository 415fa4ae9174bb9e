"""Which of the plausible repairs is kept, given a whole run of the tests for each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest
from in_memory import InMemory

from pytest_gemmadev.search.accept import Accepted, accept
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.found import Found, Step
from pytest_gemmadev.types import (
    NEITHER,
    Candidate,
    Confidence,
    Edit,
    Expression,
    Inapplicable,
    Observation,
    Overlay,
    Plausible,
    Question,
    RepairTask,
    TestOutcome,
)

CODE = "def twice(n):\n    return n\n"
TESTS = {"t::two": "twice(2) == 4", "t::none": "twice(0) == 0"}
RIGHT, OTHER, BREAKS = "n * 2", "n + n", "4"


def project(tests: Mapping[str, str] = TESTS) -> InMemory:
    return InMemory({"twice.py": CODE}, dict(tests))


def found(body: str, score: float = -1.0, *, destroys: str = "") -> Found:
    at = CODE.index("n\n", CODE.index("return"))
    candidate = Candidate((Edit("twice.py", at, at + 1, body),), "test:edit", score)
    texts = {"twice.py": CODE.replace("return n\n", f"return {body}\n")}
    return Found((Step(candidate, score, 1, destroys),), texts, Plausible(2), ("t::two",))


def kept(
    project: InMemory, *repairs: Found, ask: Callable[[Question], str | None] | None = None
) -> Accepted | Inapplicable | None:
    context = SearchContext(
        oracle=project,
        proposers=(),
        writers=(),
        files=project,
        model=None,
        clock=lambda: 0.0,
        ask=ask,
        accept=Confidence.GUESS,
    )
    before = project.observe({})
    task = RepairTask(before.stacks, ("t::two",), before.passing, {"twice.py": CODE}, overlay={})
    return accept(context, repairs, task, before=before)


def test_the_likeliest_that_a_whole_run_carries_is_kept_and_the_others_are_listed() -> None:
    accepted = kept(project(), found(OTHER, -2.0), found(RIGHT, -1.0))
    assert isinstance(accepted, Accepted)
    assert accepted.overlay == {"twice.py": CODE.replace("return n", "return n * 2").encode()}
    assert [patch.chosen for patch in accepted.patches] == [True, False]
    assert accepted.after.passing == {"t::two", "t::none"}


def test_one_that_breaks_what_passed_is_passed_over() -> None:
    accepted = kept(project(), found(BREAKS, -1.0), found(RIGHT, -2.0))
    assert isinstance(accepted, Accepted)
    assert accepted.found.steps[0].candidate.edits[0].replacement == RIGHT


@pytest.mark.parametrize(
    "repairs",
    [
        pytest.param([], id="nothing plausible"),
        pytest.param([found(BREAKS)], id="breaks what passed"),
        pytest.param([found("n - 2")], id="the target fails after all"),
    ],
)
def test_nothing_is_kept(repairs: list[Found]) -> None:
    assert kept(project(), *repairs) is None


def test_one_that_cannot_be_written_is_passed_over() -> None:
    accepted = kept(project(), found("n *", -1.0), found(RIGHT, -2.0))
    assert isinstance(accepted, Accepted)
    assert len(accepted.patches) == 1


def test_where_none_can_be_written_the_reason_is_given() -> None:
    refusal = Inapplicable("twice.py: Python does not parse it")
    assert kept(project(), found("n *", -1.0), found("n)", -2.0)) == refusal


@dataclass(slots=True)
class Vanishing(InMemory):
    """Loses a test in every run over an overlay."""

    def observe(self, overlay: Overlay) -> Observation:
        seen = super(Vanishing, self).observe(overlay)
        if not overlay:
            return seen
        outcomes = {n: o for n, o in seen.outcomes.items() if n != "t::none"}
        return replace(seen, outcomes=outcomes, collected=seen.collected - {"t::none"})

    def flaky(self, overlay: Overlay, nodeids: Collection[str]) -> frozenset[str]:
        return frozenset()


def test_a_test_that_vanishes_counts_against_it() -> None:
    assert kept(Vanishing({"twice.py": CODE}, dict(TESTS)), found(RIGHT)) is None


@dataclass(slots=True)
class Broken(InMemory):
    """A module that cannot be collected as it is."""

    def observe(self, overlay: Overlay) -> Observation:
        seen = super(Broken, self).observe(overlay)
        if overlay:
            return seen
        return replace(seen, outcomes={**seen.outcomes, "t::two": TestOutcome.ERROR})


def test_of_repairs_of_a_broken_import_the_one_with_most_passing_tests_is_kept() -> None:
    tests = {**TESTS, "t::three": "twice(3) == 6"}
    accepted = kept(
        Broken({"twice.py": CODE}, tests), found("n + 2 * (n == 2)", -1.0), found(RIGHT, -5.0)
    )
    assert isinstance(accepted, Accepted)
    assert accepted.found.steps[0].candidate.edits[0].replacement == RIGHT


@dataclass(slots=True)
class Probed(InMemory):
    """Tells what `twice` gives for some numbers."""

    def behaviours(
        self, task: RepairTask, overlays: Sequence[Overlay]
    ) -> list[Mapping[str, str] | None]:
        found: list[Mapping[str, str] | None] = []
        for overlay in overlays:
            namespace: dict[str, Callable[[int], int]] = {}
            exec(overlay.get("twice.py", CODE.encode()), namespace)
            found.append({f"twice({n})": repr(namespace["twice"](n)) for n in (0, 1, 3)})
        return found

    def evaluate(
        self, task: RepairTask, overlays: Sequence[Overlay], expressions: Sequence[Expression]
    ) -> list[Mapping[Expression, str] | None]:
        return [None] * len(overlays)


SQUARE = "n ** 2"  # the same for 0 and 2


def replacement(accepted: Accepted | Inapplicable | None) -> str:
    assert isinstance(accepted, Accepted)
    return accepted.found.steps[0].candidate.edits[0].replacement


def test_what_tells_the_patches_apart_is_kept_as_a_question() -> None:
    accepted = kept(
        Probed({"twice.py": CODE}, dict(TESTS)), found(RIGHT, -1.0), found(SQUARE, -9.0)
    )
    assert isinstance(accepted, Accepted)
    assert accepted.question is not None
    assert (accepted.question.call, accepted.question.path) == ("twice(1)", "twice.py")
    assert [(a.result, a.patches) for a in accepted.question.answers] == [
        ("2", (0,)), ("1", (1,))
    ]  # fmt: skip
    assert not accepted.is_suggestion


@pytest.mark.parametrize(
    ("said", "body", "others", "is_suggestion"),
    [
        pytest.param("1", SQUARE, 0, False, id="the other one"),
        pytest.param("2", RIGHT, 0, False, id="the first"),
        pytest.param(None, RIGHT, 1, False, id="no answer"),
        pytest.param(NEITHER, RIGHT, 1, True, id="neither"),
    ],
)
def test_a_person_decides(said: str | None, body: str, others: int, is_suggestion: bool) -> None:
    project = Probed({"twice.py": CODE}, dict(TESTS))
    accepted = kept(project, found(RIGHT, -1.0), found(SQUARE, -9.0), ask=lambda _question: said)
    assert isinstance(accepted, Accepted)
    assert replacement(accepted) == body
    assert len(accepted.patches) == 1 + others
    assert accepted.is_suggestion is is_suggestion
    assert (accepted.question is None) is (said is not None)
    assert ("you said" in accepted.note) is (said is not None)
