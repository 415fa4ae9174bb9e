"""The loop: push the errors, repair the top one, run again, until the stack is empty.

After GemmaDev's agent ("GemmaDev: Code debugging using Large Language Model", Fig. 5), with the
tests as the judge instead of the interpreter alone, and with a search where the paper asks the
model once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from pytest_gemmadev.files.sources import Sources, read_tests
from pytest_gemmadev.search.accept import Accepted, accept
from pytest_gemmadev.search.budget import Meter
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.credit import check_credit
from pytest_gemmadev.search.environment import find_missing
from pytest_gemmadev.search.failing_sets import FailingSet, sets_beside, top_of_stack
from pytest_gemmadev.search.found import SearchResult
from pytest_gemmadev.search.outcomes import Outcomes, explain_failure
from pytest_gemmadev.search.repetition import Steadiness, WholeRuns, check_steadiness
from pytest_gemmadev.search.search import search
from pytest_gemmadev.search.vetoes import apply_validators
from pytest_gemmadev.types import (
    ErrorStack,
    Observation,
    Outcome,
    Overlay,
    RepairTask,
    Spectrum,
    Status,
)

T = TypeVar("T")


def repair(
    context: SearchContext,
    baseline: Observation,
    meter: Meter,
    *,
    beside: Sequence[SearchContext] = (),
) -> tuple[tuple[Outcome, ...], Overlay]:
    """What became of every failure, and the new contents of the files that were repaired.

    ``baseline`` is a run of all tests on the tree as it is on disk; ``beside`` are contexts for
    failing sets that are searched at the same time as the first.
    """
    return _Loop(context, beside).run(baseline, meter)


@dataclass(frozen=True, slots=True)
class _Searched:
    """What the search of one failing set has come to."""

    failing: FailingSet
    task: RepairTask
    result: SearchResult
    seconds: float
    steadiness: Steadiness = field(default_factory=Steadiness)
    flaky: FailingSet | None = None  # those that were found with the others and are left alone
    missing: str = ""  # in the environment, perhaps


@dataclass(frozen=True, slots=True)
class _NotSearched:
    """A failing set that needs no search."""

    failing: FailingSet
    status: Status
    reason: str
    reasons: Mapping[str, str] = field(default_factory=dict)  # by node id, where they differ


@dataclass(slots=True)
class _Loop:
    """State of one session of repair."""

    context: SearchContext
    beside: Sequence[SearchContext]
    overlay: Overlay = field(default_factory=dict)  # repairs accepted so far, not on disk yet
    outcomes: Outcomes = field(default_factory=Outcomes)
    traced: Mapping[str, Spectrum] = field(default_factory=dict)  # failing tests of the last run

    history: WholeRuns = field(default_factory=WholeRuns)

    def run(self, baseline: Observation, meter: Meter) -> tuple[tuple[Outcome, ...], Overlay]:
        observation: Observation | None = None
        following = baseline
        while not meter.exhausted and (stack := self._open(following)):
            if following is not observation:
                observation = following
                self.traced = self._trace(stack, observation)
            following = self._repair_top(stack, observation, meter)
        for left in self._open(following):
            reason = "the budget was spent before its turn"
            self.outcomes.give_up(FailingSet((left,)), Status.SKIPPED, reason)
        return tuple(self.outcomes.by_nodeid.values()), dict(self.overlay)

    def _open(self, observation: Observation) -> list[ErrorStack]:
        """The error stack: the failures of a run that may still be repaired."""
        return [s for s in observation.stacks if self.outcomes.is_open(s.nodeid)]

    def _repair_top(
        self, stack: Sequence[ErrorStack], observation: Observation, meter: Meter
    ) -> Observation:
        """Repairs the top failing set, and others beside it where there are contexts for them.

        Returns the run of all tests on the tree after that, the same one where nothing was accepted.
        """
        top = top_of_stack(stack, {n: len(s.lines) for n, s in self.traced.items()})
        contexts = [self.context, *(self._share(each) for each in self.beside)]
        sets = sets_beside(top, stack, len(contexts))
        base = self.overlay
        jobs = [
            partial(self._search, context, failing, observation, meter=meter, sets=len(sets))
            for context, failing in zip(contexts, sets, strict=False)
        ]
        for searched in run_side_by_side(jobs, meter):
            current = self._carry_over(searched, base, observation)
            match current:
                case _NotSearched():
                    self._leave(current)
                case _Searched():
                    observation = self._settle(current, observation)
                case None:
                    pass  # it is open again
        return observation

    def _search(
        self,
        context: SearchContext,
        failing: FailingSet,
        observation: Observation,
        *,
        meter: Meter,
        sets: int,
    ) -> _Searched | _NotSearched:
        """Plausible repairs of one failing set on the tree as it is now."""
        start_s = meter.seconds
        first = failing.stacks[0]
        context.progress(f"{first.nodeid}: {first.error}")
        task = self._task(failing, observation)
        if not len(task.sources):
            reason = "no file that may be edited takes part in it"
            return _NotSearched(failing, Status.SKIPPED, reason)
        steadiness = check_steadiness(context, task, observation, meter=meter, history=self.history)
        if steadiness.unlike:
            return _NotSearched(failing, Status.SKIPPED, steadiness.unlike)
        flaky, steady = failing.part(steadiness.flaky)
        if steady is None:
            return _NotSearched(failing, Status.FLAKY, "", steadiness.flaky)
        if flaky is not None:
            failing, task = steady, self._task(steady, observation)
        open_sets = len({s.signature for s in observation.stacks})
        least = context.limits.least_share
        fraction = max(least, sets / max(1, open_sets)) if open_sets > 1 else 1.0
        missing = find_missing(first, task.sources, task.context)
        if missing is not None and missing.is_certain:
            result = search(context.by_rules(), task, meter.share(context.limits.rules_share))
            if not result.found:
                return _NotSearched(failing, Status.SKIPPED, missing.what)
        else:
            result = search(context, task, meter.share(fraction))
        seconds = meter.seconds - start_s
        about = missing.what if missing is not None else ""
        return _Searched(failing, task, result, seconds, steadiness, flaky, about)

    def _settle(self, searched: _Searched, observation: Observation) -> Observation:
        """Accepts what was found, or closes the failing set; the run of all tests after it."""
        context, failing = self.context, searched.failing
        if searched.flaky is not None:
            flaky = searched.steadiness.flaky
            self._leave(_NotSearched(searched.flaky, Status.FLAKY, "", flaky))
        start_s = context.clock()
        result = apply_validators(context, searched.result, searched.task)
        accepted = accept(context, result.found, searched.task, before=observation)
        seconds = searched.seconds + context.clock() - start_s
        if not isinstance(accepted, Accepted):
            reason = explain_failure(result, accepted)
            reason += f"; {searched.missing}" if searched.missing else ""
            self.outcomes.give_up(
                failing, Status.UNREPAIRED, reason, statistics=result.statistics, seconds=seconds
            )
            return observation
        credit = check_credit(
            context,
            searched.task,
            accepted,
            before=observation,
            is_certain=searched.steadiness.is_certain,
            history=self.history,
        )
        not_its_own, _ = FailingSet(observation.stacks).part(credit.flaky)
        if not_its_own is not None:
            self._leave(_NotSearched(not_its_own, Status.FLAKY, "", credit.flaky))
        if credit.unsteady or credit.flaky.keys() >= set(accepted.found.targets):
            _, held = failing.part(credit.flaky)
            if held is not None:
                reason = f"the patch that was found does not hold: {credit.unsteady}"
                self.outcomes.give_up(
                    held,
                    Status.UNREPAIRED,
                    reason,
                    statistics=result.statistics,
                    seconds=seconds,
                )
            return observation
        self.outcomes.close(
            failing, accepted, observation, statistics=result.statistics, seconds=seconds
        )
        if accepted.is_suggestion:
            return observation  # a suggestion: the loop goes on with the tree without it
        self.overlay = dict(accepted.overlay)
        return accepted.after

    def _leave(self, left: _NotSearched) -> None:
        """Closes a failing set that is not searched."""
        for stack in left.failing.stacks:
            reason = left.reasons.get(stack.nodeid, left.reason)
            self.outcomes.give_up(FailingSet((stack,)), left.status, reason)

    # --- what the loop knows of the tree and the failures ----------------------------------------

    def _task(self, failing: FailingSet, observation: Observation) -> RepairTask:
        """The task of repairing a failing set on the tree as it is now."""
        targets = frozenset(failing.targets)
        others = sorted(
            n
            for n in observation.failing
            if n not in targets and n in observation.collected and self.outcomes.is_open(n)
        )
        traced = [s for n, s in self.traced.items() if n not in targets and not s.passed]
        return RepairTask(
            stacks=failing.stacks,
            targets=failing.targets,
            regression=observation.passing - targets,
            sources=Sources(self.context.files, self.overlay),
            overlay=dict(self.overlay),
            others=tuple(others),
            also_failing=tuple(traced),
            context=read_tests(failing.stacks, self.context.files),
            seed=self.context.seed,
        )

    def _trace(
        self, stack: Sequence[ErrorStack], observation: Observation
    ) -> Mapping[str, Spectrum]:
        """Lines that failing tests run, one of each kind of failure first; empty for one kind."""
        tests = [s for s in stack if s.nodeid in observation.collected]
        if len({s.signature for s in stack}) < 2 or len(tests) < 2:
            return {}
        by_signature: dict[object, ErrorStack] = {}
        for each in tests:
            by_signature.setdefault(each.signature, each)
        first = list(by_signature.values())
        some = [*first, *(s for s in tests if s not in first)]
        self.traced = {}
        failing = FailingSet(tuple(some[: self.context.limits.traced_failing]))
        return self.context.oracle.learn_spectrum(
            self._task(failing, replace(observation, outcomes={}))
        )

    def _share(self, context: SearchContext) -> SearchContext:
        """The context of a search beside, with what all searches of the session know."""
        return replace(context, hazards=self.context.hazards)

    def _carry_over(
        self, searched: _Searched | _NotSearched, base: Overlay, observation: Observation
    ) -> _Searched | _NotSearched | None:
        """The same on the tree that the repairs beside it have left; None where it is open again.

        A repair that changes a file which another one has changed meanwhile is searched anew, and
        so is a failure that has become another one.
        """
        failing = searched.failing
        if self.overlay == base:
            return searched
        if not set(failing.stacks) <= set(observation.stacks):
            return None
        if isinstance(searched, _NotSearched):
            return searched
        taken = {p for p, data in self.overlay.items() if base.get(p) != data}
        result = searched.result
        found = [item for item in result.found if taken.isdisjoint(item.sources)]
        if result.found and not found:
            return None
        task = replace(
            searched.task,
            overlay=dict(self.overlay),
            sources=Sources(self.context.files, self.overlay),
            regression=observation.passing - set(failing.targets),
        )
        return replace(searched, task=task, result=replace(result, found=found))


def run_side_by_side(jobs: Sequence[Callable[[], T]], meter: Meter) -> list[T]:
    """What the jobs return, in their order; an error in one ends the others soon."""
    if len(jobs) == 1:
        return [jobs[0]()]
    with ThreadPoolExecutor(len(jobs)) as pool:
        futures = [pool.submit(job) for job in jobs]
        try:
            return [future.result() for future in futures]
        except BaseException:
            meter.stop()
            raise
