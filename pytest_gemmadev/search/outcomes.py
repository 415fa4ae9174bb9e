"""What became of each failure of a session of repair, in words for its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pytest_gemmadev.search.accept import Accepted
from pytest_gemmadev.search.failing_sets import FailingSet
from pytest_gemmadev.search.found import SearchResult, Statistics
from pytest_gemmadev.types import (
    Confidence,
    FailingCandidate,
    Inapplicable,
    Observation,
    Outcome,
    Status,
    SuspectTest,
)

_CLOSED = (
    Status.SUGGESTED,
    Status.TEST_SUSPECT,
    Status.UNREPAIRED,
    Status.FLAKY,
    Status.SKIPPED,
)
ASKED_FOR = "written only when asked for"
_NOT_SURE = {
    Confidence.GUESS: "it passes the tests, and so may a wrong one",
    Confidence.LIKELY: "not as sure as was asked for",
    Confidence.SURE: "sure",
}


@dataclass(slots=True)
class Outcomes:
    """Outcomes by node id."""

    by_nodeid: dict[str, Outcome] = field(default_factory=dict)
    suspects: dict[str, SuspectTest] = field(default_factory=dict)  # tests that may be at fault

    def all(self) -> tuple[Outcome, ...]:
        """The outcomes with what is known against their tests."""
        return tuple(
            replace(o, suspect_test=self.suspects.get(nodeid))
            for nodeid, o in self.by_nodeid.items()
        )

    def is_open(self, nodeid: str) -> bool:
        """Whether the failure may still be repaired; one that was, and fails again, may."""
        outcome = self.by_nodeid.get(nodeid)
        return outcome is None or outcome.status not in _CLOSED

    def close(
        self,
        failing: FailingSet,
        accepted: Accepted,
        before: Observation,
        *,
        statistics: Statistics,
        seconds: float,
    ) -> None:
        """Notes the repair at the first that it turns green, and with it what else it does.

        A suggestion is one that may destroy something or is not sure enough: the tree goes without it.
        """
        chosen, patches, after = accepted.found, accepted.patches, accepted.after
        first = next(
            s for s in failing.stacks if s.nodeid in chosen.targets and self.is_open(s.nodeid)
        )
        others = len(patches) - 1
        tests = len(after.passing & after.collected)
        carried = _count(tests, "test passes", "tests pass")
        further = _count(others, "other plausible patch", "other plausible patches")
        reason = f"{carried} with it, {further}"
        if accepted.differ:
            reason += f" that differ: {accepted.differ}"
        # What is sure is so by more than the assertions that run it.
        if chosen.assertions == 1 and accepted.confidence is not Confidence.SURE:
            reason += "; thinly tested: one assertion runs what was changed"
        if accepted.note:
            reason += f"; {accepted.note}"
        status = Status.SUGGESTED if accepted.is_suggestion else Status.REPAIRED
        if chosen.destroys:
            reason = f"it {chosen.destroys}; {ASKED_FOR}; {reason}"
        elif accepted.doubt:
            reason = f"{accepted.doubt}; a patch is {ASKED_FOR}; {reason}"
        elif accepted.is_suggestion:
            reason = f"{_NOT_SURE[accepted.confidence]}; {ASKED_FOR}; {reason}"
        self.by_nodeid[first.nodeid] = Outcome(
            first.nodeid,
            first,
            status,
            reason,
            patches,
            statistics.validations,
            seconds,
            statistics.suspicions,
            statistics.localizing_s,
            statistics.refused,
            accepted.question,
        )
        still = set(after.failing)
        for stack in before.stacks:
            known = self.by_nodeid.get(stack.nodeid)
            is_open = known is None or (
                known.status is Status.SUGGESTED and not accepted.is_suggestion
            )
            if is_open and stack.nodeid not in still:
                self.by_nodeid[stack.nodeid] = Outcome(
                    stack.nodeid, stack, status, f"the same cause as {first.nodeid}"
                )

    def give_up(
        self,
        failing: FailingSet,
        status: Status,
        reason: str,
        *,
        statistics: Statistics | None = None,
        seconds: float = 0.0,
        advice: tuple[str, ...] = (),
        best: FailingCandidate | None = None,
    ) -> None:
        """Closes all of them; what the search cost stands at the first, and what helps a person."""
        for stack in failing.stacks:
            self.by_nodeid[stack.nodeid] = Outcome(stack.nodeid, stack, status, reason)
        first = failing.stacks[0].nodeid
        self.by_nodeid[first] = replace(self.by_nodeid[first], advice=advice, best_failing=best)
        if statistics is not None:
            self.by_nodeid[first] = replace(
                self.by_nodeid[first],
                validations=statistics.validations,
                seconds=seconds,
                suspicions=statistics.suspicions,
                localizing_s=statistics.localizing_s,
                refused=statistics.refused,
            )


def suggestions(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes that hold something to apply, as `gemmadev apply` numbers them."""
    return [outcome for outcome in outcomes if outcome.is_offer]


def number_suggestions(outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """The outcomes; suggestions say by which command they are written."""
    numbers = {o.nodeid: n for n, o in enumerate(suggestions(outcomes), 1)}
    return tuple(
        replace(o, reason=o.reason.replace(ASKED_FOR, f"{ASKED_FOR}: gemmadev apply {n}", 1))
        if (n := numbers.get(o.nodeid))
        else o
        for o in outcomes
    )


def explain_failure(result: SearchResult, refusal: Inapplicable | None = None) -> str:
    """Why a search ended without an accepted repair; ``refusal`` is why none can be written."""
    if result.vetoes and not result.found:
        plausible = _count(len(result.vetoes), "plausible patch was", "plausible patches were")
        return f"{plausible} found and rejected: {result.vetoes[0]}"
    number = result.statistics.validations
    tried = _count(number, "candidate patch", "candidate patches")
    if refusal is not None:
        return f"no plausible patch can be written: {refusal.reason}; {tried} validated"
    if result.found:
        return f"no plausible patch of {len(result.found)} survived a full run; {tried} validated"
    time = result.time
    at = "" if time is None else f" at {time.at_s:.1f} of {time.asked_s:g} s"
    if result.is_out_of_budget:
        if time is None or time.at_s >= time.limit_s:
            return f"out of budget after {tried}{f',{at}' if at else ''}"
        return f"its share of the time was over{at}: none of {tried} turned it green"
    if not number:
        return "no candidate patch was found for it"
    if result.has_candidates_left:
        return f"none of {tried} turned it green: stopped{at}, before all were tried"
    return f"none of {tried} turned it green{f': they ran out{at}' if at else ''}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
