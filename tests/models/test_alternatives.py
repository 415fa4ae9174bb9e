"""The search for the likeliest texts that are not a known one, on a language model of a few words."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from pytest_gemmadev.models.llama import alternative_search
from pytest_gemmadev.models.llama.alternative_search import alternatives
from pytest_gemmadev.models.llama.engine import Engine, Late, Token
from pytest_gemmadev.models.llama.frontier import Frontier
from pytest_gemmadev.models.llama.sampling import Row, log_normalizer
from pytest_gemmadev.types import Sampling

WORDS = ("\n", "a", "b", "c", "d")
PROMPT = [1, 2, 3]
LONGEST = 4  # tokens of a text, its end included


class Toy(Engine):
    """Logits that follow from the tokens before, which are kept by sequence and position."""

    def __init__(self, seed: int, *, cells: int = 4096, late_after: int = 10**9) -> None:
        self.seed = seed
        self.cells = cells
        self.steps = 0
        self.late_after = late_after
        self.dropped = 0
        self._held: dict[int, dict[int, int]] = {}

    def logits(self, path: Sequence[int]) -> Row:
        random = np.random.default_rng([self.seed, *path])
        row = 2 * random.standard_normal(len(WORDS))
        if len(path) == len(PROMPT) + LONGEST - 1:
            row[1:] = -50.0  # all end there
        return np.asarray(row, np.float32)

    def tokens(self, text: str, *, special: bool = False) -> list[int]:
        return [WORDS.index(character) for character in text]

    def piece(self, token: int) -> bytes:
        return WORDS[token].encode()

    def ends(self, token: int) -> bool:
        return False

    def branch(self, prefix: Sequence[int], count: int) -> Token:
        body = dict(enumerate(prefix[:-1]))
        self._held = {sequence: dict(body) for sequence in range(1, count + 1)}
        return Token(prefix[-1], len(body), range(1, count + 1), output=True)

    def fork(self, source: int, target: int, start: int, stop: int) -> None:
        for position in range(start, stop):
            self._held[target][position] = self._held[source][position]

    def drop_branches(self) -> None:
        self.dropped += 1

    def rows(self, tokens: Sequence[Token], *, least: int = 0) -> Iterator[tuple[int, Row]]:
        self.steps += 1
        if self.steps > self.late_after:
            raise Late
        for index, token in enumerate(tokens):
            for sequence in token.sequences:
                held = self._held[sequence]
                assert sorted(held) == list(range(token.position)), "a hole in the cache"
                held[token.position] = token.token
            path = list(self._held[token.sequences[0]].values())
            yield index, self.logits(path)


def likelihoods(toy: Toy) -> dict[str, float]:
    """Of all texts there are."""
    found = {}
    for length in range(LONGEST):
        for words in itertools.product(range(1, len(WORDS)), repeat=length):
            nats, path = 0.0, list(PROMPT)
            for word in (*words, 0):
                row = toy.logits(path)
                nats += float(row[word]) - log_normalizer(row)
                path.append(word)
            found["".join(WORDS[word] for word in words)] = nats
    return found


def sampling(samples: int, unlike: str) -> Sampling:
    return Sampling(max_tokens=LONGEST, samples=samples, stop=("\n",), unlike=unlike)


@pytest.mark.parametrize("seed", range(12))
def test_the_likeliest_texts_are_found(seed: int) -> None:
    toy = Toy(seed)
    found = alternatives(toy, PROMPT, sampling(6, "ab"))
    true = {text: nats for text, nats in likelihoods(toy).items() if text != "ab"}
    likeliest = sorted(true, key=lambda text: -true[text])[:6]
    assert [one.text for one in found] == likeliest
    for one in found:
        assert one.log_likelihood == pytest.approx(true[one.text], abs=1e-4)
        assert one.ended == "stop"


def test_texts_that_leave_another_one_are_found_too() -> None:
    """No way of one token out of the known text leads to them, however likely they are."""
    for seed in range(12):
        toy = Toy(seed)
        true = likelihoods(toy)
        texts = [one.text for one in alternatives(toy, PROMPT, sampling(6, "ab"))]
        once = {_greedy(toy, way) for way in ("", "a", "ab") for way in _left(way)}
        if any(text not in once for text in texts):
            assert all(text in true for text in texts)
            return
    pytest.fail("every text leaves the known one at one token only")


def _left(text: str) -> list[str]:
    return [text + word for word in WORDS]


def _greedy(toy: Toy, text: str) -> str:
    while not text.endswith("\n"):
        text += WORDS[int(toy.logits([*PROMPT, *toy.tokens(text)]).argmax())]
    return text.removesuffix("\n")


def test_what_has_ended_in_time_is_kept() -> None:
    late = Toy(3, late_after=3)  # the known text, then two tokens each
    some = [one.text for one in alternatives(late, PROMPT, sampling(6, "ab"))]
    every = [one.text for one in alternatives(Toy(3), PROMPT, sampling(6, "ab"))]
    assert some
    assert some != every
    assert late.dropped == 1


def test_no_more_tokens_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alternative_search, "BEAM_WIDTH", 2)
    toy = Toy(3, cells=80)  # twenty for this, eight of them to fill a batch
    alternatives(toy, PROMPT, sampling(20, "ab"))
    assert toy.steps <= 1 + 12 // 2


def test_a_frontier_gives_up_what_cannot_be_among_the_best() -> None:
    frontier = Frontier(keep=2)
    row = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
    so_far = frontier.look(row, 0.0, [], following=0, source=7)
    assert so_far == pytest.approx(math.log(0.5), abs=1e-6)
    assert frontier.floor == -math.inf
    frontier.end(math.log(0.4))
    frontier.end(math.log(0.2))
    assert frontier.floor == pytest.approx(math.log(0.2))
    first = frontier.pop()
    assert first is not None
    assert (first.tokens, first.source) == ((1,), 7)
    assert first.nats == pytest.approx(math.log(0.3), abs=1e-6)
    assert frontier.pop() is None  # 0.15 is less than the second best
