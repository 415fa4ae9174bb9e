"""A run as the package ships it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pytest_gemmadev.types import GemmadevError
from training.release import ship
from training.release.ship import without_places


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("sources = ['/home/me/data/first.jsonl']", "sources = ['first.jsonl']"),
        ("see https://ai.google.dev/gemma/terms", "see https://ai.google.dev/gemma/terms"),
        ("ai.google.dev/gemma/terms, 3/4", "ai.google.dev/gemma/terms, 3/4"),
    ],
)
def test_places_lose_their_folders(text: str, left: str) -> None:
    assert without_places(text) == left


def alpha(value: float) -> bytes:
    key = b"adapter.lora.alpha"
    return struct.pack("<Q", len(key)) + key + struct.pack("<I", 6) + struct.pack("<f", value)


GGUF = b"GGUF" + alpha(32) + b"tensors"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "sft"
    (folder / "adapter").mkdir(parents=True)
    (folder / "adapter.gguf").write_bytes(GGUF)
    card = "trained on /home/me/first.jsonl\n- runtime check: fine\n"
    (folder / "adapter" / "README.md").write_text(card)
    return folder


def test_the_adapter_and_the_card_are_shipped(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "adapter"
    assert ship.main([str(run), "--adapter", str(target)]) == 0
    assert {path.name for path in target.iterdir()} == {"gemmadev.gguf", "README.md"}
    card = (target / "README.md").read_text()
    assert card == "trained on first.jsonl\n- runtime check: fine\n"
    assert (target / "gemmadev.gguf").read_bytes() == GGUF


def test_a_note_goes_into_the_card(run: Path, tmp_path: Path) -> None:
    target, note = tmp_path / "adapter", tmp_path / "note.md"
    note.write_text("In two runs.\n")
    (run / "adapter" / "README.md").write_text("# It\n\n- fine\n\n## Data\n\nrows\n")
    assert ship.main([str(run), "--adapter", str(target), "--note", str(note)]) == 0
    card = (target / "README.md").read_text()
    assert card == "# It\n\n- fine\n\n## How it was made\n\nIn two runs.\n\n## Data\n\nrows\n"


def test_a_note_that_is_not_there_is_told(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "adapter"
    assert ship.main([str(run), "--adapter", str(target), "--note", str(tmp_path / "no.md")]) == 1
    assert "no.md: cannot be read" in capsys.readouterr().err
    assert not target.exists()


def test_what_an_adapter_adds_can_be_weakened(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "adapter"
    assert ship.main([str(run), "--adapter", str(target), "--scale", "0.5"]) == 0
    assert (target / "gemmadev.gguf").read_bytes() == GGUF.replace(alpha(32), alpha(16))
    assert "- scale: 0.5 of what was trained" in (target / "README.md").read_text()
    with pytest.raises(GemmadevError, match="states no alpha"):
        ship.scaled(b"GGUF", 0.5)


def test_too_large_an_adapter_is_refused(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ship, "LIMIT", 10)
    with pytest.raises(GemmadevError, match="train one of a lower rank"):
        ship.ship(run, tmp_path / "adapter")
    assert not (tmp_path / "adapter").exists()


def test_an_unfinished_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ship.main([str(tmp_path), "--adapter", str(tmp_path / "adapter")]) == 1
    assert "let the run end and export it first" in capsys.readouterr().err
