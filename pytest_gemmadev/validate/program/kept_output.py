"""What a program has written, and whether it still writes it: what differs by itself does not count."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = re.compile(rb"0x[0-9a-fA-F]+|\d[\d.,:]*(?:e[-+]?\d+)?")
_SHOWN = 60  # characters of a line that is named


@dataclass(frozen=True, slots=True)
class WrittenLines:
    """The lines that two runs of one tree have written."""

    lines: tuple[bytes, ...]
    wavering: frozenset[int]  # places of lines that differ from run to run
    in_numbers: frozenset[int]  # those of them that differ in numbers only: times, addresses

    @classmethod
    def of(cls, first: bytes, second: bytes) -> WrittenLines:
        """What both runs have in common."""
        lines, again = first.split(b"\n"), second.split(b"\n")
        wavering, in_numbers = set(), set()
        for place, (one, other) in enumerate(zip(lines, again, strict=False)):
            if one != other:
                wavering.add(place)
                if _without_numbers(one) == _without_numbers(other):
                    in_numbers.add(place)
        shorter, longer = sorted((len(lines), len(again)))
        wavering |= set(range(shorter, longer))
        return cls(tuple(lines), frozenset(wavering), frozenset(in_numbers))

    def find_lost(self, output: bytes) -> str:
        """The first line that ``output`` does not begin with any more, as it is shown; empty for none.

        The last line may go on. Of lines that differ in their numbers, the rest has to stay.
        """
        new_lines = output.split(b"\n")
        for place, line in enumerate(self.lines):
            if place >= len(new_lines):
                return _show(line)
            old, new = line, new_lines[place]
            if place in self.in_numbers:
                old, new = _without_numbers(old), _without_numbers(new)
            elif place in self.wavering:
                continue
            is_last = place == len(self.lines) - 1
            if not (new.startswith(old) if is_last else new == old):
                return _show(line)
        return ""


def _without_numbers(line: bytes) -> bytes:
    return _NUMBER.sub(b"0", line)


def _show(line: bytes) -> str:
    text = line.decode("utf-8", "replace").strip()
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}...")
