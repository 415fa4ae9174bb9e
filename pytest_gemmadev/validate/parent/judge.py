"""The verdict on a candidate, from the outcomes of the tests that one run was to run."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pytest_gemmadev.capture.plain import Classifier, stack_from_plain
from pytest_gemmadev.capture.shapes import PlainStack
from pytest_gemmadev.types import (
    ErrorStack,
    Inapplicable,
    Plausible,
    Refused,
    Regressed,
    RepairTask,
    StillFailing,
    TimedOut,
    Verdict,
)
from pytest_gemmadev.validate.parent.known_effects import KnownEffects
from pytest_gemmadev.validate.parent.nodeids import is_test
from pytest_gemmadev.validate.parent.runs import PASSING, Run


@dataclass(slots=True)
class Judge:
    """Judges runs of one project by what its tests did before.

    Does not cover what a test that passes does not check.
    """

    root: Path
    scope: Classifier
    known_effects: KnownEffects = field(default_factory=KnownEffects)
    plainly_passing: frozenset[str] = field(default=frozenset())
    # tests that passed before without being expected to fail

    def judge(
        self,
        task: RepairTask,
        run: Run,
        *,
        wanted: Collection[str],
        changed: Collection[str],
    ) -> Verdict:
        """The verdict on a candidate that changes the files ``changed``, by a run of ``wanted``."""
        unknown = self.known_effects.first_unknown(run.reached) if changed else None
        if unknown is not None:
            return Refused(*unknown, run.seconds)
        passed = [t for t in task.targets if run.outcomes.get(t) == "passed"]
        if len(passed) < len(task.targets):
            if run.over_limit:
                return TimedOut(run.aborted, run.seconds)
            stacks = self._stacks(run.stacks, task.targets)
            return StillFailing(len(passed), len(task.targets), stacks, run.seconds)
        lost = sorted(n for n in wanted if not self.is_as_good(n, run.outcomes.get(n)))
        if lost and run.over_limit:
            return TimedOut(run.aborted, run.seconds)
        if lost:
            # The run stops at the first that fails: those that had no turn are no news.
            failed = [n for n in lost if n in run.outcomes]
            return Regressed(tuple(failed or lost), run.seconds)
        if run.aborted:
            return Regressed((), run.seconds)
        for path in sorted(changed):
            if os.path.realpath(self.root / path) not in run.imported:
                return Inapplicable(f"{path} was not imported by the tests that ran")
        return Plausible(sum(map(is_test, wanted)), run.seconds)

    def is_as_good(self, nodeid: str, outcome: str | None) -> bool:
        """Whether a test passes, and plainly where it passed plainly before."""
        return outcome == "passed" if nodeid in self.plainly_passing else outcome in PASSING

    def _stacks(
        self, plain: Iterable[PlainStack], targets: Iterable[str]
    ) -> tuple[ErrorStack, ...]:
        wanted = set(targets)
        found = [stack_from_plain(stack, self.scope) for stack in plain]
        # A target that vanished fails through another: the collector of its module.
        return tuple(s for s in found if s.nodeid in wanted) or tuple(found)
