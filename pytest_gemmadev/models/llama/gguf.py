"""The header of a GGUF file, read without any runtime: what it is, and whether it is all there.

Covers version 2 and 3, little-endian, which is all that llama.cpp writes today.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_gemmadev.types import GemmadevError

MAGIC = b"GGUF"
_SCALARS = {  # value type -> struct format
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING, _ARRAY = 8, 9
_MAX_ENTRIES = 1 << 16  # of metadata and of tensors; real files have a few hundred
_MAX_DIMENSIONS = 4  # as in ggml


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor's name and shape, and where its data begins."""

    name: str
    dimensions: tuple[int, ...]  # elements along the first one lie side by side
    type: int  # ggml's number for how elements are stored
    offset: int  # bytes after `Header.data_start`


@dataclass(frozen=True, slots=True)
class Header:
    """What the file says about itself."""

    metadata: Mapping[str, Any]  # arrays are left out
    tensors: tuple[Tensor, ...]
    data_start: int  # offset of the tensor data, bytes

    def text(self, key: str) -> str:
        """A string of the metadata, empty where there is none."""
        value = self.metadata.get(key, "")
        return value if isinstance(value, str) else ""

    @property
    def last_tensor(self) -> int:
        """The offset of the tensor that lies last, in bytes after ``data_start``."""
        return max((tensor.offset for tensor in self.tensors), default=0)

    @property
    def is_adapter(self) -> bool:
        return self.text("general.type") == "adapter"

    @property
    def context_tokens(self) -> int:
        value = self.metadata.get(f"{self.text('general.architecture')}.context_length", 0)
        return value if isinstance(value, int) else 0


def read_header(path: Path, *, what: str) -> Header:
    """The header of the file at ``path``. ``what`` begins the error message, as in ``model
    gguf:x``.

    Raises `GemmadevError` for everything that is not a readable, whole GGUF file.
    """
    if path.is_dir():
        raise GemmadevError(f"{what}: is a folder; name the .gguf file in it")
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
            if start != MAGIC:
                found = "is empty" if not start else "is not a GGUF file"
                raise GemmadevError(f"{what}: {found}; name a model in GGUF format")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                size = len(data)
                header = _Reader(data).header()
    except FileNotFoundError:
        raise GemmadevError(f"{what}: no such file; check the path") from None
    except OSError as error:
        raise GemmadevError(f"{what}: cannot be read ({error.strerror}); check it") from None
    except _Malformed as error:
        raise GemmadevError(f"{what}: damaged or truncated ({error}); fetch it again") from None
    if size <= header.data_start + header.last_tensor:
        raise GemmadevError(
            f"{what}: truncated, {size:,} bytes end before its last tensor; fetch it again"
        )
    return header


class _Malformed(Exception):
    """The bytes do not follow the format."""


class _Reader:
    """A cursor over the mapped file."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = len(MAGIC)

    def header(self) -> Header:
        version = self._value(4)
        if version not in (2, 3):
            raise _Malformed(f"version {version}")
        tensors, entries = self._value(10), self._value(10)
        if max(tensors, entries) > _MAX_ENTRIES:
            raise _Malformed("impossible counts")
        metadata: dict[str, Any] = {}
        for _ in range(entries):
            key, kind = self._string(), self._value(4)
            if kind == _ARRAY:
                self._skip_array()
            else:
                metadata[key] = self._value(kind)
        placed = tuple(self._tensor() for _ in range(tensors))
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 20:
            raise _Malformed("impossible alignment")
        return Header(metadata, placed, -(-self._at // alignment) * alignment)

    def _tensor(self) -> Tensor:
        name, count = self._string(), self._value(4)
        if count > _MAX_DIMENSIONS:
            raise _Malformed(f"a tensor of {count} dimensions")
        dimensions = tuple(self._value(10) for _ in range(count))
        return Tensor(name, dimensions, self._value(4), self._value(10))

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        form = _SCALARS.get(kind)
        if form is None:
            raise _Malformed(f"value type {kind}")
        size = struct.calcsize(form)
        (value,) = struct.unpack(form, self._data[self._at : self._skip(size)])
        return value

    def _string(self) -> str:
        size = self._value(10)
        start = self._at
        return self._data[start : self._skip(size)].decode("utf-8", "replace")

    def _skip_array(self) -> None:
        kind, count = self._value(4), self._value(10)
        if kind == _STRING:
            for _ in range(count):
                self._skip(self._value(10))
        elif kind in _SCALARS:
            self._skip(struct.calcsize(_SCALARS[kind]) * count)
        else:
            raise _Malformed(f"array of type {kind}")

    def _skip(self, size: int) -> int:
        """The new position, ``size`` bytes further on."""
        end = self._at + size
        if end > len(self._data):
            raise _Malformed("ends within its header")
        self._at = end
        return end
