"""A model behind any server with OpenAI's HTTP interface: llama.cpp's, vLLM's, many others.

What such servers can do differs, so the first requests find out, and what is missing degrades:

- No ``/completions`` (a server for chats only): the prompt goes as a message that asks to go on.
- Log-probabilities of the prompt (``echo``): scores are exact. Of the next token only: texts are
  compared where they part (`next_token`). None at all: ``can_score`` is false, and priors decide.
- Infilling and adapters: not through this interface; the server is started with its adapter.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from pytest_gemmadev.models.servers import next_token
from pytest_gemmadev.models.servers.http import (
    Patience,
    PatientTransport,
    split_spec,
    within_budget,
)
from pytest_gemmadev.models.servers.openai_answers import (
    first_choice,
    is_same,
    nats_between,
    parse_json,
    strip_fence,
    text_of,
    tokens_of,
)
from pytest_gemmadev.search.limits import DEFAULT as LIMITS
from pytest_gemmadev.types import Completion, GemmadevError, ModelInfo, Sampling

KEY = "OPENAI_API_KEY"  # sent to the server where the environment has it
TOPS = (100, 20, 5)  # next tokens asked for with their log-probabilities, as many as are granted
CHARACTERS = 3  # of code, at least, that a token of the context holds on average
SCORED = 16  # texts scored by one request
_CHATML = "<|im_start|>"
_PROBE = "def add(a, b):\n    return"
_GO_ON = (
    "Go on with the text below exactly where it ends. Answer with the continuation only: "
    "no explanation, no code fence, nothing repeated.\n\n"
)


@dataclass(frozen=True, slots=True)
class _Abilities:
    """What a server can do, as the first requests have shown."""

    raw: bool = False  # has /completions
    echo: bool = False  # log-probabilities of the prompt
    top: int = 0  # next tokens with log-probabilities, 0 for none
    chat: bool = False


class OpenAIModel:
    """Implements `types.Model`. Asks the server what it serves when created."""

    def __init__(self, spec: str, patience: Patience) -> None:
        name, url = split_spec(spec)
        if not url:
            raise GemmadevError(
                f"model {spec!r}: no server named; write openai:MODEL@http://localhost:8080/v1"
            )
        if not urlsplit(url).path.strip("/"):
            url += "/v1"
        self._what = f"model {spec}"
        self._url = url
        key = os.environ.get(KEY, "")
        transport = PatientTransport(self._what, url, patience)
        self._client = httpx.Client(
            transport=transport,
            headers={"authorization": f"Bearer {key}"} if key else {},
        )
        self._name = name
        self._abilities = _Abilities()
        self.info = ModelInfo(spec=spec, name=name, can_score=False)
        with within_budget(), transport.opening():
            self._name, context = self._find_served(name)
            self._abilities = self._probe()
            able = self._abilities
            self.info = ModelInfo(
                spec=spec,
                name=name,
                context_tokens=context,
                can_score=able.echo or able.top > 0,
                has_chat_template=able.chat,
                is_concurrent=True,
            )

    # --- types.Model ------------------------------------------------------------------------

    def complete(self, prompt: str, sampling: Sampling) -> tuple[Completion, ...]:
        """Continuations of ``prompt``; fewer than asked for where the budget ends before."""
        found: list[Completion] = []
        likeliest = self._likeliest if self._abilities.top else None
        with within_budget():
            for completion in next_token.complete(self._complete_one, likeliest, prompt, sampling):
                found.append(completion)
        return tuple(found)

    def score(self, prefix: str, continuations: Sequence[str]) -> tuple[float, ...]:
        """Log-likelihoods in nats of the continuations, comparable among them.

        Where the budget ends before, every text counts by its length alone.
        """
        texts = list(continuations)
        with within_budget():
            if self._abilities.echo:
                return tuple(
                    value
                    for start in range(0, len(texts), SCORED)
                    for value in self._score_by_echo(prefix, texts[start : start + SCORED])
                )
            if self._abilities.top:
                return next_token.score(self._likeliest, prefix, texts)
        return tuple(-LIMITS.nats_per_character * len(text) for text in texts)

    def stream(self, prompt: str, sampling: Sampling) -> Iterator[str]:
        """The continuation of ``prompt`` piece by piece; ends early where the budget does."""
        path, body = self._request(prompt, sampling)
        ended = False
        with (
            within_budget(),
            self._client.stream("POST", self._url + path, json={**body, "stream": True}) as answer,
        ):
            if answer.status_code != 200:
                answer.read()
                raise self._refusal(answer)
            for line in answer.iter_lines():
                data = line.partition("data:")[2].strip() if line.startswith("data:") else ""
                if data == "[DONE]":
                    ended = True
                    break
                if data:
                    yield text_of(first_choice(self._check_model(parse_json(data))))
            if not ended:
                raise GemmadevError(f"{self._what}: {self._url} cut the stream of its answer short")

    def close(self) -> None:
        self._client.close()

    # --- what the server can do ------------------------------------------------------------------

    def _find_served(self, name: str) -> tuple[str, int]:
        """The server's own name for the model, and its context in tokens, 0 where unknown."""
        answer = self._client.get(f"{self._url}/models")
        if answer.status_code == 404:  # some servers list nothing: their answers name the model
            return name, 0
        listed = self._json(answer).get("data")
        if not isinstance(listed, list):
            raise GemmadevError(f"{self._what}: {self._url}/models lists no models")
        rows = [row for row in listed if isinstance(row, dict) and row.get("id")]
        for row in rows:
            if is_same(name, str(row["id"])):
                meta = row.get("meta") or {}  # llama.cpp's
                context = row.get("max_model_len") or meta.get("n_ctx") or 0  # vLLM's, or that
                return str(row["id"]), context if isinstance(context, int) else 0
        others = ", ".join(str(row["id"]) for row in rows[:5]) or "nothing"
        raise GemmadevError(f"{self._what}: {self._url} serves another model: {others}")

    def _probe(self) -> _Abilities:
        chat = self._has_chat_template()
        body = {"model": self._name, "prompt": _PROBE, "max_tokens": 1, "temperature": 0}
        wishes = ({"echo": True, "logprobs": 1}, *({"logprobs": top} for top in TOPS), {})
        for more in wishes:
            answer = self._post("/completions", {**body, **more})
            if answer.status_code in (404, 405, 501):
                if not chat:
                    raise GemmadevError(
                        f"{self._what}: {self._url} has neither /completions nor "
                        "/chat/completions: is this the address of the API? It often ends in /v1"
                    )
                return _Abilities(chat=True)
            if answer.status_code in (400, 422):
                continue  # a parameter that this server does not take
            choice = first_choice(self._check_model(self._json(answer)))
            tokens = tokens_of(choice)
            if "echo" in more:
                if text_of(choice).startswith(_PROBE) and len(tokens) > 1:
                    return _Abilities(raw=True, echo=True, top=TOPS[-1], chat=chat)
                continue
            top = int(more.get("logprobs", 0)) if tokens and tokens[0].top else 0
            return _Abilities(raw=True, top=top, chat=chat)
        raise self._refusal(answer)

    def _has_chat_template(self) -> bool:
        """Whether the model answers chats; llama.cpp's server does so even for models that do not.

        Without a template of the model's own it falls back to one that the model never saw.
        """
        root = self._url.removesuffix("/v1")
        answer = self._client.get(f"{root}/props")
        if answer.status_code == 200 and "json" in answer.headers.get("content-type", ""):
            props = self._json(answer)
            if "chat_template" in props:
                template = str(props["chat_template"])
                return bool(template) and not self._is_fallback(template, root)
        body = {"model": self._name, "messages": [_user_message("1+1?")], "max_tokens": 1}
        return self._post("/chat/completions", body).status_code == 200

    def _is_fallback(self, template: str, root: str) -> bool:
        """Whether a template's marks are no control tokens of the model: llama.cpp's own default."""
        if _CHATML not in template:
            return False
        body = {"content": _CHATML, "parse_special": True, "add_special": False}
        answer = self._client.post(f"{root}/tokenize", json=body)
        return answer.status_code == 200 and len(self._json(answer).get("tokens", ())) > 1

    # --- requests --------------------------------------------------------------------------------

    def _complete_one(self, prompt: str, sampling: Sampling) -> Completion:
        """One continuation."""
        path, body = self._request(prompt, sampling)
        if self._abilities.top:
            chat = path.startswith("/chat")
            body |= {"logprobs": True} if chat else {"logprobs": 1}
        choice = first_choice(self._check_model(self._json(self._post(path, body))))
        text = text_of(choice)
        if not self._abilities.raw and not sampling.chat:
            text = strip_fence(text)
        tokens = tokens_of(choice)
        nats = (
            sum(token.nats for token in tokens)
            if tokens
            else -LIMITS.nats_per_character * len(text)
        )
        ended = "length" if choice.get("finish_reason") == "length" else "stop"
        return Completion(text, len(tokens) or sampling.max_tokens, nats, ended)

    def _request(self, prompt: str, sampling: Sampling) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {
            "model": self._name,
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed & 0x7FFF_FFFF,
        }
        if sampling.stop:
            body["stop"] = list(sampling.stop[:4])  # the interface allows no more
        if self._abilities.raw and not sampling.chat:
            return "/completions", {**body, "prompt": self._fit(prompt, sampling.max_tokens)}
        message = prompt if sampling.chat else _GO_ON + prompt
        return "/chat/completions", {**body, "messages": [_user_message(message)]}

    def _fit(self, prompt: str, further: int) -> str:
        """As much of a prompt's end, from the start of a line, as the server's context has room for."""
        room = (self.info.context_tokens - further) * CHARACTERS
        if self.info.context_tokens <= 0 or len(prompt) <= room:
            return prompt
        return prompt[prompt.find("\n", len(prompt) - max(room, CHARACTERS)) + 1 :]

    def _likeliest(self, prompt: str) -> Mapping[str, float]:
        """Log-probabilities of the likeliest next tokens."""
        body = {
            "model": self._name,
            "prompt": self._fit(prompt, 1),
            "max_tokens": 1,
            "temperature": 0,
        }
        answer = self._post("/completions", {**body, "logprobs": self._abilities.top})
        tokens = tokens_of(first_choice(self._check_model(self._json(answer))))
        return tokens[0].top if tokens else {}

    def _score_by_echo(self, prefix: str, texts: Sequence[str]) -> Iterator[float]:
        """Exact log-likelihoods in nats, from a server that echoes the prompt with its probabilities."""
        body = {
            "model": self._name,
            "prompt": [prefix + text for text in texts],
            "max_tokens": 1,
            "temperature": 0,
            "echo": True,
            "logprobs": 1,
        }
        answer = self._check_model(self._json(self._post("/completions", body)))
        choices = sorted(answer.get("choices", ()), key=lambda choice: choice.get("index", 0))
        if len(choices) != len(texts):
            raise GemmadevError(
                f"{self._what}: {len(choices)} answers to {len(texts)} prompts from {self._url}"
            )
        for choice, text in zip(choices, texts, strict=True):
            yield nats_between(tokens_of(choice), len(prefix), len(prefix) + len(text))

    def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return self._client.post(self._url + path, json=body)

    def _json(self, answer: httpx.Response) -> dict[str, Any]:
        if answer.status_code != 200:
            raise self._refusal(answer)
        return parse_json(answer.text, what=f"{self._what}: {self._url}")

    def _refusal(self, answer: httpx.Response) -> GemmadevError:
        try:
            told = answer.json()["error"]
            reason = told["message"] if isinstance(told, dict) else told
        except (ValueError, KeyError, TypeError):
            reason = answer.text
        line = " ".join(str(reason).split())[:200] or "no reason given"
        hint = f"; set {KEY}" if answer.status_code in (401, 403) else ""
        return GemmadevError(
            f"{self._what}: {self._url} refuses, status {answer.status_code}: {line}{hint}"
        )

    def _check_model(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer, if it is the model's that was asked."""
        said = answer.get("model")
        if isinstance(said, str) and said and not is_same(self._name, said):
            raise GemmadevError(
                f"{self._what}: {self._url} answers with another model, {said}; "
                "name that one, or have the server load this one"
            )
        return answer


def _user_message(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}
