"""What a case would come to if the question of a repair was answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eval.cases.case import Files
from pytest_gemmadev.text.diff import apply_unified
from pytest_gemmadev.types import Inapplicable

Failure = Mapping[str, Any]
"""One of a report's ``failures``."""


def first_question(failures: Sequence[Failure]) -> Failure | None:
    """The first failure with a question; None where none has one."""
    return next((failure for failure in failures if failure.get("question")), None)


def trees_of_answers(
    project: Files, after: Files, failures: Sequence[Failure]
) -> Iterator[tuple[str, Files]]:
    """Each result that the first question offers, and the tree with its likeliest patch.

    ``after`` is the tree that the tool left; a patch that it wrote itself gives way to the answer's.
    """
    asked = first_question(failures)
    if asked is None:
        return
    base = after
    if asked["status"] == "repaired":
        others = [f for f in failures if f is not asked and f["status"] == "repaired"]
        base = apply_chosen(project, others)
    for answer in asked["question"]["answers"]:
        diff = asked["patches"][answer["patches"][0]]["diff"]
        tree = _apply(base, diff)
        if tree is not None:
            yield answer["result"], tree


def apply_chosen(tree: Files, failures: Sequence[Failure]) -> Files:
    """The tree with the chosen patches of the failures, as far as they apply."""
    for failure in failures:
        for patch in failure["patches"]:
            changed = _apply(tree, patch["diff"]) if patch["chosen"] else None
            tree = tree if changed is None else changed
    return tree


def _apply(tree: Files, diff: str) -> Files | None:
    try:
        changed = apply_unified(diff, tree.__getitem__)
    except KeyError:  # of a file that is not there
        return None
    return None if isinstance(changed, Inapplicable) else {**tree, **changed}
