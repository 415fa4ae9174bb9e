"""Plausible repairs as patches that a person reads and that apply by themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from pytest_gemmadev.search.choice import Ranked
from pytest_gemmadev.search.found import Found
from pytest_gemmadev.text.diff import apply_unified, unified_diff
from pytest_gemmadev.text.edits import decode_source, text_overlay
from pytest_gemmadev.text.rebase import rebase
from pytest_gemmadev.types import (
    Candidate,
    Inapplicable,
    Origin,
    Outcome,
    Overlay,
    RankedPatch,
    RepairTask,
)

Read = Callable[[str], bytes]


def found_overlay(found: Found, task: RepairTask, read: Read) -> Overlay | None:
    """The task's overlay with the repair on top; None where its text cannot be encoded."""
    overlay = text_overlay(task.overlay, read, found.sources)
    return None if isinstance(overlay, Inapplicable) else overlay


def make_ranked_patch(
    ranked: Ranked, task: RepairTask, overlay: Overlay, *, read: Read, chosen: bool
) -> RankedPatch:
    """The repair as the report shows it. Its diff is against the files on disk."""
    found, ratio = ranked.found, ranked.ratio
    steps = [step.candidate for step in found.steps]
    diffs = [
        standalone_diff(path, task.overlay, overlay, read=read) for path in sorted(found.sources)
    ]
    notes = [step.explanation for step in steps if step.explanation]
    if not all(alone for _, alone in diffs):
        notes.append("includes the repair before it, which it builds on")
    candidate = Candidate(
        edits=tuple(edit for step in steps for edit in step.edits),
        origin=Origin.join([step.origin for step in steps]),
        prior=sum(step.prior for step in steps),
        explanation="; ".join(notes),
        log_likelihood=ratio if ratio is not None else steps[0].log_likelihood,
    )
    diff = "".join(text for text, _ in diffs)
    return RankedPatch(
        candidate,
        diff,
        found.steps[-1].rank,
        chosen,
        found.score,
        ranked.probability,
        ranked.group,
    )


def standalone_diff(path: str, before: Overlay, after: Overlay, *, read: Read) -> tuple[str, bool]:
    """The diff of one file against disk, and whether it holds this change alone.

    A change that stands on an earlier one is carried back where their lines lie apart; else the
    diff holds both.
    """
    base = read(path)
    if path not in before:
        return unified_diff(path, base, after[path]), True
    texts = [decode_source(data) for data in (base, before[path], after[path])]
    decoded = [text for text in texts if not isinstance(text, Inapplicable)]
    if len(decoded) == len(texts):
        alone = rebase(*(source.text for source in decoded))
        if alone is not None:
            overlay = text_overlay({}, read, {path: alone})
            if not isinstance(overlay, Inapplicable):
                return unified_diff(path, base, overlay[path]), True
    return unified_diff(path, base, after[path]), False


def rebase_suggestion(outcome: Outcome, written: Overlay, read: Read) -> Outcome:
    """A suggestion with its diffs against the files as other repairs leave them.

    ``read`` gives them as they were. A diff whose lines those have changed stays as it is, and will
    be refused.
    """
    if not outcome.is_offer or not written:
        return outcome
    patches = [replace(p, diff=_rebase_diff(p.diff, written, read)) for p in outcome.patches]
    return replace(outcome, patches=tuple(patches))


def _rebase_diff(diff: str, written: Overlay, read: Read) -> str:
    changed = apply_unified(diff, read)
    if isinstance(changed, Inapplicable):
        return diff
    parts: list[str] = []
    for path, data in changed.items():
        if path not in written:
            parts.append(unified_diff(path, read(path), data))
            continue
        texts = [decode_source(each) for each in (written[path], read(path), data)]
        decoded = [text for text in texts if not isinstance(text, Inapplicable)]
        text = rebase(*(s.text for s in decoded)) if len(decoded) == len(texts) else None
        overlay = None if text is None else text_overlay(written, read, {path: text})
        if overlay is None or isinstance(overlay, Inapplicable):
            return diff
        parts.append(unified_diff(path, written[path], overlay[path]))
    return "".join(parts)


def plausible_order(chosen: int, total: int, limit: int) -> Sequence[int]:
    """Indices of the patches to list: the chosen one, then the others in order of belief."""
    return [chosen, *(i for i in range(total) if i != chosen)][:limit]
