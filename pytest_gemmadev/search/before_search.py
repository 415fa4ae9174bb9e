"""What is decided of a failing set before it is searched: whether a search is of any use.

There is none where no file may be edited, where the failure comes and goes, where the environment
lacks something, and where the test is the suspect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pytest_gemmadev.search.advice import Effort, what_to_try
from pytest_gemmadev.search.budget import Meter
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.environment import Missing, find_missing
from pytest_gemmadev.search.failing_sets import FailingSet
from pytest_gemmadev.search.repetition import Steadiness, WholeRuns, check_steadiness
from pytest_gemmadev.search.test_faults.assess import Doubt, assess_before
from pytest_gemmadev.types import Observation, RepairTask, Status, SuspectTest


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Failures that are closed as they are."""

    failing: FailingSet
    status: Status
    reason: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)  # by node id, where they differ
    advice: tuple[str, ...] = ()
    suspects: Mapping[str, SuspectTest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Examined:
    """A failing set that is worth a search, and what is known of it before."""

    failing: FailingSet
    task: RepairTask
    steadiness: Steadiness = field(default_factory=Steadiness)
    flaky: FailingSet | None = None  # those that were found with the others and are left alone
    missing: Missing | None = None  # in the environment, perhaps
    doubt: Doubt | None = None  # whether its tests are at fault

    @property
    def is_for_rules(self) -> bool:
        """Whether the environment is at fault for sure, unless a rule knows better."""
        return self.missing is not None and self.missing.is_certain


def examine_failing(
    context: SearchContext,
    failing: FailingSet,
    observation: Observation,
    *,
    make_task: Callable[[FailingSet], RepairTask],
    meter: Meter,
    history: WholeRuns,
) -> Examined | LeftAlone:
    """The failing set without what is flaky in it, or why there is nothing to search for.

    ``observation`` is the run of everything in which it failed.
    """
    task = make_task(failing)
    if not len(task.sources):
        advice = tuple(what_to_try(failing.stacks[0], Effort(model=context.model_info)))
        reason = "no file that may be edited takes part in it"
        return LeftAlone(failing, Status.SKIPPED, reason, advice=advice)
    steadiness = check_steadiness(context, task, observation, meter=meter, history=history)
    if steadiness.unlike:
        return LeftAlone(failing, Status.SKIPPED, steadiness.unlike)
    flaky, steady = failing.part(steadiness.flaky)
    if steady is None:
        return LeftAlone(failing, Status.FLAKY, reasons=steadiness.flaky)
    if flaky is not None:
        failing, task = steady, make_task(steady)
    missing = find_missing(failing.stacks[0], task.sources, task.context)
    examined = Examined(failing, task, steadiness, flaky, missing)
    if examined.is_for_rules:
        return examined
    doubt = assess_before(context, task)
    if doubt is not None and doubt.probability >= context.limits.suspected_early:
        status = Status.TEST_SUSPECT
        return LeftAlone(failing, status, doubt.reason, suspects=doubt.suspects)
    return Examined(failing, task, steadiness, flaky, missing, doubt)
