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
from pytest_gemmadev.search.accept import Accepted
from pytest_gemmadev.search.after_search import GivenUp, judge
from pytest_gemmadev.search.before_search import Examined, LeftAlone, examine_failing
from pytest_gemmadev.search.budget import Meter
from pytest_gemmadev.search.closing import Closing
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.failing_sets import FailingSet, sets_beside, top_of_stack
from pytest_gemmadev.search.found import SearchResult
from pytest_gemmadev.search.outcomes import Outcomes
from pytest_gemmadev.search.repairs import Repair
from pytest_gemmadev.search.repetition import WholeRuns
from pytest_gemmadev.search.search import search
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

    examined: Examined
    result: SearchResult
    seconds: float

    @property
    def failing(self) -> FailingSet:
        return self.examined.failing


@dataclass(slots=True)
class _Loop:
    """State of one session of repair."""

    context: SearchContext
    beside: Sequence[SearchContext]
    overlay: Overlay = field(default_factory=dict)  # repairs accepted so far, not on disk yet
    repairs: list[Repair] = field(default_factory=list)  # those repairs, the first one first
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
            advice = (f"to try: a larger budget, --gemmadev-budget={2 * meter.asked_s:g}",)
            self.outcomes.give_up(FailingSet((left,)), Status.SKIPPED, reason, advice=advice)
        if self.repairs:
            closing = Closing(
                self.context, self.repairs, self.outcomes, baseline, following, self.overlay
            )
            self.overlay = closing.close(meter)
        return self.outcomes.all(), dict(self.overlay)

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
                case LeftAlone():
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
    ) -> _Searched | LeftAlone:
        """Plausible repairs of one failing set on the tree as it is now."""
        start_s = meter.seconds
        first = failing.stacks[0]
        context.progress(f"{first.nodeid}: {first.error}")
        examined = examine_failing(
            context,
            failing,
            observation,
            make_task=lambda some: self._task(some, observation),
            meter=meter,
            history=self.history,
        )
        if isinstance(examined, LeftAlone):
            return examined
        limits, missing = context.limits, examined.missing
        if missing is not None and examined.is_for_rules:
            result = search(context.by_rules(), examined.task, meter.share(limits.rules_share))
            if not result.found:
                return LeftAlone(examined.failing, Status.SKIPPED, missing.what)
        else:
            open_sets = len({s.signature for s in observation.stacks})
            fraction = max(limits.least_share, sets / max(1, open_sets)) if open_sets > 1 else 1.0
            result = search(context, examined.task, meter.share(fraction))
        return _Searched(examined, result, meter.seconds - start_s)

    def _settle(self, searched: _Searched, observation: Observation) -> Observation:
        """Accepts what was found, or closes the failing set; the run of all tests after it."""
        context, examined, result = self.context, searched.examined, searched.result
        if examined.flaky is not None:
            reasons = examined.steadiness.flaky
            self._leave(LeftAlone(examined.flaky, Status.FLAKY, reasons=reasons))
        start_s = context.clock()
        judged = judge(context, examined, result, before=observation, history=self.history)
        seconds = searched.seconds + context.clock() - start_s
        self.outcomes.suspects.update(judged.suspects)
        flaky, _ = FailingSet(observation.stacks).part(judged.flaky)
        if flaky is not None:
            self._leave(LeftAlone(flaky, Status.FLAKY, reasons=judged.flaky))
        match judged.end:
            case GivenUp() as end:
                self.outcomes.give_up(
                    end.failing,
                    end.status,
                    end.reason,
                    statistics=result.statistics,
                    seconds=seconds,
                    advice=end.advice,
                    best=end.best,
                )
            case Accepted() as accepted:
                self.outcomes.close(
                    judged.failing,
                    accepted,
                    observation,
                    statistics=result.statistics,
                    seconds=seconds,
                )
                if not accepted.is_suggestion:  # else the loop goes on with the tree without it
                    self.repairs.append(Repair(judged.failing, accepted, self.overlay))
                    self.overlay = dict(accepted.overlay)
                    return accepted.after
            case None:
                pass  # all of it is flaky
        return observation

    def _leave(self, left: LeftAlone) -> None:
        """Closes failures without a repair."""
        self.outcomes.suspects.update(left.suspects)
        for number, stack in enumerate(left.failing.stacks):
            reason = left.reasons.get(stack.nodeid, left.reason)
            advice = () if number else left.advice
            self.outcomes.give_up(FailingSet((stack,)), left.status, reason, advice=advice)

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
        self, searched: _Searched | LeftAlone, base: Overlay, observation: Observation
    ) -> _Searched | LeftAlone | None:
        """The same on the tree that the repairs beside it have left; None where it is open again.

        A repair that changes a file which another one has changed meanwhile is searched anew, and
        so is a failure that has become another one.
        """
        failing = searched.failing
        if self.overlay == base:
            return searched
        if not set(failing.stacks) <= set(observation.stacks):
            return None
        if isinstance(searched, LeftAlone):
            return searched
        taken = {p for p, data in self.overlay.items() if base.get(p) != data}
        result = searched.result
        found = [item for item in result.found if taken.isdisjoint(item.sources)]
        if result.found and not found:
            return None
        task = replace(
            searched.examined.task,
            overlay=dict(self.overlay),
            sources=Sources(self.context.files, self.overlay),
            regression=observation.passing - set(failing.targets),
        )
        examined = replace(searched.examined, task=task)
        return _Searched(examined, replace(result, found=found), searched.seconds)


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
