"""The two questions to a loaded model: how likely is this text, and how does that one go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pytest_gemmadev.core.types import Completion, Sampling
from pytest_gemmadev.models._engine import BRANCHES, EXACT, Engine, Token
from pytest_gemmadev.models._sampling import cut_at_stop, generator, log_normalizer, pick
from pytest_gemmadev.models._trie import ROOT, Trie

CONTINUATION = 512  # tokens of a continuation that are scored; what follows does not count


def score(engine: Engine, prefix: str, continuations: Sequence[str]) -> list[float]:
    """Log-likelihoods in nats of the continuations after ``prefix``.

    Prefix and continuation are tokenized apart: a token never spans the place where they meet, so
    that all continuations are compared from the same state. Meet at a line's end where that
    matters.
    """
    longest = min(CONTINUATION, engine.cells // 4)
    trie = Trie()
    ends = [trie.add(engine.tokens(text)[:longest]) for text in continuations]
    values: dict[int, float] = {ROOT: 0.0}
    if not trie.children[ROOT]:
        return [0.0] * len(ends)
    start = engine.prefix_tokens(prefix)
    for group in trie.groups(sequences=BRANCHES, nodes=engine.cells // 2 - longest):
        root = engine.branch(start, group.count)
        tokens, nodes = [root], [ROOT]
        for node, sequences in group.nodes:
            # A node that two groups share is evaluated in both and read in the first.
            fresh = any(child not in values for child in trie.children[node].values())
            own = [sequence + 1 for sequence in sequences]
            position = root.position + trie.depth[node]
            tokens.append(Token(trie.token[node], position, own, output=fresh))
            nodes.append(node)
        for index, row in engine.rows(tokens):
            node = nodes[index]
            normalizer = log_normalizer(row)
            for token, child in trie.children[node].items():
                values[child] = values[node] + float(row[token]) - normalizer
        engine.drop_branches()
    return [values[end] for end in ends]


@dataclass(slots=True)
class _Sample:
    """One completion in the making."""

    sequence: int
    random: np.random.Generator
    data: bytes = b""
    tokens: int = 0
    log_likelihood: float = 0.0
    ended: str = ""
    text: str = ""
    last: int = -1  # the token that it goes on from

    def take(self, engine: Engine, token: int, nats: float, sampling: Sampling) -> None:
        """Goes on by one token, or ends."""
        self.tokens += 1
        self.log_likelihood += nats
        self.last = token
        if engine.ends(token):
            self.ended = "eos"
            return
        self.data += engine.piece(token)
        self.text = self.data.decode("utf-8", "ignore")
        cut = cut_at_stop(self.text, sampling.stop)
        if cut is not None:
            self.text, self.ended = cut, "stop"
        elif self.tokens >= sampling.max_tokens:
            self.ended = "length"


def complete(engine: Engine, prompt: str, sampling: Sampling) -> list[Completion]:
    """Continuations of ``prompt``; the log-likelihood counts every token drawn, the last one too.

    It is the model's own, whatever the temperature. Greedy samples are all the same one.
    """
    if sampling.max_tokens < 1 or sampling.samples < 1:
        return []
    half = engine.cells // 2  # the other half is for the prompt
    sampling = replace(sampling, max_tokens=min(sampling.max_tokens, half - EXACT))
    if sampling.chat:
        start = engine.chat_tokens(prompt)
    elif sampling.suffix and engine.can_infill:
        start = engine.infill_tokens(prompt, sampling.suffix)
    else:
        start = engine.prefix_tokens(prompt)
    if sampling.temperature <= 0:
        (only,) = _draw(engine, start, sampling, [0])
        return [only] * sampling.samples
    step = min(BRANCHES, half // sampling.max_tokens)
    found: list[Completion] = []
    for first in range(0, sampling.samples, step):
        found += _draw(engine, start, sampling, range(first, min(first + step, sampling.samples)))
    return found


def _draw(
    engine: Engine, start: Sequence[int], sampling: Sampling, numbers: Sequence[int]
) -> list[Completion]:
    root = engine.branch(start, len(numbers))
    samples = [_Sample(i, generator(sampling.seed, n)) for i, n in enumerate(numbers, 1)]
    for _, row in engine.rows([root]):
        normalizer = log_normalizer(row)
        for sample in samples:
            token = pick(row, sampling, sample.random)
            sample.take(engine, token, float(row[token]) - normalizer, sampling)
    position = root.position
    while active := [sample for sample in samples if not sample.ended]:
        position += 1
        tokens = [Token(s.last, position, (s.sequence,), output=True) for s in active]
        for index, row in engine.rows(tokens, exact=False):
            token = pick(row, sampling, active[index].random)
            nats = float(row[token]) - log_normalizer(row)
            active[index].take(engine, token, nats, sampling)
    engine.drop_branches()
    return [Completion(s.text, s.tokens, s.log_likelihood, s.ended) for s in samples]
