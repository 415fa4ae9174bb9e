"""Which tests fail without being to blame: found by running them again, for as often as it may take.

A candidate loses a test only where the test fails with it each time and passes without it each time.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from pytest_gemmadev.types import Overlay, RepairTask
from pytest_gemmadev.validate.parent.judge import Judge
from pytest_gemmadev.validate.parent.nodeids import is_test
from pytest_gemmadev.validate.parent.project_runs import ProjectRuns
from pytest_gemmadev.validate.resources import DEFAULT_POLICY, Policy


@dataclass(slots=True)
class FlakyTests:
    """What is known of the tests of one project."""

    runs: ProjectRuns
    judge: Judge
    policy: Policy = DEFAULT_POLICY
    known: set[str] = field(default_factory=set)  # tests that fail by themselves, now and then
    _stable: set[str] = field(
        default_factory=set
    )  # those that passed each time without a candidate
    _lost: Counter[str] = field(default_factory=Counter)  # candidates that lost a test each time
    _rechecks: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_doubtful(self, nodeids: Collection[str]) -> bool:
        """Whether that a candidate lost these tests once is too little to reject it.

        It is until a few other candidates have lost them each time.
        """
        if self._rechecks >= self.policy.rechecks:
            return False
        return any(self._lost[nodeid] < self.policy.sure_losses for nodeid in nodeids)

    def learn_passed(self, nodeids: Collection[str]) -> None:
        """To be called with tests that one run of a candidate has lost and another one has not."""
        with self._lock:
            self.known.update(nodeids)

    def learn_stays_lost(self, nodeids: Collection[str]) -> None:
        """To be called with tests that a candidate has lost each time."""
        with self._lock:
            self._rechecks += 1
            self._lost.update(nodeids)

    def learn(self, overlay: Overlay, nodeids: Collection[str]) -> frozenset[str]:
        """Those of the tests that do not pass over ``overlay`` either, in one run of a few."""
        new = set(filter(is_test, nodeids)) - self._stable - self.known
        failed: set[str] = set()
        for _ in range(self.policy.flaky_runs):
            left = sorted(new - failed)
            if not left:
                break
            run = self.runs.run_again(overlay, left)
            # A run that breaks off says nothing about those that had no turn.
            failed |= {
                nodeid
                for nodeid in left
                if not self.judge.is_as_good(nodeid, run.outcomes.get(nodeid))
                and not (run.aborted and nodeid not in run.outcomes)
            }
        with self._lock:
            self.known |= failed
            self._stable |= new - failed
        return frozenset(self.known.intersection(nodeids))

    def learn_lost(
        self, task: RepairTask, overlay: Overlay, nodeids: Collection[str]
    ) -> frozenset[str]:
        """Those of the tests that a candidate, which is ``overlay``, is not to blame for losing."""
        if self.is_doubtful(nodeids):
            lost = sorted(filter(is_test, nodeids))
            for _ in range(self.policy.flaky_runs - 1):  # it failed once already
                run = self.runs.run_some_and_learn(task, overlay, lost)
                passed = {n for n in lost if self.judge.is_as_good(n, run.outcomes.get(n))}
                if passed:
                    self.learn_passed(passed)
                    return frozenset(passed)
            self.learn_stays_lost(lost)
        return self.learn(task.overlay, nodeids)
