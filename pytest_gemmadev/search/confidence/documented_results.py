"""Which group's results the model finds likelier after the docstring: groups are asked where they differ."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from pytest_gemmadev.search.behaviour import Behaviour
from pytest_gemmadev.search.limits import DEFAULT, Limits
from pytest_gemmadev.types import Model

_RAISES = "Traceback (most recent call last):\n    ...\n{name}"


def distinguishing_calls(behaviours: Sequence[Behaviour | None], most: int) -> list[str]:
    """Calls for which not all known behaviours give the same, the shortest first."""
    known = [b for b in behaviours if b is not None]
    if len(known) < 2:
        return []
    shared = set.intersection(*(set(b) for b in known))
    differing = [call for call in shared if len({b[call] for b in known}) > 1]
    return sorted(differing, key=lambda c: (len(c) + max(len(b[c]) for b in known), c))[:most]


def model_leads(
    model: Model, head: str, behaviours: Sequence[Behaviour | None], *, limits: Limits = DEFAULT
) -> list[float | None]:
    """By how many nats each behaviour's results are likelier than the likeliest of the others'.

    ``head`` is the function's signature and docstring. Summed over a few calls, the shortest that tell
    behaviours apart; None where there is none, or the behaviour is not known.
    """
    calls = distinguishing_calls(behaviours, limits.documented_calls)
    leads: list[float | None] = [None] * len(behaviours)
    known = [i for i, b in enumerate(behaviours) if b is not None]
    if not calls or not head:
        return leads
    totals = dict.fromkeys(known, 0.0)
    for call in calls:
        given = {i: (behaviours[i] or {})[call] for i in known}
        texts = list(dict.fromkeys(given.values()))
        scores = model.score(f"{head}\n\n>>> {call}\n", tuple(map(_as_doctest, texts)))
        by_text = dict(zip(texts, scores, strict=True))
        best = max(by_text.values())
        for i in known:
            totals[i] += max(-limits.model_nats, by_text[given[i]] - best)
    for i in known:
        others = [totals[j] for j in known if j != i]
        leads[i] = totals[i] - max(others) if others else None
    return leads


def _as_doctest(result: str) -> str:
    if result.startswith("raises "):
        return _RAISES.format(name=result.removeprefix("raises ")) + "\n"
    return result + "\n"


def head_of(text: str, function: str) -> str:
    """Signature and docstring of the function as they stand in the text; empty where it has no docstring."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ""
    lines = text.split("\n")
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == function:
            if ast.get_docstring(node, clean=False) is None:
                return ""
            return "\n".join(lines[node.lineno - 1 : node.body[0].end_lineno])
    return ""
