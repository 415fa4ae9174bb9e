"""A model that several threads may ask at any time; it answers one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from pytest_gemmadev.types import Completion, Model, ModelInfo, Sampling


class TakingTurns:
    """Implements `types.Model`: another model, asked by one thread at a time."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._lock = Lock()

    @property
    def info(self) -> ModelInfo:
        return self._model.info

    def complete(self, prompt: str, sampling: Sampling) -> tuple[Completion, ...]:
        """What the model completes, when it is this thread's turn."""
        with self._lock:
            return self._model.complete(prompt, sampling)

    def score(self, prefix: str, continuations: Sequence[str]) -> tuple[float, ...]:
        """What the model scores, when it is this thread's turn."""
        with self._lock:
            return self._model.score(prefix, continuations)

    def close(self) -> None:
        self._model.close()


def for_threads(model: Model | None) -> Model | None:
    """The model itself where it is safe for threads, else wrapped in `TakingTurns`."""
    return model if model is None or model.info.is_concurrent else TakingTurns(model)
