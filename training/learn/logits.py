"""The vocabulary's scores at the positions that count for a loss, and at no other.

trl's trainers project every position onto the vocabulary, on a CPU at least. With Gemma's 262,144
words that is most of a step, and in a repair one position in ten counts. Nor has a gradient to pass
through the whole of a long prompt: most of it comes through what stands right before the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import chain
from typing import Any

import torch
from peft import PeftModel

from pytest_gemmadev.types import GemmadevError

_OLD_CACHE = "past_key_values"
_GIVEN = ("input_ids", "position_ids", "attention_mask")


def can_count(model: Any, inputs: Mapping[str, Any], *, processes: int) -> bool:
    """Whether `counted_logits` may stand for the model's own pass: a plain Gemma 3 on one CPU."""
    plain = type(base_of(model)).__name__ == "Gemma3ForCausalLM"
    return plain and processes == 1 and inputs["input_ids"].device.type == "cpu"


def base_of(model: Any) -> Any:
    """The transformers model below an adapter."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


@dataclass(frozen=True, slots=True)
class SeenWords:
    """The vocabulary's words that some data holds, with their rows of a projection that stays as it is."""

    ids: torch.Tensor  # ascending
    head: torch.Tensor  # (words, width)

    @classmethod
    def of(cls, model: Any, rows: Iterable[Sequence[int]]) -> SeenWords:
        """`GemmadevError` where the projection is trained or quantized."""
        head = base_of(model).lm_head
        plain = type(head) is torch.nn.Linear and head.bias is None
        if not plain or head.weight.requires_grad or not head.weight.is_floating_point():
            raise GemmadevError(
                "train.seen_words: needs a projection that is neither trained nor 4-bit"
            )
        ids = torch.tensor(sorted(set(chain.from_iterable(rows))))
        return cls(ids, head.weight.detach()[ids].contiguous())

    def places(self, words: torch.Tensor) -> torch.Tensor:
        """Where ``words``, each of which the data holds, stand among these."""
        return torch.searchsorted(self.ids, words)


def counted_logits(
    model: Any,
    inputs: Mapping[str, Any],
    counted: torch.Tensor,
    *,
    through: int = 0,
    head: torch.Tensor | None = None,
) -> torch.Tensor:
    """(positions, words) in 32 bits: what is said of the token after each position in ``counted``.

    ``counted`` is (batch, length - 1), true where the token at the next position counts. With
    ``through``, of a single row, the gradient passes through so many tokens before the first that
    counts; what stands before these is read as it is. ``head``, (words, width), are the rows of the
    vocabulary's projection to score, in place of all.
    """
    base = base_of(model)
    given = {name: inputs[name] for name in _GIVEN if name in inputs}
    start = max(0, int(counted[0].int().argmax()) + 1 - through) if through else 0
    if start:
        ids = inputs["input_ids"]
        given = {"input_ids": ids[:, start:]} | _read(base, ids[:, :start])
    hidden = base.model(**given, use_cache=bool(start)).last_hidden_state[:, :-1]
    asked = hidden[counted[:, start:]]
    scored = base.lm_head(asked) if head is None else torch.nn.functional.linear(asked, head)
    return _capped(base, scored.float())


def _read(base: Any, ids: torch.Tensor) -> dict[str, Any]:
    """What goes on after ``ids``, which are read without a gradient: the cache by its name."""
    # transformers from 5.24 on calls it so; the old name is told to go.
    name = "cache" if "cache" in signature(base.model.forward).parameters else _OLD_CACHE
    with torch.no_grad():
        return {name: getattr(base.model(input_ids=ids, use_cache=True), name)}


def _capped(base: Any, logits: torch.Tensor) -> torch.Tensor:
    cap = base.config.get_text_config().final_logit_softcapping
    return cap * torch.tanh(logits / cap) if cap else logits
