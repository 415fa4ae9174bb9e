"""The oracle: runs the tests away from the user's tree and says what a candidate is worth.

A candidate is plausible only when a run that imported it afresh reports every target as passed and
everything that passed before as passed again. What is cheaper only ever rejects.

Runs are confined (`validate.confine`): what they write goes to places of their own, or is refused.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from pytest_gemmadev.capture.plain import observation_from_plain
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.text.edits import edit_overlay
from pytest_gemmadev.types import (
    Candidate,
    ErrorKind,
    Inapplicable,
    Inconclusive,
    Observation,
    Overlay,
    Plausible,
    Regressed,
    RepairTask,
    Role,
    Spectrum,
    StillFailing,
    TestOutcome,
    TimedOut,
    Verdict,
)
from pytest_gemmadev.validate.confine.places import Level, level_for
from pytest_gemmadev.validate.parent import launch
from pytest_gemmadev.validate.parent.judge import Judge
from pytest_gemmadev.validate.parent.launch import Launcher
from pytest_gemmadev.validate.parent.nodeids import is_test, nearest_tests
from pytest_gemmadev.validate.parent.runs import Run, read_run
from pytest_gemmadev.validate.parent.spectra import spectra_of, touching, worth_tracing
from pytest_gemmadev.validate.parent.timing import Timings
from pytest_gemmadev.validate.parent.usual import Usual
from pytest_gemmadev.validate.parent.warm import Attempt, Warm
from pytest_gemmadev.validate.resources import Limits
from pytest_gemmadev.validate.wire import Message

__all__ = ["Limits", "PytestOracle"]

_FOREVER_S = 1e9
_DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class _Screened:
    """A candidate that a warm worker has seen."""

    overlay: Overlay
    changed: Overlay
    verdict: Verdict | None  # None where it cannot tell

    @property
    def is_final(self) -> bool:
        """Whether no new process has to be asked."""
        return self.verdict is not None and not isinstance(self.verdict, Plausible)


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
        environ: Mapping[str, str] | None = None,
        cwd_on_path: bool | None = None,
        level: Level | None = None,
        usual: Usual | None = None,
        start: str = "auto",
    ) -> None:
        """``args`` are the user's own; ``addopts`` and the ini file still apply.

        ``level`` is what confines the runs, by default the strongest that there is; ``usual`` what
        the unchanged code is known to reach for. ``start`` says how processes of candidates begin:
        ``fork``, ``spawn``, or ``auto``, which forks where that is safe.

        ``cwd_on_path`` tells that ``python -m pytest`` was run, which puts the folder on
        ``sys.path``; None finds out from this process.
        """
        self._root = Path(root)
        self._args = tuple(args)
        self._environ = environ
        self._invocation_dir = invocation_dir
        self._scope = scope
        self._limits = limits
        self._cwd_on_path = module_run = _is_module_run() if cwd_on_path is None else cwd_on_path
        self.usual = Usual() if usual is None else usual
        self.level = level_for("auto") if level is None else level
        # The tree is what it was when the repair began: what is done by a run with nothing changed
        # is done by code that the user has written.
        self.is_tree_unchanged = True
        self._launcher = Launcher(
            root=self._root,
            invocation_dir=Path(invocation_dir),
            args=tuple(str(arg) for arg in args),
            environ=dict(os.environ if environ is None else environ),
            import_path=(str(invocation_dir),) if module_run else (),
            level=self.level,
            before=self.usual.before,
            start=start,
        )
        self._start = start
        self._crashes: dict[tuple[object, ...], bool] = {}  # whether the unchanged code crashes
        self._timings = Timings(limits)
        self._judge = Judge(self._root, scope, self.usual)
        self._warm = [self._new_warm()]  # one for each validation at a time
        self._spectra: dict[str, Spectrum] = {}
        self._stable: set[str] = set()  # tests that passed again with nothing changed
        self._flaky: set[str] = set()  # those that did not

    def prepare(self) -> None:
        """Starts what the first validations need, and does not wait for it."""
        self._launcher.prepare()

    def another(self) -> PytestOracle:
        """A new oracle for the same tests: one is for one thread."""
        return PytestOracle(
            self._root,
            invocation_dir=self._invocation_dir,
            args=self._args,
            scope=self._scope,
            limits=self._limits,
            environ=self._environ,
            cwd_on_path=self._cwd_on_path,
            level=self.level,
            usual=self.usual,
            start=self._start,
        )

    # --- types.Oracle -----------------------------------------------------------------------

    def observe(self, overlay: Overlay, *, only: Sequence[str] = ()) -> Observation:
        """One run in a fresh interpreter over ``overlay``, of all tests or of those named."""
        request = self._request(overlay, collect_s=self._limits.run_s, tests_s=self._limits.run_s)
        if only:
            request["only"] = list(only)
        request["test_s"] = self._limits.test_s
        # An alarm inside the run fails a test that hangs; this is for one that does not hear it.
        request["stall_s"] = 3 * self._limits.test_s + 2
        request["confine"] = self._limits.confinement(scale=4)
        run = read_run(self._launcher.run_fresh(request))
        if not overlay and self.is_tree_unchanged:
            self.usual.learn(run)
        elif not run.aborted and (beyond := self.usual.beyond(run)) is not None:
            run.aborted = f"it reached for {beyond[0]} ({beyond[1]})"
        self._timings.learn_collection(run.collect_s)
        self._launcher.learn_modules(run.modules)
        observation = observation_from_plain(run.plain(), self._scope)
        self.learn(observation)
        return observation

    def learn(self, seen: Observation) -> None:
        """Takes durations from a run of before, the user's own for one, to set limits by."""
        self._timings.learn(seen.durations, seen.passing)
        passed = (n for n, outcome in seen.outcomes.items() if outcome is TestOutcome.PASSED)
        self._judge.plain = frozenset(passed)

    def validate(self, task: RepairTask, candidate: Candidate) -> Verdict:
        """The cheapest run that decides: targets first, then what passed before."""
        (screened,) = self._screen(task, [candidate], self._warm[0])
        return self._decide(task, screened)

    def _screen(
        self, task: RepairTask, candidates: Sequence[Candidate], warm: Warm
    ) -> list[_Screened]:
        """What a warm worker says of the candidates."""
        overlays = [self._overlaid(task, candidate) for candidate in candidates]
        changes = [_changes(task, overlay) for overlay in overlays]
        tried = self._try_warm(task, candidates, changes, warm) if launch.CAN_FORK else {}
        return [
            _Screened({}, {}, overlay)
            if isinstance(overlay, Inapplicable)
            else _Screened(overlay, changed, tried.get(index))
            for index, (overlay, changed) in enumerate(zip(overlays, changes, strict=True))
        ]

    def _decide(self, task: RepairTask, screened: _Screened) -> Verdict:
        """The verdict, where a warm worker gave none or one that only a new import can give."""
        overlay, changed, verdict = screened.overlay, screened.changed, screened.verdict
        if verdict is None:
            verdict = self._compile(task, changed)
            if verdict is not None:
                return verdict
            run = self._run_some(task, overlay, task.targets, stop=False)
            verdict = self._judge.verdict(task, run, task.targets, changed)
            if run.crashed and changed and self._crashes_anyway(task):
                return Inconclusive(f"{run.aborted}, and so is the unchanged code", run.seconds)
            if not changed:
                self._timings.learn(run.durations, run.passing)
                if not task.overlay:
                    self.usual.learn(run)
            if not task.regression:
                return verdict
        if not isinstance(verdict, Plausible):
            return verdict
        # A worker only rejects: whoever passes in one still has to in a process that imports it.
        others = set(filter(is_test, task.regression))
        while True:
            wanted = {*task.targets, *others - self._flaky}
            run = self._run_some(task, overlay, wanted, stop=True)
            verdict = self._judge.verdict(task, run, wanted, changed)
            if isinstance(verdict, Plausible):
                self._timings.learn(run.durations, run.passing)
            if not isinstance(verdict, Regressed) or not self.flaky(task.overlay, verdict.nodeids):
                return verdict

    def _crashes_anyway(self, task: RepairTask) -> bool:
        """Whether a run with nothing changed is ended by a signal too, where that is not the error."""
        if any(stack.error == "SystemExit" for stack in task.stacks):
            return False
        key = (task.targets, *sorted((path, hash(data)) for path, data in task.overlay.items()))
        if key not in self._crashes:
            run = self._run_some(task, task.overlay, task.targets)
            self._crashes[key] = run.crashed
        return self._crashes[key]

    def flaky(self, overlay: Overlay, nodeids: Collection[str]) -> frozenset[str]:
        """Those of the tests that do not pass over ``overlay`` either; each is run once."""
        new = sorted(set(filter(is_test, nodeids)) - self._stable - self._flaky)
        if new:
            request = self._request(
                overlay, collect_s=self._timings.collection_limit_s(), tests_s=self._limits.run_s
            )
            run = read_run(self._launcher.run_forked({**request, "only": new}))
            # A run that breaks off says nothing about those that had no turn.
            stable = {
                nodeid
                for nodeid in new
                if self._judge.is_as_good(nodeid, run.outcomes.get(nodeid))
                or (run.aborted and nodeid not in run.outcomes)
            }
            self._stable |= stable
            self._flaky.update(set(new) - stable)
        return frozenset(self._flaky.intersection(nodeids))

    def _try_warm(
        self,
        task: RepairTask,
        candidates: Sequence[Candidate],
        changes: Sequence[Overlay],
        warm: Warm,
    ) -> dict[int, Verdict]:
        """Verdicts of a warm worker by place, those of candidates on which it can tell."""
        attempts = {
            index: Attempt(
                {self._absolute(path): data for path, data in changed.items()},
                touching(self._spectra, task, candidates[index]),
            )
            for index, changed in enumerate(changes)
            if changed
        }
        request = self._request(
            task.overlay, collect_s=self._timings.collection_limit_s(), tests_s=_FOREVER_S
        )
        verdicts: dict[int, Verdict] = {}
        left = list(attempts)
        while left:
            runs = warm.try_out(task, [attempts[index] for index in left], request)
            for index, run in zip(left, runs, strict=False):
                if isinstance(run, Run):
                    wanted = [*task.targets, *(n for n in run.outcomes if n in task.regression)]
                    verdict = self._judge.verdict(task, run, wanted, changes[index])
                    if isinstance(verdict, TimedOut) or (
                        run.loose and isinstance(verdict, StillFailing | Regressed)
                    ):
                        verdict = replace(verdict, hasty=not task.patient)
                    verdicts[index] = verdict
                elif run is not None:
                    verdicts[index] = run
            left = left[len(runs) :]
        return verdicts

    def validate_many(
        self, task: RepairTask, candidates: Iterable[Candidate]
    ) -> Iterator[tuple[int, Verdict]]:
        """Verdicts with the candidates' places, as they come; ``limits.jobs`` at a time."""
        while len(self._warm) < self._limits.jobs:
            self._warm.append(self._new_warm())
        idle = list(self._warm)
        stream = iter(candidates)
        first = 0
        screening: dict[Future[list[_Screened]], tuple[int, Warm]] = {}
        deciding: dict[Future[Verdict], tuple[int, Warm]] = {}
        open_ones: deque[tuple[int, _Screened]] = deque()  # each takes a process of its own
        with ThreadPoolExecutor(self._limits.jobs) as pool:
            while True:
                # No further ahead than there are processors: the caller may have seen enough.
                while idle and open_ones:
                    place, screened = open_ones.popleft()
                    deciding[pool.submit(self._decide, task, screened)] = (place, idle.pop())
                while idle and (some := list(islice(stream, self._warm[0].together(task)))):
                    warm = idle.pop()
                    screening[pool.submit(self._screen, task, some, warm)] = (first, warm)
                    first += len(some)
                if not screening and not deciding:
                    return
                pending: list[Future[Any]] = [*screening, *deciding]
                done = wait(pending, return_when=FIRST_COMPLETED).done
                for decided in [future for future in deciding if future in done]:
                    place, warm = deciding.pop(decided)
                    idle.append(warm)
                    yield place, decided.result()
                for told in [future for future in screening if future in done]:
                    first_place, warm = screening.pop(told)
                    idle.append(warm)
                    for place, screened in enumerate(told.result(), first_place):
                        if screened.is_final:
                            yield place, self._decide(task, screened)
                        else:
                            open_ones.append((place, screened))

    def spectrum(self, task: RepairTask, *, learn: bool = True) -> Mapping[str, Spectrum]:
        """Lines that each target and a bounded number of passing tests execute, by node id."""
        nearest = nearest_tests(task.targets, task.regression)
        others = worth_tracing(nearest, self._limits, self._timings.passed_s)
        run = self._run_some(task, task.overlay, [*task.targets, *others], trace=True)
        paths = {os.path.realpath(self._absolute(path)): path for path in task.sources}
        spectra = spectra_of(run, paths)
        if learn:
            self._spectra = spectra
        return spectra

    def behaviours(
        self, task: RepairTask, overlays: Sequence[Overlay]
    ) -> list[Mapping[str, str] | None]:
        """What the calls of the targets give on each overlay, with the tests' arguments and others.

        None where a warm worker cannot tell. The overlays are ``task.overlay`` with changes.
        """
        if not launch.CAN_FORK:
            return [None] * len(overlays)
        paths = [os.path.realpath(self._absolute(path)) for path in task.sources]
        request = self._request(
            task.overlay, collect_s=self._timings.collection_limit_s(), tests_s=_FOREVER_S
        )
        found: list[Mapping[str, str] | None] = []
        for overlay in overlays:
            changed = _changes(task, overlay)
            files = {self._absolute(path): data for path, data in changed.items()}
            found.append(self._warm[0].behaviour(task, Attempt(files), paths, request))
        return found

    def close(self) -> None:
        """Ends every process of this oracle and removes its files."""
        for warm in self._warm:
            warm.end()
        self._launcher.close()

    def _new_warm(self) -> Warm:
        return Warm(self._launcher, self._limits, self._timings, self.usual)

    @property
    def tally(self) -> Counter[str]:
        """What workers that stay warm made of candidates: ``decided``, or why they could not."""
        return sum((warm.tally for warm in self._warm), Counter())

    def __enter__(self) -> PytestOracle:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    # --- candidates ------------------------------------------------------------------------------

    def _overlaid(self, task: RepairTask, candidate: Candidate) -> Overlay | Inapplicable:
        for path in {edit.path for edit in candidate.edits}:
            if self._scope.role(self._absolute(path)) is not Role.SOURCE:
                return Inapplicable(f"{path} may not be edited")
        return edit_overlay(task.overlay, self._scope.read, candidate.edits)

    def _compile(self, task: RepairTask, changed: Overlay) -> Inapplicable | None:
        """Why a candidate need not run, where it breaks the syntax of a file."""
        for path, data in changed.items():
            problem = _compile_error(data, path)
            before = task.overlay.get(path) or self._scope.read(path)
            # What did not compile before may need several repairs: the run says how far it got.
            if problem and not _compile_error(before, path):
                return Inapplicable(f"{path} does not compile: {problem}")
        return None

    def _absolute(self, path: str) -> str:
        return str(self._root / path)

    # --- runs ------------------------------------------------------------------------------------

    def _request(self, overlay: Overlay, *, collect_s: float, tests_s: float) -> Message:
        files = {self._absolute(path): data.decode("latin-1") for path, data in overlay.items()}
        return {
            "files": files,
            "limit_s": collect_s,
            "tests_s": tests_s,
            "stall_s": max(collect_s, min(tests_s, self._limits.validation_s)),
            "test_s": 0.0,
            "output_bytes": self._limits.output_bytes,
            "confine": self._limits.confinement(),
            "must_pass": [],
            **self.usual.plain(trusted=not overlay and self.is_tree_unchanged),
        }

    def _run_some(
        self,
        task: RepairTask,
        overlay: Overlay,
        wanted: Iterable[str],
        *,
        stop: bool = False,
        trace: bool = False,
    ) -> Run:
        """Runs the tests named, over ``overlay``; ``stop`` at the first that does not pass."""
        only = list(wanted)
        request = self._request(
            overlay,
            collect_s=self._timings.collection_limit_s(),
            tests_s=self._limits.trace_s if trace else self._timings.limit_s(task, only),
        )
        request["only"] = only
        request["must_pass"] = only if stop else []
        if trace:
            request["trace"] = [os.path.realpath(self._absolute(path)) for path in task.sources]
            # What hung does so again: where is seen soon, and seeing it once is enough.
            hung = bool(task.stacks) and all(s.kind is ErrorKind.TIMEOUT for s in task.stacks)
            request["twice"] = 0 if hung else len(task.targets)
            request["test_s"] = self._limits.trace_s / (10 if hung else 4)
        run = read_run(self._launcher.run_forked(request))
        if not overlay and self.is_tree_unchanged:
            self.usual.learn(run)
        self._launcher.learn_modules(run.modules)
        return run


def _changes(task: RepairTask, overlay: Overlay | Inapplicable) -> Overlay:
    """The files that a candidate changes, with their new contents."""
    if isinstance(overlay, Inapplicable):
        return {}
    return {path: data for path, data in overlay.items() if task.overlay.get(path) != data}


def _is_module_run() -> bool:
    """True when this process was started as ``python -m pytest``."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return getattr(spec, "name", "") in ("pytest", "pytest.__main__")


def _compile_error(data: bytes, path: str) -> str:
    """Why a file does not compile; empty when it does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"{type(error).__name__}: {error}"
    return ""
