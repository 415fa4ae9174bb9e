"""What a search has found says of the test: false expectations are met by special cases only."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Mapping, Sequence
from math import log10

from pytest_gemmadev.search.claims.held import claims_held
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.found import Found, SearchResult
from pytest_gemmadev.search.patches import found_overlay
from pytest_gemmadev.search.rank import literals
from pytest_gemmadev.search.test_faults.contradictions import Evidence
from pytest_gemmadev.types import OriginKind, RepairTask


def read_search(
    context: SearchContext,
    task: RepairTask,
    result: SearchResult,
    *,
    evidence: Mapping[str, Evidence],
) -> dict[str, float]:
    """The features of `weights.AFTER`."""
    limits = context.limits
    if not result.found:
        ratio = result.statistics.validations / limits.many_tried
        is_all = ratio >= 1 and not result.is_out_of_budget
        return {"none_found": 1.0 if is_all else min(1.0, log10(max(1.0, ratio)) / 1.5)}
    first = min(step.rank for found in result.found for step in found.steps)
    some = result.found[: limits.examined]
    return {
        "special": float(all(copies_literal(each, task) for each in some)),
        "constants": float(all(changes_constants_only(each, task) for each in some)),
        "late": log10(max(1.0, first / limits.early_rank)),
        "rule": float(
            any(s.candidate.origin.kind is OriginKind.RULE for f in some for s in f.steps)
        ),
        "breaks_claims": float(_break_claims(context, task, some, evidence=evidence)),
    }


def describe_search(features: Mapping[str, float]) -> tuple[str, ...]:
    """The same in sentences."""
    sentences = {
        "breaks_claims": "every patch that passes breaks something that the code states",
        "special": "every patch that passes copies a value of the test into the code",
        "constants": "every patch that passes changes a constant and nothing else",
        "none_found": "none of many candidate patches passes",
    }
    return tuple(said for name, said in sentences.items() if features.get(name))


def copies_literal(found: Found, task: RepairTask) -> bool:
    """Whether a repair brings a number or string into a file that stood in the tests only."""
    tests = frozenset().union(*(literals(text) for text in task.context.values()))
    return any(
        (literals(text) - literals(task.sources[path])) & tests
        for path, text in found.sources.items()
        if path in task.sources
    )


def changes_constants_only(found: Found, task: RepairTask) -> bool:
    """Whether a repair leaves all but numbers and strings as it was, token by token."""
    return all(
        path in task.sources and _shape(text) == _shape(task.sources[path]) is not None
        for path, text in found.sources.items()
    )


def _shape(text: str) -> list[str] | None:
    """The tokens with one sign for every number and string; None for what is no Python."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return None
    plain = (tokenize.NUMBER, tokenize.STRING)
    return ["0" if t.type in plain else t.string for t in tokens if t.type != tokenize.COMMENT]


def _break_claims(
    context: SearchContext,
    task: RepairTask,
    found: Sequence[Found],
    *,
    evidence: Mapping[str, Evidence],
) -> bool:
    """Whether each of the repairs breaks a claim that the code keeps as it is."""
    overlays = [found_overlay(each, task, context.files.read) for each in found]
    known = [overlay for overlay in overlays if overlay is not None]
    if len(known) < len(found):
        return False
    paths = {each.subject.function.path for each in evidence.values()}
    before, *after = claims_held(context, task, [task.overlay, *known], paths=paths)
    if before is None:
        return False
    return all(each is not None and each.broken > before.broken for each in after)
