"""A text under repair: its lines, where they come from, and the fixes made so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_gemmadev.text.edits import trim
from pytest_gemmadev.text.lines import line_starts
from pytest_gemmadev.types import Edit

NEW = -1  # origin of a line that is not as in the file


@dataclass(frozen=True, slots=True)
class Change:
    """Rows ``first`` to ``last``, the latter not included, become ``lines``."""

    first: int
    last: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fix:
    """Changes that mend one fault, sorted, none overlapping."""

    changes: tuple[Change, ...]
    cost: float  # nats
    name: str  # ``colon``
    note: str = ""
    is_doubtful: bool = False  # for a person to decide, even where nothing else compiles

    @property
    def first(self) -> int:
        return self.changes[0].first

    @property
    def last(self) -> int:
        return self.changes[-1].last


@dataclass(frozen=True, slots=True)
class Draft:
    lines: list[str]
    origin: list[int]  # of each line: its row in the file, or `NEW`
    cost: float = 0.0
    fixes: tuple[Fix, ...] = ()
    faults: tuple[str, ...] = ()  # what each of them mended: the message and the line

    @classmethod
    def of(cls, lines: list[str]) -> Draft:
        return cls(lines, list(range(len(lines))))

    def fixed(self, fix: Fix) -> Draft:
        """The draft after one more fix."""
        lines, origin = list(self.lines), list(self.origin)
        for change in reversed(fix.changes):
            lines[change.first : change.last] = change.lines
            old = origin[change.first : change.last]
            kept = [
                o if i < len(old) and self.lines[change.first + i] == line else NEW
                for i, (o, line) in enumerate(
                    zip(_padded(old, len(change.lines)), change.lines, strict=False)
                )
            ]
            origin[change.first : change.last] = kept
        return Draft(lines, origin, self.cost + fix.cost, (*self.fixes, fix), self.faults)


def _padded(origin: Sequence[int], size: int) -> list[int]:
    return [*origin[:size], *[NEW] * (size - len(origin))]


def edits_of(draft: Draft, text: str, path: str) -> tuple[Edit, ...]:
    """The edits that turn ``text`` into the draft: small, sorted, none overlapping."""
    starts = line_starts(text)
    ends = [*starts[1:], len(text)]
    edits: list[Edit] = []
    row = 0  # of the file
    index = 0
    while index < len(draft.lines) or row < len(starts):
        if index < len(draft.lines) and draft.origin[index] == row:
            row, index = row + 1, index + 1
            continue
        stop = index
        while stop < len(draft.lines) and draft.origin[stop] == NEW:
            stop += 1
        until = draft.origin[stop] if stop < len(draft.lines) else len(starts)
        edits += _hunk(text, path, (starts, ends), (row, until), draft.lines[index:stop])
        row, index = until, stop
    return tuple(edits)


def _hunk(
    text: str,
    path: str,
    bounds: tuple[Sequence[int], Sequence[int]],
    rows: tuple[int, int],
    new: Sequence[str],
) -> list[Edit]:
    """Edits for the rows of a file that become other lines."""
    starts, ends = bounds
    first, last = rows
    old = [text[starts[r] : ends[r]].rstrip("\r\n") for r in range(first, last)]
    if len(old) == len(new):
        pairs = zip(range(first, last), old, new, strict=True)
        return [Edit(path, *trim(starts[r], a, b)) for r, a, b in pairs if a != b]
    while old and new and old[0] == new[0]:
        old, new, first = old[1:], new[1:], first + 1
    while old and new and old[-1] == new[-1]:
        old, new, last = old[:-1], new[:-1], last - 1
    if first == len(starts):  # lines behind the last one, which ends in no newline
        return [Edit(path, len(text), len(text), "".join(f"\n{line}" for line in new))]
    if last == len(starts):
        body = "\n".join(new)
        start = starts[first]
        if not new and first:  # the newline before goes too
            start = ends[first - 1] - len(_ending(text[starts[first - 1] : ends[first - 1]]))
        return [Edit(path, start, len(text), body)]
    made = "".join(f"{line}\n" for line in new)
    if old and new:
        whole = text[starts[first] : ends[last - 1]]
        return [Edit(path, *trim(starts[first], whole, made))]
    return [Edit(path, starts[first], starts[last], made)]


def _ending(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]
