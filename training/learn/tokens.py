"""Examples as token ids, the way the runtime reads prompts and scores continuations.

A prompt and its continuation are tokenized apart, control tokens written out in them are text, and
the beginning-of-sequence token stands first. Only the continuation counts for the loss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.data.examples import Example, answered

IGNORED = -100  # label of a position that does not count


@dataclass(frozen=True, slots=True)
class Encoded:
    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    unasked: tuple[range, ...] = ()  # of the completion, what stands between its answers

    def row(self) -> dict[str, list[int]]:
        """As trl's trainer takes it when it need not prepare anything."""
        labels = [*[IGNORED] * len(self.prompt), *self.completion]
        for part in self.unasked:
            at = len(self.prompt) + part.start
            labels[at : at + len(part)] = [IGNORED] * len(part)
        return {"input_ids": [*self.prompt, *self.completion], "labels": labels}

    @property
    def counted(self) -> int:
        """How many tokens count for the loss."""
        return len(self.completion) - sum(map(len, self.unasked))


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
        lengths.completion_tokens += encoded.counted
        found.append(encoded)
    return found


def encode(tokenizer: Any, row: Example) -> Encoded:
    """One example; an end-of-sequence token ends what no stop string ends."""
    if row.kind == "lines":
        return _by_parts(tokenizer, row)
    completion = ids(tokenizer, row.completion)
    if row.chat or row.kind == "text":
        completion = [*completion, tokenizer.eos_token_id]
    prompt = chat_ids(tokenizer, row.prompt) if row.chat else prefix_ids(tokenizer, row.prompt)
    return Encoded(tuple(prompt), tuple(completion))


def _by_parts(tokenizer: Any, row: Example) -> Encoded:
    """Several answers in one text, each tokenized apart from what stands before it."""
    completion: list[int] = []
    unasked = []
    for text, is_answer in answered(row.completion):
        start = len(completion)
        completion += ids(tokenizer, text)
        if not is_answer:
            unasked.append(range(start, len(completion)))
    return Encoded(tuple(prefix_ids(tokenizer, row.prompt)), tuple(completion), tuple(unasked))


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
