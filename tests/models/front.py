"""Ollama's published interface in front of llama.cpp's server: the same model behind both.

What Ollama adds is its own API and its own names for options; below it, a GGUF model runs in
llama.cpp too. So this answers with a real model where the real Ollama is not at hand. It covers
``/api/show``, ``/api/tags`` and ``/api/generate``, raw or through a template that is the bare
prompt, streamed or not, with log-probabilities.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

from standin import JSON, Answer, Standin

_OPTIONS = {
    "num_predict": "n_predict",
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "stop": "stop",
    "repeat_penalty": "repeat_penalty",
}
_LEAST = -100.0  # in place of the logarithm of nothing, which JSON has no number for


@dataclass
class OllamaFront(Standin):
    """A `Standin` whose answers come from the server at ``behind``."""

    behind: str = ""
    raw: bool = False  # no OpenAI interface of its own
    chat: bool = False

    def _generate(self, body: dict[str, Any]) -> Answer:
        if body["model"].partition(":")[0] != self.model:
            return 404, JSON, json.dumps({"error": f"model '{body['model']}' not found"}).encode()
        options = {
            _OPTIONS[name]: value
            for name, value in (body.get("options") or {}).items()
            if name in _OPTIONS
        }
        top = min(self.top, body.get("top_logprobs") or 0)
        probs = max(top, 1) if body.get("logprobs") else 0
        asked = {"prompt": body["prompt"], "n_probs": probs, "cache_prompt": True, **options}
        said = _post(f"{self.behind}/completion", asked)
        row = {"model": body["model"], "created_at": "2026-01-01T00:00:00Z"}
        why = "length" if said.get("stop_type") == "limit" else "stop"
        if body.get("stream"):
            parts = [
                {**row, "response": said["content"], "done": False},
                {**row, "response": "", "done": True, "done_reason": why},
            ]
            return 200, JSON, b"".join(json.dumps(part).encode() + b"\n" for part in parts)
        last = {"done": True, "done_reason": why, "eval_count": said["tokens_predicted"]}
        row |= {"response": said["content"], **last}
        if probs:
            row["logprobs"] = list(_rows(said.get("completion_probabilities") or [], top))
        return 200, JSON, json.dumps(row).encode()


def _rows(rows: list[Mapping[str, Any]], top: int) -> Iterator[dict[str, Any]]:
    for row in rows:
        likeliest = [_token(each) for each in row["top_logprobs"][:top]]
        yield {**_token(row), "top_logprobs": likeliest}


def _token(row: Mapping[str, Any]) -> dict[str, Any]:
    nats = row["logprob"]
    return {
        "token": row["token"],
        "logprob": nats if isinstance(nats, float) and math.isfinite(nats) else _LEAST,
        "bytes": list(row["token"].encode()),
    }


def _post(url: str, body: Mapping[str, Any]) -> dict[str, Any]:
    request = Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=300) as answer:
        said: dict[str, Any] = json.load(answer)
    return said
