"""Strings of the user's code, fit to be shown: errors, names and diffs may hold anything.

Control characters are escaped and undecodable bytes replaced. Only patch files keep every byte.
"""

from __future__ import annotations

import re


def decodable(text: str) -> str:
    """The string with Latin-1 characters in place of lone surrogates, which stand for bytes."""
    return re.sub("[\udc80-\udcff]", lambda byte: chr(ord(byte[0]) - 0xDC00), text)


def one_line(text: str) -> str:
    """The string on one line, without control characters."""
    return " ".join(visible(text).split())


def visible(text: str) -> str:
    """The string with escapes in place of what moves a cursor or starts a colour."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", _escape, decodable(text))


def _escape(match: re.Match[str]) -> str:
    return f"\\x{ord(match.group()):02x}"


def clip(text: str, length: int) -> str:
    """The first characters of a string, at most ``length`` with the dots at its end."""
    return text if len(text) <= length else f"{text[: length - 3]}..."


def count(number: int, noun: str) -> str:
    """``1 failure``, ``2 failures``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
