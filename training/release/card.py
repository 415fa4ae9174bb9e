"""The model card that goes with an adapter: what it is, what it was made of, under which terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TERMS = (
    "The base is a Gemma model. Gemma is provided under and subject to the Gemma Terms of Use at "
    "ai.google.dev/gemma/terms, and its use is bound by the Gemma Prohibited Use Policy. An adapter "
    "for it is a Model Derivative under these terms: whoever passes it on passes them on too, says "
    "that it was modified, and keeps this notice."
)


@dataclass(frozen=True, slots=True)
class Card:
    base: str
    method: str
    begins: str  # with which adapter; empty: a fresh one
    steps: int
    losses: tuple[float, float]  # of the first and the last step that was logged
    seed: int
    data: Mapping[str, int]  # examples by what they are
    licenses: Mapping[str, int]  # examples by license
    check: str  # what the comparison with the runtime gave
    settings: str  # as TOML


def _begins(card: Card) -> str:
    return f", from the adapter {card.begins}" if card.begins else ""


def render(card: Card) -> str:
    """The card in Markdown, with the header that model hubs read."""
    data = "\n".join(f"| {what} | {n} |" for what, n in sorted(card.data.items()))
    licenses = "\n".join(f"| {what} | {n} |" for what, n in sorted(card.licenses.items()))
    return f"""---
library_name: peft
license: gemma
base_model: {card.base}
tags: [lora, program-repair, python]
---

# GemmaDev adapter

A LoRA adapter that proposes and ranks repairs of Python code inside `pytest --gemmadev-fix`.
It expects that plugin's own prompts, and its output is validated by tests; it is no chat model, and
what it writes unasked or untested should not be trusted.

- base: {card.base}
- training: {card.method}, {card.steps} steps, seed {card.seed}{_begins(card)}
- loss: {card.losses[0]:.4f} at the first step, {card.losses[1]:.4f} at the last
- runtime check: {card.check or "not made"}

## Data

| examples | number |
|---|---|
{data}

| license of the code they are made of | examples |
|---|---|
{licenses}

Functions of HumanEval and of the evaluation files named in the settings were held back.

## Terms

{TERMS}

## Settings

```toml
{card.settings.strip()}
```
"""
