"""PEFT folders as GGUF adapters."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf_files import lora, peft

from pytest_gemmadev.models.llama.peft import as_gguf, halve
from pytest_gemmadev.types import GemmadevError

UP = "base_model.model.model.layers.3.mlp.up_proj"
WHOLE = {f"{UP}.lora_A.weight": (1, 6), f"{UP}.lora_B.weight": (4, 1)}


def converted(folder: Path, architecture: str = "gemma3") -> Path:
    return as_gguf(folder, architecture, folder.parent / "cache", what="adapter x")


def test_the_same_bytes_as_an_adapter_written_as_gguf(tmp_path: Path) -> None:
    found = converted(peft(tmp_path / "a", WHOLE, 0.05))
    assert found.read_bytes() == lora(
        "gemma3", "blk.3.ffn_up.weight", inputs=6, outputs=4, value=0.05
    )


def test_it_is_converted_once_and_again_when_it_changes(tmp_path: Path) -> None:
    folder = peft(tmp_path / "a", WHOLE, 0.05)
    first = converted(folder)
    first.write_bytes(b"kept")
    assert converted(folder).read_bytes() == b"kept"
    other = converted(peft(tmp_path / "b", WHOLE, 0.5))
    assert other != first
    assert converted(folder, "qwen2") not in (first, other)
    assert sorted(p.suffix for p in (tmp_path / "cache" / "adapters").iterdir()) == [".gguf"] * 3


@pytest.mark.parametrize(
    ("config", "alpha"), [({"lora_alpha": 8}, 8.0), ({"lora_alpha": 8, "use_rslora": True}, 16.0)]
)
def test_alpha_is_what_llama_cpp_divides_by_the_rank(
    tmp_path: Path, config: dict[str, Any], alpha: float
) -> None:
    from pytest_gemmadev.models.llama.gguf import read_header

    shapes = {f"{UP}.lora_A.weight": (4, 6), f"{UP}.lora_B.weight": (5, 4)}
    found = read_header(converted(peft(tmp_path / "a", shapes, 0.0, **config)), what="x")
    assert found.metadata["adapter.lora.alpha"] == alpha
    assert found.is_adapter


def _cut(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-8])


def _shifted(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes().replace(b"[0, 24]", b"[8, 32]"))


@pytest.mark.parametrize(
    ("config", "tensors", "spoil", "message"),
    [
        ({}, WHOLE, lambda f: (f / "adapter_config.json").unlink(), "is no PEFT folder"),
        ({}, WHOLE, lambda f: (f / "adapter_model.safetensors").unlink(), "is no PEFT folder"),
        ({}, WHOLE, lambda f: (f / "adapter_config.json").write_text("[1"), "json is damaged"),
        ({}, WHOLE, lambda f: (f / "adapter_model.safetensors").write_text("x"), "truncated"),
        ({}, WHOLE, _cut, "truncated"),
        ({}, WHOLE, _shifted, "damaged"),
        ({"use_dora": True}, WHOLE, None, "use_dora = True"),
        ({"peft_type": "IA3"}, WHOLE, None, "peft_type = 'IA3'"),
        ({"rank_pattern": {"q": 2}}, WHOLE, None, "rank_pattern"),
        ({"lora_alpha": None}, WHOLE, None, "rank and alpha"),
        ({}, {f"{UP}.lora_A.weight": (1, 6)}, None, "pairs of LoRA matrices"),
        ({}, {}, None, "pairs of LoRA matrices"),
        ({}, {"base_model.model.lm_head.lora_A.weight": (1, 6)}, None, "it changes base_model"),
    ],
    ids=["no config", "no weights", "config damaged", "no safetensors", "cut", "shifted", "dora",
         "another kind", "other ranks", "no alpha", "half a pair", "empty", "another layer"],
)  # fmt: skip
def test_what_cannot_be_carried_over_is_one_clear_line(
    tmp_path: Path,
    config: dict[str, Any],
    tensors: dict[str, tuple[int, int]],
    spoil: Callable[[Path], object] | None,
    message: str,
) -> None:
    folder = peft(tmp_path / "a", tensors, 0.1, **config)
    if spoil is not None:
        spoil(folder)
    with pytest.raises(GemmadevError, match=message) as error:
        converted(folder)
    assert str(error.value).startswith("adapter x: ")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "cache").exists()


def test_other_architectures_are_left_to_llama_cpp(tmp_path: Path) -> None:
    with pytest.raises(GemmadevError, match="convert_lora_to_gguf"):
        converted(peft(tmp_path / "a", WHOLE, 0.1), "llama")


def test_the_settings_of_a_run_are_taken(tmp_path: Path) -> None:
    """Settings as PEFT 0.21 writes them, all the rest of which is at its default."""
    config = json.loads(
        """{"alpha_pattern": {}, "bias": "none", "fan_in_fan_out": false, "inference_mode": true,
        "layers_to_transform": null, "lora_bias": false, "lora_dropout": 0.05,
        "modules_to_save": null, "rank_pattern": {}, "target_modules": ["q_proj", "up_proj"],
        "task_type": "CAUSAL_LM", "use_dora": false, "use_rslora": false}"""
    )
    assert converted(peft(tmp_path / "a", WHOLE, 0.1, **config)).is_file()


# --- in 16 bits ----------------------------------------------------------------------------------


def safetensors(**tensors: np.ndarray) -> bytes:
    header, at, blocks = {}, 0, []
    for name, values in tensors.items():
        block = values.astype("<f4").tobytes()
        offsets = [at, at + len(block)]
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": offsets}
        at += len(block)
        blocks.append(block)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(blocks)


def read(data: bytes) -> dict[str, np.ndarray]:
    (size,) = struct.unpack_from("<Q", data)
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    kinds = {"F16": "<f2", "F32": "<f4"}
    return {
        name: np.frombuffer(body[slice(*t["data_offsets"])], kinds[t["dtype"]]).reshape(t["shape"])
        for name, t in header.items()
    }


def test_weights_are_halved() -> None:
    values = {"b": np.linspace(-1, 1, 6).reshape(2, 3), "a": np.ones((1, 2))}
    data = halve(safetensors(**values), what="adapter x")
    found = read(data)
    assert {name: array.dtype.itemsize for name, array in found.items()} == {"a": 2, "b": 2}
    for name, array in values.items():
        assert np.allclose(found[name], array, atol=1e-3)


def test_what_does_not_fit_or_is_damaged_is_refused() -> None:
    with pytest.raises(GemmadevError, match="a: too large for 16 bits"):
        halve(safetensors(a=np.full((1, 1), 1e6)), what="adapter x")
    with pytest.raises(GemmadevError, match="is damaged"):
        halve(b"no", what="adapter x")
