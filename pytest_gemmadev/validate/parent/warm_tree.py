"""One tree, the worker that has collected its tests, and how these end there without a candidate."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pytest_gemmadev.types import Overlay, RepairTask
from pytest_gemmadev.validate.parent.runs import PASSING, Run
from pytest_gemmadev.validate.parent.worker import Worker
from pytest_gemmadev.validate.resources import Policy

_ADDRESS = re.compile(r"0x[0-9A-Fa-f]+")
TreeKey: TypeAlias = tuple[tuple[str, int], ...]
Failure: TypeAlias = tuple[tuple[object, ...], ...]
UNKNOWN: Failure = ()  # how a target fails that was not run, for it hung


def tree_key(overlay: Overlay) -> TreeKey:
    """A key of the tree that an overlay makes; another tree has another key."""
    return tuple(sorted((path, hash(data)) for path, data in overlay.items()))


@dataclass(frozen=True, slots=True)
class NoWorker:
    """Stands where a tree has no worker; ``problem`` says why none is to be started, if so."""

    problem: str = ""


@dataclass(slots=True)
class WarmTree:
    """What a worker shows of the unchanged tree; it is trusted where a new process shows the same."""

    worker: Worker | NoWorker = field(default_factory=NoWorker)
    lost: int = 0  # workers that ended by themselves
    failures: dict[str, Failure] = field(default_factory=dict)
    # how the targets fail in the worker, those that do
    passes: dict[str, float] = field(default_factory=dict)
    # seconds of the other tests that pass in it
    ran: set[str] = field(default_factory=set)  # tests that were run without a candidate
    together: int = 1  # candidates that one process tries
    is_confirmed: bool = False  # a process stayed what it was over several candidates
    permissions_number: int = -1  # `KnownEffects.number` of those that the worker has

    def fails_all(self, targets: Collection[str]) -> bool:
        """Whether each of the targets fails in the worker, as it should."""
        return self.failures.keys() >= set(targets)

    def fails_known(self, targets: Collection[str]) -> bool:
        """Whether it is known how each of the targets fails: none of them hung."""
        return all(self.failures[target] != UNKNOWN for target in targets)

    def end_worker(self, problem: str = "") -> None:
        """Ends the worker; with a ``problem`` no other one is started."""
        if isinstance(self.worker, Worker):
            self.worker.end()
        self.worker = NoWorker(problem)

    def learn(self, run: Run, *, targets: Collection[str], others: Collection[str]) -> None:
        """Takes from a run without a candidate how its tests end."""
        failures = failures_of(run, targets)
        for nodeid in targets:
            if run.outcomes.get(nodeid) not in (None, *PASSING):
                self.failures[nodeid] = failures.get(nodeid, UNKNOWN)
        for nodeid in others:
            if run.outcomes.get(nodeid) in PASSING:
                self.passes[nodeid] = run.durations[nodeid]

    def learn_trust(self, runs: Sequence[Run], count: int, targets: Collection[str]) -> bool:
        """Whether the runs of a process that took ``count`` candidates may be trusted.

        They may where the unchanged code, run last, fails as it did at first. A process that ended
        before is trusted where another one has shown that, or where it was at its first candidate.
        Where they may not, later processes take one candidate each.
        """
        if len(runs) <= count:
            return len(runs) == 1 or (bool(runs) and self.is_confirmed)
        unchanged = failures_of(runs[count], targets)
        self.is_confirmed = all(unchanged.get(t) == self.failures[t] for t in targets)
        if not self.is_confirmed:
            self.together = 1
        return self.is_confirmed

    def choose_others(
        self, task: RepairTask, reaching: Collection[str], policy: Policy
    ) -> list[str]:
        """Tests that a candidate must pass here as well, those first that it is likely to break.

        ``reaching`` are tests that run the lines which it changes.
        """
        usable = task.regression & self.passes.keys()
        chosen: list[str] = []
        spent_s = 0.0
        for nodeid in sorted(usable, key=lambda n: (n not in reaching, self.passes[n], n)):
            spent_s += self.passes[nodeid]
            if spent_s > policy.others_s or len(chosen) == policy.others:
                break
            chosen.append(nodeid)
        return chosen


def failures_of(run: Run, targets: Collection[str]) -> dict[str, Failure]:
    """How each target failed, without addresses, which differ from run to run."""
    failures: dict[str, Failure] = {}
    for stack in run.stacks:
        if stack["nodeid"] in targets:
            places = tuple((f["path"], f["line"]) for f in stack["frames"])
            failure = (stack["error"], _ADDRESS.sub("", stack["message"]), places)
            failures[stack["nodeid"]] = (*failures.get(stack["nodeid"], ()), failure)
    return failures
