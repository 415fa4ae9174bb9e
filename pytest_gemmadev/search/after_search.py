"""What is decided of a failing set once it has been searched: a patch, a suspect test, or neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pytest_gemmadev.search.accept import Accepted, accept
from pytest_gemmadev.search.advice import Effort, advise
from pytest_gemmadev.search.before_search import Examined
from pytest_gemmadev.search.closest import failing_candidate
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.credit import Credit, check_credit
from pytest_gemmadev.search.failing_sets import FailingSet
from pytest_gemmadev.search.found import SearchResult
from pytest_gemmadev.search.outcomes import explain_failure
from pytest_gemmadev.search.repetition import WholeRuns
from pytest_gemmadev.search.test_faults.assess import assess_after
from pytest_gemmadev.search.vetoes import apply_validators
from pytest_gemmadev.types import FailingCandidate, Observation, Status, SuspectTest


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Failures for which no patch was accepted, and what is said of them."""

    failing: FailingSet
    status: Status
    reason: str
    advice: tuple[str, ...] = ()
    best: FailingCandidate | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What a search has come to."""

    end: Accepted | GivenUp | None  # None where all that was found for is flaky
    failing: FailingSet  # what the patch is for, without what is flaky
    suspects: Mapping[str, SuspectTest] = field(default_factory=dict)
    flaky: Mapping[str, str] = field(default_factory=dict)  # why, by node id: seen with the patch


def judge(
    context: SearchContext,
    examined: Examined,
    result: SearchResult,
    *,
    before: Observation,
    history: WholeRuns,
) -> Judged:
    """The patch to keep of those that were found, unless tests or runs speak against it.

    ``before`` is the run of all tests without any of them.
    """
    limits, failing = context.limits, examined.failing
    result = apply_validators(context, result, examined.task)
    task = replace(examined.task, spectra=result.statistics.spectra)
    doubt = assess_after(context, task, examined.doubt, result=result)
    if doubt is not None and doubt.is_enough(limits):
        suspected = GivenUp(failing, Status.TEST_SUSPECT, doubt.reason)
        return Judged(suspected, failing, doubt.suspects)
    tried = result.statistics.validations
    accepted = None
    if result.found:
        accepted = accept(context, result.found, task, before=before, tried=tried)
    suspects: Mapping[str, SuspectTest] = {}
    if doubt is not None:
        is_patched = isinstance(accepted, Accepted)
        if doubt.probability >= (limits.doubted if is_patched else limits.noted):
            suspects = doubt.suspects
    if not isinstance(accepted, Accepted):
        reason = explain_failure(result, accepted)
        return Judged(_give_up(context, examined, result, reason=reason), failing, suspects)
    if doubt is not None and suspects:
        accepted = replace(accepted, is_suggestion=True, doubt=doubt.reason)
    credit = check_credit(
        context,
        examined.task,
        accepted,
        before=before,
        is_certain=examined.steadiness.is_certain,
        history=history,
    )
    return _credited(accepted, failing, suspects, credit=credit)


def _credited(
    accepted: Accepted,
    failing: FailingSet,
    suspects: Mapping[str, SuspectTest],
    *,
    credit: Credit,
) -> Judged:
    """The patch without the credit for what comes and goes; given up where nothing else is left."""
    _, held = failing.part(credit.flaky)
    if not credit.unsteady and not credit.flaky.keys() >= set(accepted.found.targets):
        return Judged(accepted, held or failing, suspects, credit.flaky)
    end = None
    if held is not None:
        reason = f"the patch that was found does not hold: {credit.unsteady}"
        end = GivenUp(held, Status.UNREPAIRED, reason)
    return Judged(end, held or failing, suspects, credit.flaky)


def _give_up(
    context: SearchContext, examined: Examined, result: SearchResult, *, reason: str
) -> GivenUp:
    """Why nothing was repaired, and what helps a person then."""
    statistics, task = result.statistics, examined.task
    best = None
    if statistics.closest is not None:
        best = failing_candidate(statistics.closest, task, context.files.read)
    effort = Effort(
        is_out_of_time=result.is_out_of_budget or result.has_candidates_left,
        budget_s=result.time.asked_s if result.time is not None else 0.0,
        model=context.model_info,
        tried=statistics.validations,
        refused=statistics.refused,
    )
    first = examined.failing.stacks[0]
    advice = advise(first, statistics.suspicions, task.sources, effort=effort)
    about = f"; {examined.missing.what}" if examined.missing is not None else ""
    return GivenUp(examined.failing, Status.UNREPAIRED, f"{reason}{about}", advice, best)
