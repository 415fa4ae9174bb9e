"""Byte-exact editing: decode, replace, encode.

Text keeps every newline as it stands in the file. What lies outside the edits comes out with the
bytes it went in with; where that cannot be promised, the answer is `Inapplicable` and nothing
changes. Encodings are those that Python reads source in: UTF-8 with or without a byte order mark,
and whatever a coding line (PEP 263) names, if decoding and encoding again gives the same bytes.
UTF-16 and UTF-32 are refused, as Python refuses them.
"""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_gemmadev.types import Edit, Inapplicable, Overlay

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_TWO_LINES = re.compile(rb"(?:[^\r\n]*(?:\r\n?|\n)?){2}")  # where a coding line may stand
_BARE = re.compile(r"(?<!\r)\n")


@dataclass(frozen=True, slots=True)
class SourceFile:
    text: str  # newlines as in the file, without the byte order mark
    encoding: str
    bom: bytes  # the byte order mark that precedes the text; empty where there is none


# --- bytes <-> text ------------------------------------------------------------------------------


def decode_source(data: bytes) -> SourceFile | Inapplicable:
    """The text of a source file as Python decodes it, or why it cannot be edited safely."""
    if data.startswith(_WIDE):
        return Inapplicable("it is UTF-16 or UTF-32, in which Python reads no source")
    if b"\0" in data:
        return Inapplicable("it holds NUL bytes, so it is no Python source")
    bom = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    try:
        encoding = "utf-8" if _declares_nothing(data) else _declared_encoding(data)
        text = data[len(bom) :].decode(encoding)
        exact = bom + text.encode(encoding) == data
    except (SyntaxError, LookupError, UnicodeError) as error:
        return Inapplicable(f"it cannot be decoded: {error}")
    if not exact:
        return Inapplicable(f"its encoding {encoding} does not give the same bytes back")
    return SourceFile(text, encoding, bom)


def encode_source(source: SourceFile) -> bytes:
    """The bytes of a source file; `UnicodeEncodeError` where its encoding lacks a character."""
    return source.bom + source.text.encode(source.encoding)


def _declares_nothing(data: bytes) -> bool:
    return b"coding" not in _head(data)


def _declared_encoding(data: bytes) -> str:
    # Python translates newlines before it looks for the coding line; `detect_encoding` does not.
    head = _head(data).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    encoding, _ = tokenize.detect_encoding(io.BytesIO(head).readline)
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _head(data: bytes) -> bytes:
    match = _TWO_LINES.match(data)
    return match.group() if match else b""


# --- edits ---------------------------------------------------------------------------------------


def apply_edits(text: str, edits: Sequence[Edit]) -> str | Inapplicable:
    """The text with the edits of one path made, in any order; or why they cannot be made.

    Edits may touch, not overlap, and at most one may insert at a place. A bare newline in a
    replacement becomes the newline of its place: of the line it replaces, else of the line where
    the edit ends. An offset between the two characters of ``\\r\\n`` means the one before them.
    """
    parts: list[str] = []
    at = 0
    before: tuple[int, int] | None = None
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if not 0 <= edit.start <= edit.end <= len(text):
            return Inapplicable(
                f"{edit.path}: {edit.start}:{edit.end} lies outside its {len(text)} characters"
            )
        span = _before_pair(text, edit.start), _before_pair(text, edit.end)
        if span[0] < at or span == before:
            return Inapplicable(f"{edit.path}: edits overlap at {edit.start}:{edit.end}")
        parts += (text[at : span[0]], _localized(edit.replacement, text, *span))
        before, at = span, span[1]
    return "".join((*parts, text[at:]))


def edit_overlay(
    overlay: Overlay, read: Callable[[str], bytes], edits: Sequence[Edit]
) -> Overlay | Inapplicable:
    """A new overlay with the edits made on top, or why not; ``read`` gives what it lacks."""
    texts: dict[str, str] = {}
    for path in sorted({edit.path for edit in edits}):
        source = _source(overlay, read, path)
        if isinstance(source, Inapplicable):
            return source
        text = apply_edits(source.text, [edit for edit in edits if edit.path == path])
        if isinstance(text, Inapplicable):
            return text
        texts[path] = text
    return text_overlay(overlay, read, texts)


def text_overlay(
    overlay: Overlay, read: Callable[[str], bytes], texts: Mapping[str, str]
) -> Overlay | Inapplicable:
    """A new overlay in which files hold exactly these texts, each in its own encoding; or why not.

    Unlike an edit, a text is taken with the newlines it has.
    """
    result = dict(overlay)
    for path, text in texts.items():
        source = _source(overlay, read, path)
        if isinstance(source, Inapplicable):
            return source
        try:
            data = encode_source(replace(source, text=text))
        except UnicodeEncodeError as error:
            lacking = ascii(text[error.start : error.end])
            return Inapplicable(f"{path}: its encoding {source.encoding} lacks {lacking}")
        again = decode_source(data)
        if isinstance(again, Inapplicable) or again.text != text:
            return Inapplicable(f"{path}: Python would decode it otherwise than it was written")
        result[path] = data
    return result


def _source(overlay: Overlay, read: Callable[[str], bytes], path: str) -> SourceFile | Inapplicable:
    source = decode_source(overlay[path] if path in overlay else read(path))
    if isinstance(source, Inapplicable):
        return Inapplicable(f"{path}: {source.reason}")
    return source


def _before_pair(text: str, offset: int) -> int:
    return offset - 1 if offset and text[offset - 1 : offset + 1] == "\r\n" else offset


def _localized(replacement: str, text: str, start: int, end: int) -> str:
    """The replacement in the newlines of its place."""
    if "\r" not in text or "\n" not in replacement:
        return replacement
    # A lone \r ends lines only where nothing else does; beside \n it is rather part of a string.
    kinds = re.compile(r"\r\n|\n" if "\n" in text else r"\r")
    replaced = iter(kinds.findall(text, start, end))
    nearest = _newline_near(kinds, text, end)
    return _BARE.sub(lambda _: next(replaced, nearest), replacement)


def _newline_near(kinds: re.Pattern[str], text: str, offset: int) -> str:
    """The newline that ends the line of ``offset``; on a last line without one, the one before."""
    following = kinds.search(text, offset)
    if following is not None:
        return following.group()
    *_, last = kinds.finditer(text)  # there is one: the text holds a \r or a \n
    return last.group()


def trim(start: int, old: str, new: str) -> tuple[int, int, str]:
    """(start, end, text) that makes ``new`` of ``old`` at ``start``, without what both begin or end with."""
    limit = min(len(old), len(new))
    head = 0
    while head < limit and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < limit - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return start + head, start + len(old) - tail, new[head : len(new) - tail]
