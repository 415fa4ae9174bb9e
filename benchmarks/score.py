"""Prints how much faster the model ranks candidates than it could naively, or could write them.

One line of a function has some fifty alternatives. *Naively* each is evaluated after the whole prefix
with the logits of all positions; *shared* is what `score` does: the prefix stays in the cache, tokens
that alternatives begin with are evaluated once. *Written* is the time to generate as many tokens.

    python benchmarks/score.py [--model gemmadev] [--threads N] [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from pytest_gemmadev.models.llama import answer
from pytest_gemmadev.models.llama.engine import Engine, Token
from pytest_gemmadev.models.llama.llama_model import default_threads
from pytest_gemmadev.models.llama.sampling import log_normalizer
from pytest_gemmadev.registry import load_model
from pytest_gemmadev.types import Sampling

BEFORE = '''\
import math


def lcm(a: int, b: int) -> int:
    """The least common multiple of two positive numbers."""
    return a * b // gcd(a, b)


def gcd(a: int, b: int) -> int:
    """The greatest common divisor, by Euclid's algorithm."""
    if b == 0:
        return a
    else:
'''
OPERATORS = ("%", "+", "-", "*", "//", "&", "|", "^", ">>", "<<")
ALTERNATIVES = tuple(
    f"        return gcd({text})\n"
    for operator in OPERATORS
    for text in (
        f"a {operator} b, b",
        f"b, a {operator} b",
        f"a, a {operator} b",
        f"b {operator} a, a",
        f"a, b {operator} a",
    )
)
SAMPLE = ALTERNATIVES[::10]  # the naive way is too slow for all


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="gemmadev", help="gemmadev, qwen-coder or gguf:PATH")
    parser.add_argument("--threads", type=int, default=default_threads())
    parser.add_argument("--rounds", type=int, default=3, help="of which the fastest counts")
    options = parser.parse_args()
    model = load_model(options.model, adapter=None, threads=options.threads)
    if model is None:
        parser.error("a benchmark of a model needs one")
    engine = Engine(Path(model.info.path), adapter=None, threads=options.threads)
    count = len(ALTERNATIVES)
    tokens = sum(len(engine.tokens(text)) for text in ALTERNATIVES)
    print(f"{model.info.name}, {options.threads} threads, {count} alternatives, {tokens} tokens")
    naive = best_of(1, lambda: score_naively(engine)) * count / len(SAMPLE)
    cold = best_of(options.rounds, lambda: score_shared(engine, warm=False))
    warm = best_of(options.rounds, lambda: score_shared(engine, warm=True))
    written = best_of(options.rounds, lambda: write(engine, tokens // count)) * count
    for name, seconds in (
        ("naive", naive),
        ("shared, new prefix", cold),
        ("shared, known prefix", warm),
        ("written one by one", written),
    ):
        print(f"  {name:22}{seconds:8.2f} s {count / seconds:8.1f} candidates/s")
    print(f"shared against naive: {naive / warm:.1f}x, new prefix {naive / cold:.1f}x")
    print(f"shared against written: {written / warm:.1f}x")


def best_of(rounds: int, run: Callable[[], None]) -> float:
    """Seconds of the fastest round."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return min(times)


def score_shared(engine: Engine, *, warm: bool) -> None:
    if not warm:
        answer.score(engine, "another prefix", ["\n"])
    answer.score(engine, BEFORE, ALTERNATIVES)


def score_naively(engine: Engine) -> None:
    """One evaluation of everything for each of a few alternatives, nothing kept."""
    for text in SAMPLE:
        answer.score(engine, "another prefix", ["\n"])
        prefix, own = engine.prefix_tokens(BEFORE), engine.tokens(text)
        root = engine.branch(prefix[:1], 1)
        known = [*prefix[1:], *own]
        rest = [Token(t, i, (1,), output=True) for i, t in enumerate(known, root.position + 1)]
        statistics.fmean(log_normalizer(row) for _, row in engine.rows([root, *rest]))


def write(engine: Engine, tokens: int) -> None:
    """One line, with the prefix known: what generating a candidate takes at the least."""
    answer.complete(engine, BEFORE, Sampling(max_tokens=tokens))


if __name__ == "__main__":
    main()
