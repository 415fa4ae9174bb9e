"""Unified diffs: write them, read them, apply them.

`unified_diff` writes what ``git apply`` takes. The readers expect diffs of that form. `apply_unified`
is strict where ``patch`` is generous: context and removed lines must stand where the diff says, byte
for byte. Renames, new and deleted files are not what repairs write, and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple

from pytest_gemmadev.types import Inapplicable, Overlay

CONTEXT = 3  # unchanged lines around a change

_RANGES = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_SPECIAL = re.compile(r'["\\\x00-\x1f\x7f\udc80-\udcff]')  # what git quotes in a name
_LETTERS = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13}  # after a backslash


class LineChange(NamedTuple):
    """Old lines ``start`` to ``end`` become new lines ``new_start`` to ``new_end``; from 0."""

    start: int
    end: int  # not included
    new_start: int
    new_end: int  # not included


@dataclass(frozen=True, slots=True)
class Hunk:
    start: int  # the first old line, from 1; where there is none, the line before, from 0
    count: int  # of old lines, context too
    new_start: int  # as `start`, of the new file
    new_count: int
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


# --- write ---------------------------------------------------------------------------------------


def unified_diff(path: str, before: bytes, after: bytes) -> str:
    """A patch of one file that ``git apply`` takes, byte for byte; empty where nothing differs.

    A line ``diff --git`` stands only where one side is empty, which would else mean that there is
    no file: with it, git takes the path as below the top of the repository, and in a folder further
    down passes over the patch without a word. Lines end at ``\\n`` alone, as git sees them. Bytes
    that are no UTF-8 become surrogates: write it with ``errors="surrogateescape"``.
    """
    if before == after:
        return ""
    old_name, new_name = _quote(f"a/{path}"), _quote(f"b/{path}")
    lines = [] if before and after else [f"diff --git {old_name} {new_name}\n"]
    lines += [f"--- {_end_name(old_name)}\n", f"+++ {_end_name(new_name)}\n"]
    lines += _write_hunks(_split(_decode(before)), _split(_decode(after)))
    return "".join(lines)


def line_changes(old: Sequence[str], new: Sequence[str]) -> list[LineChange]:
    """Where the lines differ, in order."""
    first, last = _count_equal_ends(old, new)
    # The search looks only at what differs and its context: equal ends cost nothing.
    skip, cut = max(0, first - CONTEXT), max(0, last - CONTEXT)
    matcher = SequenceMatcher(
        None, old[skip : len(old) - cut], new[skip : len(new) - cut], autojunk=False
    )
    return [
        LineChange(start + skip, end + skip, new_start + skip, new_end + skip)
        for tag, start, end, new_start, new_end in matcher.get_opcodes()
        if tag != "equal"
    ]


def _write_hunks(old: list[str], new: list[str]) -> Iterator[str]:
    for group in _group(line_changes(old, new)):
        start = max(0, group[0].start - CONTEXT)
        end = min(len(old), group[-1].end + CONTEXT)
        new_start = group[0].new_start - (group[0].start - start)
        new_end = group[-1].new_end + (end - group[-1].end)
        yield f"@@ -{_range(start, end)} +{_range(new_start, new_end)} @@\n"
        at = start
        for change in group:
            yield from _mark(" ", old[at : change.start])
            yield from _mark("-", old[change.start : change.end])
            yield from _mark("+", new[change.new_start : change.new_end])
            at = change.end
        yield from _mark(" ", old[at:end])


def _group(changes: Iterable[LineChange]) -> list[list[LineChange]]:
    """The changes, together where their contexts touch."""
    groups: list[list[LineChange]] = []
    for change in changes:
        if groups and change.start - groups[-1][-1].end <= 2 * CONTEXT:
            groups[-1].append(change)
        else:
            groups.append([change])
    return groups


def _count_equal_ends(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines are equal at the beginning, and behind those at the end."""
    limit = min(len(old), len(new))
    first = 0
    while first < limit and old[first] == new[first]:
        first += 1
    last = 0
    while last < limit - first and old[-1 - last] == new[-1 - last]:
        last += 1
    return first, last


