"""The oracle: runs the tests away from the user's tree and says what a candidate is worth.

A candidate is plausible only when a run that imported it afresh reports every target as passed and
everything that passed before as passed again. What is cheaper only ever rejects, until fresh runs have
confirmed the first few of a failing set; what is accepted is run afresh with everything all the same.

Runs are confined (`validate.confine`): what they write goes to places of their own, or is refused.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from pytest_gemmadev.capture.plain import observation_from_plain
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.types import (
    Candidate,
    Expression,
    Inconclusive,
    Observation,
    Overlay,
    Plausible,
    Regressed,
    RepairTask,
    Role,
    Spectrum,
    TestOutcome,
    Verdict,
)
from pytest_gemmadev.validate.confine.places import Level, level_for
from pytest_gemmadev.validate.parent.flaky_tests import FlakyTests
from pytest_gemmadev.validate.parent.judge import Judge
from pytest_gemmadev.validate.parent.known_effects import KnownEffects
from pytest_gemmadev.validate.parent.launch import Launcher
from pytest_gemmadev.validate.parent.nodeids import is_test, nearest_tests
from pytest_gemmadev.validate.parent.parallel_validation import ParallelValidation
from pytest_gemmadev.validate.parent.probing import Prober
from pytest_gemmadev.validate.parent.project_runs import ProjectRuns
from pytest_gemmadev.validate.parent.runs import Run
from pytest_gemmadev.validate.parent.screening import Screener, Screening
from pytest_gemmadev.validate.parent.spectra import choose_traced, read_spectra
from pytest_gemmadev.validate.parent.timing import Timings
from pytest_gemmadev.validate.parent.warm_tree import TreeKey, tree_key
from pytest_gemmadev.validate.parent.worker_pool import WorkerPool
from pytest_gemmadev.validate.resources import DEFAULT_POLICY, Limits, Policy

__all__ = ["Limits", "PytestOracle"]

_DEFAULT_LIMITS = Limits()


class PytestOracle:
    """Implements `types.Oracle` for one project and one pytest command line."""

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        invocation_dir: str | os.PathLike[str],
        args: Sequence[str],
        scope: Scope,
        limits: Limits = _DEFAULT_LIMITS,
        policy: Policy = DEFAULT_POLICY,
        environ: Mapping[str, str] | None = None,
        cwd_on_path: bool | None = None,
        level: Level | None = None,
        known_effects: KnownEffects | None = None,
        start: str = "auto",
    ) -> None:
        """``args`` are the user's own; ``addopts`` and the ini file still apply.

        ``level`` is what confines the runs, by default the strongest that there is; ``known_effects``
        what the unchanged code is known to reach for. ``start`` says how processes of candidates
        begin: ``fork``, ``spawn``, or ``auto``, which forks where that is safe.

        ``cwd_on_path`` says that ``python -m pytest`` was run, which puts the folder on
        ``sys.path``; None finds out from this process.
        """
        self.level = level_for("auto") if level is None else level
        self.known_effects = KnownEffects() if known_effects is None else known_effects
        is_module_run = _is_module_run() if cwd_on_path is None else cwd_on_path
        self._scope = scope
        self._limits = limits
        self._policy = policy
        self._timings = Timings(limits, policy)
        self._launcher = Launcher(
            root=Path(root),
            invocation_dir=Path(invocation_dir),
            args=tuple(str(arg) for arg in args),
            environ=dict(os.environ if environ is None else environ),
            import_path=(str(invocation_dir),) if is_module_run else (),
            level=self.level,
            before=self.known_effects.before,
            start=start,
            policy=policy,
        )
        self._runs = ProjectRuns(
            Path(root), self._launcher, limits, self._timings, self.known_effects, policy
        )
        self._judge = Judge(Path(root), scope, self.known_effects)
        self._flaky = FlakyTests(self._runs, self._judge, policy)
        self._screener = Screener(self._runs, scope, self._judge, self._flaky)
        self._pools = [self._new_pool()]  # one for each validation at a time
        self._prober = Prober(self._runs, self._screener, self._pools[0])
        self._agreements: Counter[tuple[str, ...]] = Counter()  # of fresh runs with workers
        self._crashes: dict[tuple[tuple[str, ...], TreeKey], bool] = {}
        # whether the unchanged code crashes

    def prepare(self) -> None:
        """Starts what the first validations need, and does not wait for it."""
        self._launcher.prepare()

    def clone(self) -> PytestOracle:
        """A new oracle for the same tests: one is for one thread."""
        launcher = self._launcher
        return PytestOracle(
            launcher.root,
            invocation_dir=launcher.invocation_dir,
            args=launcher.args,
            scope=self._scope,
            limits=self._limits,
            policy=self._policy,
            environ=launcher.environ,
            cwd_on_path=bool(launcher.import_path),
            level=self.level,
            known_effects=self.known_effects,
            start=launcher.start,
        )

    # --- types.Oracle -----------------------------------------------------------------------

    def observe(self, overlay: Overlay, *, only: Sequence[str] = ()) -> Observation:
        """One run in a fresh interpreter over ``overlay``, of all tests or of those named.

        It is learned from as by `learn`.
        """
        run = self._runs.run_all_and_learn(overlay, only)
        observation = observation_from_plain(run.to_plain(), self._scope)
        self.learn(observation)
        return observation

    def learn(self, seen: Observation) -> None:
        """Takes from an earlier run, the user's own for one, how long tests take and which pass."""
        self._timings.learn(seen.durations, seen.passing)
        self._launcher.learn_origins(self._own_origins(seen.origins))
        passed = (n for n, outcome in seen.outcomes.items() if outcome is TestOutcome.PASSED)
        self._judge.plainly_passing = frozenset(passed)

    @property
    def unlike(self) -> str:
        """What of the project runs had from another file than the user's run; empty where nothing."""
        if not self._runs.moved:
            return ""
        name, wanted, here = self._runs.moved[0]
        wanted, here = self._scope.relative(wanted), self._scope.relative(here)
        return f"`{name}` comes from {wanted} in this run, and from {here} where it is run again"

    def _own_origins(self, origins: Mapping[str, str]) -> dict[str, str]:
        """Those of sources and of other copies of them: which helpers tests share depends on the run."""
        return {n: path for n, path in origins.items() if self._scope.role(path) is not Role.TEST}

    def learn_tree_change(self) -> None:
        """To be called when the tree is written to: its code is not the user's alone from then on."""
        self._runs.is_tree_unchanged = False

    def validate(self, task: RepairTask, candidate: Candidate) -> Verdict:
        """The cheapest run that decides: targets first, then what passed before."""
        (screening,) = self._screener.screen(task, [candidate], self._pools[0])
        return self._decide(task, screening)

    def validate_many(
        self, task: RepairTask, candidates: Iterable[Candidate]
    ) -> Iterator[tuple[int, Verdict]]:
        """Verdicts with the candidates' places, as they come; ``limits.jobs`` at a time."""
        while len(self._pools) < self._limits.jobs:
            self._pools.append(self._new_pool())
        validation = ParallelValidation(
            screen=partial(self._screener.screen, task),
            decide=partial(self._decide, task),
            together=partial(self._pools[0].together, task),
            idle=list(self._pools),
        )
        return validation.verdicts(candidates)

    def spectrum(self, task: RepairTask) -> Mapping[str, Spectrum]:
        """Lines that each target and a bounded number of passing tests execute, by node id."""
        return self._read_spectra(task, self._runs.trace(task, self._choose_traced(task)))

    def learn_spectrum(self, task: RepairTask) -> Mapping[str, Spectrum]:
        """The same; later validations run those tests first that reach a candidate's lines."""
        run = self._runs.trace_and_learn(task, self._choose_traced(task))
        self._screener.reach = spectra = self._read_spectra(task, run)
        return spectra

    def learn_flaky(self, overlay: Overlay, nodeids: Collection[str]) -> frozenset[str]:
        """Those of the tests that do not pass over ``overlay`` either, in one of a few runs.

        Later validations leave them out.
        """
        return self._flaky.learn(overlay, nodeids)

    # --- types.Repeating --------------------------------------------------------------------------

    def repeat(
        self, task: RepairTask, nodeids: Sequence[str], *, is_fresh: bool = False
    ) -> Observation:
        """One run of the tests named over the task's tree, in pytest's order, and of no others.

        ``is_fresh`` has it begin as the user's own run does, where it else may be a fork.
        """
        if is_fresh:
            run = self._runs.run_all_and_learn(task.overlay, nodeids)
        else:
            run = self._runs.run_some_and_learn(task, task.overlay, nodeids)
        return observation_from_plain(run.to_plain(), self._scope)

    def stay_fresh(self) -> None:
        """To be called where a fork gives other outcomes than the user's own run."""
        self._launcher.stay_apart()
        for pool in self._pools:
            pool.end()

    def behaviours(
        self, task: RepairTask, overlays: Sequence[Overlay]
    ) -> list[Mapping[str, str] | None]:
        """What the calls of the targets give on each overlay, with the tests' arguments and others.

        None where a worker cannot tell. The overlays are ``task.overlay`` with changes.
        """
        return self._prober.behaviours(task, overlays)

    def evaluate(
        self, task: RepairTask, overlays: Sequence[Overlay], expressions: Sequence[Expression]
    ) -> list[Mapping[Expression, str] | None]:
        """What expressions give among the names of their modules on each overlay.

        As of `types.Probing`; one is also left out where the tests do not import its module.
        """
        return self._prober.evaluate(task, overlays, expressions)

    def close(self) -> None:
        """Ends every process of this oracle and removes its files."""
        for pool in self._pools:
            pool.end()
        self._launcher.close()

    @property
    def tally(self) -> Counter[str]:
        """What workers made of candidates: ``decided``, or why they could not."""
        return sum((pool.tally for pool in self._pools), Counter())

    def __enter__(self) -> PytestOracle:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    # --- verdicts --------------------------------------------------------------------------------

    def _decide(self, task: RepairTask, screening: Screening) -> Verdict:
        """The verdict, where a worker gave none or one that only a new import can give."""
        verdict = screening.verdict
        if verdict is None:
            verdict = self._decide_targets(task, screening)
            if not task.regression:
                return verdict
        if not isinstance(verdict, Plausible):
            return verdict
        if (
            screening.verdict is not None
            and self._agreements[task.targets] >= self._policy.agreeing
        ):
            return verdict  # what is kept of these passes a run of everything before it is written
        # A worker only rejects: what passes in one still has to pass in a process that imports it.
        others = set(filter(is_test, task.regression))
        while True:
            wanted = {*task.targets, *others - self._flaky.known}
            run = self._runs.run_some_and_learn(task, screening.overlay, wanted, stop=True)
            verdict = self._judge.judge(task, run, wanted=wanted, changed=screening.changed)
            if isinstance(verdict, Plausible):
                self._timings.learn(run.durations, run.passing)
            if not isinstance(verdict, Regressed) or not self._flaky.learn_lost(
                task, screening.overlay, verdict.nodeids
            ):
                self._learn_agreement(task, screening, verdict)
                return verdict

    def _learn_agreement(self, task: RepairTask, screening: Screening, verdict: Verdict) -> None:
        """Counts fresh runs that say what a worker said; one that does not ends the trust for good."""
        if screening.verdict is not None:
            agrees = isinstance(verdict, Plausible)
            self._agreements[task.targets] += 1 if agrees else -1_000_000

    def _decide_targets(self, task: RepairTask, screening: Screening) -> Verdict:
        """The verdict by a run of the targets alone, in a process that imports the candidate."""
        overlay, changed = screening.overlay, screening.changed
        broken = self._screener.find_broken(task, changed)
        if broken is not None:
            return broken
        run = self._runs.run_some_and_learn(task, overlay, task.targets)
        verdict = self._judge.judge(task, run, wanted=task.targets, changed=changed)
        if run.crashed and changed and self._crashes_unchanged(task):
            return Inconclusive(f"{run.aborted}, and so is the unchanged code", run.seconds)
        if not changed:
            self._learn_unchanged(task, run)
        return verdict

    def _learn_unchanged(self, task: RepairTask, run: Run) -> None:
        self._timings.learn(run.durations, run.passing)
        if not task.overlay:
            self.known_effects.learn(run.reached)

    def _crashes_unchanged(self, task: RepairTask) -> bool:
        """Whether a run without the candidate is ended by a signal too, where that is not the error."""
        if any(stack.error == "SystemExit" for stack in task.stacks):
            return False
        key = (task.targets, tree_key(task.overlay))
        if key not in self._crashes:
            run = self._runs.run_some_and_learn(task, task.overlay, task.targets)
            self._crashes[key] = run.crashed
        return self._crashes[key]

    def _choose_traced(self, task: RepairTask) -> list[str]:
        nearest = nearest_tests(task.targets, task.regression)
        return choose_traced(nearest, self._timings.passed_s, self._limits, policy=self._policy)

    def _read_spectra(self, task: RepairTask, run: Run) -> Mapping[str, Spectrum]:
        paths = zip(self._runs.real_paths(task.sources), task.sources, strict=True)
        return read_spectra(run, dict(paths))

    def _new_pool(self) -> WorkerPool:
        return WorkerPool(
            self._launcher,
            self._limits,
            self._timings,
            self.known_effects,
            self._policy,
            flaky=self._flaky.known,
        )


def _is_module_run() -> bool:
    """Whether this process was started as ``python -m pytest``."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return getattr(spec, "name", "") in ("pytest", "pytest.__main__")
