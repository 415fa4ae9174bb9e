"""Which failures a repair is credited with wrongly: they fail only now and then.

A test is repaired where it fails each time without the patch and passes each time with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pytest_gemmadev.search.accept import Accepted
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.repetition import Tally, WholeRuns
from pytest_gemmadev.types import ErrorKind, Observation, Overlay, RepairTask, Repeating


@dataclass(frozen=True, slots=True)
class Credit:
    """What speaks against the credit of a repair."""

    flaky: Mapping[str, str]  # why they are, by node id: tests that pass without the repair as well
    unsteady: str = ""  # why the repair does not hold; empty where it does


def check_credit(
    context: SearchContext,
    task: RepairTask,
    accepted: Accepted,
    *,
    before: Observation,
    is_certain: bool,
    history: WholeRuns,
) -> Credit:
    """Runs again, without the repair and with it, what it turns green.

    ``is_certain`` says that the failing set fails alike each time, and that nothing speaks for chance.
    """
    if not isinstance(context.oracle, Repeating):
        return Credit({})
    targets = [n for n in accepted.found.targets if n in before.outcomes]
    others = [
        n for n in before.failing if n not in task.targets and n in accepted.after.passing
    ]  # nobody has run these again
    # A test that hangs is not waited for again and again.
    if all(s.kind is ErrorKind.TIMEOUT for s in task.stacks):
        targets = []
    check = _Check(context, context.oracle, task, accepted.overlay, history)
    if is_certain and all(stack.frames and stack.frames[-1].in_project for stack in task.stacks):
        targets = []  # the project's own code raises the same each time
    runs = 1 if is_certain else context.limits.proving_reruns
    flaky = check.find_flaky([*others, *targets], runs)
    unsteady = check.find_unsteady([n for n in (*others, *targets) if n not in flaky], runs)
    flaky.update((n, why) for n, why in unsteady.items() if n in others)
    return Credit(flaky, next((why for n, why in unsteady.items() if n in targets), ""))


@dataclass(frozen=True, slots=True)
class _Check:
    context: SearchContext
    oracle: Repeating
    task: RepairTask
    overlay: Overlay  # with the repair
    history: WholeRuns

    def find_flaky(self, nodeids: list[str], runs: int) -> dict[str, str]:
        """Those that pass without the repair too, and why they are flaky, by node id."""
        alone = self._repeat(self.task, nodeids, runs)
        passing = [n for n in nodeids if alone[n].passed]
        whole = {n: Tally(failed=1) for n in passing}
        # What passes alone may depend on what runs before it, and the repair may be of that.
        for seen in self.history.take(self.context, self.task.overlay) if passing else ():
            for nodeid, tally in whole.items():
                tally.count(seen, nodeid)
        return {
            n: f"it failed {whole[n] + alone[n]} without the patch that was found"
            for n in passing
            if whole[n].passed or alone[n].failed
        }

    def find_unsteady(self, nodeids: list[str], runs: int) -> dict[str, str]:
        """Why the repair does not hold, by the node id of each test that fails with it once."""
        task = replace(self.task, overlay=self.overlay)
        seen = self._repeat(task, nodeids, runs)
        failing = [n for n in nodeids if seen[n].failed]
        if failing:  # alone, a test that needs others before it fails as well
            again = self.context.oracle.observe(self.overlay)
            failing = [n for n in failing if n not in again.passing or seen[n].passed]
        return {n: f"it failed {seen[n]} with the patch that was found" for n in failing}

    def _repeat(self, task: RepairTask, nodeids: list[str], runs: int) -> dict[str, Tally]:
        tallies = {nodeid: Tally() for nodeid in nodeids}
        for _ in range(runs if nodeids else 0):
            seen = self.oracle.repeat(task, nodeids)
            for nodeid, tally in tallies.items():
                tally.count(seen, nodeid)
        return tallies
