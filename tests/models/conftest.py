from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_gemmadev.models.llama.llama_model import LlamaModel
from pytest_gemmadev.registry import load_model


@pytest.fixture(scope="session")
def gemma() -> Iterator[LlamaModel]:
    """The packaged model without its adapter, started once for all tests."""
    model = load_model("gemmadev", adapter="none", threads=None)
    assert isinstance(model, LlamaModel)
    yield model
    model.close()
