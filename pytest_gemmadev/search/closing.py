"""The end of a session of repair: half repairs are taken back, and needless ones dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_gemmadev.files.sources import Sources
from pytest_gemmadev.report.wording import show_first_line
from pytest_gemmadev.search.advice import Effort, advise
from pytest_gemmadev.search.budget import Meter
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.half_repairs import left_behind
from pytest_gemmadev.search.needless import needed_repairs
from pytest_gemmadev.search.outcomes import Outcomes
from pytest_gemmadev.search.repairs import Repair, stack_up
from pytest_gemmadev.types import (
    ErrorStack,
    FailingCandidate,
    Observation,
    Overlay,
    Status,
)


@dataclass(slots=True)
class Closing:
    """What is left of the repairs of a session; ``final`` is the run on the tree with all of them."""

    context: SearchContext
    repairs: list[Repair]
    outcomes: Outcomes
    baseline: Observation
    final: Observation
    overlay: Overlay

    def close(self, meter: Meter) -> Overlay:
        """The tree with the repairs that stay; the outcomes say what became of the others."""
        for repair in list(reversed(self.repairs)):
            stacks = left_behind(repair, self.final, read=self.context.files.read)
            if repair in self.repairs and stacks:
                self._take_back(repair, stacks, meter)
        if len(self.repairs) > 1:
            self._drop_needless(meter)
        return self.overlay

    # --- half repairs ----------------------------------------------------------------------------

    def _take_back(self, half: Repair, stacks: Sequence[ErrorStack], meter: Meter) -> None:
        """Takes a half repair back, and with it the later ones that do not stand without it."""
        kept, overlay, after = self._without(half, meter)
        dropped = [repair for repair in self.repairs if repair not in kept]
        self.repairs, self.overlay, self.final = kept, overlay, after
        for repair in dropped:
            if repair is half:
                self._note_half(repair, stacks[0])
            else:
                self._note(repair, "taken back: it stood on a repair that was taken back")
        self._restate()

    def _without(self, half: Repair, meter: Meter) -> tuple[list[Repair], Overlay, Observation]:
        """The repairs without one, their tree, and the run of it; without the later ones if need be."""
        place = self.repairs.index(half)
        fewer = [repair for repair in self.repairs if repair is not half]
        if place < len(fewer) and not meter.exhausted:
            overlay = stack_up(fewer, self.context.files.read)
            if overlay is not None:
                self.context.progress("taking a half repair back")
                after = self.context.oracle.observe(overlay)
                green = {t for repair in fewer for t in repair.accepted.found.targets}
                known = {*after.outcomes}
                if not after.aborted and green & known <= after.passing >= self.baseline.passing:
                    return fewer, overlay, after
        fewer = fewer[:place]
        if not fewer:
            return fewer, {}, self.baseline
        return fewer, fewer[-1].accepted.overlay, fewer[-1].accepted.after

    def _note_half(self, half: Repair, behind: ErrorStack) -> None:
        """The outcome of a half repair that was taken back."""
        first = half.failing.stacks[0]
        known = self.outcomes.by_nodeid[half.first]
        patch = next((p for p in known.patches if p.chosen), None)
        total = len(half.failing.targets)
        passed = len([t for t in half.failing.targets if t in half.accepted.after.passing])
        error = show_first_line(behind)
        best = None if patch is None else FailingCandidate(patch.diff, passed, total, error)
        where = "" if behind.nodeid in half.failing.targets else f" in {behind.nodeid}"
        self._note(
            half,
            f"half a repair was taken back: with it {first.error} gives way to {error}{where}, for "
            "which none was found",
        )
        advice = advise(
            first,
            known.suspicions,
            Sources(self.context.files, {}),
            effort=Effort(model=self.context.model_info),
        )
        self.outcomes.by_nodeid[half.first] = replace(
            self.outcomes.by_nodeid[half.first], advice=advice, best_failing=best
        )

    def _note(self, repair: Repair, reason: str) -> None:
        known = self.outcomes.by_nodeid[repair.first]
        self.outcomes.by_nodeid[repair.first] = replace(
            known, status=Status.UNREPAIRED, reason=reason, patches=(), question=None
        )

    def _restate(self) -> None:
        """Makes the outcomes those of failures that there are on the tree by now."""
        before = {stack.nodeid: stack for stack in self.baseline.stacks}
        failing = set(self.final.failing)
        gone = set()
        for nodeid, known in self.outcomes.by_nodeid.items():
            if nodeid not in before:
                if nodeid not in failing and nodeid not in self.final.passing:
                    gone.add(nodeid)  # it could be collected with the repair only
                continue
            stack = before[nodeid]
            if known.status is Status.REPAIRED and nodeid in failing:
                known = replace(known, status=Status.UNREPAIRED, patches=())
            elif known.status is not Status.REPAIRED and known.stack != stack and nodeid in failing:
                reason = f"behind it stands {show_first_line(known.stack)}: {known.reason}"
                known = replace(known, stack=stack, reason=reason)
            self.outcomes.by_nodeid[nodeid] = known
        for nodeid in gone:
            del self.outcomes.by_nodeid[nodeid]

    # --- needless repairs ------------------------------------------------------------------------

    def _drop_needless(self, meter: Meter) -> None:
        kept, overlay, final = needed_repairs(self.context, self.repairs, self.final, meter=meter)
        if overlay is None:
            return
        newest = kept[-1].first
        for repair in self.repairs:
            if repair not in kept:
                first = self.outcomes.by_nodeid[repair.first]
                reason = f"the same cause as {newest}"
                self.outcomes.by_nodeid[repair.first] = replace(
                    first, reason=reason, patches=(), question=None
                )
        self.repairs, self.overlay, self.final = kept, overlay, final
