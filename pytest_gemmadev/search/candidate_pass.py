"""One pass over a stream of candidates: what the verdicts mean, and how far the pass goes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pytest_gemmadev.search.budget import Meter
from pytest_gemmadev.search.choice import rough_chance
from pytest_gemmadev.search.closest import describe_closest, nearer
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.evidence import count_assertions, count_tests
from pytest_gemmadev.search.found import Applied, Found, Statistics, Step, Validated
from pytest_gemmadev.search.partial_repairs import is_progress
from pytest_gemmadev.search.rank import Places
from pytest_gemmadev.search.stopping import StoppingRule
from pytest_gemmadev.types import (
    Candidate,
    Inapplicable,
    Inconclusive,
    Origin,
    OriginKind,
    Plausible,
    Refused,
    Regressed,
    RepairTask,
    StillFailing,
    TimedOut,
    assert_never,
)

WRITTEN_FUNCTION = Origin(OriginKind.WRITE, "function")  # written as a whole

Failed = tuple[Step, StillFailing]


@dataclass(slots=True)
class Level:
    """One task of the search, and what has come of it."""

    task: RepairTask
    places: Places
    before: tuple[Applied, ...] = ()  # partial repairs on the way to the task
    found: list[Found] = field(default_factory=list)
    partial: list[Failed] = field(default_factory=list)  # partial repairs
    cut_short: list[Applied] = field(default_factory=list)  # that more time may tell more of
    wrong_functions: list[Failed] = field(default_factory=list)  # written by the model
    held_back: list[Step] = field(default_factory=list)  # destructive, not validated yet
    is_last: bool = False  # all else was validated: what was held back has its turn

    def chance(self, tried: int) -> float:
        """The probability, in [0, 1], of the likeliest repair so far, before anything is compared."""
        return rough_chance(self.found, self.task, tried=tried)

    @property
    def depth(self) -> int:
        """How many faults were repaired on the way to the task, and this one."""
        return len(self.before) + 1

    @property
    def is_destructive(self) -> bool:
        """Whether what is validated here destroys, by itself or by what led to the task."""
        return self.is_last or any(step.destroys for step, _ in self.before)


@dataclass(slots=True)
class CandidatePass:
    """One pass over candidates for the task of a level."""

    context: SearchContext
    level: Level
    meter: Meter
    stopping: StoppingRule = field(init=False)

    def __post_init__(self) -> None:
        self.stopping = StoppingRule(self.context.limits)

    @property
    def is_past_first(self) -> bool:
        """Whether the first candidates were validated, by their number or by the time."""
        limits = self.context.limits
        tried, seconds = self.stopping.tried, self.meter.seconds
        return tried >= limits.first_candidates or seconds > limits.first_s

    @property
    def is_over(self) -> bool:
        return self.stopping.ends(self.meter)

    def note(self, validated: Validated, statistics: Statistics) -> None:
        """Takes one verdict down, and what follows from it."""
        self.stopping.tried += 1
        step = replace(validated.step, rank=self.stopping.tried)
        applied = Applied(step, validated.texts)
        match validated.verdict:
            case Plausible() as verdict:
                self._note_plausible(applied, verdict)
            case StillFailing() as verdict:
                self._note_failing(applied, verdict, statistics)
            case TimedOut(cut_short=True) | Regressed(cut_short=True):
                self.level.cut_short.append(applied)
            case Regressed() as verdict:
                self._note_closest(applied, verdict, statistics)
            case Refused():
                statistics.refused += 1
            case Inapplicable() | TimedOut() | Inconclusive():
                pass
            case _:
                assert_never(validated.verdict)

    def narrow(self) -> None:
        """Ends the pass soon: one edit alone may do as well as what was found."""
        self.stopping.narrow(self.meter, explains_all=True)

    def _note_plausible(self, applied: Applied, verdict: Plausible) -> None:
        context, task, (step, texts) = self.context, self.level.task, applied
        others = self._count_others_passing(step.candidate)
        found = Found(
            (step,),
            texts,
            verdict,
            task.targets,
            others,
            assertions=count_assertions(task, step.candidate.edits),
            suspicion=self.level.places.suspiciousness(step.candidate),
            tests=count_tests(task, step.candidate.edits),
        )
        self.level.found.append(found)
        explains_all = others == len(task.others)
        related = not explains_all and context.count_related(task, step.candidate)
        self.stopping.narrow(
            self.meter,
            explains_all=explains_all,
            related_fail=others < related,
            chance=self.level.chance(self.stopping.tried),
        )

    def _note_failing(
        self, applied: Applied, verdict: StillFailing, statistics: Statistics
    ) -> None:
        level, (step, texts) = self.level, applied
        if verdict.cut_short:
            level.cut_short.append(applied)
        if step.candidate.origin == WRITTEN_FUNCTION:
            level.wrong_functions.append((step, verdict))
        part = None
        if not self.meter.exhausted:  # it takes a whole run
            part = self._repaired_part(step.candidate, verdict)
        if part is not None:
            targets, confirmed = part
            level.found.append(Found((step,), texts, confirmed, targets))
            self.stopping.narrow(self.meter, explains_all=False, related_fail=True)
        elif is_progress(level.task, step.candidate, verdict):
            level.partial.append((step, verdict))
            self._note_closest(applied, verdict, statistics)

    def _note_closest(
        self, applied: Applied, verdict: StillFailing | Regressed, statistics: Statistics
    ) -> None:
        """Keeps a candidate that fails, where none got further; not one that may destroy something."""
        if self.level.is_destructive:
            return
        whole = (*self.level.before, applied)
        closest = describe_closest(whole, verdict, targets=len(self.level.task.targets))
        statistics.closest = nearer(statistics.closest, closest)

    def _repaired_part(
        self, candidate: Candidate, verdict: StillFailing
    ) -> tuple[tuple[str, ...], Plausible] | None:
        """The targets that turn green, where the error is gone from all the others as well.

        Those fail for another reason, which its own repair has to find.
        """
        task = self.level.task
        failing = {stack.nodeid for stack in verdict.stacks}
        passing = tuple(t for t in task.targets if t not in failing)
        if not verdict.passed or len(passing) != verdict.passed or not task.stacks:
            return None
        gone = (task.stacks[0].error, task.stacks[0].message)
        if any((stack.error, stack.message) == gone for stack in verdict.stacks):
            return None
        narrower = replace(task, targets=passing)
        confirmed = self.context.oracle.validate(narrower, candidate)
        return (passing, confirmed) if isinstance(confirmed, Plausible) else None

    def _count_others_passing(self, candidate: Candidate) -> int:
        """Failing tests outside the set that turn green with the candidate."""
        task = self.level.task
        if not task.others:
            return 0
        wider = replace(task, targets=task.others, regression=frozenset())
        match self.context.oracle.validate(wider, candidate):
            case Plausible():
                return len(task.others)
            case StillFailing(passed=passed):
                return passed
            case _:
                return 0
