"""What makes a step fast on the machine at hand and does not change what is learnt."""

from __future__ import annotations

import ctypes
import functools
import sys
import time
from typing import Any

import torch

_MATERIALIZED = 1024  # tokens of a batch up to which attention's weights are small beside the rest
_WIDENED = 1_000_000_000  # weights up to which those of a CPU may take 32 bits
# (option, value) of glibc's mallopt: never trim the heap, map blocks apart from 32 MiB on, which is as far
# as it goes, grow by 256 MiB. The largest blocks, logits of many sizes, would leave holes in the heap.
_KEEPING = ((-1, -1), (-3, 32 << 20), (-2, 256 << 20))


def on_device() -> dict[str, Any]:
    """The device and the precision of trl's settings.

    Trained weights stay in 32 bits; products are taken in 16 where the processor multiplies these
    faster: on the CPU, as timed.
    """
    on_gpu = torch.cuda.is_available()
    half = torch.cuda.is_bf16_supported() if on_gpu else multiplies_half()
    return {"use_cpu": not on_gpu, "bf16": half, "fp16": on_gpu and not half}


@functools.cache
def multiplies_half() -> bool:
    """Whether this CPU takes a layer's products faster in 16 bits, bfloat16, than in 32.

    That it has instructions for them does not tell: some processors run these at half the rate.
    """
    told: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    if not told.get("avx512_bf16"):
        return False
    return _seconds(torch.bfloat16) < _seconds(torch.float32)


def _seconds(precision: torch.dtype) -> float:
    """The shortest of some products."""
    rows, weights = (torch.ones(n, 1024).to(precision) for n in (256, 2048))
    taken = []
    for _ in range(12):
        began = time.perf_counter()
        torch.nn.functional.linear(rows, weights)
        taken.append(time.perf_counter() - began)
    return min(taken)


def widen(model: Any, *, fit: str) -> None:
    """Brings a model's 16-bit weights to 32 where the CPU multiplies these faster.

    Not where memory is to be fitted (``fit``), nor those of a large model or one in 4 bits.
    """
    if torch.cuda.is_available() or fit or multiplies_half():
        return
    weights = list(model.parameters())
    plain = all(weight.is_floating_point() for weight in weights)
    if plain and sum(weight.numel() for weight in weights) < _WIDENED:
        model.float()


def attend_plainly(model: Any, tokens: int) -> None:
    """On a CPU, attention by plain products: torch's fused kernel there is slower for short rows.

    ``tokens`` are those of a batch; for long ones the weights would take too much memory.
    """
    if not torch.cuda.is_available() and tokens <= _MATERIALIZED:
        model.set_attn_implementation("eager")


def keep_freed() -> bool:
    """Lets the process keep the memory that it frees; whether its C library, glibc, can be told to.

    A step allocates and frees gigabytes. Given back each time, they come again as pages that the
    kernel has to clear: a quarter of a step's time on a CPU.
    """
    if torch.cuda.is_available() or not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(option, value) == 1 for option, value in _KEEPING)
