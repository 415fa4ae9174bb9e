"""The cheap part of a validation: what decides before a new process imports the candidate."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.text.edits import edit_overlay
from pytest_gemmadev.types import (
    Candidate,
    Inapplicable,
    Overlay,
    Plausible,
    Regressed,
    RepairTask,
    Role,
    Spectrum,
    StillFailing,
    TimedOut,
    Verdict,
)
from pytest_gemmadev.validate.parent import launch
from pytest_gemmadev.validate.parent.flaky_tests import FlakyTests
from pytest_gemmadev.validate.parent.judge import Judge
from pytest_gemmadev.validate.parent.project_runs import ProjectRuns
from pytest_gemmadev.validate.parent.runs import Run
from pytest_gemmadev.validate.parent.spectra import reaching_tests
from pytest_gemmadev.validate.parent.worker_pool import Attempt, WorkerPool


@dataclass(frozen=True, slots=True)
class Screening:
    """What a worker made of a candidate."""

    overlay: Overlay
    changed: Overlay
    verdict: Verdict | None  # None where the worker cannot decide

    @property
    def is_final(self) -> bool:
        """Whether no new process has to run it."""
        return self.verdict is not None and not isinstance(self.verdict, Plausible)


@dataclass(slots=True)
class Screener:
    """Applies candidates to their tree and lets workers run them."""

    runs: ProjectRuns
    scope: Scope
    judge: Judge
    flaky: FlakyTests
    reach: Mapping[str, Spectrum] = field(default_factory=dict)
    # lines that tests run, by node id: those that run a candidate's lines come first

    def screen(
        self, task: RepairTask, candidates: Sequence[Candidate], pool: WorkerPool
    ) -> list[Screening]:
        """What a worker of the pool says of the candidates, in their order."""
        overlays = [self._apply(task, candidate) for candidate in candidates]
        changes = [changes_to(task, overlay) for overlay in overlays]
        verdicts: dict[int, Verdict] = {}
        if launch.CAN_FORK:
            attempts = {
                place: self.attempt(changed, reaching_tests(self.reach, task, candidates[place]))
                for place, changed in enumerate(changes)
                if changed
            }
            verdicts = self._try_out(task, attempts, changes=changes, pool=pool)
        return [
            Screening({}, {}, overlay)
            if isinstance(overlay, Inapplicable)
            else Screening(overlay, changed, verdicts.get(place))
            for place, (overlay, changed) in enumerate(zip(overlays, changes, strict=True))
        ]

    def attempt(self, changed: Overlay, reaching: frozenset[str] = frozenset()) -> Attempt:
        """A candidate as a worker takes it, by the files that it changes."""
        files = {self.runs.absolute(path): data for path, data in changed.items()}
        return Attempt(files, reaching)

    def find_broken(self, task: RepairTask, changed: Overlay) -> Inapplicable | None:
        """Why a candidate need not run, where it breaks the syntax of a file."""
        for path, data in changed.items():
            problem = _compile_error(data, path)
            before = task.overlay.get(path) or self.scope.read(path)
            # What did not compile before may need several repairs: the run says how far it got.
            if problem and not _compile_error(before, path):
                return Inapplicable(f"{path} does not compile: {problem}")
        return None

    def _apply(self, task: RepairTask, candidate: Candidate) -> Overlay | Inapplicable:
        for path in {edit.path for edit in candidate.edits}:
            if self.scope.role(self.runs.absolute(path)) is not Role.SOURCE:
                return Inapplicable(f"{path} may not be edited")
        return edit_overlay(task.overlay, self.scope.read, candidate.edits)

    def _try_out(
        self,
        task: RepairTask,
        attempts: Mapping[int, Attempt],
        *,
        changes: Sequence[Overlay],
        pool: WorkerPool,
    ) -> dict[int, Verdict]:
        """Verdicts by place, of those attempts that a worker can decide."""
        plan = self.runs.plan_worker(task.overlay)
        verdicts: dict[int, Verdict] = {}
        left = list(attempts)
        while left:
            runs = pool.try_out(task, [attempts[place] for place in left], plan)
            for place, run in zip(left, runs, strict=False):
                if isinstance(run, Run):
                    verdict = self._judge_attempt(task, run, changes[place])
                    if isinstance(verdict, Regressed) and self.flaky.is_doubtful(verdict.nodeids):
                        again = partial(pool.try_out, task, [attempts[place]], plan)
                        if not self._stays_lost(verdict.nodeids, again):
                            continue
                    verdicts[place] = verdict
                elif run is not None:
                    verdicts[place] = run
            left = left[len(runs) :]
        return verdicts

    def _stays_lost(
        self, nodeids: Sequence[str], again: Callable[[], Sequence[Run | Inapplicable | None]]
    ) -> bool:
        """Whether a candidate loses these tests each time that it runs ``again``."""
        for _ in range(self.flaky.policy.worker_reruns):
            run = again()[0]
            if not isinstance(run, Run):
                return True
            passed = [n for n in nodeids if self.judge.is_as_good(n, run.outcomes.get(n))]
            if passed:
                self.flaky.learn_passed(passed)
                return False
        self.flaky.learn_stays_lost(nodeids)
        return True

    def _judge_attempt(self, task: RepairTask, run: Run, changed: Overlay) -> Verdict:
        wanted = [*task.targets, *(n for n in run.outcomes if n in task.regression)]
        verdict = self.judge.judge(task, run, wanted=wanted, changed=changed)
        if isinstance(verdict, TimedOut) or (
            run.loose and isinstance(verdict, StillFailing | Regressed)
        ):
            return replace(verdict, cut_short=not task.patient)
        return verdict


def changes_to(task: RepairTask, overlay: Overlay | Inapplicable) -> Overlay:
    """The files of the task's tree that an overlay changes, with their new contents."""
    if isinstance(overlay, Inapplicable):
        return {}
    return {path: data for path, data in overlay.items() if task.overlay.get(path) != data}


def _compile_error(data: bytes, path: str) -> str:
    """Why a file does not compile; empty when it does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"{type(error).__name__}: {error}"
    return ""
