"""A platform on which no local model can run: repairs go on without one, and say so."""

from __future__ import annotations

import pytest

from pytest_gemmadev.doors.doctor import State, check_model, check_runtime
from pytest_gemmadev.models.llama import c_api
from pytest_gemmadev.registry import load_model, model_or_none
from pytest_gemmadev.types import CannotRunHere

REASON = "no C interface here"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c_api, "why_not_here", lambda: REASON)


def test_the_default_is_done_without() -> None:
    told: list[str] = []
    model = model_or_none("gemmadev", adapter=None, left_s=lambda: 1.0, tell=told.append)
    assert model is None
    assert REASON in told[0]


@pytest.mark.parametrize("spec", ["qwen-coder"])
def test_what_was_asked_for_by_name_is_an_error(spec: str) -> None:
    with pytest.raises(CannotRunHere, match=REASON):
        model_or_none(spec, adapter=None, left_s=lambda: 1.0)
    with pytest.raises(CannotRunHere, match=REASON):
        load_model("gemmadev", adapter=None, threads=None)


def test_doctor_says_so() -> None:
    for check in (check_runtime(), check_model("gemmadev")):
        assert check.state is State.NOTE
        assert REASON in check.found
        assert "without a model" in check.advice
