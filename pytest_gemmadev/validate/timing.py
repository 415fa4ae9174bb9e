"""How long tests take, as measured, and how long a candidate may therefore take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pytest_gemmadev.core.types import ErrorKind, RepairTask
from pytest_gemmadev.validate.limits import Limits
from pytest_gemmadev.validate.runs import PASSING, Run

_RATIO = 20.0  # times the measured duration of the tests that a validation may take
_FLOOR_S = 0.3  # on top: a candidate may do more than the failing code did
_COLLECT_RATIO = 10.0  # times a measured collection that a later one may take
_COLLECT_FLOOR_S = 1.0
_UNKNOWN_COLLECT_S = 60.0


@dataclass(slots=True)
class Timings:
    """Longest durations seen without a candidate applied, in seconds."""

    limits: Limits
    passed_s: dict[str, float] = field(default_factory=dict)  # by node id
    failed_s: dict[str, float] = field(default_factory=dict)
    collect_s: float = 0.0

    def learn(self, run: Run) -> None:
        """Keeps what a run says."""
        self.collect_s = max(self.collect_s, run.collect_s)
        for nodeid, seconds in run.durations.items():
            seen = self.passed_s if run.outcomes.get(nodeid) in PASSING else self.failed_s
            seen[nodeid] = max(seen.get(nodeid, 0.0), seconds)

    def collection_limit_s(self) -> float:
        """Time for collecting the tests."""
        if not self.collect_s:
            return _UNKNOWN_COLLECT_S
        return min(_COLLECT_RATIO * self.collect_s + _COLLECT_FLOOR_S, _UNKNOWN_COLLECT_S)

    def limit_s(self, task: RepairTask, nodeids: Iterable[str]) -> float:
        """Time for these tests together."""
        if not self.passed_s and not self.failed_s:
            return self.limits.validation_s
        return min(_RATIO * self.expected_s(task, nodeids) + _FLOOR_S, self.limits.validation_s)

    def expected_s(self, task: RepairTask, nodeids: Iterable[str]) -> float:
        """Seconds these tests should take. A test that failed by taking too long says nothing."""
        hung = {s.nodeid for s in task.stacks if s.kind is ErrorKind.TIMEOUT}
        seen = sorted(self.passed_s.values())
        usual_s = seen[len(seen) // 2] if seen else 0.0
        total_s = 0.0
        for nodeid in nodeids:
            failed_s = 0.0 if nodeid in hung else self.failed_s.get(nodeid, 0.0)
            total_s += max(self.passed_s.get(nodeid, usual_s), failed_s)
        return total_s
