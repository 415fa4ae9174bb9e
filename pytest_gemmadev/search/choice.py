"""Which of the plausible repairs is the likeliest to be correct.

What explains more failures comes first. Then a repair has its score, the model's likelihood, and
what it does: one that changes less of what the code gave is likelier, and what speaks for those that do
the same, in whatever words, adds up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log

from pytest_gemmadev.search.behaviour import Behaviour, alike
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.found import Found
from pytest_gemmadev.search.limits import Limits
from pytest_gemmadev.search.rank import model_scores
from pytest_gemmadev.types import RepairTask

Probe = Callable[[Sequence[Found]], tuple[Behaviour | None, list[Behaviour | None]]]
# what the code gives as it is, and with each repair


@dataclass(frozen=True, slots=True)
class Ranked:
    """A plausible repair in the order of confidence."""

    found: Found
    ratio: float | None = None  # nats that the model finds it likelier than the code as it is
    behaviour: Behaviour | None = None
    probability: float = 1.0  # in [0, 1], that it or one that does the same is right
    group: int = 0  # the same for those that do the same


def choose(
    context: SearchContext, found: Sequence[Found], task: RepairTask, *, probe: Probe
) -> list[Ranked]:
    """Plausible repairs, the likeliest one first."""
    limits = context.limits
    ratios = _model_ratios(context, found, task)
    weight = limits.model_weight
    values = [f.score + weight * (r or 0.0) for f, r in zip(found, ratios, strict=True)]
    order = sorted(range(len(found)), key=lambda i: (-_reach(found[i]), -values[i]))
    asked = order[: limits.probed] if len(order) > 1 else []
    original, behaviours = probe([found[i] for i in asked]) if asked else (None, [])
    known = dict(zip(asked, behaviours, strict=True))
    for index, share in zip(asked, _changed_shares(original, behaviours), strict=True):
        values[index] -= limits.changed_behaviour * share
    alikes = alike([known.get(i) for i in range(len(found))])
    groups = list(zip(map(_reach, found), alikes, strict=True))
    joint = _add_up(values, groups, limits.same_behaviour)
    order.sort(key=lambda i: (-_reach(found[i]), -joint[i], -values[i]))
    return [Ranked(found[i], ratios[i], known.get(i)) for i in order]


def _model_ratios(
    context: SearchContext, found: Sequence[Found], task: RepairTask
) -> list[float | None]:
    """What the model says of those that it could bring to the top."""
    model, limits = context.model, context.limits
    ratios: list[float | None] = [None] * len(found)
    close = [i for i in _contenders(found, limits) if len(found[i].steps) == 1]
    if model is not None and model.info.can_score and len(close) > 1:
        candidates = [found[i].steps[0].candidate for i in close]
        scores = model_scores(candidates, task, model, limits=limits)
        for index, ratio in zip(close, scores, strict=True):
            ratios[index] = ratio
    return ratios


def _contenders(found: Sequence[Found], limits: Limits) -> list[int]:
    """Places of those that the model could bring to the top, which are worth its time."""
    reach = max((_reach(item) for item in found), default=0)
    furthest = [index for index, item in enumerate(found) if _reach(item) == reach]
    best = max((found[index].score for index in furthest), default=0.0)
    within = 2 * limits.model_nats * limits.model_weight + limits.changed_behaviour
    return [index for index in furthest if found[index].score >= best - within]


def _reach(found: Found) -> int:
    """Failures that it explains: what explains more comes first, whatever it looks like."""
    return len(found.targets) + found.others


def _changed_shares(
    original: Behaviour | None, behaviours: Sequence[Behaviour | None]
) -> list[float]:
    """The share of calls that give something else than before; where unknown, the mean of others."""
    shares: list[float | None] = []
    for behaviour in behaviours:
        both = behaviour.keys() & original.keys() if behaviour and original else set[str]()
        if behaviour is None or original is None or not both:
            shares.append(None)
        else:
            shares.append(sum(behaviour[call] != original[call] for call in both) / len(both))
    known = [share for share in shares if share is not None]
    mean = sum(known) / len(known) if known else 0.0
    return [mean if share is None else share for share in shares]


def _add_up(
    values: Sequence[float], groups: Sequence[tuple[int, int]], weight: float
) -> list[float]:
    """The value of each in nats, together with all others of its group."""
    sums: dict[tuple[int, int], float] = {}
    best = max(values, default=0.0)
    for group, value in zip(groups, values, strict=True):
        sums[group] = sums.get(group, 0.0) + exp(weight * max(-500.0, value - best))
    return [best + log(sums[group]) / weight for group in groups]
