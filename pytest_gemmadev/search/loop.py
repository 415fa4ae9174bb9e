"""The loop: push the errors, repair the top one, run again, until the stack is empty.

After GemmaDev's agent ("GemmaDev: Code debugging using Large Language Model", Fig. 5), with the
tests as the judge instead of the interpreter alone, and with a search where the paper asks the
model once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from pytest_gemmadev.files.sources import Files, Sources
from pytest_gemmadev.search.accept import Acceptance
from pytest_gemmadev.search.budget import Meter
from pytest_gemmadev.search.destructive.destructive_edits import Hazards
from pytest_gemmadev.search.lane import FailingSet, Lane, apart, side_by_side
from pytest_gemmadev.search.localize import localize
from pytest_gemmadev.search.outcomes import Outcomes, why_not
from pytest_gemmadev.search.search import Found, Search
from pytest_gemmadev.text.edits import decode_source
from pytest_gemmadev.types import (
    ErrorKind,
    ErrorStack,
    GemmadevError,
    Inapplicable,
    Model,
    Observation,
    Oracle,
    Outcome,
    Overlay,
    Proposer,
    RepairTask,
    Role,
    Spectrum,
    Status,
    Suspicion,
)

TRACED_FAILING = 60  # failing tests whose lines are recorded to see what they share
_WAVE = {ErrorKind.SYNTAX: 0, ErrorKind.INDENTATION: 0, ErrorKind.IMPORT: 1}
_ORDER = (
    ErrorKind.NAME,
    ErrorKind.ATTRIBUTE,
    ErrorKind.KEY,
    ErrorKind.TYPE,
    ErrorKind.INDEX,
    ErrorKind.VALUE,
    ErrorKind.OTHER,
    ErrorKind.ASSERTION,
    ErrorKind.TIMEOUT,
)


@dataclass(frozen=True, slots=True)
class _Searched:
    """What a search of one failing set has come to."""

    failing: FailingSet
    task: RepairTask
    seconds: float
    found: Sequence[Found] = ()
    search: Search | None = None
    share: Meter | None = None
    closed: tuple[Status, str] | None = None  # without a search, and why


@dataclass(slots=True)
class Repair:
    """State of one session of repair."""

    files: Files
    oracle: Oracle
    proposers: Sequence[Proposer]
    writers: Sequence[Proposer]
    model: Model | None
    clock: Callable[[], float]
    seed: int = 0
    tell: Callable[[str], None] = lambda _message: None
    parses: Callable[[str, bytes], bool] = lambda _path, _data: True
    overlay: dict[str, bytes] = field(default_factory=dict)
    outcomes: Outcomes = field(default_factory=Outcomes)
    localizer: Callable[..., tuple[Suspicion, ...]] = localize
    beside: Sequence[Lane] = ()  # for failing sets that are searched at the same time as the first
    hazards: Hazards = field(default_factory=Hazards)
    _traced: tuple[Observation, Mapping[str, Spectrum]] | None = None  # failing tests of that run

    def run(self, baseline: Observation, meter: Meter) -> tuple[tuple[Outcome, ...], Overlay]:
        """What became of every failure, and the new contents of the files that were repaired."""
        observation = baseline
        while not meter.exhausted and (failing := self._top(observation)) is not None:
            observation = self._repair(failing, observation, meter)
        for stack in observation.stacks:
            if self.outcomes.is_open(stack.nodeid):
                reason = "the budget was spent before its turn"
                self.outcomes.give_up(FailingSet((stack,)), Status.SKIPPED, reason)
        return tuple(self.outcomes.by_nodeid.values()), dict(self.overlay)

    # --- the error stack -------------------------------------------------------------------------

    def _top(self, observation: Observation) -> FailingSet | None:
        """The failing set to repair next: what stops others from running comes first."""
        open_stacks = [s for s in observation.stacks if self.outcomes.is_open(s.nodeid)]
        if not open_stacks:
            return None
        reach = self._reach(open_stacks, observation)
        first = min(open_stacks, key=lambda s: (*_urgency(s), reach.get(s.nodeid, 0)))
        same = [s for s in open_stacks if s.signature == first.signature and s is not first]
        return FailingSet((first, *same))

    def _reach(self, open_stacks: Sequence[ErrorStack], observation: Observation) -> dict[str, int]:
        """Lines that each failing test executes: what runs least of the code says most about it."""
        if self._traced is None or self._traced[0] is not observation:
            self._traced = (observation, self._trace_failing(open_stacks, observation))
        return {nodeid: len(spectrum.lines) for nodeid, spectrum in self._traced[1].items()}

    def _trace_failing(
        self, open_stacks: Sequence[ErrorStack], observation: Observation
    ) -> Mapping[str, Spectrum]:
        """What failing tests execute, one of each kind of failure first; nothing for one kind."""
        tests = [s for s in open_stacks if s.nodeid in observation.collected]
        by_signature: dict[object, ErrorStack] = {}
        for stack in tests:
            by_signature.setdefault(stack.signature, stack)
        if len({s.signature for s in open_stacks}) < 2 or len(tests) < 2:
            return {}
        first = list(by_signature.values())
        some = [*first, *(s for s in tests if s not in first)][:TRACED_FAILING]
        task = self._task(FailingSet(tuple(some)), replace(observation, outcomes={}))
        return self.oracle.learn_spectrum(task)

    def _repair(self, failing: FailingSet, observation: Observation, meter: Meter) -> Observation:
        """Repairs a failing set, and others beside it where there are lanes; the run after it."""
        further = (
            replace(lane, also_failing=self._also_failing, hazards=self.hazards)
            for lane in self.beside
        )
        lanes = [self._lane(), *further]
        sets = self._beside(failing, observation, len(lanes))
        base = dict(self.overlay)
        open_sets = len({s.signature for s in observation.stacks})
        fraction = max(0.5, len(sets) / max(1, open_sets)) if open_sets > 1 else 1.0
        jobs = [
            partial(self._search, each, lane, observation, meter, fraction)
            for each, lane in zip(sets, lanes, strict=False)
        ]
        for searched in side_by_side(jobs, meter):
            current = searched if self.overlay == base else self._moved(searched, base, observation)
            if current is not None:
                observation = self._settle(current, observation)
        return observation

    def _lane(self) -> Lane:
        return Lane(
            self.oracle,
            self.proposers,
            self.writers,
            self.files,
            self.model,
            self.clock,
            self.tell,
            self._also_failing,
            self.localizer,
            self.hazards,
        )

    def _also_failing(self, task: RepairTask) -> Sequence[Spectrum]:
        """What other failing tests execute, while the tree is what it was when they were traced."""
        if self._traced is None or task.overlay != self.overlay:
            return ()
        return [s for n, s in self._traced[1].items() if n not in task.targets and not s.passed]

    def _beside(
        self, failing: FailingSet, observation: Observation, limit: int
    ) -> list[FailingSet]:
        """What is repaired at the same time: what keeps others from running stays alone."""
        if limit == 1 or any(s.phase == "collect" for s in failing.stacks):
            return [failing]
        sets: dict[object, list[ErrorStack]] = {}
        for stack in sorted(observation.stacks, key=_urgency):
            if stack.phase == "collect" and self.outcomes.is_open(stack.nodeid):
                return [failing]
            if self.outcomes.is_open(stack.nodeid) and stack not in failing.stacks:
                sets.setdefault(stack.signature, []).append(stack)
        return apart(failing, [FailingSet(tuple(stacks)) for stacks in sets.values()], limit)

    def _search(
        self,
        failing: FailingSet,
        lane: Lane,
        observation: Observation,
        meter: Meter,
        fraction: float,
    ) -> _Searched:
        """Plausible repairs of one failing set on the tree as it is now."""
        start_s = meter.seconds
        first = failing.stacks[0]
        self.tell(f"{first.nodeid}: {first.error}")
        task = self._task(failing, observation)
        if not len(task.sources):
            why = (Status.SKIPPED, "no file that may be edited takes part in it")
            return _Searched(failing, task, 0.0, closed=why)
        if lane.passes_again(task, meter):
            why = (Status.FLAKY, "it passes when it is run again with nothing changed")
            return _Searched(failing, task, 0.0, closed=why)
        share = meter.share(fraction)
        found, search = lane.search(task, share)
        return _Searched(failing, task, meter.seconds - start_s, found, search, share)

    def _moved(
        self, searched: _Searched, base: Overlay, observation: Observation
    ) -> _Searched | None:
        """The same on the tree that the repairs beside it have left; None where it is open again.

        A repair that changes a file which another one has changed meanwhile is searched anew, and
        so is a failure that has become another one.
        """
        failing = searched.failing
        if not set(failing.stacks) <= set(observation.stacks):
            return None
        taken = {p for p, data in self.overlay.items() if base.get(p) != data}
        found = [item for item in searched.found if taken.isdisjoint(item.sources)]
        if searched.found and not found:
            return None
        task = replace(
            searched.task,
            overlay=dict(self.overlay),
            sources=Sources(self.files, self.overlay),
            regression=observation.passing - set(failing.targets),
        )
        return replace(searched, task=task, found=found)

    def _settle(self, searched: _Searched, observation: Observation) -> Observation:
        """Accepts what was found, or closes the failing set; the run after it."""
        failing, search, share = searched.failing, searched.search, searched.share
        if searched.closed is not None or search is None or share is None:
            assert searched.closed is not None
            self.outcomes.give_up(failing, *searched.closed)
            return observation
        start_s = self.clock()
        acceptance = Acceptance(self.files, self.oracle, self.model, self.parses, self.tell)
        accepted = acceptance.accept(searched.found, searched.task, observation)
        spent = searched.seconds + self.clock() - start_s
        if accepted is None:
            reason = why_not(len(searched.found), share, search)
            self.outcomes.give_up(failing, Status.UNREPAIRED, reason, search, spent)
            return observation
        self.outcomes.close(failing, accepted, observation, search, spent)
        if accepted.found.destroys:
            return observation
        self.overlay = dict(accepted.overlay)
        return accepted.after

    # --- the walk of one failing set -------------------------------------------------------------

    def _task(self, failing: FailingSet, observation: Observation) -> RepairTask:
        sources = Sources(self.files, self.overlay)
        context: dict[str, str] = {}
        for stack in failing.stacks:
            for frame in stack.frames:
                if frame.role is Role.TEST and frame.path not in context:
                    text = self._read_text(frame.path)
                    if text is not None:
                        context[frame.path] = text
        targets = frozenset(failing.targets)
        return RepairTask(
            stacks=failing.stacks,
            targets=failing.targets,
            regression=observation.passing - targets,
            sources=sources,
            overlay=dict(self.overlay),
            others=tuple(
                sorted(
                    n
                    for n in observation.failing
                    if n not in targets and n in observation.collected and self.outcomes.is_open(n)
                )
            ),
            context=context,
            seed=self.seed,
        )

    def _read_text(self, path: str) -> str | None:
        try:
            decoded = decode_source(self.files.read(path))
        except GemmadevError:
            return None
        return None if isinstance(decoded, Inapplicable) else decoded.text


def _urgency(stack: ErrorStack) -> tuple[int, int]:
    kind = _ORDER.index(stack.kind) if stack.kind in _ORDER else 0
    wave = _WAVE.get(stack.kind, 2)
    # A broken import hides every test behind it, whatever the error is.
    return (0 if stack.phase == "collect" else 1, wave * len(_ORDER) + kind)
