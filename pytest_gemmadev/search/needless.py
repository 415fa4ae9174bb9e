"""What is not needed: steps of a repair that is several on top of each other, and whole repairs.

A step that only moved the error on may have stood in the way of nothing once the fault itself is
repaired; a repair may be made needless by a later one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pytest_gemmadev.search.budget import Meter
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.found import Found, Step, changed_texts
from pytest_gemmadev.search.repairs import Repair, stack_up
from pytest_gemmadev.text.edits import trim
from pytest_gemmadev.text.rebase import rebase
from pytest_gemmadev.types import (
    Candidate,
    Edit,
    Observation,
    Origin,
    Overlay,
    Plausible,
    RepairTask,
)

Texts = Mapping[str, str]


def drop_needless_steps(context: SearchContext, found: Found, task: RepairTask) -> Found:
    """The repair without the steps that its targets do not need; ``task`` is what it was found for."""
    place = 0
    while place < len(found.steps) - 1:  # the last one turned it green
        fewer = _without_step(found, place, task)
        verdict = None
        if fewer is not None:
            narrower = replace(task, targets=found.targets)
            whole = Candidate(
                _edits_between(task.sources, fewer.sources),
                Origin.join([step.candidate.origin for step in fewer.steps]),
                prior=sum(step.candidate.prior for step in fewer.steps),
            )
            verdict = context.oracle.validate(narrower, whole)
        if fewer is not None and isinstance(verdict, Plausible):
            found = replace(fewer, verdict=verdict)
        else:
            place += 1
    return found


def needed_repairs(
    context: SearchContext, repairs: Sequence[Repair], final: Observation, *, meter: Meter
) -> tuple[list[Repair], Overlay | None, Observation]:
    """The repairs that are needed, their tree where that is another one, and the run of it.

    The newest repair is always kept. It takes a run of all tests for each other one, as far as the
    share of the time goes.
    """
    kept, overlay = list(repairs), None
    share = meter.share(context.limits.needless_share)
    longest_s = sum(final.durations.values())
    for repair in repairs[:-1]:
        if share.exhausted or longest_s > share.left_s:
            break
        fewer = [each for each in kept if each is not repair]
        smaller = stack_up(fewer, context.files.read)
        if smaller is None:
            continue
        context.progress("seeing whether each repair is needed")
        start_s = context.clock()
        after = context.oracle.observe(smaller)
        longest_s = max(longest_s, context.clock() - start_s)
        if (
            not after.aborted
            and final.passing <= after.passing
            and final.collected <= after.collected
        ):
            kept, overlay, final = fewer, smaller, after
    return kept, overlay, final


def _without_step(found: Found, place: int, task: RepairTask) -> Found | None:
    """The repair without one of its steps; None where a later one needs what that has written."""
    texts: dict[str, str] = {}  # of the files as the steps leave them
    fewer: dict[str, str] = {}  # the same without the step
    steps: list[Step] = []
    for index, step in enumerate(found.steps):
        paths = {edit.path for edit in step.candidate.edits}
        if not all(path in task.sources for path in paths):
            return None
        before = {path: texts.get(path, task.sources[path]) for path in paths}
        after = changed_texts(step.candidate, before)
        if after is None:
            return None
        texts |= after
        if index < place:
            fewer |= after
            steps.append(step)
        elif index > place:
            base = {path: fewer.get(path, task.sources[path]) for path in after}
            moved: dict[str, str] = {}
            for path, text in after.items():
                rebased = rebase(base[path], before[path], text, context=0)
                if rebased is None:
                    return None
                moved[path] = rebased
            edits = _edits_between(base, moved)
            fewer |= moved
            steps.append(replace(step, candidate=replace(step.candidate, edits=edits)))
    return replace(found, steps=tuple(steps), sources=fewer)


def _edits_between(before: Texts, after: Texts) -> tuple[Edit, ...]:
    """One edit for each file that differs, by path."""
    edits = []
    for path, text in sorted(after.items()):
        if text != before[path]:
            edits.append(Edit(path, *trim(0, before[path], text)))
    return tuple(edits)
