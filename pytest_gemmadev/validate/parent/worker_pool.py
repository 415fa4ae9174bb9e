"""Runs candidates in processes that have collected the tests, which only ever reject them.

A worker is trusted as far as it shows, without a candidate, what a new process shows: the
targets fail in it, and of the other tests only those count that pass in it.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_gemmadev.types import ErrorKind, Inapplicable, RepairTask
from pytest_gemmadev.validate.messages import AttemptPlan, JobPlan, Permissions, ProbePlan, RunPlan
from pytest_gemmadev.validate.parent.known_effects import KnownEffects
from pytest_gemmadev.validate.parent.launch import Launcher
from pytest_gemmadev.validate.parent.runs import Run, read_attempts
from pytest_gemmadev.validate.parent.timing import Timings
from pytest_gemmadev.validate.parent.warm_tree import (
    UNKNOWN,
    NoWorker,
    TreeKey,
    WarmTree,
    tree_key,
)
from pytest_gemmadev.validate.parent.worker import Worker
from pytest_gemmadev.validate.process import RunEnd
from pytest_gemmadev.validate.resources import DEFAULT_POLICY, Limits, Policy


@dataclass(frozen=True, slots=True)
class Attempt:
    """A candidate as a worker takes it."""

    files: Mapping[str, bytes]  # new contents by absolute path
    reaching: frozenset[str] = frozenset()  # tests that run the changed lines


@dataclass(frozen=True, slots=True)
class _Batch:
    """What one process of a worker is to run."""

    task: RepairTask
    attempts: Sequence[AttemptPlan]
    calibrates: bool = False  # runs the unchanged code, to learn from it
    probe: ProbePlan | None = None


@dataclass(slots=True)
class WorkerPool:
    """The workers of one oracle, for one validation at a time: one for each of a few trees."""

    launcher: Launcher
    limits: Limits
    timings: Timings
    known_effects: KnownEffects
    policy: Policy = DEFAULT_POLICY
    flaky: set[str] = field(default_factory=set)  # tests that say nothing of a candidate
    tally: Counter[str] = field(default_factory=Counter)
    # what came of the candidates: ``decided``, or why a new import was needed
    forks: bool = True  # the last worker gives candidates processes of their own
    _trees: OrderedDict[TreeKey, WarmTree] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def together(self, task: RepairTask) -> int:
        """Candidates that are worth handing over at once."""
        is_quick = self.timings.expected_s(task, task.targets) <= self.policy.quick_s
        return self.policy.together if is_quick else 1

    def try_out(
        self, task: RepairTask, attempts: Sequence[Attempt], plan: RunPlan
    ) -> list[Run | Inapplicable | None]:
        """A run of each of the first attempts, one at least; None where a worker cannot decide.

        The last of them may be one whose targets pass, so that the caller sees it at once. ``plan``
        is for a worker on the task's tree, where none is there yet.
        """
        with self._lock:
            runs = self._run_attempts(task, attempts, plan)
        self.tally.update(run if isinstance(run, str) else "decided" for run in runs)
        return [None if isinstance(run, str) else run for run in runs]

    def probe(
        self, task: RepairTask, attempt: Attempt, *, paths: Sequence[str], plan: RunPlan
    ) -> dict[str, str] | None:
        """What the calls of the targets give with other arguments; None where a worker cannot say."""
        probe: ProbePlan = {"paths": list(paths), "seed": task.seed}
        with self._lock:
            tree = self._prepare_tree(task, plan)
            if isinstance(tree.worker, NoWorker) or not tree.fails_all(task.targets):
                return None
            if not attempt.files and all(tree.failures[t] == UNKNOWN for t in task.targets):
                return None  # it never ends
            return self._run_probe(tree, task, attempt, probe=probe)

    def evaluate(
        self,
        task: RepairTask,
        attempt: Attempt,
        *,
        expressions: Sequence[tuple[str, str]],
        plan: RunPlan,
    ) -> dict[int, str] | None:
        """What expressions give, by their places; None where a worker cannot say.

        Each is (real path of a module, text). No test runs, so the targets need not fail here.
        """
        probe: ProbePlan = {"paths": [], "seed": task.seed, "expressions": list(expressions)}
        with self._lock:
            tree = self._prepare_tree(task, plan)
            values = self._run_probe(tree, task, attempt, probe=probe)
        return None if values is None else {int(place): v for place, v in values.items()}

    def end(self) -> None:
        """Ends all workers."""
        with self._lock:
            for tree in self._trees.values():
                tree.end_worker()
            self._trees.clear()

    def _run_probe(
        self, tree: WarmTree, task: RepairTask, attempt: Attempt, *, probe: ProbePlan
    ) -> dict[str, str] | None:
        if isinstance(tree.worker, NoWorker):
            return None
        batch = _Batch(task, [_attempt_plan(attempt, [])], probe=probe)
        runs = _read(self._run(tree, tree.worker, batch))
        return runs[0].behaviour if runs else None

    # --- one tree --------------------------------------------------------------------------------

    def _run_attempts(
        self, task: RepairTask, attempts: Sequence[Attempt], plan: RunPlan
    ) -> list[Run | Inapplicable | str]:
        """The runs, or why there is none."""
        tree = self._prepare_tree(task, plan)
        if isinstance(tree.worker, NoWorker):
            return [tree.worker.problem or "its worker ended"]
        if not tree.fails_all(task.targets):
            return ["a target does not fail in a worker"]
        some = attempts[: self._fit_together(tree, task)]
        usable = replace(task, regression=task.regression - self.flaky) if self.flaky else task
        chosen = [tree.choose_others(usable, one.reaching, self.policy) for one in some]
        plans = [_attempt_plan(one, others) for one, others in zip(some, chosen, strict=True)]
        end = self._run(tree, tree.worker, _Batch(task, plans))
        if end is None and len(some) == 1:
            return ["its worker ended"]
        runs = _read(end)
        if len(some) > 1 and end is not None and end.changed:
            tree.together = 1  # one of them wrote where the next ones would have found it
            return self._run_attempts(task, attempts[:1], plan)
        if len(some) > 1 and not tree.learn_trust(runs, len(some), task.targets):
            # Where one broke off, those before it show whether the process stayed what it was.
            ended_early = len(runs) <= len(some)
            again = attempts[: max(1, len(runs) - 1)] if ended_early else attempts[:1]
            return self._run_attempts(task, again, plan)
        if not runs:
            return ["its messages broke"]
        return [_result_of(run) for run in runs[: len(some)]]

    def _fit_together(self, tree: WarmTree, task: RepairTask) -> int:
        """Candidates for one process: what a fork costs matters where the tests cost little."""
        return min(tree.together, self.together(task)) if tree.fails_known(task.targets) else 1

    def _prepare_tree(self, task: RepairTask, plan: RunPlan) -> WarmTree:
        """The task's tree, with a worker where it can have one, calibrated for the targets."""
        key = tree_key(task.overlay)
        tree = self._trees.setdefault(key, WarmTree())
        self._trees.move_to_end(key)
        while len(self._trees) > self.policy.kept_workers:
            self._trees.popitem(last=False)[1].end_worker()
        if isinstance(tree.worker, NoWorker) and not tree.worker.problem:
            self._start_worker(tree, plan)
        if isinstance(tree.worker, Worker):
            self._calibrate(tree, tree.worker, task)
        return tree

    def _start_worker(self, tree: WarmTree, plan: RunPlan) -> None:
        worker = self.launcher.start_worker(plan)
        worker.wait_ready()
        if worker.moved and not self.launcher.is_apart:
            worker.end()
            self.launcher.stay_apart()
            worker = self.launcher.start_worker(plan)
            worker.wait_ready()
        if worker.moved:
            worker.problem = "it has modules of other files than the user's run"
        tree.worker = worker
        tree.together = self.policy.together if worker.several else 1
        self.forks = worker.forks
        if worker.problem:
            tree.end_worker(worker.problem)

    def _calibrate(self, tree: WarmTree, worker: Worker, task: RepairTask) -> None:
        """Runs, without a candidate, the tests that this worker has not run so."""
        hung = {s.nodeid for s in task.stacks if s.kind is ErrorKind.TIMEOUT}
        new = [t for t in task.targets if t in worker.items and t not in tree.ran]
        tree.failures.update((t, UNKNOWN) for t in new if t in hung)
        targets = [t for t in new if t not in hung]
        if tree.ran and not targets:
            return
        known = sorted(
            (self.timings.passed_s.get(n, 0.0), n)
            for n in task.regression & worker.items - tree.ran
        )
        others = [nodeid for _, nodeid in known[: 2 * self.policy.others]]
        tree.ran.update(new, others)
        targeted = replace(task, targets=tuple(targets))
        batch = _Batch(targeted, [_attempt_plan(Attempt({}), others)], calibrates=True)
        end = self._run(tree, worker, batch)
        if end is None:
            return
        run = read_attempts(end)[0]
        if not task.overlay:
            self.known_effects.learn(run.reached)
        self.timings.learn(run.durations, run.passing)
        tree.learn(run, targets=targets, others=others)

    def _take_permissions(self, tree: WarmTree, *, trusted: bool) -> Permissions | None:
        """What the worker is to be allowed from now on; None where it is what it was."""
        if trusted:
            tree.permissions_number = -1
            return self.known_effects.permissions(trusted=True)
        if tree.permissions_number == self.known_effects.number:
            return None
        tree.permissions_number = self.known_effects.number
        return self.known_effects.permissions()

    def _limit_s(self, batch: _Batch) -> float:
        """Time for a candidate: most that take long never end, so they wait their turn."""
        if batch.calibrates:
            return self.policy.calibration_s
        task = batch.task
        expected_s = self.timings.expected_s
        slowest = max(batch.attempts, key=lambda plan: expected_s(task, plan["others"]))
        limit_s = self.timings.limit_s(task, [*task.targets, *slowest["others"]])
        if not task.patient:
            first_s = max(self.policy.first_floor_s, self.policy.first_ratio * limit_s)
            limit_s = min(limit_s, first_s)
        return limit_s if batch.probe is None else limit_s + self.policy.probe_s

    def _run(self, tree: WarmTree, worker: Worker, batch: _Batch) -> RunEnd | None:
        """How a process of the worker ended; None where the worker itself is gone."""
        task = batch.task
        plan: JobPlan = {
            "attempts": list(batch.attempts),
            "targets": list(task.targets),
            "run_all": batch.calibrates,
            "loosely": batch.probe is None and not task.patient,
            "limit_s": self._limit_s(batch),
            "output_bytes": self.limits.output_bytes,
            "process_limits": self.limits.process_limits(),
        }
        if batch.probe is not None:
            plan["probe"] = batch.probe
        trusted = batch.calibrates and not task.overlay
        permissions = self._take_permissions(tree, trusted=trusted)
        if permissions is not None:
            plan["permissions"] = permissions
        end = worker.run(plan)
        if end is None:  # the candidate ended its worker, or the worker broke
            tree.lost += 1
            is_last = tree.lost >= self.policy.lost_workers
            tree.end_worker("its workers end" if is_last else "")
        elif end.is_spent:
            tree.end_worker()
        return end


def _attempt_plan(attempt: Attempt, others: Collection[str]) -> AttemptPlan:
    files = {path: data.decode("latin-1") for path, data in attempt.files.items()}
    return {"files": files, "others": list(others)}


def _read(end: RunEnd | None) -> list[Run]:
    return [] if end is None or end.how == "output" else read_attempts(end)


def _result_of(run: Run) -> Run | Inapplicable | str:
    if run.broken:
        return Inapplicable(run.broken)
    return run.refused or run
