"""Examples as token ids, the way the runtime reads prompts and scores continuations.

A prompt and its continuation are tokenized apart, control tokens written out in them are text, and
the beginning-of-sequence token stands first. Only the continuation counts for the loss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.examples import Example

IGNORED = -100  # label of a position that does not count


@dataclass(frozen=True, slots=True)
class Encoded:
    prompt: tuple[int, ...]
    completion: tuple[int, ...]

    def row(self) -> dict[str, list[int]]:
        """As trl's trainer takes it when it need not prepare anything."""
        return {
            "input_ids": [*self.prompt, *self.completion],
            "labels": [*[IGNORED] * len(self.prompt), *self.completion],
        }


@dataclass(slots=True)
class Lengths:
    """The token-length report: what there is, and what was too long."""

    lengths: dict[str, list[int]] = field(default_factory=dict)  # by kind
    dropped: Counter[str] = field(default_factory=Counter)  # by reason
    completion_tokens: int = 0

    def lines(self) -> list[str]:
        told = []
        for kind, values in sorted(self.lengths.items()):
            values = sorted(values)
            marks = [values[min(len(values) - 1, int(len(values) * q))] for q in (0.5, 0.9, 0.99)]
            told.append(
                f"{kind}: {len(values)} examples, {sum(values)} tokens; "
                f"half have {marks[0]} or fewer, 90 % {marks[1]}, 99 % {marks[2]}, longest {values[-1]}"
            )
        told.append(f"{self.completion_tokens} tokens count for the loss")
        if self.dropped:
            reasons = ", ".join(f"{n} {reason}" for reason, n in self.dropped.most_common())
            told.append(f"left out: {reasons}")
        return told


def encode_all(
    tokenizer: Any, rows: Iterable[Example], *, max_tokens: int, lengths: Lengths
) -> list[Encoded]:
    """The examples that fit, in their order."""
    found = []
    for row in rows:
        if row.chat and not getattr(tokenizer, "chat_template", None):
            lengths.dropped["for a chat template, which the base has not"] += 1
            continue
        encoded = encode(tokenizer, row)
        size = len(encoded.prompt) + len(encoded.completion)
        if size > max_tokens:
            lengths.dropped[f"longer than {max_tokens} tokens"] += 1
            continue
        lengths.lengths.setdefault(row.kind, []).append(size)
        lengths.completion_tokens += len(encoded.completion)
        found.append(encoded)
    return found


def encode(tokenizer: Any, row: Example) -> Encoded:
    """One example; an end-of-sequence token ends what no stop string ends."""
    completion = ids(tokenizer, row.completion)
    if row.chat or row.kind == "text":
        completion = [*completion, tokenizer.eos_token_id]
    prompt = chat_ids(tokenizer, row.prompt) if row.chat else prefix_ids(tokenizer, row.prompt)
    return Encoded(tuple(prompt), tuple(completion))


def ids(tokenizer: Any, text: str) -> list[int]:
    found: list[int] = tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
    return found


def prefix_ids(tokenizer: Any, text: str) -> list[int]:
    start = [tokenizer.bos_token_id] if tokenizer.bos_token_id is not None else []
    return [*start, *ids(tokenizer, text)]


def chat_ids(tokenizer: Any, message: str) -> list[int]:
    found: Sequence[int] = tokenizer.apply_chat_template(
        [{"role": "user", "content": message}], add_generation_prompt=True, return_dict=False
    )
    return list(found)
