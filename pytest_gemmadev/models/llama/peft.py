"""PEFT's LoRA folders as the GGUF files that llama.cpp reads.

Both keep the same matrices in the same order; only names and the frame around them differ. What
llama.cpp could not apply faithfully is refused, and so are architectures whose attention weights its
conversion reorders. The format: https://huggingface.co/docs/safetensors, PEFT's ``LoraConfig``, and
GGUF's specification in the ggml repository.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import struct
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_gemmadev.types import GemmadevError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
ARCHITECTURES = frozenset({"gemma", "gemma2", "gemma3", "qwen2", "qwen3"})
_MAX_HEADER = 10 << 20  # bytes
_MAX_WEIGHTS = 4 << 30
_TYPES = {"F32": 0, "F16": 1, "BF16": 30}  # safetensors -> ggml
_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
MODULES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_WEIGHT = re.compile(
    r"(?:base_model\.model\.)?(?:model\.|language_model\.)*layers\.(\d+)\.(\w+\.\w+)"
    r"\.lora_([AB])(?:\.default)?\.weight"
)
# Settings of `LoraConfig` that change what the matrices mean, and the only values taken.
_PLAIN: Mapping[str, tuple[object, ...]] = {
    "peft_type": ("LORA",),
    "bias": ("none", None),
    "lora_bias": (False, None),
    "fan_in_fan_out": (False, None),
    "use_dora": (False, None),
    "alpha_pattern": ({}, None),
    "rank_pattern": ({}, None),
    "modules_to_save": ([], None),
}
_ALIGNMENT = 32


@dataclass(frozen=True, slots=True)
class _Tensor:
    name: str  # as GGUF names it
    type: str  # as safetensors names it
    rows: int
    columns: int
    start: int  # in the file's data
    stop: int


class _Refused(Exception):
    """Why the folder cannot be read as an adapter; a sentence without the folder's name."""


def gguf_of(config: bytes, weights: bytes, architecture: str, *, what: str) -> bytes:
    """The GGUF file of an adapter, from the bytes of the two files of its PEFT folder.

    ``what`` begins the error message. Raises `GemmadevError` for everything else than a LoRA adapter
    for a model of this architecture.
    """
    try:
        return _convert(_json(config), weights, architecture)
    except _Refused as refused:
        raise GemmadevError(f"{what}: {refused}") from None


def halve(weights: bytes, *, what: str) -> bytes:
    """A safetensors file with its 32-bit floats in 16 bits, its tensors in the order of their names.

    ``what`` begins the error message. Raises `GemmadevError` for what is no safetensors file, and for a
    tensor whose values are too large for 16 bits.
    """
    import numpy as np

    try:
        (size,) = struct.unpack_from("<Q", weights)
        header = json.loads(weights[8 : 8 + size])
        body = weights[8 + size :]
        blocks: list[bytes] = []
        at = 0
        for name in sorted(name for name in header if name != "__metadata__"):
            tensor = header[name]
            start, stop = tensor["data_offsets"]
            block = body[start:stop]
            if tensor["dtype"] == "F32":
                with np.errstate(over="ignore"):  # the error below names the tensor
                    values = np.frombuffer(block, "<f4").astype("<f2")
                if not np.isfinite(values).all():
                    raise GemmadevError(f"{what}: {name}: too large for 16 bits")
                block, tensor["dtype"] = values.tobytes(), "F16"
            tensor["data_offsets"] = [at, at + len(block)]
            at += len(block)
            blocks.append(block)
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise GemmadevError(f"{what}: {WEIGHTS} is damaged ({error})") from None
    return safetensors_file(header, blocks)


def safetensors_file(header: Mapping[str, object], blocks: Sequence[bytes]) -> bytes:
    """The file of a header, whose offsets are those of the blocks, and of the blocks of data."""
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data begins at a multiple of eight
    return struct.pack("<Q", len(text)) + text + b"".join(blocks)


def as_gguf(folder: Path, architecture: str, cache: Path, *, what: str) -> Path:
    """The adapter in ``folder`` as a GGUF file below ``cache``, converted when it is new.

    ``what`` begins the error message. Raises `GemmadevError` for everything else than a LoRA
    adapter for a model of this architecture.
    """
    try:
        config, weights = _read(folder / CONFIG), _read(folder / WEIGHTS)
        digest = hashlib.sha256(b"\0".join((architecture.encode(), config, weights))).hexdigest()
        target = cache / "adapters" / f"{digest[:32]}.gguf"
        if not target.is_file():
            _write(target, _convert(_json(config), weights, architecture))
    except _Refused as refused:
        raise GemmadevError(f"{what}: {refused}") from None
    except OSError as error:
        reason = error.strerror or error
        raise GemmadevError(f"{what}: cannot be converted into {cache}: {reason}") from error
    return target


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_WEIGHTS:
            raise _Refused(f"{path.name} is too large for an adapter")
        return path.read_bytes()
    except FileNotFoundError:
        raise _Refused(f"is no PEFT folder, for it holds no {path.name}") from None
    except OSError as error:
        raise _Refused(f"{path.name} cannot be read ({error.strerror})") from None


