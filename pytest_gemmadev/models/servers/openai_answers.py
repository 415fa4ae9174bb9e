"""Reads the answers of servers with OpenAI's HTTP interface.

They have two kinds of completion and two layouts of log-probabilities; what is read has one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from pytest_gemmadev.types import GemmadevError


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    nats: float
    top: Mapping[str, float]


def tokens_of(choice: Mapping[str, Any]) -> list[Token]:
    """Tokens with their log-probabilities, in either of the two layouts that servers use."""
    given = choice.get("logprobs")
    if not isinstance(given, dict):
        return []
    if isinstance(given.get("content"), list):
        return [
            Token(
                row["token"],
                row["logprob"],
                {each["token"]: each["logprob"] for each in row.get("top_logprobs") or ()},
            )
            for row in given["content"]
        ]
    texts = given.get("tokens") or []
    nats = given.get("token_logprobs") or [0.0] * len(texts)
    tops = given.get("top_logprobs") or [{}] * len(texts)
    return [
        Token(text, value or 0.0, top or {})
        for text, value, top in zip(texts, nats, tops, strict=False)
    ]


def nats_between(tokens: Sequence[Token], start: int, end: int) -> float:
    """The log-likelihood in nats of the tokens between two offsets, in characters, of the text."""
    total, at = 0.0, 0
    for token in tokens:
        if at >= end:
            break
        at += len(token.text)
        if at > start:
            total += token.nats
    return total


def first_choice(answer: Mapping[str, Any]) -> dict[str, Any]:
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    return first if isinstance(first, dict) else {}


def text_of(choice: Mapping[str, Any]) -> str:
    for key in ("message", "delta"):
        if isinstance(choice.get(key), dict):
            return str(choice[key].get("content") or "")
    return str(choice.get("text") or "")


def parse_json(text: str, what: str = "the server") -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        begin = " ".join(text.split())[:60]
        raise GemmadevError(f"{what} answers with something else than JSON: {begin!r}")
    return value


def strip_fence(text: str) -> str:
    """A continuation without the code fence that a chat model has put around it."""
    lines = text.split("\n")
    if lines and lines[0].startswith("```"):
        lines = lines[1:]
        if "```" in lines:
            lines = lines[: lines.index("```")]
    return "\n".join(lines)


def is_same(asked: str, said: str) -> bool:
    """Whether two names mean one model: a path, a file ending and a date at the end may differ."""
    one, other = (PurePath(name).name.removesuffix(".gguf").lower() for name in (asked, said))
    return asked == said or one == other or other.startswith(f"{one}-20")
