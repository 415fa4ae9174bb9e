"""Named numbers of a group of patches -> the probability that the group is right.

A logistic model: log-odds are a sum of weighted features. The weights are in ``learned.json``, which
`training.confidence.fit` writes, from functions of packages that were broken, repaired, and judged by calls
that the search never saw.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from math import exp, log
from typing import Any


@dataclass(frozen=True, slots=True)
class Learned:
    """Weights of the features, in nats of log-odds for each unit of a feature."""

    base: float  # where every feature is 0
    weights: Mapping[str, float]
    habits: Mapping[str, float] = field(default_factory=dict)  # log-odds by kind of edit
    about: Mapping[str, Any] = field(default_factory=dict)  # what it was learned from
    settled: Mapping[str, float] = field(default_factory=dict)
    # the least probability, by kind of origin, where the error names its own cause
    judge: Judge | None = None  # how the model's word counts; None where it does not


@dataclass(frozen=True, slots=True)
class Judge:
    """How a language model's likelihood of the new text against the old one moves a probability."""

    base: float  # nats
    chance: float  # for each nat of log-odds before
    ratio: float  # for each nat of likelihood
    character: float  # nats that code costs a model for each character, which length is made up for
    most: float  # nats of likelihood that count, either way
    low: float  # it is asked where the probability of the likeliest group lies between these
    high: float

    def move(self, chance: float, nats: float) -> float:
        """The probability, in [0, 1], after the model's word."""
        chance = max(0.001, min(0.999, chance))
        bounded = max(-self.most, min(self.most, nats))
        total = self.base + self.chance * log(chance / (1 - chance)) + self.ratio * bounded
        return 1 / (1 + exp(-total))


def probability(features: Mapping[str, float], learned: Learned) -> float:
    """In [0, 1]; a feature that is not named counts as 0."""
    nats = learned.base + sum(
        weight * features.get(name, 0.0) for name, weight in learned.weights.items()
    )
    return 1 / (1 + exp(-max(-30.0, min(30.0, nats))))


@lru_cache(maxsize=1)
def shipped() -> Learned:
    """The weights that come with the package."""
    text = files("pytest_gemmadev.search.confidence").joinpath("learned.json").read_text("utf-8")
    return parse(json.loads(text))


def parse(data: Mapping[str, Any]) -> Learned:
    """From what ``learned.json`` holds."""
    judge = data.get("judge")
    return Learned(
        data["base"],
        data["weights"],
        data["habits"],
        data["about"],
        data.get("settled", {}),
        None if judge is None else Judge(**judge),
    )
