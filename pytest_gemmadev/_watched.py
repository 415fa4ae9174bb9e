"""What the user's own run of the tests does to the project: candidates may do that too.

Where the system cannot tell by itself, so it is looked at before and after: files by their times and
sizes, processes by the events that the interpreter audits.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_gemmadev.validate.confine.places import Level, command_key

MOST_FILES = 100_000  # of a project that is looked at
MOST_SECONDS = 2.0
_OURS = frozenset({"__pycache__", ".pytest_cache", ".gemmadev", ".git", "node_modules"})
_Seen = dict[str, tuple[int, int, int, int]]


class Watched:
    """One run of the tests, from when this is made."""

    def __init__(self, root: Path, level: Level) -> None:
        self._root = os.path.realpath(root)
        self._before = _look(self._root)
        self.commands: set[str] = set()  # that it started; known at `Level.HOOKS`, which asks
        self._on = level is Level.HOOKS
        if self._on:
            sys.addaudithook(self._note)

    def written(self) -> frozenset[str]:
        """Absolute paths in the project that are new, others than before, or gone."""
        self._on = False
        after = _look(self._root)
        if self._before is None or after is None:
            return frozenset()
        paths = self._before.keys() | after.keys()
        return frozenset(p for p in paths if self._before.get(p) != after.get(p))

    def _note(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event in ("subprocess.Popen", "os.posix_spawn", "os.exec"):
            executable, words = args[0], args[1]
            listed = [executable, words] if isinstance(words, (str, bytes)) else list(words or [])
            first = listed[0] if executable is None and listed else executable
            self.commands.add(command_key(first, listed))
        elif event == "os.system":
            self.commands.add(command_key("sh", ["sh", args[0]]))


def _look(root: str) -> _Seen | None:
    """Times, sizes and modes of the files by path; None where there are too many of them."""
    found: _Seen = {}
    end_s = time.monotonic() + MOST_SECONDS
    for path in _files(root):
        try:
            status = os.lstat(path)
        except OSError:
            continue
        found[path] = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode)
        if len(found) > MOST_FILES or time.monotonic() > end_s:
            return None
    return found


def _files(folder: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.name in _OURS:
            continue
        if not entry.is_dir(follow_symlinks=False):
            yield entry.path
        elif not os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
            yield from _files(entry.path)
