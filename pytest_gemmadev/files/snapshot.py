"""The user's files as a repair found them, and what may be written in their place."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.text.diff import unified_diff
from pytest_gemmadev.types import Overlay


@dataclass(slots=True)
class Snapshot:
    """The files as they were when first read: what is written must start from the same bytes."""

    scope: Scope
    contents: dict[str, bytes] = field(default_factory=dict)

    def editable_files(self) -> list[str]:
        return self.scope.editable_files()

    def read(self, path: str) -> bytes:
        if path not in self.contents:
            self.contents[path] = self.scope.read(path)
        return self.contents[path]

    def diff(self, overlay: Overlay) -> str:
        """What ``overlay`` changes, as one unified diff."""
        return "".join(
            unified_diff(path, self.read(path), data) for path, data in sorted(overlay.items())
        )
