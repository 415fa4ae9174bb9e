"""What the user's own run of the tests does to the project; candidates may do the same.

Files are compared before and after the run, by times and sizes. The programs that it starts are known
from the events that the interpreter audits.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pytest_gemmadev.validate.confine.places import Level, command_key

MOST_FILES = 100_000  # of a project that is looked at
MOST_SECONDS = 2.0
KEPT_FILE = 2 << 20  # bytes of a file whose contents are kept, in case the run changes them
KEPT = 32 << 20  # of all of them
_OURS = frozenset({"__pycache__", ".pytest_cache", ".gemmadev", ".git", "node_modules"})
_SOURCES = (".py", ".pyi", ".pyx", ".so", ".md", ".rst")
_Files = dict[str, tuple[int, int, int, int]]


class WatchedRun:
    """The effects of one run of the tests, from when this is made."""

    def __init__(self, root: Path, level: Level) -> None:
        self._root = os.path.realpath(root)
        self._before = _list_files(self._root)
        self._contents = _read_contents(self._before or {})
        self.commands: set[str] = set()  # that it started; known at `Level.HOOKS`, which asks
        self._on = level is Level.HOOKS
        if self._on:
            sys.addaudithook(self._note)

    def find_written(self) -> frozenset[str]:
        """Ends the watch; absolute paths in the project that are new, changed or gone."""
        self._on = False
        after = _list_files(self._root)
        if self._before is None or after is None:
            return frozenset()
        paths = self._before.keys() | after.keys()
        return frozenset(p for p in paths if self._before.get(p) != after.get(p))

    def read_before(self) -> dict[str, bytes | None]:
        """Contents before the run of what it has written, by path; None for what was not there.

        Leaves out what was too large to keep.
        """
        known = self._before or {}
        found: dict[str, bytes | None] = {}
        for path in self.find_written():
            if path not in known:
                found[path] = None
            elif path in self._contents:
                found[path] = self._contents[path]
        self._contents = {}
        return found

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


def _read_contents(seen: _Files) -> dict[str, bytes]:
    """Contents of files that tests may write, the smallest first, sources left out."""
    found: dict[str, bytes] = {}
    left = KEPT
    end_s = time.monotonic() + MOST_SECONDS
    for path, (_, size, _, mode) in sorted(seen.items(), key=lambda item: item[1][1]):
        if size > min(left, KEPT_FILE) or time.monotonic() > end_s:
            break
        if stat.S_ISREG(mode) and not path.endswith(_SOURCES):
            with contextlib.suppress(OSError), open(path, "rb") as file:
                found[path] = file.read(KEPT_FILE)
                left -= size
    return found


def _list_files(root: str) -> _Files | None:
    """Time, size, inode and mode of each file by path; None where there are too many of them."""
    found: _Files = {}
    end_s = time.monotonic() + MOST_SECONDS
    for path in _walk(root):
        try:
            status = os.lstat(path)
        except OSError:
            continue
        found[path] = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_mode)
        if len(found) > MOST_FILES or time.monotonic() > end_s:
            return None
    return found


def _walk(folder: str) -> Iterator[str]:
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
            yield from _walk(entry.path)
