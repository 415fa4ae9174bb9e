"""A search of bounded cost for the likeliest completions that differ from a known text.

A model that sees a line nearly always repeats it, and so would nearly all of its samples. Here one
pass over the known text gives the likelihood of every other token at each of its places. The likeliest
of these exits are followed side by side, and each may be left again for another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pytest_gemmadev.models.llama.engine import BRANCHES, EXACT, Engine, Late, Token
from pytest_gemmadev.models.llama.frontier import FOLLOWED, Frontier
from pytest_gemmadev.models.llama.sample import Sample
from pytest_gemmadev.models.llama.sampling import generator
from pytest_gemmadev.models.llama.stops import cut_at_stop
from pytest_gemmadev.types import Completion, Sampling

# Texts that are written side by side: as many as a batch needs, so that the likeliest come first.
BEAM_WIDTH = 8
_KNOWN = 1  # the sequence of the known text; the others lie on those after it


def alternatives(engine: Engine, start: Sequence[int], sampling: Sampling) -> list[Completion]:
    """At most ``sampling.samples`` completions, the likeliest first.

    Each takes the likeliest token at every step after the last one in which it differs from those found
    before it.
    """
    cut = cut_at_stop(sampling.unlike, sampling.stop)
    unlike = sampling.unlike if cut is None else cut
    known = engine.tokens(unlike)[: engine.cells // 4]
    ways = min(FOLLOWED * sampling.samples, BRANCHES - _KNOWN)
    root = engine.branch(start, _KNOWN + ways)
    search = _Search(engine, sampling, root.position, unlike, _KNOWN + ways)
    try:
        search.read([root, *_spine(root, known)], known)
        search.write()
    except Late:
        pass  # what has ended by now is found
    engine.drop_branches()
    return search.found()


def _spine(root: Token, known: Sequence[int]) -> list[Token]:
    return [
        Token(token, position, (_KNOWN,), output=True)
        for position, token in enumerate(known, root.position + 1)
    ]


@dataclass(slots=True)
class _Way:
    """A completion that is being written, on a sequence of its own."""

    sample: Sample
    tokens: list[int]

    def take(self, engine: Engine, token: int, nats: float, sampling: Sampling) -> None:
        self.tokens.append(token)
        self.sample.take(engine, token, nats, sampling)


@dataclass(slots=True)
class _Search:
    engine: Engine
    sampling: Sampling  # of which the temperature counts nothing
    position: int  # of the prompt's last token
    unlike: str
    last: int  # of the sequences
    frontier: Frontier = field(init=False)
    best: dict[str, Completion] = field(default_factory=dict)
    _next: int = _KNOWN + 1  # sequence that is free

    def __post_init__(self) -> None:
        self.frontier = Frontier(self.sampling.samples)

    def read(self, spine: Sequence[Token], known: Sequence[int]) -> None:
        """Notes the exits from the known text."""
        nats = 0.0
        for depth, row in self.engine.rows(spine):
            following = known[depth] if depth < len(known) else -1
            nats = self.frontier.look(row, nats, known[:depth], following=following, source=_KNOWN)

    def write(self) -> None:
        """Follows the likeliest exits until none can lead to one of the best, or room or time is up."""
        room = self.engine.cells // 4 - EXACT
        active: list[_Way] = []
        while True:
            active += self._begin(BEAM_WIDTH - len(active))
            room -= len(active)
            if not active or room < 0:
                return
            self._step(active)
            floor = self.frontier.floor
            active = [
                way for way in active if not way.sample.ended and way.sample.log_likelihood > floor
            ]

    def _begin(self, count: int) -> list[_Way]:
        """Completions that take the likeliest exits left; those that end at once are noted."""
        begun: list[_Way] = []
        while len(begun) < count and self._next <= self.last:
            leaves = self.frontier.pop()
            if leaves is None:
                break
            way = _Way(Sample(self._next, generator(0, 0), position=self.position), [])
            for token in leaves.tokens[:-1]:
                way.take(self.engine, token, 0.0, self.sampling)
            if not way.sample.ended:  # a stop string within the known text itself
                way.take(self.engine, leaves.tokens[-1], leaves.nats, self.sampling)
                self._note(way)
            if not way.sample.ended:
                first = self.position + 1
                self.engine.fork(leaves.source, self._next, first, first + len(leaves.tokens) - 1)
                self._next += 1
                begun.append(way)
        return begun

    def _step(self, active: Sequence[_Way]) -> None:
        """Adds its likeliest token to each completion."""
        tokens = [
            Token(s.last, s.position, (s.sequence,), output=True)
            for s in (way.sample for way in active)
        ]
        for index, row in self.engine.rows(tokens, least=EXACT):
            way = active[index]
            so_far = way.sample.log_likelihood
            likeliest = int(row.argmax())
            nats = self.frontier.look(
                row, so_far, way.tokens, following=likeliest, source=way.sample.sequence
            )
            way.take(self.engine, likeliest, nats - so_far, self.sampling)
            self._note(way)

    def _note(self, way: _Way) -> None:
        """Keeps a completion that has ended; of several with the same text the likeliest."""
        sample = way.sample
        if not sample.ended or sample.text == self.unlike:
            return
        known = self.best.get(sample.text)
        if known is None:
            self.frontier.end(sample.log_likelihood)
        if known is None or known.log_likelihood < sample.log_likelihood:
            self.best[sample.text] = sample.completion()

    def found(self) -> list[Completion]:
        likeliest = sorted(self.best.values(), key=lambda one: -one.log_likelihood)
        return likeliest[: self.sampling.samples]
