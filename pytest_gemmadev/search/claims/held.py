"""Which claims of the code hold on the tree as each of several patches leaves it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pytest_gemmadev.search.claims.claim import (
    Checked,
    Claim,
    check_bounds,
    check_examples,
    claims_of,
)
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.types import Expression, Overlay, Probing, RepairTask


def claims_held(
    context: SearchContext,
    task: RepairTask,
    overlays: Sequence[Overlay],
    *,
    paths: Collection[str],
    behaviours: Sequence[Mapping[str, str] | None] = (),
) -> list[Checked | None]:
    """For each overlay what holds of the claims of some files, as they are before any patch.

    Examples are evaluated; bounds are checked on ``behaviours``, one for each overlay. None where
    nothing is claimed, or nothing can be told.
    """
    claims = [
        c
        for path in sorted(paths)
        if path in task.sources
        for c in claims_of(path, task.sources[path])
    ]
    values = evaluate_examples(context, task, overlays, claims=claims)
    results: list[Checked | None] = []
    for place in range(len(overlays)):
        behaviour = behaviours[place] if place < len(behaviours) else None
        known = values[place]
        checked = Checked()
        if known is not None:
            checked += check_examples(claims, known)
        if behaviour is not None:
            checked += check_bounds(claims, behaviour)
        results.append(checked if checked.held or checked.broken else None)
    return results


def evaluate_examples(
    context: SearchContext,
    task: RepairTask,
    overlays: Sequence[Overlay],
    *,
    claims: Sequence[Claim],
    further: Sequence[Expression] = (),
) -> list[Mapping[Expression, str] | None]:
    """What the examples of claims, and further expressions, give on each overlay."""
    asked = [example.expression for claim in claims for example in claim.examples]
    asked = list(dict.fromkeys([*further, *asked]))
    if not asked or not isinstance(context.oracle, Probing):
        return [None] * len(overlays)
    return context.oracle.evaluate(task, overlays, asked)
