"""Acceptance: of the plausible repairs, the first in order of belief that a fresh full run carries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_gemmadev.files.sources import Files
from pytest_gemmadev.search.behaviour import Behaviour, difference
from pytest_gemmadev.search.choice import Ranked, choose
from pytest_gemmadev.search.losses import losses
from pytest_gemmadev.search.patches import found_overlay, plausible_order, ranked_patch
from pytest_gemmadev.search.search import Found
from pytest_gemmadev.types import (
    Model,
    Observation,
    Oracle,
    Overlay,
    Probing,
    RankedPatch,
    RepairTask,
    TestOutcome,
)

OTHERS = 5  # plausible patches listed beside the chosen one
OBSERVED = 4  # plausible repairs of a broken import that a whole run compares


@dataclass(frozen=True, slots=True)
class Accepted:
    """A repair that a full run carries."""

    found: Found
    overlay: Overlay  # with it
    patches: tuple[RankedPatch, ...]  # it first
    after: Observation
    differ: str  # a call for which other plausible patches give something else


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What it takes to accept a repair."""

    files: Files
    oracle: Oracle
    model: Model | None
    parses: Callable[[str, bytes], bool]  # whether the door would write such a file
    tell: Callable[[str], None]

    def accept(
        self, found: Sequence[Found], task: RepairTask, before: Observation
    ) -> Accepted | None:
        """The repair to keep; None where no full run carries one. ``before``: a run without any."""
        ranked = choose(found, task, self.model, lambda some: self._behaviours(some, task))
        overlays = [
            self._sound(found_overlay(each.found, task, self.files.read)) for each in ranked
        ]
        best: tuple[int, Observation, Overlay] | None = None
        collecting = any(before.outcomes.get(t) is TestOutcome.ERROR for t in task.targets)
        for index, overlay in enumerate(overlays[:OBSERVED]):
            if overlay is None:
                continue
            targets = ranked[index].found.targets
            self.tell("running all tests")
            after = self.oracle.observe(overlay)
            if not self._carries(targets, task, before, after):
                continue
            if best is None or len(after.passing) > len(best[1].passing):
                best = (index, after, overlay)
            # Where a module could not be collected, only its tests can tell good repairs from bad.
            if not collecting or not after.failing:
                break
        if best is None:
            return None
        index, after, overlay = best
        patches = []
        for i in plausible_order(index, len(ranked), OTHERS + 1):
            item, ratio, changed = ranked[i].found, ranked[i].ratio, overlays[i]
            if changed is not None:
                patches.append(
                    ranked_patch(item, ratio, task, changed, self.files.read, chosen=i == index)
                )
        return Accepted(
            ranked[index].found, overlay, tuple(patches), after, _difference(ranked, index)
        )

    def _carries(
        self, targets: Sequence[str], task: RepairTask, before: Observation, after: Observation
    ) -> bool:
        """True when a full run confirms it: targets pass, nothing regressed, nothing vanished."""
        if after.aborted or any(target not in after.passing for target in targets):
            return False
        return not losses(self.oracle, task.overlay, before, after, task.regression)

    def _behaviours(
        self, found: Sequence[Found], task: RepairTask
    ) -> tuple[Behaviour | None, list[Behaviour | None]]:
        """What the code gives for other arguments, as it is and with each of the repairs."""
        is_destructive = any(each.destroys for each in found)  # runs once, not for each call
        if is_destructive or not isinstance(self.oracle, Probing):
            return None, [None] * len(found)
        self.tell("comparing the plausible patches")
        overlays = [found_overlay(each, task, self.files.read) for each in found]
        given = [task.overlay, *(task.overlay if o is None else o for o in overlays)]
        original, *others = self.oracle.behaviours(task, given)
        return original, others

    def _sound(self, overlay: Overlay | None) -> Overlay | None:
        """The overlay, or None where a file in it does not pass the door's own parser."""
        if overlay is None or not all(self.parses(path, data) for path, data in overlay.items()):
            return None
        return overlay


def _difference(ranked: Sequence[Ranked], chosen: int) -> str:
    """A call for which other plausible patches give something else; empty where none is seen."""
    known = [each.behaviour for each in ranked if each.behaviour is not None]
    here = ranked[chosen].behaviour
    return str(difference(here, known) or "") if here is not None else ""
