"""Keeps 4-bit layers on the CPU trainable.

On processors with AVX-512 BF16, bitsandbytes packs the weights of a `Linear4bit` anew at the first
pass in eval mode without gradients, and from then on its backward pass gives no gradient for its
input, in training as well, with nothing but a warning. The layers of a model that is trained are
told not to; that costs an evaluation some speed and nothing else.
"""

from __future__ import annotations

from typing import Any

from pytest_gemmadev.types import GemmadevError


def keep_gradients(model: Any) -> int:
    """The number of layers that are now kept from packing. Raises where one is packed already."""
    layers = _layers(model)
    for layer in layers:
        layer.support_avx512bf16_for_cpu = False
    check_gradients(model)
    return len(layers)


def check_gradients(model: Any) -> None:
    """Raises `GemmadevError` where a layer has been packed: training would go on and learn nothing."""
    for layer in _layers(model):
        if getattr(layer.weight.quant_state, "packing_format_for_cpu", False):
            raise GemmadevError(
                "a 4-bit layer was packed for inference and gives no gradients any more; "
                "load the model again, and call training.learn.guard.keep_gradients before any pass"
            )


def _layers(model: Any) -> list[Any]:
    from bitsandbytes.nn import Linear4bit

    return [module for module in model.modules() if isinstance(module, Linear4bit)]
