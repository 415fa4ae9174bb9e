"""Scores and alternatives from a server that tells the likeliest next tokens and nothing else.

Most servers do not score a given text, but name the likeliest next tokens with their probabilities.
At the place where texts part, one short request tells which of them is likelier; the server has its prefix
in the cache from the request before.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from pytest_gemmadev.models.llama.stops import cut_at_stop
from pytest_gemmadev.search.limits import DEFAULT as LIMITS
from pytest_gemmadev.types import Completion, Sampling

CALLS = 24  # requests for one question, at most
FOLLOWED = 6  # texts that are read on, as far as the calls reach, beyond where they part
SAMPLES = 8  # drawn of one prompt, at most: each is a request
BRANCHES = 8  # alternatives that are followed to their end
UNLISTED = 1.0  # nats below the least likely token named, for one that is not named
_PIECE = re.compile(r"[^\S\n]*\w+|[^\S\n]*[^\w\s]+|\s+")

Likeliest: TypeAlias = Callable[[str], Mapping[str, float]]
"""Log-probabilities of the likeliest tokens, as text, after a prompt."""

One: TypeAlias = Callable[[str, Sampling], Completion]
"""One continuation of a prompt; ``samples`` and ``unlike`` are not read."""


def complete(
    one: One, likeliest: Likeliest | None, prompt: str, sampling: Sampling
) -> Iterator[Completion]:
    """Continuations of ``prompt``, in the number and the manner that ``sampling`` asks for."""
    if sampling.max_tokens < 1 or sampling.samples < 1:
        return
    if sampling.unlike and likeliest is not None and not sampling.chat:
        yield from alternatives(likeliest, one, prompt, sampling)
    elif sampling.temperature <= 0:
        yield from [one(prompt, sampling)] * sampling.samples
    else:
        for number in range(min(sampling.samples, SAMPLES)):
            yield one(prompt, replace(sampling, seed=sampling.seed + number))


def score(likeliest: Likeliest, prefix: str, texts: Sequence[str]) -> tuple[float, ...]:
    """Log-likelihoods in nats, comparable among ``texts`` only.

    They are exact at the places where the texts part, at most `CALLS` of them, those that part the most texts
    first, and for at most `FOLLOWED` texts in the words after that. All other characters count
    `LIMITS.nats_per_character`, the rate at which `search.rank` compares texts of different length.
    """
    values = [-LIMITS.nats_per_character * len(text) for text in texts]
    groups = deque([(tuple(range(len(texts))), 0)])
    alone: deque[tuple[tuple[int, ...], int]] = deque()  # same texts, and where they are read on
    reads_on = len(set(texts)) <= FOLLOWED
    for _ in range(CALLS):
        while groups and len({texts[i] for i in groups[0][0]}) < 2:
            alone.append(groups.popleft())
        while alone and alone[0][1] >= len(texts[alone[0][0][0]]):
            alone.popleft()
        if groups:
            group, at = groups.popleft()
            at = _find_parting(texts[group[0]], _common_beginning([texts[i] for i in group]), at)
        elif alone and reads_on:
            group, at = alone.popleft()
        else:
            break
        known = likeliest(prefix + texts[group[0]][:at])
        if not known:
            continue
        floor = min(known.values()) - UNLISTED
        following: dict[tuple[str, int], list[int]] = {}
        for i in group:
            rest = texts[i][at:]
            token = _longest_token(known, rest)
            length = len(token) or len(_guess_token(rest))
            values[i] += known.get(token, floor) + LIMITS.nats_per_character * length
            following.setdefault((token or _guess_token(rest), length), []).append(i)
        groups.extend((tuple(some), at + length) for (_, length), some in following.items())
    return tuple(values)


def _common_beginning(texts: Sequence[str]) -> str:
    """The beginning that all texts share."""
    first, last = min(texts), max(texts)
    pairs = enumerate(zip(first, last, strict=False))
    return first[: next((i for i, (a, b) in pairs if a != b), min(len(first), len(last)))]


def _find_parting(text: str, common: str, at: int) -> int:
    """The offset at which to ask: the start of the word in which the texts part, not before ``at``."""
    start = at
    for match in _PIECE.finditer(text, at):
        if match.end() > len(common):
            break
        start = match.end()
    return start


def _longest_token(known: Mapping[str, float], rest: str) -> str:
    """The longest token that ``rest`` begins with; empty where none is named."""
    return max((token for token in known if token and rest.startswith(token)), key=len, default="")


def _guess_token(rest: str) -> str:
    match = _PIECE.match(rest)
    return match.group() if match else rest


@dataclass(frozen=True, slots=True)
class _Exit:
    """A place of the known text, and the token that is taken there instead."""

    nats: float
    text: str  # from the prompt on, that token included


def alternatives(
    likeliest: Likeliest, one: One, prompt: str, sampling: Sampling
) -> tuple[Completion, ...]:
    """The likeliest completions that leave ``sampling.unlike`` somewhere and go on greedily.

    What a local model finds in one pass over the known text takes a request for each of its tokens
    here and one for each alternative, so fewer are followed.
    """
    cut = cut_at_stop(sampling.unlike, sampling.stop)
    known = sampling.unlike if cut is None else cut
    count = min(sampling.samples, BRANCHES)
    best: dict[str, Completion] = {}
    for way in _find_exits(likeliest, prompt, known, count):
        completion = _follow(way, one, prompt, sampling)
        other = best.get(completion.text)
        if other is None or completion.log_likelihood > other.log_likelihood:
            best[completion.text] = completion
    best.pop(known, None)
    return tuple(sorted(best.values(), key=lambda c: -c.log_likelihood))


def _find_exits(likeliest: Likeliest, prompt: str, known: str, count: int) -> list[_Exit]:
    """The ``count`` likeliest exits from the known text."""
    found: list[_Exit] = []
    at, so_far = 0, 0.0
    for _ in range(CALLS):
        if len(found) >= count and so_far <= found[count - 1].nats:
            break  # nothing further on is likelier than what is found
        tokens = likeliest(prompt + known[:at])
        if not tokens:
            break
        rest = known[at:]
        found += [
            _Exit(so_far + nats, known[:at] + token)
            for token, nats in tokens.items()
            if token and not rest.startswith(token) and not (rest and token.startswith(rest))
        ]
        found.sort(key=lambda way: (-way.nats, way.text))
        if not rest:
            break
        token = _longest_token(tokens, rest)
        so_far += tokens.get(token, min(tokens.values()) - UNLISTED)
        at += len(token or _guess_token(rest))
    return found[:count]


def _follow(way: _Exit, one: One, prompt: str, sampling: Sampling) -> Completion:
    cut = cut_at_stop(way.text, sampling.stop)
    if cut is not None:
        return Completion(cut, 1, way.nats, "stop")
    rest = one(prompt + way.text, replace(sampling, temperature=0.0, samples=1, unlike=""))
    text = way.text + rest.text
    cut = cut_at_stop(text, sampling.stop)  # a stop string may have begun in the known text
    nats = way.nats + rest.log_likelihood
    if cut is not None:
        return Completion(cut, rest.tokens + 1, nats, "stop")
    return Completion(text, rest.tokens + 1, nats, rest.ended)
