"""Where training meets the runtime that its adapters are for: the one module that imports it.

Models are asked for through the registry, as the plugin does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_gemmadev.types import GemmadevError, Model


def open_model(spec: str, adapter: str = "") -> Model:
    """The model behind a spec such as ``gguf:PATH``, with an adapter in GGUF format."""
    from pytest_gemmadev.registry import load_model

    model = load_model(spec, adapter=adapter or None, threads=None)
    if model is None:
        raise GemmadevError(f"model {spec!r}: is none; name one")
    return model


def packaged_model() -> Path:
    """The packaged Gemma, joined from its parts."""
    from pytest_gemmadev.models.packaged import GEMMA, join

    return join(GEMMA)


def packaged_adapter() -> Path:
    """A PEFT folder of the adapter that ships, made of its GGUF file once and kept in the cache."""
    from pytest_gemmadev.models import packaged
    from pytest_gemmadev.models.builtin import shipped_adapter
    from pytest_gemmadev.models.llama.peft_folder import as_peft

    return as_peft(Path(shipped_adapter()), packaged.cache_folder(), what="adapter gemmadev")


def adapter_as_gguf(folder: Path, architecture: str) -> bytes:
    """The adapter in a PEFT folder as a GGUF file, its matrices in 16 bits.

    Raises GemmadevError for an architecture, or a matrix, that the package cannot carry over.
    """
    from pytest_gemmadev.models.llama.peft import CONFIG, WEIGHTS, gguf_of, halve

    what = f"adapter {folder}"
    weights = halve((folder / WEIGHTS).read_bytes(), what=what)
    return gguf_of((folder / CONFIG).read_bytes(), weights, architecture, what=what)


def dequantized_folder(path: Path) -> str:
    """The folder with a GGUF file's weights that ``hf:`` models use too."""
    from pytest_gemmadev.models.transformers.dequantize import dequantize

    return str(dequantize(path))


def continuation_scores(
    gguf: str, adapter: str, prefix: str, continuations: Sequence[str]
) -> tuple[float, ...]:
    """Log-likelihoods in nats, as the plugin would see them."""
    model = open_model(f"gguf:{gguf}", adapter)
    try:
        return model.score(prefix, continuations)
    finally:
        model.close()
