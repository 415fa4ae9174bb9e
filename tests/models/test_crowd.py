from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_gemmadev.models.llama import idle_cpus
from pytest_gemmadev.models.llama.idle_cpus import free_processors


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """A function that pretends: processors, running threads in all, states of one's own."""
    monkeypatch.setattr(idle_cpus, "_LOAD", tmp_path / "loadavg")
    monkeypatch.setattr(idle_cpus, "_OWN", tmp_path / "task")

    def pretend(processors: int, running: int, own: str) -> None:
        monkeypatch.setattr(os, "cpu_count", lambda: processors)
        (tmp_path / "loadavg").write_text(f"0.50 0.40 0.30 {running}/200 4242\n")
        for number, state in enumerate(own):
            task = tmp_path / "task" / str(number)
            task.mkdir(parents=True)
            (task / "stat").write_text(f"{number} (a) b) {state} 1 1 1\n")

    return pretend


@pytest.mark.parametrize(
    ("processors", "running", "own", "free"),
    [
        pytest.param(2, 1, "RSS", 2, id="alone"),
        pytest.param(2, 2, "RRS", 2, id="one's own thread still spins"),
        pytest.param(2, 2, "RSS", 1, id="one other"),
        pytest.param(2, 9, "RSS", 1, id="a crowd"),
        pytest.param(8, 3, "RSS", 6, id="many processors"),
        pytest.param(2, 0, "RSS", 2, id="counted at different moments"),
    ],
)
def test_others_are_left_their_processors(  # type: ignore[no-untyped-def]
    machine, processors: int, running: int, own: str, free: int
) -> None:
    machine(processors, running, own)
    assert free_processors() == free


def test_where_nobody_can_tell_all_are_free(
    machine,  # type: ignore[no-untyped-def]
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    machine(4, 1, "R")
    monkeypatch.setattr(idle_cpus, "_LOAD", tmp_path / "absent")
    assert free_processors() == 4
