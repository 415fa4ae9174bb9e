"""Archives in, adapters out: what needs no torch."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from pytest_gemmadev.models.llama.gguf import read_header
from pytest_gemmadev.models.llama.peft import safetensors_file
from pytest_gemmadev.types import GemmadevError
from training.data.functions import sources
from training.learn.runtime import adapter_as_gguf
from training.release import export

CODE = "def f(a):\n    b = a + 1\n    return b\n"
METADATA = (
    "Name: tiny-thing\nVersion: 1.2\nLicense-Expression: MIT\nClassifier: Topic :: x\n\nText\n"
)


def wheel(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("thing/core.py", CODE)
        archive.writestr("thing/tests/test_core.py", CODE)
        archive.writestr("thing/data.bin", b"\xff")
        archive.writestr("tiny_thing-1.2.dist-info/METADATA", METADATA)
    return path


def sdist(path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in (
            ("tiny-1.2/src/thing/core.py", CODE),
            ("tiny-1.2/setup.py", CODE),
            ("tiny-1.2/PKG-INFO", METADATA),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize(("make", "name"), [(wheel, "t-1.2-py3.whl"), (sdist, "t-1.2.tar.gz")])
def test_archives_are_read_without_unpacking(make: object, name: str, tmp_path: Path) -> None:
    assert callable(make)
    (found,) = sources([str(make(tmp_path / name))])
    assert (found.path, found.text) == ("thing/core.py", CODE)
    assert (found.origin, found.license, found.module) == ("tiny-thing==1.2", "MIT", "")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(b"PK nothing")
    with pytest.raises(GemmadevError, match=r"a\.whl: not a readable archive"):
        list(sources([str(tmp_path / "a.whl")]))


# --- the adapter's way out ------------------------------------------------------------------------


def adapter(folder: Path, module: str = "mlp.up_proj") -> Path:
    """A PEFT folder with one pair of matrices in 32 bits."""
    name = f"base_model.model.model.layers.3.{module}"
    shapes = {f"{name}.lora_A.weight": (1, 6), f"{name}.lora_B.weight": (4, 1)}
    header, data = {}, b""
    for key, (rows, columns) in shapes.items():
        block = struct.pack("<f", 0.1) * (rows * columns)
        offsets = [len(data), len(data) + len(block)]
        header[key] = {"dtype": "F32", "shape": [rows, columns], "data_offsets": offsets}
        data += block
    folder.mkdir()
    (folder / "adapter_model.safetensors").write_bytes(safetensors_file(header, [data]))
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "lora_alpha": 32}')
    return folder


def test_an_adapter_leaves_in_16_bits(tmp_path: Path) -> None:
    target = tmp_path / "adapter.gguf"
    target.write_bytes(adapter_as_gguf(adapter(tmp_path / "adapter"), "gemma3"))
    header = read_header(target, what="it")
    assert header.is_adapter
    assert header.metadata["adapter.lora.alpha"] == 32.0
    assert {(t.name, t.dimensions, t.type) for t in header.tensors} == {
        ("blk.3.ffn_up.weight.lora_a", (6, 1), 1),
        ("blk.3.ffn_up.weight.lora_b", (1, 4), 1),
    }


def test_what_the_package_cannot_carry_over_is_told(tmp_path: Path) -> None:
    odd = adapter(tmp_path / "odd", "altup.router")
    with pytest.raises(GemmadevError, match="own converter can carry over"):
        adapter_as_gguf(odd, "gemma3")
    with pytest.raises(GemmadevError, match="must be converted by"):
        adapter_as_gguf(adapter(tmp_path / "even"), "gemma4")


def test_a_folder_without_an_adapter_cannot_be_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "require", lambda *names: None)
    assert export.main([str(tmp_path)]) == 1
    assert "holds no adapter; let the run end first" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
