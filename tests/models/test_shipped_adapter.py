"""The adapter that the package ships: whole, small, under its terms, and the default's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_gemmadev.models import packaged
from pytest_gemmadev.models.builtin import ADAPTERS
from pytest_gemmadev.models.llama.gguf import read_header
from pytest_gemmadev.models.llama.peft import as_gguf
from pytest_gemmadev.models.llama.peft_folder import as_peft
from pytest_gemmadev.registry import load_model

GGUF = ADAPTERS / "gemmadev.gguf"
LIMIT = 8 << 20  # bytes of all files together


def test_what_ships_is_small_enough() -> None:
    sizes = {path.name: path.stat().st_size for path in ADAPTERS.rglob("*") if path.is_file()}
    assert sizes.keys() == {"gemmadev.gguf", "README.md"}
    assert sum(sizes.values()) <= LIMIT


def test_it_is_an_adapter_for_the_packaged_model_in_either_format(tmp_path: Path) -> None:
    shipped = read_header(GGUF, what="shipped")
    folder = as_peft(GGUF, tmp_path, what="shipped")
    made = read_header(as_gguf(folder, "gemma3", tmp_path, what="back"), what="made of PEFT")
    assert shipped.is_adapter
    assert made.is_adapter
    assert shipped.text("general.architecture") == "gemma3"
    assert {t.name for t in shipped.tensors} == {t.name for t in made.tensors}
    scale = "adapter.lora.alpha"
    assert shipped.metadata[scale] == made.metadata[scale]


def test_the_card_passes_the_terms_on_and_names_no_place() -> None:
    card = (ADAPTERS / "README.md").read_text(encoding="utf-8")
    for said in (
        "license: gemma",
        "Gemma Terms of Use",
        "Prohibited Use Policy",
        "Model Derivative",
    ):
        assert said in card
    assert not re.search(r"/(root|home|work|tmp)/", card)


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