def _json(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _Refused(f"{CONFIG} is damaged")
    return found


def _convert(config: Mapping[str, Any], weights: bytes, architecture: str) -> bytes:
    """The GGUF file."""
    if architecture not in ARCHITECTURES:
        raise _Refused(
            f"a PEFT folder for {architecture or 'an unknown'} models must be converted by "
            "llama.cpp's convert_lora_to_gguf.py; name the GGUF file"
        )
    for key, values in _PLAIN.items():
        if key in config and config[key] not in values:
            raise _Refused(f"{key} = {config[key]!r} in {CONFIG}, which llama.cpp cannot apply")
    tensors, data = _tensors(weights)
    ranks = {t.rows for t in tensors if t.name.endswith("lora_a")}
    alpha = config.get("lora_alpha")
    if len(ranks) != 1 or not isinstance(alpha, (int, float)) or isinstance(alpha, bool):
        raise _Refused(f"{CONFIG} and {WEIGHTS} do not agree on rank and alpha")
    # llama.cpp divides by the rank, rank-stabilized LoRA by its root.
    scale = float(alpha) * (math.sqrt(*ranks) if config.get("use_rslora") else 1.0)
    return _gguf(tensors, data, architecture, scale)


def _tensors(weights: bytes) -> tuple[list[_Tensor], memoryview]:
    """What the safetensors file holds, by GGUF's names, and its data."""
    damaged = _Refused(f"{WEIGHTS} is damaged or truncated")
    if len(weights) < 8:
        raise damaged
    (size,) = struct.unpack_from("<Q", weights)
    if not 0 < size <= min(_MAX_HEADER, len(weights) - 8):
        raise damaged
    data = memoryview(weights)[8 + size :]
    try:
        header = json.loads(weights[8 : 8 + size])
        entries = [
            (
                name,
                str(e["dtype"]),
                [int(n) for n in e["shape"]],
                [int(n) for n in e["data_offsets"]],
            )
            for name, e in header.items()
            if name != "__metadata__"
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise damaged from None
    found = [_tensor(name, type_, shape) for name, type_, shape, _ in entries]
    placed = [
        _Tensor(*tensor, *(offsets if len(offsets) == 2 else (0, -1)))
        for tensor, (*_, offsets) in zip(found, entries, strict=True)
    ]
    end = 0  # the matrices fill the file, one after the other
    for tensor in sorted(placed, key=lambda tensor: tensor.start):
        if tensor.start != end:
            raise damaged
        end += tensor.rows * tensor.columns * _BYTES[tensor.type]
        if tensor.stop != end:
            raise damaged
    if end != len(data):
        raise damaged
    names = {tensor.name for tensor in placed}
    if not names or len(names) != len(placed) or any(_partner(n) not in names for n in names):
        raise _Refused(f"{WEIGHTS} does not hold pairs of LoRA matrices")
    return sorted(placed, key=lambda tensor: tensor.name), data


def _tensor(name: str, type_: str, shape: Sequence[int]) -> tuple[str, str, int, int]:
    match = _WEIGHT.fullmatch(name)
    if match is None or match[2] not in MODULES:
        raise _Refused(
            f"it changes {name[:120]}, which only llama.cpp's own converter can carry over"
        )
    if type_ not in _TYPES or len(shape) != 2 or min(shape) < 1:
        raise _Refused(f"{name[:120]} is no matrix of F32, F16 or BF16")
    gguf_name = f"blk.{match[1]}.{MODULES[match[2]]}.weight.lora_{match[3].lower()}"
    return gguf_name, type_, shape[0], shape[1]


def _partner(name: str) -> str:
    return name[:-1] + ("b" if name.endswith("a") else "a")


def _gguf(tensors: list[_Tensor], data: memoryview, architecture: str, alpha: float) -> bytes:
    """A GGUF file, version 3, of these tensors."""
    entries = {
        "general.type": "adapter",
        "general.architecture": architecture,
        "adapter.type": "lora",
    }
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries) + 1)
    for key, value in entries.items():
        head += _text(key) + struct.pack("<I", 8) + _text(value)
    head += _text("adapter.lora.alpha") + struct.pack("<If", 6, alpha)
    body: list[bytes] = []
    offset = 0
    for tensor in tensors:
        head += _text(tensor.name)
        # The first dimension of ggml is the one whose elements lie side by side.
        head += struct.pack("<IQQIQ", 2, tensor.columns, tensor.rows, _TYPES[tensor.type], offset)
        matrix = bytes(data[tensor.start : tensor.stop])
        padding = -len(matrix) % _ALIGNMENT
        body += [matrix, b"\0" * padding]
        offset += len(matrix) + padding
    return b"".join([head, b"\0" * (-len(head) % _ALIGNMENT), *body])


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def _write(target: Path, data: bytes) -> None:
    """Puts the file in its place whole, or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
