"""Asks workers what code gives: for calls that no test makes, and for expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_gemmadev.types import Expression, Overlay, RepairTask
from pytest_gemmadev.validate.parent import launch
from pytest_gemmadev.validate.parent.project_runs import ProjectRuns
from pytest_gemmadev.validate.parent.screening import Screener, changes_to
from pytest_gemmadev.validate.parent.worker_pool import WorkerPool


@dataclass(frozen=True, slots=True)
class Prober:
    """The part of an oracle that is `types.Probing`. Overlays are the task's with changes."""

    runs: ProjectRuns
    screener: Screener
    pool: WorkerPool

    def behaviours(
        self, task: RepairTask, overlays: Sequence[Overlay]
    ) -> list[Mapping[str, str] | None]:
        """What each call of the targets and its variations give; None where no worker can tell."""
        if not launch.CAN_FORK:
            return [None] * len(overlays)
        paths = self.runs.real_paths(task.sources)
        plan = self.runs.plan_worker(task.overlay)
        attempts = [self.screener.attempt(changes_to(task, overlay)) for overlay in overlays]
        return [self.pool.probe(task, attempt, paths=paths, plan=plan) for attempt in attempts]

    def evaluate(
        self, task: RepairTask, overlays: Sequence[Overlay], expressions: Sequence[Expression]
    ) -> list[Mapping[Expression, str] | None]:
        """What each expression gives; None where no worker can tell."""
        if not expressions:
            return [{}] * len(overlays)
        if not launch.CAN_FORK:
            return [None] * len(overlays)
        paths = self.runs.real_paths(each.path for each in expressions)
        asked = [(path, each.text) for path, each in zip(paths, expressions, strict=True)]
        plan = self.runs.plan_worker(task.overlay)
        found: list[Mapping[Expression, str] | None] = []
        for overlay in overlays:
            attempt = self.screener.attempt(changes_to(task, overlay))
            values = self.pool.evaluate(task, attempt, expressions=asked, plan=plan)
            by_expression = {expressions[place]: value for place, value in (values or {}).items()}
            found.append(None if values is None else by_expression)
        return found
