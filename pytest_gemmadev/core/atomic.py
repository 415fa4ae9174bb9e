"""Replaces files in one step and keeps other processes out meanwhile."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def replace_file(target: Path, data: bytes, *, mode: int, fresh: Path) -> None:
    """Renames ``fresh``, a new file beside it, over ``target``. The owner stays where it can."""
    write_synced(fresh, data)
    with suppress(FileNotFoundError):
        _liken(fresh, target.stat())
    os.chmod(fresh, mode)
    os.replace(fresh, target)
    sync_folder(target.parent)


def _liken(new: Path, old: os.stat_result) -> None:
    """Gives a new file the owner of the old one, and a later second as its time."""
    if os.name == "posix" and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(PermissionError):  # only root may give files away
            os.chown(new, old.st_uid, old.st_gid)
    # Bytecode is taken for current when size and whole second of the source agree with it.
    modified = max(time.time_ns(), (old.st_mtime_ns // 10**9 + 1) * 10**9)
    os.utime(new, ns=(modified, modified))


def set_mode(target: Path, mode: int) -> None:
    if stat.S_IMODE(target.stat().st_mode) != mode:
        os.chmod(target, mode)


def write_synced(path: Path, data: bytes) -> None:
    """Writes a file through to the disk; a link in its place is refused, not followed."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags, 0o600), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sync_folder(folder: Path) -> None:
    """Makes renames in a folder last through a power cut, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path, *, timeout_s: float) -> Iterator[None]:
    """Holds the lock of a file while inside; `TimeoutError` when another process keeps it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _wait_for_lock(handle, time.monotonic() + timeout_s)
        yield
    finally:
        os.close(handle)  # gives the lock back, as the end of the process does


def _wait_for_lock(handle: int, deadline: float) -> None:
    while True:
        try:
            return _try_lock(handle)
        except (BlockingIOError, PermissionError):  # the second is how Windows says it
            if time.monotonic() > deadline:
                raise TimeoutError from None
            time.sleep(0.02)


def reason(error: OSError) -> str:
    """What failed and where, in a few words."""
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)
