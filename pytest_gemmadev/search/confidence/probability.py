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
from math import exp
from typing import Any


@dataclass(frozen=True, slots=True)
class Learned:
    """Weights of the features, in nats of log-odds for each unit of a feature."""

    base: float  # where every feature is 0
    weights: Mapping[str, float]
    habits: Mapping[str, float] = field(default_factory=dict)  # log-odds by kind of edit
    about: Mapping[str, Any] = field(default_factory=dict)  # what it was learned from


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
    return Learned(data["base"], data["weights"], data["habits"], data["about"])
