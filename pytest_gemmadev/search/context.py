"""What one search needs, handed down whole and never repacked; and the questions asked of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from pytest_gemmadev.files.sources import Files, Sources
from pytest_gemmadev.search.budget import Meter
from pytest_gemmadev.search.destructive.destructive_edits import Hazards
from pytest_gemmadev.search.evidence import evidence_against, touched_lines
from pytest_gemmadev.search.limits import Limits
from pytest_gemmadev.search.localize import localize, suspect_mentioned
from pytest_gemmadev.text.edits import edit_overlay
from pytest_gemmadev.types import (
    Candidate,
    Confidence,
    ErrorKind,
    ErrorStack,
    Inapplicable,
    Model,
    ModelInfo,
    Oracle,
    Origin,
    OriginKind,
    Plausible,
    Proposer,
    Question,
    RepairTask,
    Spectrum,
    Suspicion,
    Validator,
)

_NEVER_FLAKY = (ErrorKind.SYNTAX, ErrorKind.INDENTATION)


class Localizer(Protocol):
    """Says where the fault lies; `search.localize.localize` is one."""

    def __call__(
        self,
        stacks: Sequence[ErrorStack],
        spectra: Mapping[str, Spectrum],
        sources: Mapping[str, str],
        *,
        also_failing: Sequence[Spectrum],
        context: Mapping[str, str],
        limits: Limits,
    ) -> tuple[Suspicion, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchContext:
    """One for each failing set that is searched at a time.

    Contexts that are used at the same time have oracles and proposers of their own. What else they
    share is only read, but for the model, which its door makes safe for threads.
    """

    oracle: Oracle
    proposers: Sequence[Proposer]  # of edits that cost no model time
    writers: Sequence[Proposer]  # those whose edits the model writes
    files: Files  # as they are on disk
    model: Model | None  # orders candidates and judges plausible patches
    clock: Callable[[], float]  # seconds, for measuring
    seed: int = 0
    limits: Limits = field(default_factory=Limits)
    progress: Callable[[str], None] = lambda _message: None  # shows a user what is being done
    localizer: Localizer = localize
    validators: Sequence[Validator] = ()  # of other packages, which may reject a plausible patch
    hazards: Hazards = field(default_factory=Hazards)  # what is known of destructive calls
    accept: Confidence = Confidence.LIKELY  # what is less sure is suggested, not written
    ask: Callable[[Question], str | None] | None = None
    # puts a question to a person: the result that is right as the question has it, `NEITHER` where
    # none is, None for no answer

    @property
    def model_info(self) -> ModelInfo | None:
        return None if self.model is None else self.model.info

    def by_rules(self) -> SearchContext:
        """The same, for what rules alone propose: they read the cause from the error."""
        rules = [each for each in self.proposers if each.name == "rules"]
        return replace(self, proposers=rules, writers=(), model=None)

    def locate(self, task: RepairTask) -> RepairTask:
        """The task with its spectra and suspicions."""
        self.progress("localizing")
        spectra = self.oracle.learn_spectrum(task)
        suspicions = self.localizer(
            task.stacks,
            spectra,
            task.sources,
            also_failing=task.also_failing,
            context=task.context,
            limits=self.limits,
        )
        if not suspicions:
            suspicions = suspect_mentioned(task.context, task.sources, limits=self.limits)
        return replace(task, suspicions=suspicions, spectra=spectra)

    def extend(self, task: RepairTask, candidate: Candidate) -> RepairTask | None:
        """The task on the tree that the candidate leaves; None where it cannot be applied."""
        overlay = edit_overlay(task.overlay, self.files.read, candidate.edits)
        if isinstance(overlay, Inapplicable):
            return None
        sources = Sources(self.files, overlay)
        return replace(task, overlay=overlay, sources=sources, suspicions=(), also_failing=())

    def evidence_against(self, task: RepairTask, candidate: Candidate) -> float:
        """Nats against a plausible candidate, by the code that its tests do not run any more."""
        further = self.extend(task, candidate)
        if further is None:
            return 0.0
        after = self.oracle.spectrum(further)
        return evidence_against(task, candidate.edits, after, limits=self.limits)

    def count_related(self, task: RepairTask, candidate: Candidate) -> int:
        """Failing tests outside of the set that run the lines which the candidate changes."""
        lines = touched_lines(candidate.edits, task.sources)
        return sum(not lines.isdisjoint(spectrum.lines) for spectrum in task.also_failing)

    def passes_again(self, task: RepairTask, meter: Meter) -> bool:
        """Whether the failing set passes when it is run again with nothing changed."""
        if all(stack.kind in _NEVER_FLAKY for stack in task.stacks):
            return False
        unchanged = Candidate(edits=(), origin=Origin(OriginKind.UNCHANGED), prior=0.0)
        # A test that hangs is not waited for again and again.
        share = meter.share(self.limits.rerun_share)
        for _ in range(self.limits.reruns):
            if share.exhausted:
                return False
            if isinstance(self.oracle.validate(task, unchanged), Plausible):
                return True
        return False
