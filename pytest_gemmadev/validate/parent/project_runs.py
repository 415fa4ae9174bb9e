"""Runs of one project's tests: what they are to do, and what is learned from them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_gemmadev.types import ErrorKind, Overlay, RepairTask
from pytest_gemmadev.validate.messages import Moved, RunPlan
from pytest_gemmadev.validate.parent.known_effects import KnownEffects
from pytest_gemmadev.validate.parent.launch import Launcher
from pytest_gemmadev.validate.parent.runs import Run, read_run
from pytest_gemmadev.validate.parent.timing import Timings
from pytest_gemmadev.validate.resources import DEFAULT_POLICY, FOREVER_S, Limits, Policy


@dataclass(slots=True)
class ProjectRuns:
    """Starts runs over a tree. Methods that end in ``learn`` let later runs profit from this one."""

    root: Path
    launcher: Launcher
    limits: Limits
    timings: Timings
    known_effects: KnownEffects
    policy: Policy = DEFAULT_POLICY
    moved: tuple[Moved, ...] = ()
    # modules that came from other files than in the user's run, though all began as that does
    is_tree_unchanged: bool = True
    # Since the repair began. What a run without an overlay does is then done by the user's code.

    def run_all_and_learn(self, overlay: Overlay, only: Sequence[str] = ()) -> Run:
        """One run in a fresh interpreter, of all tests or of those named."""
        plan = self._plan(overlay, collect_s=self.limits.run_s, tests_s=self.limits.run_s)
        if only:
            plan["only"] = list(only)
        plan["test_s"] = self.limits.test_s
        # An alarm inside the run fails a test that hangs; this is for one that does not hear it.
        plan["stall_s"] = 3 * self.limits.test_s + 2
        plan["process_limits"] = self.limits.process_limits(scale=self.policy.full_run_scale)
        run = read_run(self.launcher.run_fresh(plan))
        self.moved = self.moved or run.moved
        if self._is_unchanged(overlay):
            self.known_effects.learn(run.reached)
        elif not run.aborted:
            unknown = self.known_effects.first_unknown(run.reached)
            if unknown is not None:
                run.aborted = f"it reached for {unknown[0]} ({unknown[1]})"
        self.timings.learn_collection(run.collect_s)
        self.launcher.learn_modules(run.modules)
        return run

    def run_some_and_learn(
        self, task: RepairTask, overlay: Overlay, nodeids: Iterable[str], *, stop: bool = False
    ) -> Run:
        """Runs the tests named; with ``stop`` up to the first that does not pass."""
        only = list(nodeids)
        plan = self._plan(
            overlay,
            collect_s=self.timings.collection_limit_s(),
            tests_s=self.timings.limit_s(task, only),
        )
        plan["only"] = only
        plan["must_pass"] = only if stop else []
        run = self._run(plan)
        self._learn(run, overlay)
        return run

    def run_again(self, overlay: Overlay, nodeids: Sequence[str]) -> Run:
        """Runs the tests named, for as long as a full run may take."""
        plan = self._plan(
            overlay, collect_s=self.timings.collection_limit_s(), tests_s=self.limits.run_s
        )
        plan["only"] = list(nodeids)
        return self._run(plan)

    def trace(self, task: RepairTask, others: Sequence[str]) -> Run:
        """Runs the targets, and the tests named, and records the lines they execute."""
        plan = self._plan(
            task.overlay,
            collect_s=self.timings.collection_limit_s(),
            tests_s=self.limits.trace_s,
        )
        plan["only"] = [*task.targets, *others]
        plan["trace"] = self.real_paths(task.sources)
        # What hung does so again: where is seen soon, and seeing it once is enough.
        hung = bool(task.stacks) and all(s.kind is ErrorKind.TIMEOUT for s in task.stacks)
        plan["traced_twice"] = 0 if hung else len(task.targets)
        ratio = self.policy.hung_trace_ratio if hung else self.policy.trace_ratio
        plan["test_s"] = ratio * self.limits.trace_s
        return self._run(plan)

    def trace_and_learn(self, task: RepairTask, others: Sequence[str]) -> Run:
        """The same, and what the run shows of the unchanged code is learned."""
        run = self.trace(task, others)
        self._learn(run, task.overlay)
        return run

    def plan_worker(self, overlay: Overlay) -> RunPlan:
        """The plan of a worker, which collects the tests and then has all the time there is."""
        collect_s = self.timings.collection_limit_s()
        return self._plan(overlay, collect_s=collect_s, tests_s=FOREVER_S)

    def absolute(self, path: str) -> str:
        """The absolute path of a project file."""
        return str(self.root / path)

    def real_paths(self, paths: Iterable[str]) -> list[str]:
        """The paths of project files as the import system may name them, links resolved."""
        return [os.path.realpath(self.absolute(path)) for path in paths]

    def _run(self, plan: RunPlan) -> Run:
        """One run, forked where a fork has the modules that the user's run had."""
        run = read_run(self.launcher.run_forked(plan))
        if run.moved and not self.launcher.is_apart:
            self.launcher.stay_apart()
            run = read_run(self.launcher.run_forked(plan))
        self.moved = self.moved or run.moved
        return run

    def _plan(self, overlay: Overlay, *, collect_s: float, tests_s: float) -> RunPlan:
        permissions = self.known_effects.permissions(trusted=self._is_unchanged(overlay))
        return {
            "files": {self.absolute(p): data.decode("latin-1") for p, data in overlay.items()},
            "limit_s": collect_s,
            "tests_s": tests_s,
            "stall_s": max(collect_s, min(tests_s, self.limits.validation_s)),
            "test_s": 0.0,
            "output_bytes": self.limits.output_bytes,
            "process_limits": self.limits.process_limits(),
            "must_pass": [],
            "allowed": permissions["allowed"],
            "commands": permissions["commands"],
        }

    def _is_unchanged(self, overlay: Overlay) -> bool:
        return not overlay and self.is_tree_unchanged

    def _learn(self, run: Run, overlay: Overlay) -> None:
        if self._is_unchanged(overlay):
            self.known_effects.learn(run.reached)
        self.launcher.learn_modules(run.modules)
