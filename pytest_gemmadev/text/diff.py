"""A unified diff, applied: the inverse of `text.edits.unified_diff`.

Strict where ``patch`` is generous: context and removed lines must stand where the diff says, byte
for byte. Renames, new and deleted files are not what repairs write, and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_gemmadev.types import Inapplicable, Overlay

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13}


@dataclass(slots=True)
class _Hunk:
    start: int  # line of the old file, from 1; where no line is old, the line before
    count: int  # of old lines
    new_start: int  # as `start`, of the new file
    added: int  # lines in their place
    old: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)


def apply_unified(diff: str, read: Callable[[str], bytes]) -> Overlay | Inapplicable:
    """The new content of each file in ``diff``, or why it does not apply to what is there now."""
    overlay: dict[str, bytes] = {}
    for path, hunks in _files(diff):
        after = _patched(read(path).decode("utf-8", "surrogateescape"), hunks)
        if after is None:
            return Inapplicable(f"{path} is not what it was when the patch was made")
        overlay[path] = after.encode("utf-8", "surrogateescape")
    return overlay or Inapplicable("the patch changes nothing")


def is_applied(diff: str, read: Callable[[str], bytes]) -> bool:
    """Whether every file in ``diff`` is what it was to become."""
    files = _files(diff)
    return bool(files) and all(
        _patched(
            read(path).decode("utf-8", "surrogateescape"),
            [_Hunk(h.new_start, h.added, h.start, h.count, h.new, h.old) for h in hunks],
        )
        is not None
        for path, hunks in files
    )


def _files(diff: str) -> list[tuple[str, list[_Hunk]]]:
    found: list[tuple[str, list[_Hunk]]] = []
    lines = diff.split("\n")
    at = 0
    while at < len(lines):
        if lines[at].startswith("+++ "):
            found.append((_path(lines[at][4:]), []))
        match = _HUNK.match(lines[at]) if found else None
        at += 1
        if match is not None:
            start, count, new_start, added = (int(number or 1) for number in match.groups())
            hunk = _Hunk(start, count, new_start, added)
            at = _read(lines, at, hunk)
            found[-1][1].append(hunk)
    return found


def _read(lines: list[str], at: int, hunk: _Hunk) -> int:
    """Fills the hunk from its lines; the index behind them."""
    last: list[list[str]] = []  # where the line read last went
    while at < len(lines):
        mark, text = lines[at][:1], lines[at][1:]
        # Whether "--- a" takes out "-- a" or names the next file, only the counts tell.
        if mark != "\\" and len(hunk.old) >= hunk.count and len(hunk.new) >= hunk.added:
            break
        if mark == "\\":
            for side in last:
                side[-1] = side[-1][:-1]
        elif mark == " ":
            last = [hunk.old, hunk.new]
        elif mark in ("-", "+") and mark:
            last = [hunk.old if mark == "-" else hunk.new]
        else:
            break
        if mark != "\\":
            for side in last:
                side.append(f"{text}\n")
        at += 1
    return at


def _patched(text: str, hunks: list[_Hunk]) -> str | None:
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    for hunk in reversed(hunks):
        start = hunk.start - 1 if hunk.count else hunk.start
        if len(hunk.old) != hunk.count or lines[start : start + hunk.count] != hunk.old:
            return None
        lines[start : start + hunk.count] = hunk.new
    return "".join(lines)


def _path(name: str) -> str:
    """The file that a ``+++`` line names, without the ``b/`` before it."""
    name = name.rstrip("\t")
    if name.startswith('"') and name.endswith('"'):
        name = _unquoted(name[1:-1])
    return name.removeprefix("b/")


def _unquoted(name: str) -> str:
    data = bytearray()
    for match in re.finditer(r"\\([0-7]{3})|\\(.)|([^\\]+)", name):
        octal, letter, plain = match.groups()
        if octal:
            data.append(int(octal, 8))
        elif letter:
            data += bytes([_ESCAPES[letter]]) if letter in _ESCAPES else letter.encode()
        else:
            data += plain.encode("utf-8", "surrogateescape")
    return data.decode("utf-8", "surrogateescape")
