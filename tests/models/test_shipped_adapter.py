"""The adapter that the package ships: whole, small, under its terms, and the default's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_gemmadev.models import packaged
from pytest_gemmadev.models.builtin import ADAPTERS
from pytest_gemmadev.models.llama.gguf import read_header
from pytest_gemmadev.models.llama.peft import as_gguf
from pytest_gemmadev.registry import load_model

GGUF, PEFT = ADAPTERS / "gemmadev.gguf", ADAPTERS / "peft"
LIMIT = 16 << 20  # bytes of all files together


def test_both_formats_are_small_enough_together() -> None:
    sizes = {path.name: path.stat().st_size for path in ADAPTERS.rglob("*") if path.is_file()}
    assert {"gemmadev.gguf", "adapter_model.safetensors", "adapter_config.json"} <= sizes.keys()
    assert sum(sizes.values()) <= LIMIT


def test_both_are_adapters_for_the_packaged_model(tmp_path: Path) -> None:
    shipped = read_header(GGUF, what="shipped")
    made = read_header(as_gguf(PEFT, "gemma3", tmp_path, what="shipped"), what="made of PEFT")
    assert shipped.is_adapter
    assert made.is_adapter
    assert shipped.text("general.architecture") == "gemma3"
    assert shipped.tensors == made.tensors > 0
    scale = "adapter.lora.alpha"
    assert shipped.metadata[scale] == pytest.approx(made.metadata[scale])


def test_the_card_passes_the_terms_on_and_names_no_place() -> None:
    card = (ADAPTERS / "README.md").read_text(encoding="utf-8")
    for said in (
        "license: gemma",
        "Gemma Terms of Use",
        "Prohibited Use Policy",
        "Model Derivative",
    ):
        assert said in card
    for file in (ADAPTERS / "README.md", PEFT / "adapter_config.json"):
        assert not re.search(r"/(root|home|work|tmp)/", file.read_text(encoding="utf-8")), file


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.skipif(packaged.part_paths(packaged.GEMMA) is None, reason="needs [local]")
def test_the_default_model_has_it_and_can_do_without() -> None:
    seen = {}
    for adapter in (None, "none"):
        model = load_model("gemmadev", adapter=adapter, threads=2)
        assert model is not None
        try:
            seen[adapter] = (model.info.adapter, model.score("x = ", ["1\n", "None\n"]))
        finally:
            model.close()
    assert seen[None][0] == str(GGUF)
    assert seen["none"][0] == ""
    assert seen[None][1] != pytest.approx(seen["none"][1])
