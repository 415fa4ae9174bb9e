"""Acceptance: of the plausible repairs, the first in order of confidence that a fresh full run carries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_gemmadev.files.concrete import rewrite
from pytest_gemmadev.search.behaviour import Behaviour, difference
from pytest_gemmadev.search.choice import Ranked, choose
from pytest_gemmadev.search.claims.claim import Checked
from pytest_gemmadev.search.claims.held import claims_held
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.found import Found
from pytest_gemmadev.search.losses import find_losses
from pytest_gemmadev.search.patches import found_overlay, make_ranked_patch, plausible_order
from pytest_gemmadev.search.questions import find_question, put_questions
from pytest_gemmadev.text.edits import text_overlay
from pytest_gemmadev.types import (
    Confidence,
    Inapplicable,
    Observation,
    Overlay,
    Probing,
    Question,
    RankedPatch,
    RepairTask,
    TestOutcome,
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A repair that a full run carries."""

    found: Found
    overlay: Overlay  # with it
    patches: tuple[RankedPatch, ...]  # it first
    after: Observation  # the full run with it
    differ: str  # a call for which other plausible patches give something else
    is_suggestion: bool = False  # not written: it may destroy something, or is not sure enough
    question: Question | None = None  # that is still open
    note: str = ""  # what a person has said of the patches
    doubt: str = ""  # why the test may be wrong instead

    @property
    def confidence(self) -> Confidence:
        return self.patches[0].confidence


def accept(
    context: SearchContext,
    found: Sequence[Found],
    task: RepairTask,
    *,
    before: Observation,
    tried: int = 0,
) -> Accepted | Inapplicable | None:
    """The repair to keep; None where no full run carries one. ``before``: a run without any;
    ``tried``: how many candidates were validated.

    Where not one of them can be written, the reason.
    """
    ranked = choose(
        context,
        found,
        task,
        probe=lambda some: _probe(context, some, task),
        check=lambda some, behaviours: _check(context, some, task, behaviours=behaviours),
        tried=tried,
    )
    answered = put_questions(context, ranked, task)
    ranked = list(answered.ranked)
    overlays = [_writable_overlay(context, each.found, task) for each in ranked]
    refusals = [each for each in overlays if isinstance(each, Inapplicable)]
    if refusals and len(refusals) == len(overlays):
        return refusals[0]
    confirmed = _confirm(context, ranked, overlays, task=task, before=before)
    if confirmed is None:
        return None
    patches, listed = [], []
    for place in plausible_order(confirmed.index, len(ranked), context.limits.listed + 1):
        each, overlay = ranked[place], overlays[place]
        if not isinstance(overlay, Inapplicable):
            patch = make_ranked_patch(
                each, task, overlay, read=context.files.read, chosen=place == confirmed.index
            )
            patches.append(patch)
            listed.append(each)
    chosen = ranked[confirmed.index].found
    is_sure = patches[0].confidence.is_at_least(context.accept) and not answered.is_refused
    question = None
    if not answered.is_refused:
        question = find_question(listed, task, limits=context.limits)
    return Accepted(
        chosen,
        confirmed.overlay,
        tuple(patches),
        confirmed.after,
        "" if question is not None else _describe_difference(ranked, confirmed.index),
        bool(chosen.destroys) or not is_sure,
        question,
        answered.note,
    )


@dataclass(frozen=True, slots=True)
class _Confirmed:
    """A repair with a full run that carries it."""

    index: int  # among the ranked
    after: Observation
    overlay: Overlay


def _confirm(
    context: SearchContext,
    ranked: Sequence[Ranked],
    overlays: Sequence[Overlay | Inapplicable],
    *,
    task: RepairTask,
    before: Observation,
) -> _Confirmed | None:
    """The first that a full run carries; where nothing could be collected, the best of several."""
    best: _Confirmed | None = None
    collecting = any(before.outcomes.get(t) is TestOutcome.ERROR for t in task.targets)
    for index, overlay in enumerate(overlays[: context.limits.compared_runs]):
        if isinstance(overlay, Inapplicable):
            continue
        context.progress("running all tests")
        after = context.oracle.observe(overlay)
        if any(target not in after.passing for target in ranked[index].found.targets):
            continue
        if after.aborted or find_losses(
            context.oracle,
            before,
            after,
            overlay=task.overlay,
            changed=overlay,
            regression=task.regression,
            limits=context.limits,
        ):
            continue
        if best is None or len(after.passing) > len(best.after.passing):
            best = _Confirmed(index, after, overlay)
        # Where a module could not be collected, only its tests can tell good repairs from bad.
        if not collecting or not after.failing:
            break
    return best


def _probe(
    context: SearchContext, found: Sequence[Found], task: RepairTask
) -> tuple[Behaviour | None, list[Behaviour | None]]:
    """What the code gives for other arguments, as it is and with each of the repairs."""
    is_destructive = any(each.destroys for each in found)  # runs once, not for each call
    if is_destructive or not isinstance(context.oracle, Probing):
        return None, [None] * len(found)
    context.progress("comparing the plausible patches")
    overlays = [found_overlay(each, task, context.files.read) for each in found]
    given = [task.overlay, *(task.overlay if o is None else o for o in overlays)]
    original, *others = context.oracle.behaviours(task, given)
    return original, others


def _check(
    context: SearchContext,
    found: Sequence[Found],
    task: RepairTask,
    *,
    behaviours: Sequence[Behaviour | None],
) -> Sequence[Checked | None]:
    """What of the code's own claims holds with each of the repairs."""
    if any(each.destroys for each in found):
        return [None] * len(found)
    overlays = [found_overlay(each, task, context.files.read) for each in found]
    given = [task.overlay if overlay is None else overlay for overlay in overlays]
    paths = {path for each in found for path in each.sources}
    return claims_held(context, task, given, paths=paths, behaviours=behaviours)


def _writable_overlay(
    context: SearchContext, found: Found, task: RepairTask
) -> Overlay | Inapplicable:
    """The overlay with the repair, or why one of its files would not be written so."""
    overlay = text_overlay(task.overlay, context.files.read, found.sources)
    if isinstance(overlay, Inapplicable):
        return overlay
    for path in found.sources:
        rewritten = rewrite(path, context.files.read(path), overlay[path])
        if isinstance(rewritten, Inapplicable):
            return Inapplicable(f"{path}: {rewritten.reason}")
    return overlay


def _describe_difference(ranked: Sequence[Ranked], chosen: int) -> str:
    """A call for which other plausible patches give something else; empty where none is seen."""
    known = [each.behaviour for each in ranked if each.behaviour is not None]
    here = ranked[chosen].behaviour
    return str(difference(here, known) or "") if here is not None else ""
