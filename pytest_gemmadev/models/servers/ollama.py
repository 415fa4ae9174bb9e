"""A model that Ollama serves, through Ollama's own client library.

Prompts go raw, past the template, but for chats. Ollama names the likeliest next tokens from
version 0.12.11 on, so that texts are compared where they part (`next_token`); an older one scores
nothing, and priors decide. An adapter is part of an Ollama model: ``gemmadev models export-ollama``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import ollama

from pytest_gemmadev.models.servers import next_token
from pytest_gemmadev.models.servers.http import (
    Patience,
    PatientTransport,
    split_spec,
    within_budget,
)
from pytest_gemmadev.search.limits import DEFAULT as LIMITS
from pytest_gemmadev.types import Completion, GemmadevError, ModelInfo, Sampling

TOP = 20  # next tokens with their log-probabilities, as many as Ollama names
CONTEXT = 4096  # tokens
CHARACTERS = 3  # of code, at least, that a token holds on average
_PROBE = "def add(a, b):\n    return"


class OllamaModel:
    """Implements `types.Model`. Asks the server about the model when created."""

    def __init__(self, spec: str, patience: Patience) -> None:
        self._name, url = split_spec(spec)
        self._what = f"model {spec}"
        self._url = url or _default_url()
        transport = PatientTransport(self._what, self._url, patience)
        self._client = ollama.Client(self._url, transport=transport, follow_redirects=False)
        self._can_look_ahead = False
        self.info = ModelInfo(spec=spec, name=self._name, can_score=False)
        with within_budget(), transport.opening():
            self.info = self._describe()

    # --- types.Model ------------------------------------------------------------------------

    def complete(self, prompt: str, sampling: Sampling) -> tuple[Completion, ...]:
        """Continuations of ``prompt``; fewer than asked for where the budget ends before."""
        found: list[Completion] = []
        infills = bool(sampling.suffix) and self.info.can_infill
        likeliest = self._likeliest if self._can_look_ahead and not infills else None
        with within_budget():
            for completion in next_token.complete(self._complete_one, likeliest, prompt, sampling):
                found.append(completion)
        return tuple(found)

    def score(self, prefix: str, continuations: Sequence[str]) -> tuple[float, ...]:
        """Log-likelihoods in nats of the continuations, comparable among them.

        Where the budget ends before, every text counts by its length alone.
        """
        if self._can_look_ahead:
            with within_budget():
                return next_token.score(self._likeliest, prefix, continuations)
        return tuple(-LIMITS.nats_per_character * len(text) for text in continuations)

    def stream(self, prompt: str, sampling: Sampling) -> Iterator[str]:
        """The continuation of ``prompt`` piece by piece; ends early where the budget does."""
        ended = False
        with within_budget(), self._explain_errors():
            for part in self._client.generate(**self._request(prompt, sampling), stream=True):
                yield self._check_model(part).response or ""
                ended = bool(part.done)
            if not ended:
                raise GemmadevError(f"{self._what}: {self._url} cut the stream of its answer short")

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]  # the library's

    # --- requests --------------------------------------------------------------------------------

    def _describe(self) -> ModelInfo:
        try:
            with self._explain_errors():
                shown = self._client.show(self._name)
                probe = Sampling(max_tokens=1)
                row = self._generate(_PROBE, probe, top=TOP).logprobs or ()
        except _NotThere:
            raise GemmadevError(
                f"{self._what}: {self._url} does not have it, but {self._list_others()}; "
                f"ollama pull {self._name}"
            ) from None
        self._can_look_ahead = bool(row and row[0].top_logprobs)
        able = shown.capabilities or ()
        details = shown.modelinfo or {}
        longest = next((v for k, v in details.items() if k.endswith(".context_length")), 0)
        return ModelInfo(
            spec=self.info.spec,
            name=self._name,
            license=(shown.license or "").strip().split("\n")[0][:80],
            context_tokens=min(CONTEXT, int(longest or CONTEXT)),
            can_score=self._can_look_ahead,
            # A template that holds the prompt and nothing else is that of a model for text.
            has_chat_template=(shown.template or "").replace(" ", "") not in ("", "{{.Prompt}}"),
            can_infill="insert" in able,
            is_concurrent=True,
        )

    def _list_others(self) -> str:
        with self._explain_errors():
            names = [model.model for model in self._client.list().models if model.model]
        return ", ".join(names[:5]) or "nothing"

    def _complete_one(self, prompt: str, sampling: Sampling) -> Completion:
        """One continuation."""
        with self._explain_errors():
            answer = self._generate(prompt, sampling)
        text = answer.response or ""
        rows = answer.logprobs or ()
        nats = sum(row.logprob for row in rows) if rows else -LIMITS.nats_per_character * len(text)
        ended = "length" if answer.done_reason == "length" else "stop"
        return Completion(text, answer.eval_count or len(rows), nats, ended)

    def _likeliest(self, prompt: str) -> Mapping[str, float]:
        """Log-probabilities of the likeliest next tokens."""
        with self._explain_errors():
            rows = self._generate(prompt, Sampling(max_tokens=1), top=TOP).logprobs or ()
        return {each.token: each.logprob for row in rows[:1] for each in row.top_logprobs or ()}

    def _generate(
        self, prompt: str, sampling: Sampling, *, top: int = 0
    ) -> ollama.GenerateResponse:
        request = self._request(prompt, sampling)
        answer = self._client.generate(**request, logprobs=True, top_logprobs=top or None)
        return self._check_model(answer)

    def _request(self, prompt: str, sampling: Sampling) -> dict[str, Any]:
        options: dict[str, Any] = {
            "num_predict": sampling.max_tokens,
            "num_ctx": CONTEXT,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed & 0x7FFF_FFFF,
            "repeat_penalty": 1.0,  # code repeats itself
        }
        if sampling.stop:
            options["stop"] = list(sampling.stop)
        infills = bool(sampling.suffix) and self.info.can_infill
        room = (CONTEXT - sampling.max_tokens) * CHARACTERS - len(sampling.suffix)
        if len(prompt) > room > 0:
            prompt = prompt[prompt.find("\n", len(prompt) - room) + 1 :]
        return {
            "model": self._name,
            "prompt": prompt,
            "suffix": sampling.suffix if infills else None,
            "raw": not (sampling.chat or infills),  # the template places the suffix
            "options": options,
        }

    def _check_model(self, answer: ollama.GenerateResponse) -> ollama.GenerateResponse:
        """The answer, if it is the model's that was asked."""
        if answer.model and _full_name(answer.model) != _full_name(self._name):
            raise GemmadevError(
                f"{self._what}: {self._url} answers with another model, {answer.model}"
            )
        return answer

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        """Turns what the client raises into one line."""
        try:
            yield
        except ollama.ResponseError as error:
            told = " ".join(str(error.error).split())[:200]
            if error.status_code == 404 and "not found" in told:
                raise _NotThere from None
            raise GemmadevError(
                f"{self._what}: {self._url} refuses, status {error.status_code}: {told}"
            ) from None
        except (ValueError, TypeError):  # JSON of something else, or none
            raise GemmadevError(
                f"{self._what}: what {self._url} answers is not Ollama's interface"
            ) from None


class _NotThere(GemmadevError):
    """The server does not have the model."""


def _default_url() -> str:
    """``OLLAMA_HOST`` as Ollama's client reads it, by default this machine."""
    client = ollama.Client()
    try:
        return str(client._client.base_url).rstrip("/")
    finally:
        client.close()  # type: ignore[no-untyped-call]  # the library's


def _full_name(name: str) -> str:
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"
