"""What a run may use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on runs of the tests; each is a bound, not what a run normally gets."""

    test_s: float = 30.0  # one test of a full run
    validation_s: float = 30.0  # the tests of one validation together
    run_s: float = 600.0  # one full run
    memory_bytes: int = 2 << 30  # address space on top of the warm process
    file_bytes: int = 64 << 20  # one file
    output_bytes: int = 64 << 20  # what a run may report
    processes: int = 256  # of this user, on top of those that run; not enforced for root
    traced_tests: int = 200  # passing tests whose lines are recorded
    traced_s: float = 0.5  # that they take together when they are not traced; a few always are
    trace_s: float = 10.0  # for tracing all of them
    jobs: int = max(1, min(4, os.cpu_count() or 1))  # validations at a time in `validate_many`

    def confinement(self, *, scale: int = 1) -> dict[str, Any]:
        """Arguments of `process.confine`."""
        return {
            "memory_bytes": self.memory_bytes * scale,
            "file_bytes": self.file_bytes,
            "processes": self.processes,
        }
