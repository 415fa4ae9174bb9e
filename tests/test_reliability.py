"""Short versions of ``benchmarks/reliability.py``, and that each of them can fail."""

from __future__ import annotations

import importlib.util
import os
import random
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_gemmadev.files import atomic, journal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
SCRIPT = Path(__file__).parents[1] / "benchmarks" / "reliability.py"


@pytest.fixture
def reliability(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setattr(os, "fsync", lambda _handle: None)
    spec = importlib.util.spec_from_file_location("reliability", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "reliability", module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("exchanged", [True, False], ids=["exchange", "in several steps"])
@pytest.mark.parametrize(("part", "count"), [("kills", 60), ("saves", 40)])
def test_nothing_is_lost(
    reliability: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    count: int,
    exchanged: bool,
) -> None:
    if not exchanged:
        monkeypatch.setattr(atomic, "_exchange", lambda: None)
    tally = getattr(reliability, part)(count, random.Random(1), tmp_path)
    assert tally.lost == []
    assert sum(tally.states.values()) >= count


def test_a_full_disk_leaves_the_tree_whole_at_every_level(
    reliability: ModuleType, tmp_path: Path
) -> None:
    tally = reliability.full_disk(60, random.Random(1), tmp_path)
    if not tally.states:
        pytest.skip("mounting is not allowed here")
    assert tally.lost == []
    assert tally.states["refused, as before"] > 20
    assert tally.states["done"] > 10


def _naive(look: bool) -> Callable[..., str]:
    def commit(root: Path, changes: Mapping[str, bytes], **rest: Any) -> str:
        """Writes one file after the other, as one would without a journal."""
        for path, data in changes.items():
            if look and (root / path).read_bytes() != rest["expected"][path]:
                raise journal.GemmadevError("changed")
            (root / path).write_bytes(data)
        return ""

    return commit


@pytest.mark.parametrize("part", ["kills", "saves"])
def test_what_writes_without_a_journal_is_found_out(
    reliability: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(journal, "commit", _naive(look=part == "saves"))
    monkeypatch.setattr(journal, "undo", lambda _root: reliability.plant(tmp_path / "project"))
    tally = getattr(reliability, part)(60, random.Random(1), tmp_path)
    assert tally.lost


@pytest.mark.parametrize("part", ["ctrl-c", "runs", "two"])
def test_whole_runs(reliability: ModuleType, tmp_path: Path, part: str) -> None:
    run, _count = reliability.PARTS[part]
    tally = run(2 if part != "ctrl-c" else 4, random.Random(1), tmp_path)
    assert tally.lost == []
