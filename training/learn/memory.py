"""How much memory a step takes, and what fits into a given amount.

The estimate counts weights, adapter, optimizer and the activations of a decoder with attention that
is not materialized; measured peaks lay below it. The peak that was reached is printed at the end.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from dataclasses import dataclass
from typing import Any

from pytest_gemmadev.types import GemmadevError
from training.config import Config

_SPARE = 1.5e9  # bytes for the libraries, kernels and fragmentation
_SHARE = 0.9  # of the memory that may be planned for
_BATCHES = (16, 8, 4, 2, 1)
_KEPT_VALUES = 34  # of hidden size, for each token and layer, where nothing is computed again
_COUNTED = 0.4  # share of the positions that count for the loss, at most, in packed questions


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a model's configuration costs memory."""

    layers: int
    hidden: int
    inner: int
    vocabulary: int
    linear: int  # weights in linear layers
    embedded: int  # weights in embeddings


def shape_of(config: Any) -> Shape:
    text = config.get_text_config()
    heads = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    attention = 2 * text.hidden_size * heads * (text.num_attention_heads + text.num_key_value_heads)
    layer = attention + 3 * text.hidden_size * text.intermediate_size
    return Shape(
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        inner=text.intermediate_size,
        vocabulary=text.vocab_size,
        linear=text.num_hidden_layers * layer,
        embedded=text.vocab_size * text.hidden_size,
    )


def step_bytes(shape: Shape, config: Config, batch: int, *, checkpointing: bool) -> float:
    """Bytes that training takes at its peak, estimated."""
    method = config.model.method
    weights = {"qlora": 0.56, "lora": 2.0, "full": 4.0}[method] * shape.linear
    weights += {"qlora": 2.0, "lora": 2.0, "full": 4.0}[method] * shape.embedded
    sides = 2 * shape.layers * (4 * shape.hidden + 3 * (shape.hidden + shape.inner) / 2)
    trained = shape.linear + shape.embedded if method == "full" else config.adapter.rank * sides
    optimizer = trained * (4 + 4 + 8)  # weight, gradient and two moments in 32 bits
    tokens = batch * config.data.max_tokens
    kept = 2 * shape.hidden if checkpointing else 2 * _KEPT_VALUES * shape.hidden + 8 * shape.inner
    activations = tokens * shape.layers * kept
    one_layer = tokens * (2 * _KEPT_VALUES * shape.hidden + 8 * shape.inner)
    logits = _COUNTED * tokens * shape.vocabulary * 8
    return _SPARE + weights + optimizer + activations + one_layer + logits


def fitted(config: Config, model_config: Any) -> Config:
    """The settings with the largest batch that fits, and as many examples a step as before."""
    if not config.train.fit:
        return config
    limit = _SHARE * parse_size(config.train.fit)
    shape = shape_of(model_config)
    together = config.train.batch * config.train.accumulation
    for checkpointing in dict.fromkeys((config.train.checkpointing, True)):
        for batch in _BATCHES:
            if batch > together or together % batch:
                continue
            if step_bytes(shape, config, batch, checkpointing=checkpointing) <= limit:
                train = dataclasses.replace(
                    config.train,
                    batch=batch,
                    accumulation=together // batch,
                    checkpointing=checkpointing,
                )
                return dataclasses.replace(config, train=train)
    least = step_bytes(shape, config, 1, checkpointing=True) / _SHARE
    raise GemmadevError(
        f"--fit {config.train.fit}: needs {least / 1e9:.1f} GB at least; "
        "use --qlora, a smaller base or fewer data.max_tokens"
    )


def parse_size(text: str) -> float:
    """Bytes of ``16GB``, ``16``, ``512MB``; a bare number counts gigabytes."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(GB?|GiB|MB?|MiB)?\s*", text, re.IGNORECASE)
    if match is None:
        raise GemmadevError(f"--fit {text}: write a size such as 16GB")
    return float(match[1]) * (1e6 if (match[2] or "G").upper().startswith("M") else 1e9)


def peak_bytes() -> int:
    """The most memory that this process had: of the GPU where there is one, else resident."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
