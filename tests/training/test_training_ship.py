"""A run as the package ships it."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from pytest_gemmadev.types import GemmadevError
from training import ship
from training.ship import halved, without_places


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
    data = halved(safetensors(**values))
    found = read(data)
    assert {name: array.dtype.itemsize for name, array in found.items()} == {"a": 2, "b": 2}
    for name, array in values.items():
        assert np.allclose(found[name], array, atol=1e-3)


def test_what_does_not_fit_or_is_damaged_is_refused() -> None:
    with pytest.raises(GemmadevError, match="a: too large for 16 bits"):
        halved(safetensors(a=np.full((1, 1), 1e6)))
    with pytest.raises(GemmadevError, match="is damaged"):
        halved(b"no")


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
    (folder / "adapter" / ship.WEIGHTS).write_bytes(safetensors(a=np.ones((1, 2))))
    (folder / "adapter" / ship.CONFIG).write_text('{"lora_alpha": 32}')
    card = "trained on /home/me/first.jsonl\n- runtime check: fine\n"
    (folder / "adapter" / "README.md").write_text(card)
    (folder / "log.jsonl").write_text('{"step": 1}\n')
    return folder


def test_both_formats_and_the_card_are_shipped(run: Path, tmp_path: Path) -> None:
    target, record = tmp_path / "adapter", tmp_path / "record"
    arguments = [str(run), "--adapter", str(target), "--record", str(record), "--runs", str(run)]
    assert ship.main(arguments) == 0
    files = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    assert files == {
        "gemmadev.gguf",
        "README.md",
        "peft/adapter_config.json",
        "peft/adapter_model.safetensors",
    }
    card = (target / "README.md").read_text()
    assert card == "trained on first.jsonl\n- runtime check: fine\n"
    assert (target / "gemmadev.gguf").read_bytes() == GGUF
    assert [path.name for path in (record / "sft").iterdir()] == ["log.jsonl"]


def test_a_note_goes_into_the_card_and_runs_get_names(run: Path, tmp_path: Path) -> None:
    target, record, note = tmp_path / "adapter", tmp_path / "record", tmp_path / "note.md"
    note.write_text("In two runs.\n")
    (run / "adapter" / "README.md").write_text("# It\n\n- fine\n\n## Data\n\nrows\n")
    arguments = [str(run), "--adapter", str(target), "--record", str(record), "--note", str(note)]
    assert ship.main([*arguments, "--runs", f"second={run}"]) == 0
    card = (target / "README.md").read_text()
    assert card == "# It\n\n- fine\n\n## How it was made\n\nIn two runs.\n\n## Data\n\nrows\n"
    assert (record / "second" / "log.jsonl").is_file()


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
    config = json.loads((target / "peft" / "adapter_config.json").read_text())
    assert config["lora_alpha"] == 16
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


def test_runs_without_a_place_for_them_are_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        ship.main([str(run), "--adapter", str(tmp_path / "adapter"), "--runs", str(run)])
    assert "--runs needs --record" in capsys.readouterr().err
    assert not (tmp_path / "adapter").exists()


def test_an_unfinished_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ship.main([str(tmp_path), "--adapter", str(tmp_path / "adapter")]) == 1
    assert "let the run end and export it first" in capsys.readouterr().err
