"""A model that answers from a script, for tests: it needs no weights and no time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from pytest_gemmadev.types import Completion, ModelInfo, Sampling

_INFO = ModelInfo(spec="scripted", name="scripted")
Scores: TypeAlias = Mapping[str, float] | Callable[[str, str], float]


@dataclass(slots=True)
class ScriptedModel:
    """Implements `types.Model`.

    ``answers`` maps a substring of the prompt to the texts to return; the first key that occurs
    wins, and a prompt that no key matches gets ``default``. ``scores`` gives log-likelihoods, by
    continuation or as a function of (prefix, continuation); what it does not name scores its length
    in characters, negated, so that shorter text is likelier. Stop strings end a text as they would
    a real model's.
    """

    answers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    default: Sequence[str] = ("",)
    scores: Scores = field(default_factory=dict)
    info: ModelInfo = _INFO
    prompts: list[str] = field(default_factory=list)  # of every call of `complete`, in order
    samplings: list[Sampling] = field(default_factory=list)
    scored: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)  # calls of `score`
    closed: bool = False

    def complete(self, prompt: str, sampling: Sampling) -> tuple[Completion, ...]:
        """The scripted texts, repeated up to the number of samples."""
        self.prompts.append(prompt)
        self.samplings.append(sampling)
        texts = next((t for key, t in self.answers.items() if key in prompt), self.default)
        if not texts:
            return ()
        chosen = [texts[i % len(texts)] for i in range(sampling.samples)]
        return tuple(_cut(text, sampling) for text in chosen)

    def stream(self, prompt: str, sampling: Sampling) -> Iterator[str]:
        """The first scripted text, line by line."""
        for completion in self.complete(prompt, sampling)[:1]:
            yield from completion.text.splitlines(keepends=True)

    def score(self, prefix: str, continuations: Sequence[str]) -> tuple[float, ...]:
        """The scripted log-likelihoods."""
        self.scored.append((prefix, tuple(continuations)))
        if callable(self.scores):
            return tuple(self.scores(prefix, text) for text in continuations)
        return tuple(self.scores.get(text, -float(len(text))) for text in continuations)

    def close(self) -> None:
        self.closed = True


def _cut(text: str, sampling: Sampling) -> Completion:
    ends = [at for stop in sampling.stop if stop and (at := text.find(stop)) >= 0]
    ended = "stop" if ends else "eos"
    kept = text[: min(ends)] if ends else text
    return Completion(kept, tokens=len(kept.split()), log_likelihood=-float(len(kept)), ended=ended)
