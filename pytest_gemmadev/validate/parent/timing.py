"""How long tests take, as measured, and how long a candidate may therefore take."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from statistics import median

from pytest_gemmadev.types import ErrorKind, RepairTask
from pytest_gemmadev.validate.resources import DEFAULT_POLICY, Limits, Policy


@dataclass(slots=True)
class Timings:
    """Longest durations seen without a candidate applied, in seconds by node id."""

    limits: Limits
    policy: Policy = DEFAULT_POLICY
    passed_s: dict[str, float] = field(default_factory=dict)
    failed_s: dict[str, float] = field(default_factory=dict)
    collect_s: float = 0.0
    _median_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def learn(self, durations: Mapping[str, float], passing: Collection[str]) -> None:
        """Keeps what a run says about durations."""
        with self._lock:
            for nodeid, seconds in durations.items():
                seen = self.passed_s if nodeid in passing else self.failed_s
                seen[nodeid] = max(seen.get(nodeid, 0.0), seconds)
            self._median_s = median(self.passed_s.values()) if self.passed_s else 0.0

    def learn_collection(self, seconds: float) -> None:
        """Keeps how long a collection took."""
        self.collect_s = max(self.collect_s, seconds)

    def collection_limit_s(self) -> float:
        """Time for collecting the tests."""
        if not self.collect_s:
            return self.policy.unknown_collect_s
        limit_s = self.policy.collect_ratio * self.collect_s + self.policy.collect_floor_s
        return min(limit_s, self.policy.unknown_collect_s)

    def limit_s(self, task: RepairTask, nodeids: Collection[str]) -> float:
        """Time for these tests together; as much as a full run has where one was never measured."""
        known = self.passed_s.keys() | self.failed_s.keys() | set(task.targets)
        if not known.issuperset(nodeids):
            return self.limits.run_s
        if not self.passed_s and not self.failed_s:
            return self.limits.validation_s
        expected_s = self.expected_s(task, nodeids)
        limit_s = self.policy.test_ratio * expected_s + self.policy.floor_s
        most_s = max(self.limits.validation_s, self.policy.slow_ratio * expected_s)
        return min(limit_s, most_s)

    def expected_s(self, task: RepairTask, nodeids: Collection[str]) -> float:
        """Seconds these tests should take, without what a test that hung took."""
        hung = {s.nodeid for s in task.stacks if s.kind is ErrorKind.TIMEOUT}
        total_s = 0.0
        for nodeid in nodeids:
            failed_s = 0.0 if nodeid in hung else self.failed_s.get(nodeid, 0.0)
            total_s += max(self.passed_s.get(nodeid, self._median_s), failed_s)
        return total_s
