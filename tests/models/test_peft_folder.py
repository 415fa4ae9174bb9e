"""GGUF adapters as PEFT folders."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from gguf_files import ADAPTER, MODEL, gguf, lora, peft

from pytest_gemmadev.models.llama.peft import as_gguf
from pytest_gemmadev.models.llama.peft_folder import as_peft
from pytest_gemmadev.types import GemmadevError

UP = "base_model.model.model.layers.3.mlp.up_proj"
ONE = lora("gemma3", "blk.3.ffn_up.weight", inputs=6, outputs=4, value=0.05)


def made_of(data: bytes, folder: Path) -> Path:
    file = folder / "adapter.gguf"
    file.write_bytes(data)
    return as_peft(file, folder / "cache", what="adapter x")


def test_matrices_keep_their_bytes_and_settings_say_what_they_mean(tmp_path: Path) -> None:
    folder = made_of(ONE, tmp_path)
    weights = (folder / "adapter_model.safetensors").read_bytes()
    (size,) = struct.unpack_from("<Q", weights)
    header = json.loads(weights[8 : 8 + size])
    assert header == {
        "__metadata__": {"format": "pt"},
        f"{UP}.lora_A.weight": {"dtype": "F32", "shape": [1, 6], "data_offsets": [0, 24]},
        f"{UP}.lora_B.weight": {"dtype": "F32", "shape": [4, 1], "data_offsets": [24, 40]},
    }
    assert weights[8 + size :] == struct.pack("<f", 0.05) * 10
    assert size % 8 == 0
    settings = json.loads((folder / "adapter_config.json").read_text())
    assert (settings["r"], settings["lora_alpha"], settings["use_rslora"]) == (1, 1.0, False)
    assert settings["target_modules"] == ["up_proj"]


@pytest.mark.parametrize(
    ("module", "short"),
    [
        ("self_attn.q_proj", "attn_q"),
        ("self_attn.o_proj", "attn_output"),
        ("mlp.down_proj", "ffn_down"),
    ],
)
def test_there_and_back_are_the_same_bytes(tmp_path: Path, module: str, short: str) -> None:
    name = f"base_model.model.model.layers.11.{module}"
    shapes = {f"{name}.lora_A.weight": (2, 3), f"{name}.lora_B.weight": (5, 2)}
    first = as_gguf(peft(tmp_path / "a", shapes, 0.3), "gemma3", tmp_path, what="x")
    assert f"blk.11.{short}.weight.lora_a".encode() in first.read_bytes()
    folder = as_peft(first, tmp_path / "other", what="x")
    assert (
        as_gguf(folder, "gemma3", tmp_path / "other", what="x").read_bytes() == first.read_bytes()
    )


def test_it_is_made_once_and_again_when_it_changes(tmp_path: Path) -> None:
    first = made_of(ONE, tmp_path)
    (first / "adapter_config.json").write_text("kept")
    assert (made_of(ONE, tmp_path) / "adapter_config.json").read_text() == "kept"
    other = made_of(ONE.replace(struct.pack("<f", 0.05), struct.pack("<f", 0.5)), tmp_path)
    assert other != first
    assert {path.name for path in (tmp_path / "cache" / "adapters").iterdir()} == {
        first.name,
        other.name,
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"no", "is not a GGUF file", id="another file"),
        pytest.param(MODEL, "not a LoRA adapter", id="a model"),
        pytest.param(ADAPTER, "changes weight, which has no PEFT name", id="another weight"),
        pytest.param(
            ONE.replace(b"ffn_up.weight.lora_b", b"ffn_xx.weight.lora_b"), "no PEFT name", id="module"
        ),
        pytest.param(
            gguf({"general.type": "adapter"}, tensors={"blk.3.ffn_up.weight.lora_a": 4}),
            "is no matrix of F32, F16 or BF16",
            id="no matrix",
        ),
        pytest.param(
            ONE.replace(b"adapter.lora.alpha", b"adapter.lora.alphb"), "one rank and one alpha",
            id="no alpha",
        ),
        pytest.param(ONE[:-32], "truncated", id="cut"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_over_is_one_clear_line(
    data: bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(GemmadevError, match=message) as error:
        made_of(data, tmp_path)
    assert str(error.value).startswith("adapter x: ")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "cache").exists()
