"""Decoded text of the project's files as an overlay leaves them, read when first asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from pytest_gemmadev.text.edits import decode_source
from pytest_gemmadev.types import ErrorStack, GemmadevError, Inapplicable, Overlay, Role


class Files(Protocol):
    """Where files come from; `files.scope.Scope` is one."""

    def editable_files(self) -> list[str]:
        """Relative paths of the files that may be edited."""

    def read(self, path: str) -> bytes:
        """The bytes on disk; raises `GemmadevError` where there are none."""


class Sources(Mapping[str, str]):
    """Text by relative path of every editable file that decodes. The tree must not change."""

    def __init__(
        self, files: Files, overlay: Overlay, *, _shared: dict[str, str | None] | None = None
    ) -> None:
        self._files = files
        self._overlay = overlay
        self._on_disk: dict[str, str | None] = {} if _shared is None else _shared
        self._changed: dict[str, str | None] = {}
        self._names: frozenset[str] | None = None

    def over(self, overlay: Overlay) -> Sources:
        """The same files under another overlay; what was read from disk is not read again."""
        return Sources(self._files, overlay, _shared=self._on_disk)

    def __getitem__(self, path: str) -> str:
        if path not in self._listed():
            raise KeyError(path)
        cache = self._changed if path in self._overlay else self._on_disk
        if path not in cache:
            cache[path] = self._decode(path)
        text = cache[path]
        if text is None:
            raise KeyError(path)
        return text

    def __iter__(self) -> Iterator[str]:
        return (path for path in sorted(self._listed()) if path in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, path: object) -> bool:
        try:
            self[path]  # type: ignore[index]  # a Mapping is asked for any object
        except KeyError:
            return False
        return True

    def _listed(self) -> frozenset[str]:
        if self._names is None:
            self._names = frozenset(self._files.editable_files())
        return self._names

    def _decode(self, path: str) -> str | None:
        try:
            data = self._overlay[path] if path in self._overlay else self._files.read(path)
        except GemmadevError:  # gone or unreadable meanwhile: not a place for an edit
            return None
        decoded = decode_source(data)
        return None if isinstance(decoded, Inapplicable) else decoded.text


def read_tests(stacks: Iterable[ErrorStack], files: Files) -> dict[str, str]:
    """Texts of the test files in the stacks, by path; without those that do not decode."""
    paths = [f.path for stack in stacks for f in stack.frames if f.role is Role.TEST]
    texts = {path: _read_text(path, files) for path in dict.fromkeys(paths)}
    return {path: text for path, text in texts.items() if text is not None}


def _read_text(path: str, files: Files) -> str | None:
    try:
        decoded = decode_source(files.read(path))
    except GemmadevError:
        return None
    return None if isinstance(decoded, Inapplicable) else decoded.text
