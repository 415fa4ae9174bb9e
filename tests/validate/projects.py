"""Small projects on disk, oracles on them, candidates that replace one text by another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.types import Candidate, Edit, Observation, RepairTask, Verdict
from pytest_gemmadev.validate.parent.oracle import PytestOracle


@dataclass
class Project:
    """A project, its oracle and what the tests say about it as it is."""

    root: Path
    oracle: PytestOracle
    seen: Observation

    def task(self, *targets: str) -> RepairTask:
        """The task of turning ``targets`` green; everything that fails, where none is named."""
        wanted = targets or tuple(n for n in self.seen.failing)
        sources = {
            path: (self.root / path).read_text() for path in Scope(self.root).editable_files()
        }
        regression = self.seen.passing - set(wanted)
        return RepairTask(self.seen.stacks, wanted, regression, sources, {})

    def candidate(self, path: str, old: str, new: str) -> Candidate:
        text = (self.root / path).read_text()
        start = text.index(old)
        return Candidate((Edit(path, start, start + len(old), new),), "test", 0.0)

    def try_out(self, path: str, old: str, new: str, *targets: str) -> Verdict:
        return self.oracle.validate(self.task(*targets), self.candidate(path, old, new))


MakeProject = Callable[..., Project]
