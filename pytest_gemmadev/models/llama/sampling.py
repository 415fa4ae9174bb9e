"""Log-likelihoods and tokens from a row of logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pytest_gemmadev.types import Sampling

Row = NDArray[np.float32]
TOP = 256  # most likely tokens among which a sample is drawn


def log_normalizer(row: Row) -> float:
    """log(sum(exp(row))), the constant that turns logits into log-likelihoods."""
    top = float(row.max())
    return top + float(np.log(np.exp(row - np.float32(top)).sum(dtype=np.float64)))


def generator(seed: int, sample: int) -> np.random.Generator:
    """Random numbers for one sample: independent of how many others are drawn."""
    return np.random.default_rng([seed & 0xFFFF_FFFF, seed >> 32 & 0xFFFF_FFFF, sample])


def pick(row: Row, sampling: Sampling, random: np.random.Generator) -> int:
    """The next token: the likeliest when the temperature is 0, else drawn from the nucleus.

    The nucleus is the smallest set of tokens that holds ``top_p`` of the probability at that
    temperature, and never more than the `TOP` likeliest.
    """
    if sampling.temperature <= 0:
        return int(row.argmax())
    scaled = (row - row.max()) / np.float32(sampling.temperature)
    weights = np.exp(scaled)
    total = float(weights.sum(dtype=np.float64))
    count = min(TOP, len(row))
    likeliest = np.sort(np.argpartition(weights, -count)[-count:])
    likeliest = likeliest[np.argsort(-weights[likeliest], kind="stable")]
    shares = np.cumsum(weights[likeliest], dtype=np.float64) / total
    kept = int(np.searchsorted(shares, sampling.top_p)) + 1
    shares = shares[:kept]
    drawn = int(np.searchsorted(shares, random.random() * shares[-1], side="right"))
    return int(likeliest[min(drawn, len(shares) - 1)])