def _mark(mark: str, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield f"{mark}{line}"
        if not line.endswith("\n"):
            yield "\n\\ No newline at end of file\n"


def _range(start: int, end: int) -> str:
    if start == end:
        return f"{start},0"  # an empty range names the line before it
    return f"{start + 1}" if end - start == 1 else f"{start + 1},{end - start}"


# --- read ----------------------------------------------------------------------------------------


def files_of(diff: str) -> tuple[FileDiff, ...]:
    """The files of a diff with their hunks; a file without a hunk is left out."""
    found: dict[str, list[Hunk]] = {}
    path = ""
    lines = _split(diff)
    at = 0
    while at < len(lines):
        match = _RANGES.match(lines[at])
        if match is None:
            if lines[at].startswith("+++ "):
                path = _read_name(lines[at])
            at += 1
            continue
        first = at = at + 1
        start, count, new_start, new_count = (int(number or 1) for number in match.groups())
        # Whether "--- a" takes out "-- a" or names the next file, only the counts tell.
        old, new = count, new_count
        while at < len(lines) and (old > 0 or new > 0 or lines[at].startswith("\\")):
            old -= lines[at][:1] in (" ", "-")
            new -= lines[at][:1] in (" ", "+")
            at += 1
        hunk = Hunk(start, count, new_start, new_count, tuple(lines[first:at]), match[0])
        found.setdefault(path, []).append(hunk)
    return tuple(FileDiff(path, tuple(hunks)) for path, hunks in found.items())


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


def apply_together(one: str, other: str) -> bool:
    """True where both diffs, of one tree, apply in either order: no lines that both look at."""
    ranges: dict[str, list[tuple[int, int]]] = {}
    for file in files_of(one):
        ranges[file.path] = [_old_range(hunk) for hunk in file.hunks]
    return not any(
        first < behind and start < last
        for file in files_of(other)
        for first, last in map(_old_range, file.hunks)
        for start, behind in ranges.get(file.path, ())
    )


def _old_range(hunk: Hunk) -> tuple[int, int]:
    """Old lines, from 1, the last not included; an empty file counts as one line."""
    return (hunk.start, hunk.start + max(1, hunk.count))


# --- apply ---------------------------------------------------------------------------------------


def apply_unified(diff: str, read: Callable[[str], bytes]) -> Overlay | Inapplicable:
    """The new content of each file in ``diff``, or why it does not apply to what ``read`` gives."""
    overlay: dict[str, bytes] = {}
    for file in files_of(diff):
        after = _replace_lines(_decode(read(file.path)), file.hunks)
        if after is None:
            return Inapplicable(f"{file.path} is not what it was when the patch was made")
        overlay[file.path] = after.encode("utf-8", "surrogateescape")
    return overlay or Inapplicable("the patch changes nothing")


def is_applied(diff: str, read: Callable[[str], bytes]) -> bool:
    """Whether every file in ``diff`` is what it was to become."""
    files = files_of(diff)
    return bool(files) and all(
        _replace_lines(_decode(read(file.path)), file.hunks, backwards=True) is not None
        for file in files
    )


def _replace_lines(text: str, hunks: Sequence[Hunk], *, backwards: bool = False) -> str | None:
    """The text with the hunks made, or taken back; None where it does not hold their lines."""
    lines = _split(text)
    for hunk in reversed(hunks):
        here, there = _side(hunk, "-"), _side(hunk, "+")
        first, count = hunk.start, hunk.count
        if backwards:
            here, there, first, count = there, here, hunk.new_start, hunk.new_count
        start = first - 1 if count else first
        if len(here) != count or lines[start : start + count] != here:
            return None
        lines[start : start + count] = there
    return "".join(lines)


def _side(hunk: Hunk, mark: str) -> list[str]:
    """The old lines of a hunk by the mark ``-``, the new ones by ``+``, without marks."""
    lines: list[str] = []
    is_last_of_side = False
    for line in hunk.lines:
        if line.startswith("\\"):
            if is_last_of_side:
                lines[-1] = lines[-1].removesuffix("\n")
            continue
        is_last_of_side = line[:1] in (" ", mark)
        if is_last_of_side:
            lines.append(line[1:])
    return lines


# --- lines and names -----------------------------------------------------------------------------


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _split(text: str) -> list[str]:
    """Lines with their newlines; other line ends are part of the text, as for git."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _quote(name: str) -> str:
    """The name as git writes it: in double quotes where it holds a quote or a control character."""
    text = _decode(name.encode("utf-8", "surrogateescape"))
    return f'"{_SPECIAL.sub(_escape, text)}"' if _SPECIAL.search(text) else name


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character in '"\\':
        return "\\" + character
    return f"\\{character.encode('utf-8', 'surrogateescape')[0]:03o}"


def _end_name(name: str) -> str:
    """The name in a header line: git ends one that holds a space with a tab."""
    return f"{name}\t" if " " in name else name


def _read_name(header: str) -> str:
    """The path that a ``+++`` line names, without the ``b/`` before it."""
    name = header.removeprefix("+++ ").rstrip("\n").rstrip("\t")
    if name.startswith('"') and name.endswith('"'):
        name = _unquote(name[1:-1])
    return name.removeprefix("b/")


def _unquote(name: str) -> str:
    data = bytearray()
    for match in re.finditer(r"\\([0-7]{3})|\\(.)|([^\\]+)", name):
        octal, letter, plain = match.groups()
        if octal:
            data.append(int(octal, 8))
        elif letter:
            data += bytes([_LETTERS[letter]]) if letter in _LETTERS else letter.encode()
        else:
            data += plain.encode("utf-8", "surrogateescape")
    return _decode(bytes(data))
