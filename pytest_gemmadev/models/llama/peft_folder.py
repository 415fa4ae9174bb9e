"""GGUF adapters as the PEFT folders that transformers reads: the way back of `peft`.

Matrices keep their bytes; names, the frame around them and the few settings that a GGUF adapter states
are all that is written. The package ships its adapter as GGUF only, and makes the folder of it here.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytest_gemmadev.models.llama.gguf import Header, Tensor, read_header
from pytest_gemmadev.models.llama.peft import CONFIG, MODULES, WEIGHTS, safetensors_file
from pytest_gemmadev.types import GemmadevError

_TYPES = {0: ("F32", 4), 1: ("F16", 2), 30: ("BF16", 2)}  # ggml -> safetensors, bytes an element
_WEIGHT = re.compile(r"blk\.(\d+)\.(\w+)\.weight\.lora_([ab])")
_MODULES = {short: module for module, short in MODULES.items()}


def as_peft(file: Path, cache: Path, *, what: str) -> Path:
    """A PEFT folder below ``cache`` with the adapter in ``file``, made when it is new.

    ``what`` begins the error message. Raises `GemmadevError` for everything else than a LoRA adapter in
    GGUF whose matrices are in 16 or 32 bits.
    """
    header = read_header(file, what=what)
    if not header.is_adapter:
        raise GemmadevError(f"{what}: is a GGUF file, but not a LoRA adapter")
    try:
        data = file.read_bytes()
        target = cache / "adapters" / hashlib.sha256(data).hexdigest()[:32]
        if not (target / CONFIG).is_file():
            _write(target, settings_of(header, what=what), weights_of(header, data, what=what))
    except OSError as error:
        reason = error.strerror or error
        raise GemmadevError(f"{what}: cannot be converted into {cache}: {reason}") from error
    return target


def settings_of(header: Header, *, what: str) -> dict[str, Any]:
    """The adapter's ``LoraConfig``: what PEFT takes for granted is left out."""
    alpha = header.metadata.get("adapter.lora.alpha")
    parts = [_parts(tensor, what) for tensor in header.tensors]
    ranks = {t.dimensions[1] for t, p in zip(header.tensors, parts, strict=True) if p[2] == "A"}
    if len(ranks) != 1 or not isinstance(alpha, float):
        raise GemmadevError(f"{what}: does not state one rank and one alpha")
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": ranks.pop(),
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "use_rslora": False,
        "bias": "none",
        "inference_mode": True,
        "target_modules": sorted({module.rpartition(".")[2] for _, module, _ in parts}),
    }


def weights_of(header: Header, data: bytes, *, what: str) -> bytes:
    """The adapter's matrices as a safetensors file; ``data`` is the whole GGUF file."""
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    blocks: list[bytes] = []
    end = 0
    for name, tensor in sorted(_named(header, what).items()):
        type_, width = _TYPES[tensor.type]
        columns, rows = tensor.dimensions
        start = header.data_start + tensor.offset
        block = data[start : start + rows * columns * width]
        if len(block) < rows * columns * width:
            raise GemmadevError(f"{what}: truncated; make it again")
        entries[name] = {
            "dtype": type_,
            "shape": [rows, columns],
            "data_offsets": [end, end + len(block)],
        }
        end += len(block)
        blocks.append(block)
    return safetensors_file(entries, blocks)


def _named(header: Header, what: str) -> Mapping[str, Tensor]:
    """The tensors by the names that PEFT gives their matrices."""
    named = {}
    for tensor in header.tensors:
        layer, module, side = _parts(tensor, what)
        named[f"base_model.model.model.layers.{layer}.{module}.lora_{side}.weight"] = tensor
    return named


def _parts(tensor: Tensor, what: str) -> tuple[str, str, str]:
    """Of a matrix its layer, the module that it belongs to, and ``A`` or ``B``."""
    match = _WEIGHT.fullmatch(tensor.name)
    if match is None or match[2] not in _MODULES:
        raise GemmadevError(f"{what}: changes {tensor.name[:120]}, which has no PEFT name here")
    if tensor.type not in _TYPES or len(tensor.dimensions) != 2:
        raise GemmadevError(f"{what}: {tensor.name[:120]} is no matrix of F32, F16 or BF16")
    return match[1], _MODULES[match[2]], match[3].upper()


def _write(target: Path, settings: Mapping[str, Any], weights: bytes) -> None:
    """Puts the folder in its place whole, or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".peft-", dir=target.parent) as name:
        fresh = Path(name) / target.name
        fresh.mkdir()
        (fresh / WEIGHTS).write_bytes(weights)
        (fresh / CONFIG).write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        if not target.is_dir():  # another process may have been faster
            os.replace(fresh, target)
