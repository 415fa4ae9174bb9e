"""From evidence to the probability that the test is at fault: a logistic regression.

The weights are nats of log-odds for each unit of a feature. Where `BEFORE` says "fitted", they are
those of ``training/confidence/test_faults.py`` on 1,238 failures of 249 sound functions of packages, whose
expectation (654) or whose code (584) was broken. Too few of those had the other features, which are set
by judgement, and so is `AFTER`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from pytest_gemmadev.search.test_faults.contradictions import Evidence

PRIOR = -2.6  # fitted, where one failure in twenty is the test's; that share is chosen

BEFORE: Mapping[str, float] = {
    "examples_against": 7.5,  # a documented example of the same call, and the code gives just that
    "examples_for": -6.0,
    "bounds_against": 4.0,
    "bounds_for": -4.0,
    "tests_against": 6.0,
    "tests_for": -2.5,
    "examples_hold": 0.5,  # fitted; for each documented example of another call that holds, up to three
    "examples_broken": -2.6,  # fitted
    "passed": 0.4,  # fitted; for each other assertion about the function that holds, up to six
    "failed": -3.6,  # fitted; for each that does not, up to three
    "slip": 1.4,  # fitted
    "raised": -3.6,  # fitted
    "model": 0.35,  # for each nat by which a model finds the code's value likelier
}
CAPS: Mapping[str, float] = {
    "examples_against": 1,
    "examples_for": 1,
    "bounds_against": 1,
    "bounds_for": 1,
    "tests_against": 1,
    "tests_for": 1,
    "examples_hold": 3,
    "examples_broken": 1,
    "passed": 6,
    "failed": 3,
    "slip": 1,
    "raised": 1,
    "model": 6,
}


AFTER: Mapping[str, float] = {
    "none_found": 1.5,  # no plausible patch, though all was tried; a share of it for much of it
    "special": 2.0,  # every plausible patch brings a literal of the test into the code
    "constants": 0.5,  # or every one changes a constant and nothing else
    "late": 0.6,  # for each factor of ten in the rank of the first one, from the tenth on
    "rule": -2.0,  # one comes from a rule, which reads the cause from the error
    "breaks_claims": 3.5,  # every one breaks something that the code states
}


def read_features(evidence: Evidence, nats_for_code: float = 0.0) -> dict[str, float]:
    """The features of `BEFORE`, each up to its cap."""
    found: dict[str, float] = {
        "examples_against": len(evidence.examples_against),
        "examples_for": evidence.examples_for,
        "bounds_against": len(evidence.bounds_against),
        "bounds_for": evidence.bounds_for,
        "tests_against": len(evidence.tests_against),
        "tests_for": evidence.tests_for,
        "examples_hold": 0 if evidence.examples.broken else evidence.examples.held,
        "examples_broken": evidence.examples.broken,
        "passed": evidence.passed,
        "failed": evidence.failed,
        "slip": bool(evidence.slip),
        "raised": evidence.raised,
    }
    capped = {name: float(min(CAPS[name], value)) for name, value in found.items()}
    most = CAPS["model"]
    return {**capped, "model": max(-most, min(most, nats_for_code))}


def nats(features: Mapping[str, float], weights: Mapping[str, float], prior: float) -> float:
    """Log-odds; a feature that has no weight counts for nothing."""
    return prior + sum(weight * features.get(name, 0.0) for name, weight in weights.items())


def probability(odds: float) -> float:
    """In [0, 1], of log-odds in nats."""
    return 1 / (1 + math.exp(-odds))
