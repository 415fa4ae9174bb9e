"""Unified diffs read back: which lines of which files they replace, and whether two go together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_RANGES = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE = re.compile(r"\\([0-7]{3}|.)")


@dataclass(frozen=True, slots=True)
class Hunk:
    start: int  # the first old line, from 1; where there is none, the line before, from 0
    count: int  # of old lines, context too
    lines: tuple[str, ...]  # each with its mark and its newline
    header: str  # ``@@ … @@``


@dataclass(frozen=True, slots=True)
class FileDiff:
    path: str
    hunks: tuple[Hunk, ...]


@dataclass(frozen=True, slots=True)
class Replacement:
    """Old lines ``first`` to ``last``, from 1, the latter not included, become ``text``."""

    first: int
    last: int
    text: str
    cut: bool = False  # the last old line has no newline at its end


def files_of(diff: str) -> tuple[FileDiff, ...]:
    """The files of a diff as `text.edits.unified_diff` writes it."""
    found: dict[str, list[Hunk]] = {}
    path = ""
    lines = _split(diff)
    at = 0
    while at < len(lines):
        match = _RANGES.match(lines[at])
        if match is None:
            if lines[at].startswith("+++ "):
                path = _path(lines[at])
            at += 1
            continue
        first = at = at + 1
        old, new = (int(n) if n is not None else 1 for n in match.group(2, 4))
        while at < len(lines) and (old > 0 or new > 0 or lines[at].startswith("\\")):
            old -= lines[at][:1] in (" ", "-")
            new -= lines[at][:1] in (" ", "+")
            at += 1
        hunk = Hunk(int(match[1]), int(match[2] or 1), tuple(lines[first:at]), match[0])
        found.setdefault(path, []).append(hunk)
    return tuple(FileDiff(path, tuple(hunks)) for path, hunks in found.items())


def apply_together(one: str, other: str) -> bool:
    """True where both diffs, of one tree, apply in either order: no lines that both look at."""
    ranges: dict[str, list[tuple[int, int]]] = {}
    for file in files_of(one):
        ranges[file.path] = [_range(hunk) for hunk in file.hunks]
    return not any(
        first < behind and start < last
        for file in files_of(other)
        for first, last in map(_range, file.hunks)
        for start, behind in ranges.get(file.path, ())
    )


def replacements(hunk: Hunk) -> Iterator[Replacement]:
    """What a hunk changes, without its context."""
    row = hunk.start + (hunk.count == 0)
    first, cut, mark = row, False, " "
    new: list[str] = []
    for line in (*hunk.lines, " "):
        if line.startswith("\\"):  # no newline at the end of the line before
            if mark == "+":
                new[-1] = new[-1][:-1]
            cut = cut or mark == "-"
            continue
        mark = line[:1]
        if mark == " ":
            if new or row > first:
                yield Replacement(first, row, "".join(new), cut)
            row += 1
            first, new, cut = row, [], False
        elif mark == "-":
            row += 1
        else:
            new.append(line[1:])


def _range(hunk: Hunk) -> tuple[int, int]:
    """Old lines, from 1, the last not included; an empty file counts as one line."""
    return (hunk.start, hunk.start + max(1, hunk.count))


def _split(text: str) -> list[str]:
    """Lines with their newlines; other line ends are part of the text, as for git."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _path(header: str) -> str:
    """The path of a header line, without its ``b/``."""
    name = header.removeprefix("+++ ").rstrip("\n").removesuffix("\t")
    if name.startswith('"'):
        data = _ESCAPE.sub(_unescaped, name[1:-1]).encode("utf-8", "surrogateescape")
        name = data.decode("utf-8", "surrogateescape")
    return name.removeprefix("b/")


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code.isdigit():
        return bytes([int(code, 8)]).decode("utf-8", "surrogateescape")
    return code
