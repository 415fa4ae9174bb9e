"""Several bugs of one function, asked about in one diff: a prompt is read once for all their answers.

A question about one line costs a prompt of hundreds of tokens for an answer of ten. Where a function is
broken at several lines, one reading teaches as many answers; each is asked for as a repair asks, but for
the lines before it that the diff has repaired already.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from training.data.examples import Bug, changed_line, tree_of

FEWEST = 2
HOW = "several"


@dataclass(frozen=True, slots=True)
class _Change:
    """One line in place of another."""

    line: int  # from 0
    new: str


def together(bugs: Iterable[Bug], *, most: int, random_: random.Random) -> Iterator[Bug]:
    """The bugs of one function, up to ``most`` different lines of it broken at once.

    Each bug is used once; what changes more than one line, or cannot be broken with others, is left out.
    """
    waiting = list(bugs)
    random_.shuffle(waiting)
    changes = [(change, bug) for bug in waiting if (change := _change(bug)) is not None]
    while changes:
        group: dict[int, str] = {}
        rest = []
        for change, bug in changes:
            if len(group) < most and change.line not in group:
                group[change.line] = change.new
            else:
                rest.append((change, bug))
        if len(group) < FEWEST:
            return
        found = _broken(changes[0][1], group)
        if found is not None:
            yield found
        changes = rest


def half_told(bugs: Sequence[Bug], random_: random.Random) -> list[Bug]:
    """The bugs, every second one, about, without the failing run that proved it."""
    return [replace(b, stack=None, context={}) if random_.random() < 0.5 else b for b in bugs]


def _change(bug: Bug) -> _Change | None:
    line = changed_line(bug)
    return None if line is None else _Change(line - 1, bug.broken.split("\n")[line - 1])


def _broken(of: Bug, changes: dict[int, str]) -> Bug | None:
    lines = of.fixed.split("\n")
    for line, new in changes.items():
        lines[line] = new
    text = "\n".join(lines)
    if tree_of(text) is None:
        return None
    name = f"{of.origin}#{zlib.crc32(repr(sorted(changes.items())).encode()):08x}"
    return replace(
        of, broken=text, whole=("", ""), id=name, how=HOW, proof="parsed", stack=None, context={}
    )
