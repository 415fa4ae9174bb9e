"""The repairs of a session, one on top of the other, and the tree without some of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_gemmadev.search.accept import Accepted
from pytest_gemmadev.search.failing_sets import FailingSet
from pytest_gemmadev.search.patches import Read
from pytest_gemmadev.text.edits import decode_source, text_overlay
from pytest_gemmadev.text.rebase import rebase
from pytest_gemmadev.types import Inapplicable, Overlay


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair that was accepted, and the tree that it was found on."""

    failing: FailingSet
    accepted: Accepted
    before: Overlay

    @property
    def first(self) -> str:
        """The node id whose outcome holds the patches."""
        targets = self.accepted.found.targets
        return next(s.nodeid for s in self.failing.stacks if s.nodeid in targets)

    def changes(self, read: Read) -> Iterator[tuple[str, bytes, bytes]]:
        """(path, old, new) of each file that it changes."""
        for path, new in self.accepted.overlay.items():
            old = self.before.get(path)
            old = read(path) if old is None else old
            if old != new:
                yield path, old, new


def stack_up(repairs: Sequence[Repair], read: Read) -> Overlay | None:
    """The tree with these repairs alone; None where one of them needs lines of another that is left out."""
    overlay: Overlay = {}
    for repair in repairs:
        for path, old, new in repair.changes(read):
            base = overlay.get(path)
            base = read(path) if base is None else base
            if base == old:
                overlay = {**overlay, path: new}
                continue
            texts = [decode_source(data) for data in (base, old, new)]
            decoded = [each.text for each in texts if not isinstance(each, Inapplicable)]
            text = rebase(*decoded, context=0) if len(decoded) == len(texts) else None
            changed = None if text is None else text_overlay(overlay, read, {path: text})
            if changed is None or isinstance(changed, Inapplicable):
                return None
            overlay = changed
    return overlay
