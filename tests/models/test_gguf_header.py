from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from gguf_files import ADAPTER, MODEL, gguf
from hypothesis import given
from hypothesis import strategies as st

from pytest_gemmadev.models.llama.gguf import read_header
from pytest_gemmadev.types import GemmadevError


def test_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(MODEL)
    header = read_header(path, what="model")
    assert header.text("general.name") == "Tiny"
    assert header.context_tokens == 512
    assert header.text("tokenizer.chat_template")
    assert [(t.name, t.dimensions, t.offset) for t in header.tensors] == [
        ("one", (100,), 0),
        ("two", (200,), 128),
    ]
    assert not header.is_adapter


def test_an_adapter(tmp_path: Path) -> None:
    path = tmp_path / "adapter.gguf"
    path.write_bytes(ADAPTER)
    assert read_header(path, what="adapter").is_adapter


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"PK\3\4 something else", "is not a GGUF file", id="another format"),
        pytest.param(b"GGUF", "truncated", id="magic only"),
        pytest.param(MODEL[:100], "ends within its header", id="cut in the header"),
        pytest.param(MODEL[:-230], "truncated", id="cut in the tensors"),
        pytest.param(b"GGUF\x09\0\0\0" + MODEL[8:], "version 9", id="a later version"),
        pytest.param(b"GGUF\3\0\0\0" + b"\xff" * 64, "impossible counts", id="nonsense"),
        pytest.param(gguf({"general.alignment": 0}), "impossible alignment", id="alignment"),
    ],
)
def test_anything_else_is_one_clear_line(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(data)
    with pytest.raises(GemmadevError, match=says) as error:
        read_header(path, what="model gguf:x.gguf")
    assert str(error.value).startswith("model gguf:x.gguf: ")
    assert "\n" not in str(error.value)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(GemmadevError, match="no such file"):
        read_header(tmp_path / "absent.gguf", what="model")
    with pytest.raises(GemmadevError, match="is a folder"):
        read_header(tmp_path, what="model")


@pytest.mark.slow
@given(st.data())
def test_a_damaged_header_never_does_anything_but_say_so(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    at = data.draw(st.integers(4, 300))
    damaged = bytearray(MODEL)
    damaged[at : at + 4] = data.draw(st.binary(min_size=4, max_size=4))
    path = tmp_path_factory.getbasetemp() / "damaged.gguf"
    path.write_bytes(bytes(damaged))
    with suppress(GemmadevError):  # anything else fails the test
        header = read_header(path, what="model")
        assert header.data_start + header.last_tensor < len(damaged)
