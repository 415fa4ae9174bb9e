"""Files whose bytes are not what their coding line, or its absence, says."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from pytest_gemmadev.text.edits import decode_source
from pytest_gemmadev.types import Inapplicable

_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Redeclared:
    """The bytes with another coding line; nothing else differs."""

    data: bytes
    line: int  # from 1
    message: str  # what is wrong with it as it stands
    note: str
    confidence: float


def redeclared(data: bytes) -> Redeclared | None:
    """The file with a coding line that is true of its bytes; None where it decodes already,
    or where no coding line could help."""
    found = decode_source(data)
    if not isinstance(found, Inapplicable) or b"\0" in data[:4096] or b"\0" in data:
        return None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None
    head = data.split(b"\n", 2)[:2]
    match = next(
        ((row, m) for row, line in enumerate(head) if (m := _CODING.match(line)) is not None), None
    )
    is_utf8 = _decodes(data, "utf-8")
    encoding = "utf-8" if is_utf8 else "latin-1"
    if match is None:
        if is_utf8:
            return None
        shebang = data.startswith(b"#!")
        at = data.index(b"\n") + 1 if shebang and b"\n" in data else 0
        newline = b"\r\n" if b"\r\n" in data[:4096] else b"\n"
        made = data[:at] + b"# -*- coding: latin-1 -*-" + newline + data[at:]
        return _checked(
            made, 2 if at else 1, found.reason, "a coding line for bytes that are no UTF-8", 0.6
        )
    row, coding = match
    offset = sum(len(line) + 1 for line in head[:row])
    start, end = offset + coding.start(1), offset + coding.end(1)
    old = data[start:end].decode("ascii", "replace")
    made = data[:start] + encoding.encode("ascii") + data[end:]
    note = f"the file is not {old} but {encoding}"
    return _checked(made, row + 1, found.reason, note, 0.9 if is_utf8 else 0.6)


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeError:
        return False
    return True


def _checked(
    data: bytes, line: int, message: str, note: str, confidence: float
) -> Redeclared | None:
    if isinstance(decode_source(data), Inapplicable):
        return None
    return Redeclared(data, line, message, note, confidence)
