"""The two questions to a loaded model: how likely a text is, and how a prompt continues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pytest_gemmadev.models.llama.alternative_search import alternatives
from pytest_gemmadev.models.llama.engine import BRANCHES, EXACT, STEADY, Engine, Late, Token
from pytest_gemmadev.models.llama.sample import Sample
from pytest_gemmadev.models.llama.sampling import generator, log_normalizer, pick
from pytest_gemmadev.models.llama.trie import ROOT, Trie
from pytest_gemmadev.types import Completion, Sampling

CONTINUATION = 512  # tokens of a continuation that are scored; what follows does not count


def score(engine: Engine, prefix: str, continuations: Sequence[str]) -> list[float]:
    """Log-likelihoods in nats of the continuations after ``prefix``.

    Prefix and continuation are tokenized apart: a token never spans the place where they meet, so
    that all continuations are compared from the same state. Where that matters, let them meet at
    the end of a line.
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


def complete(engine: Engine, prompt: str, sampling: Sampling) -> list[Completion]:
    """Continuations of ``prompt``; the log-likelihood counts every token drawn, the last one too.

    That is the model's own likelihood, whatever the temperature. All greedy samples are the same. A sample
    that has not ended at the engine's deadline is left out.
    """
    found: list[Completion] = []
    try:
        for some in _complete_in_rounds(engine, prompt, sampling):
            found += some
    except Late:
        engine.drop_branches()
    return found


def _complete_in_rounds(
    engine: Engine, prompt: str, sampling: Sampling
) -> Iterator[list[Completion]]:
    if sampling.max_tokens < 1 or sampling.samples < 1:
        return
    half = engine.cells // 2  # the other half is for the prompt
    sampling = replace(sampling, max_tokens=min(sampling.max_tokens, half - EXACT))
    start = _start(engine, prompt, sampling)
    if sampling.unlike:
        yield alternatives(engine, start, sampling)
        return
    if sampling.temperature <= 0:
        (only,) = _draw(engine, start, sampling, [0])
        yield [only] * sampling.samples
        return
    step = min(BRANCHES, half // sampling.max_tokens)
    for first in range(0, sampling.samples, step):
        numbers = range(first, min(first + step, sampling.samples))
        yield _draw(engine, start, sampling, numbers)


def stream(engine: Engine, prompt: str, sampling: Sampling) -> Iterator[str]:
    """One continuation in pieces, which together are the text that `complete` returns.

    What may be the beginning of a stop string is held back until it is known not to be.
    """
    limit = min(sampling.max_tokens, engine.cells // 2 - EXACT)
    sampling = replace(sampling, max_tokens=limit)
    root = engine.branch(_start(engine, prompt, sampling), 1)
    sample = Sample(1, generator(sampling.seed, 0), position=root.position)
    for _, row in engine.rows([root]):
        token = pick(row, sampling, sample.random)
        sample.take(engine, token, float(row[token]) - log_normalizer(row), sampling)
    held = max((len(stop) - 1 for stop in sampling.stop), default=0)
    told = 0
    while not sample.ended:
        sure = max(told, len(sample.text) - held)
        yield sample.text[told:sure]
        told = sure
        _step(engine, [sample], sampling, least=STEADY)
    engine.drop_branches()
    yield sample.text[told:]


def _draw(
    engine: Engine, start: Sequence[int], sampling: Sampling, numbers: Sequence[int]
) -> list[Completion]:
    root = engine.branch(start, len(numbers))
    samples = [
        Sample(sequence, generator(sampling.seed, number), position=root.position)
        for sequence, number in enumerate(numbers, 1)
    ]
    for _, row in engine.rows([root]):
        normalizer = log_normalizer(row)
        for sample in samples:
            token = pick(row, sampling, sample.random)
            sample.take(engine, token, float(row[token]) - normalizer, sampling)
    _finish(engine, samples, sampling, least=STEADY)
    engine.drop_branches()
    return [sample.completion() for sample in samples]


def _finish(engine: Engine, samples: Sequence[Sample], sampling: Sampling, *, least: int) -> None:
    """Adds tokens, one to each sample at a time, until all have ended."""
    while active := [sample for sample in samples if not sample.ended]:
        _step(engine, active, sampling, least=least)


def _step(engine: Engine, active: Sequence[Sample], sampling: Sampling, *, least: int) -> None:
    tokens = [Token(s.last, s.position, (s.sequence,), output=True) for s in active]
    for index, row in engine.rows(tokens, least=least):
        token = pick(row, sampling, active[index].random)
        nats = float(row[token]) - log_normalizer(row)
        active[index].take(engine, token, nats, sampling)


# --- several prompts side by side ----------------------------------------------------------------

WIDTH_OF_MANY = 12  # prompts side by side; more of them gained nothing on two cores


def complete_many(
    engine: Engine, prompts: Sequence[str], sampling: Sampling
) -> list[list[Completion]]:
    """Completions of each prompt, in their order; the next prompt begins where one has ended.

    Decoding reads the whole model for each step, whether for one token or for ten. The prompts'
    cells interleave in the cache, which changes the last bits of the sums in attention: the same list of
    prompts gives the same completions, but another list may give others where two tokens are about as
    likely.
    """
    count = sampling.samples if sampling.temperature > 0 else 1
    jobs = [(place, number) for place in range(len(prompts)) for number in range(count)]
    starts = [_start(engine, prompt, sampling) for prompt in prompts]
    limit = min(sampling.max_tokens, engine.cells // 2 - EXACT)
    sampling = replace(sampling, max_tokens=limit)
    found: dict[tuple[int, int], Completion] = {}
    active: dict[tuple[int, int], Sample] = {}
    sequences = list(range(1, WIDTH_OF_MANY + 1))
    room = engine.clear() - EXACT
    while jobs or active:
        while jobs and sequences and (need := len(starts[jobs[0][0]]) + limit) <= room:
            job = jobs.pop(0)
            room -= need
            active[job] = _begin(engine, starts[job[0]], sampling, sequences.pop(), job[1])
        _step(engine, [s for s in active.values() if not s.ended], sampling, least=1)
        for job in [job for job, sample in active.items() if sample.ended]:
            sample = active.pop(job)
            engine.drop(sample.sequence)
            sequences.append(sample.sequence)
            room += len(starts[job[0]]) + limit
            found[job] = sample.completion()
    return [
        [found[place, number if count > 1 else 0] for number in range(sampling.samples)]
        for place in range(len(prompts))
    ]


def _start(engine: Engine, prompt: str, sampling: Sampling) -> list[int]:
    if sampling.chat:
        return engine.chat_tokens(prompt)
    if sampling.suffix and engine.can_infill:
        return engine.infill_tokens(prompt, sampling.suffix)
    return engine.prefix_tokens(prompt)


def _begin(
    engine: Engine, start: Sequence[int], sampling: Sampling, sequence: int, number: int
) -> Sample:
    """A sample whose prompt is in the cache and whose first token is drawn."""
    position = len(start) - 1
    sample = Sample(sequence, generator(sampling.seed, number), position=position)
    own = (sequence,)
    tokens = [Token(token, at, own, output=at == position) for at, token in enumerate(start)]
    for _, row in engine.rows(tokens):
        token = pick(row, sampling, sample.random)
        sample.take(engine, token, float(row[token]) - log_normalizer(row), sampling)
    return sample
