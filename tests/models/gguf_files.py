"""Small GGUF files, whole and otherwise."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def gguf(metadata: Mapping[str, Any], *, tensors: Mapping[str, int] | None = None) -> bytes:
    """A file with text and integer metadata and one-dimensional byte tensors of those sizes."""
    tensors = tensors or {"weight": 64}
    data = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        data += text(key)
        if isinstance(value, str):
            data += struct.pack("<I", 8) + text(value)
        elif isinstance(value, list):
            data += struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
        else:
            data += struct.pack("<II", 4, value)
    offset = 0
    for name, size in tensors.items():
        data += text(name) + struct.pack("<IQIQ", 1, size, 24, offset)
        offset += -(-size // 32) * 32
    return data + b"\0" * (-len(data) % 32 + offset)


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


MODEL = gguf(
    {
        "general.architecture": "tiny",
        "general.name": "Tiny",
        "tiny.context_length": 512,
        "tokenizer.ggml.tokens": ["a", "b", "c"],
        "tokenizer.chat_template": "{{ messages }}",
    },
    tensors={"one": 100, "two": 200},
)
ADAPTER = gguf({"general.type": "adapter", "general.architecture": "tiny"})


def lora(architecture: str, weight: str, *, inputs: int, outputs: int, value: float) -> bytes:
    """A LoRA adapter of rank 1 for one weight, all of whose entries are ``value``."""
    metadata = b"".join(
        text(key) + struct.pack("<I", 8) + text(value_)
        for key, value_ in {
            "general.type": "adapter",
            "general.architecture": architecture,
            "adapter.type": "lora",
        }.items()
    )
    metadata += text("adapter.lora.alpha") + struct.pack("<If", 6, 1.0)
    sizes = {f"{weight}.lora_a": (inputs, 1), f"{weight}.lora_b": (1, outputs)}
    data = b"GGUF" + struct.pack("<IQQ", 3, len(sizes), 4) + metadata
    offset, tensors = 0, b""
    for name, (columns, rows) in sizes.items():
        data += text(name) + struct.pack("<IQQIQ", 2, columns, rows, 0, offset)
        numbers = struct.pack("<f", value) * (columns * rows)
        tensors += numbers + b"\0" * (-len(numbers) % 32)
        offset = len(tensors)
    return data + b"\0" * (-len(data) % 32) + tensors


def peft(folder: Path, tensors: Mapping[str, tuple[int, int]], value: float, **config: Any) -> Path:
    """A PEFT folder with matrices of the given shapes, all of whose entries are ``value``."""
    folder.mkdir()
    settings = {"peft_type": "LORA", "r": 1, "lora_alpha": 1, "bias": "none", **config}
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, (rows, columns) in tensors.items():
        numbers = struct.pack("<f", value) * (rows * columns)
        header[name] = {
            "dtype": "F32",
            "shape": [rows, columns],
            "data_offsets": [len(data), len(data) + len(numbers)],
        }
        data += numbers
    text_ = json.dumps(header).encode()
    weights = struct.pack("<Q", len(text_)) + text_ + data
    (folder / "adapter_model.safetensors").write_bytes(weights)
    return folder
