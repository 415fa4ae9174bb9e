"""What a changed tree has lost, and what would have been lost without the change."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from pytest_gemmadev.search.limits import DEFAULT, Limits
from pytest_gemmadev.types import Observation, Oracle, Overlay, Rechecking


def find_losses(
    oracle: Oracle,
    before: Observation,
    after: Observation,
    *,
    overlay: Overlay,
    changed: Overlay,
    regression: AbstractSet[str],
    limits: Limits = DEFAULT,
) -> frozenset[str]:
    """Tests that passed or were there ``before``, over ``overlay``, and do not or are not ``after``.

    Both are whole runs; ``changed`` is the overlay of the latter. Not counted are node ids that vanish
    over ``overlay`` too, as those do that hold a time, tests that fail when everything is run over it
    again, and tests that pass when everything is run over ``changed`` again.
    """
    lost = (before.collected - after.collected) | (regression - after.passing)
    vanished = frozenset(n for n in lost if n not in after.collected and n not in after.outcomes)
    failing = lost - vanished
    if vanished and isinstance(oracle, Rechecking):
        vanished -= oracle.learn_flaky(overlay, vanished)
    is_quick = sum(after.durations.values()) <= limits.quick_run_s
    for _ in range(limits.loss_reruns if is_quick else 1):
        if failing and not vanished:  # alone, a test that depends on others would fail as well
            failing &= oracle.observe(overlay).passing
        if failing and not vanished:
            failing -= oracle.observe(changed).passing
    return vanished | failing
