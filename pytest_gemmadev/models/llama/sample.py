"""A completion that is being sampled, token by token."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pytest_gemmadev.models.llama.engine import Engine
from pytest_gemmadev.models.llama.stops import cut_at_stop, goes_in_circles
from pytest_gemmadev.types import Completion, Sampling


@dataclass(slots=True)
class Sample:
    """One completion that is being sampled."""

    sequence: int
    random: np.random.Generator
    data: bytes = b""
    tokens: int = 0
    log_likelihood: float = 0.0
    ended: str = ""
    text: str = ""
    last: int = -1  # the token that it goes on from
    position: int = -1  # of the token before that one

    def take(self, engine: Engine, token: int, nats: float, sampling: Sampling) -> None:
        """Adds a token, or ends the completion."""
        self.tokens += 1
        self.log_likelihood += nats
        self.last = token
        self.position += 1
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
        elif sampling.temperature <= 0 and self.tokens % 16 == 0 and goes_in_circles(self.text):
            self.ended = "loop"

    def completion(self) -> Completion:
        return Completion(self.text, self.tokens, self.log_likelihood, self.ended)
