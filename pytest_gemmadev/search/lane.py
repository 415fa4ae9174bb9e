"""One failing set searched: with an oracle and proposers of its own, so that several can be at once.

What lanes share is read only, but for the model, which its door makes safe for threads, and the
budget.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pytest_gemmadev.files.sources import Files, Sources
from pytest_gemmadev.search.budget import Meter
from pytest_gemmadev.search.destructive.destructive_edits import Hazards
from pytest_gemmadev.search.evidence import changed_lines, doubt
from pytest_gemmadev.search.localize import localize, mentioned
from pytest_gemmadev.search.search import Found, Search
from pytest_gemmadev.text.edits import edit_overlay
from pytest_gemmadev.types import (
    Candidate,
    ErrorKind,
    ErrorStack,
    Inapplicable,
    Model,
    Oracle,
    Plausible,
    Proposer,
    RepairTask,
    Role,
    Spectrum,
    Suspicion,
)

RERUNS = 4  # of a failing set before it is believed to fail always
RERUN_SHARE = 0.05  # of the time left, at most, but for the first of them
_NEVER_FLAKY = (ErrorKind.SYNTAX, ErrorKind.INDENTATION)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FailingSet:
    """Failures with one cause."""

    stacks: tuple[ErrorStack, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(s.nodeid for s in self.stacks))

    @property
    def files(self) -> frozenset[str]:
        """Files of the project that its stacks meet; where there are none, those of the tests."""
        frames = [frame for stack in self.stacks for frame in stack.frames]
        own = frozenset(frame.path for frame in frames if frame.in_project)
        return own or frozenset(frame.path for frame in frames if frame.role is Role.TEST)


@dataclass(slots=True)
class Lane:
    """What a search has for itself."""

    oracle: Oracle
    proposers: Sequence[Proposer]
    writers: Sequence[Proposer]
    files: Files
    model: Model | None
    clock: Callable[[], float]
    tell: Callable[[str], None]
    also_failing: Callable[[RepairTask], Sequence[Spectrum]] = lambda _task: ()
    # what other failing tests execute
    localizer: Callable[..., tuple[Suspicion, ...]] = localize
    hazards: Hazards = field(default_factory=Hazards)  # what is known of destructive calls

    def passes_again(self, task: RepairTask, meter: Meter) -> bool:
        """Whether the failing set passes when it is run again with nothing changed."""
        if all(stack.kind in _NEVER_FLAKY for stack in task.stacks):
            return False
        unchanged = Candidate(edits=(), origin="unchanged", prior=0.0)
        share = meter.share(RERUN_SHARE)  # a test that hangs is not waited for again and again
        for _ in range(RERUNS):
            if share.exhausted:
                return False
            if isinstance(self.oracle.validate(task, unchanged), Plausible):
                return True
        return False

    def search(self, task: RepairTask, meter: Meter) -> tuple[list[Found], Search]:
        """Plausible repairs, and the search that has found them."""
        search = Search(
            oracle=self.oracle,
            proposers=self.proposers,
            writers=self.writers,
            model=self.model,
            relocate=self._relocate,
            extend=self._extend,
            doubt=self._doubt,
            clock=self.clock,
            tell=self.tell,
            related=self._related,
            hazards=self.hazards,
        )
        return search.run(task, meter), search

    def _relocate(self, task: RepairTask) -> RepairTask:
        self.tell("localizing")
        spectra = self.oracle.learn_spectrum(task)
        suspicions = self.localizer(
            task.stacks, spectra, task.sources, self.also_failing(task), task.context
        )
        suspicions = suspicions or mentioned(task.context, task.sources)
        return replace(task, suspicions=suspicions, spectra=spectra)

    def _related(self, task: RepairTask, candidate: Candidate) -> int:
        """Failing tests outside of the set that run the lines which the candidate changes."""
        lines = changed_lines(candidate.edits, task.sources)
        return sum(not lines.isdisjoint(s.lines) for s in self.also_failing(task))

    def _doubt(self, task: RepairTask, candidate: Candidate) -> float:
        """Nats against a plausible candidate, by the code that its tests do not run any more."""
        further = self._extend(task, candidate)
        if further is None:
            return 0.0
        after = self.oracle.spectrum(further)
        return doubt(task, candidate.edits, task.spectra, after)

    def _extend(self, task: RepairTask, candidate: Candidate) -> RepairTask | None:
        overlay = edit_overlay(task.overlay, self.files.read, candidate.edits)
        if isinstance(overlay, Inapplicable):
            return None
        return replace(task, overlay=overlay, sources=Sources(self.files, overlay), suspicions=())


def apart(first: FailingSet, others: Sequence[FailingSet], limit: int) -> list[FailingSet]:
    """``first`` and further failing sets whose stacks meet no common file, in their order."""
    chosen = [first]
    for failing in others:
        if len(chosen) == limit:
            break
        met = frozenset().union(*(each.files for each in chosen))
        tests = {target for each in chosen for target in each.targets}
        if met.isdisjoint(failing.files) and tests.isdisjoint(failing.targets):
            chosen.append(failing)
    return chosen


def side_by_side(jobs: Sequence[Callable[[], T]], meter: Meter) -> list[T]:
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
