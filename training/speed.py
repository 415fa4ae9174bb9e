"""What makes a step fast on the machine at hand and does not change what is learnt."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import torch

_MATERIALIZED = 1024  # tokens of a batch up to which attention's weights are small beside the rest
# (option, value) of glibc's mallopt: never trim the heap, map blocks apart from 32 MiB on, which is as far
# as it goes, grow by 256 MiB. The largest blocks, logits of many sizes, would leave holes in the heap.
_KEEPING = ((-1, -1), (-3, 32 << 20), (-2, 256 << 20))


def on_device() -> dict[str, Any]:
    """The device and the precision of trl's settings.

    Trained weights stay in 32 bits; products are taken in 16 where the processor multiplies these
    faster: on the CPU, with AVX-512 BF16.
    """
    on_gpu = torch.cuda.is_available()
    half = torch.cuda.is_bf16_supported() if on_gpu else _multiplies_half()
    return {"use_cpu": not on_gpu, "bf16": half, "fp16": on_gpu and not half}


def _multiplies_half() -> bool:
    told: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(told.get("avx512_bf16"))


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
