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
    """The PEFT folder of the adapter that ships."""
    from pytest_gemmadev import models

    return Path(models.__file__).parent / "adapter" / "peft"


def dequantized_folder(path: Path) -> str:
    """The folder with a GGUF file's weights that ``hf:`` models use too."""
    from pytest_gemmadev.models.transformers.dequantize import dequantize

    return str(dequantize(path))


def cache_folder() -> Path:
    from pytest_gemmadev.models import packaged

    return packaged.cache_folder()


def continuation_scores(
    gguf: str, adapter: str, prefix: str, continuations: Sequence[str]
) -> tuple[float, ...]:
    """Log-likelihoods in nats, as the plugin would see them."""
    model = open_model(f"gguf:{gguf}", adapter)
    try:
        return model.score(prefix, continuations)
    finally:
        model.close()
