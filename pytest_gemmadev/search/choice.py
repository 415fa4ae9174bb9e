"""Which of the plausible repairs is believed.

What explains more failures comes first. Then a repair has its score, the model's likelihood, and
what it does: one that changes less of what the code gave is believed more, and those that do the
same, in whatever words, are believed together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log

from pytest_gemmadev.search.behaviour import Behaviour, alike
from pytest_gemmadev.search.rank import MODEL_LIMIT, MODEL_WEIGHT, model_scores
from pytest_gemmadev.search.search import Found
from pytest_gemmadev.types import Model, RepairTask

PROBED = 8  # repairs that are asked what they give for other arguments
CHANGED = 4.0  # nats against one that changes everything that the code gave; a share for less
ALIKE = 0.5  # how much of a nat counts where the belief in several that do the same adds up

Probe = Callable[[Sequence[Found]], tuple[Behaviour | None, list[Behaviour | None]]]
# what the code gives as it is, and with each repair


@dataclass(frozen=True, slots=True)
class Ranked:
    """A plausible repair in the order of belief."""

    found: Found
    ratio: float | None = None  # nats that the model finds it likelier than the code as it is
    behaviour: Behaviour | None = None


def choose(
    found: Sequence[Found], task: RepairTask, model: Model | None, probe: Probe
) -> list[Ranked]:
    """Plausible repairs, the one to believe first."""
    ratios = _ratios(found, task, model)
    values = [f.score + MODEL_WEIGHT * (r or 0.0) for f, r in zip(found, ratios, strict=True)]
    order = sorted(range(len(found)), key=lambda i: (-_reach(found[i]), -values[i]))
    asked = order[:PROBED] if len(order) > 1 else []
    original, behaviours = probe([found[i] for i in asked]) if asked else (None, [])
    known = dict(zip(asked, behaviours, strict=True))
    for index, share in zip(asked, _changed(original, behaviours), strict=True):
        values[index] -= CHANGED * share
    beliefs = _together(
        [_reach(f) for f in found], values, [known.get(i) for i in range(len(found))]
    )
    order.sort(key=lambda i: (-_reach(found[i]), -beliefs[i], -values[i]))
    return [Ranked(found[i], ratios[i], known.get(i)) for i in order]


def _ratios(found: Sequence[Found], task: RepairTask, model: Model | None) -> list[float | None]:
    """What the model says of those that it could bring to the top."""
    ratios: list[float | None] = [None] * len(found)
    close = [index for index in _contenders(found) if len(found[index].steps) == 1]
    if model is not None and model.info.can_score and len(close) > 1:
        candidates = [found[index].steps[0].candidate for index in close]
        for index, ratio in zip(close, model_scores(candidates, task, model), strict=True):
            ratios[index] = ratio
    return ratios


def _contenders(found: Sequence[Found]) -> list[int]:
    """Places of those that the model could bring to the top, which are worth its time."""
    reach = max((_reach(item) for item in found), default=0)
    furthest = [index for index, item in enumerate(found) if _reach(item) == reach]
    best = max((found[index].score for index in furthest), default=0.0)
    within = 2 * MODEL_LIMIT * MODEL_WEIGHT + CHANGED
    return [index for index in furthest if found[index].score >= best - within]


def _reach(found: Found) -> int:
    """Failures that it explains: what explains more is believed first, whatever it looks like."""
    return len(found.targets) + found.others


def _changed(original: Behaviour | None, behaviours: Sequence[Behaviour | None]) -> list[float]:
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


def _together(
    reach: Sequence[int], values: Sequence[float], behaviours: Sequence[Behaviour | None]
) -> list[float]:
    """The belief in each, with all others that reach as far and do the same."""
    groups = list(zip(reach, alike(behaviours), strict=True))
    sums: dict[tuple[int, int], float] = {}
    best = max(values, default=0.0)
    for group, value in zip(groups, values, strict=True):
        sums[group] = sums.get(group, 0.0) + exp(ALIKE * max(-500.0, value - best))
    return [best + log(sums[group]) / ALIKE for group in groups]
