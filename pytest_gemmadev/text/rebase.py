"""Carries a change made on top of others back to the text they all started from.

Repairs are found one on top of the other; a patch file has to apply by itself. Where the lines that
a change touches are themselves older changes, it cannot be told apart from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import Match, SequenceMatcher

from pytest_gemmadev.text.diff import CONTEXT
from pytest_gemmadev.text.lines import lines_with_ends


def rebase(base: str, before: str, after: str, *, context: int = CONTEXT) -> str | None:
    """``base`` with the change from ``before`` to ``after``; None where it needs what lies between.

    Works by whole lines. ``context`` unchanged lines must stand between the change and any other: as
    many as a patch has, or the two patches would not apply together.
    """
    base_lines, old, new = (lines_with_ends(t) for t in (base, before, after))
    kept = SequenceMatcher(None, base_lines, old, autojunk=False).get_matching_blocks()
    result: list[str] = []
    at = 0
    for tag, start, end, new_start, new_end in SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if tag == "equal":
            continue
        lines = (len(base_lines), len(old))
        place = _find_in_base(kept, start, end, lines=lines, context=context)
        if place is None:
            return None
        result += base_lines[at : place[0]] + new[new_start:new_end]
        at = place[1]
    return "".join(result + base_lines[at:])


def _find_in_base(
    kept: Sequence[Match], start: int, end: int, *, lines: tuple[int, int], context: int
) -> tuple[int, int] | None:
    """Where old lines stand in the base; None near a change. Base and old text have so many lines."""
    for block in kept:
        base_at, old_at, size = block
        ends = (base_at + size, old_at + size) == lines
        first = old_at + (0 if old_at == 0 and base_at == 0 else context)
        last = old_at + size - (0 if ends else context)
        if size and first <= start and end <= last:
            shift = base_at - old_at
            return start + shift, end + shift
    return None
