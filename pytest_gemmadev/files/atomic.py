"""Exchanges files in one step and keeps other processes out meanwhile."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


SPARE = ".old"  # suffix of the name that a file has while it is exchanged in several steps
_CANNOT_SWAP = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM, errno.EOPNOTSUPP)
_TRIES = 100


def write_fresh(fresh: Path, data: bytes, *, like: Path, mode: int) -> None:
    """Makes a file that may take the place of ``like``, whole or not at all under its name."""
    part = fresh.with_suffix(".part")
    write_synced(part, data)
    with suppress(FileNotFoundError):
        _liken(part, like.stat())
    os.chmod(part, mode)
    os.replace(part, fresh)


def swap(fresh: Path, target: Path) -> None:
    """Gives two files each other's names, so that nothing that either held is lost.

    In one step on Linux and macOS. Where the file system cannot, ``target`` gets a second name
    first and is replaced right after it was found to be the same file still; killed in between, its
    old self lies beside ``fresh`` with the suffix `SPARE`.
    """
    sys.audit("os.rename", fresh, target, -1, -1)
    exchange = _exchange()
    if exchange is not None:
        number = exchange(os.fsencode(fresh), os.fsencode(target))
        if number == 0:
            return
        if number not in _CANNOT_SWAP:
            raise OSError(number, os.strerror(number), str(target))
    spare = fresh.with_suffix(SPARE)
    for _ in range(_TRIES):
        _name_again(target, spare)
        if _is_same(spare, target):
            break
    os.replace(fresh, target)
    os.replace(spare, fresh)


def _name_again(target: Path, spare: Path) -> None:
    spare.unlink(missing_ok=True)
    try:
        os.link(target, spare)
    except FileNotFoundError:
        raise
    except OSError:  # no such links there
        shutil.copy2(target, spare)


def _is_same(spare: Path, target: Path) -> bool:
    """True as well for a copy with the content, where a file can have one name only."""
    try:
        return spare.samefile(target) or spare.read_bytes() == target.read_bytes()
    except FileNotFoundError:
        return False


@cache
def _exchange() -> Callable[[bytes, bytes], int] | None:
    """The system's call that exchanges two names: 0, or the number of the error."""
    import ctypes  # takes its time, and most runs write nothing

    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if sys.platform == "darwin":
            call = libc.renamex_np
            call.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_uint]
        elif sys.platform == "linux":
            call = libc.renameat2
            at = (ctypes.c_int, ctypes.c_char_p)
            call.argtypes = (*at, *at, ctypes.c_uint)
        else:
            return None
    except (OSError, AttributeError, TypeError):  # a C library without it
        return None
    call.restype = ctypes.c_int
    swapping, here = 2, -100  # RENAME_SWAP as RENAME_EXCHANGE; AT_FDCWD

    def exchange(one: bytes, other: bytes) -> int:
        if sys.platform == "darwin":
            failed = call(one, other, swapping)
        else:
            failed = call(here, one, here, other, swapping)
        return ctypes.get_errno() if failed else 0

    return exchange


def place(fresh: Path, target: Path) -> None:
    """Gives ``fresh`` a name that is free; `FileExistsError` where it is not."""
    try:
        os.link(fresh, target)
    except FileExistsError:
        raise
    except OSError:  # no such links there
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        os.rename(fresh, target)
    else:
        fresh.unlink()


def _liken(new: Path, old: os.stat_result) -> None:
    """Gives a new file the owner of the old one, and a later second as its time."""
    if os.name == "posix" and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(PermissionError):  # only root may give files away
            os.chown(new, old.st_uid, old.st_gid)
    age(new, after=old)


def age(file: Path, *, after: os.stat_result) -> None:
    """Gives a file a later second than that of what it takes the place of."""
    # Bytecode is taken for current when size and whole second of the source agree with it.
    modified = max(time.time_ns(), (after.st_mtime_ns // 10**9 + 1) * 10**9)
    with suppress(PermissionError):  # an old file that is somebody else's
        os.utime(file, ns=(modified, modified))


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
def locked(path: Path, *, timeout_s: float, interrupted: Callable[[], bool]) -> Iterator[None]:
    """Holds the lock of a file while inside; `TimeoutError` when another process keeps it.

    `KeyboardInterrupt` when ``interrupted`` while it waits.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _wait_for_lock(handle, time.monotonic() + timeout_s, interrupted)
        yield
    finally:
        os.close(handle)  # gives the lock back, as the end of the process does


def _wait_for_lock(handle: int, deadline: float, interrupted: Callable[[], bool]) -> None:
    while True:
        if interrupted():
            raise KeyboardInterrupt
        try:
            return _try_lock(handle)
        except (BlockingIOError, PermissionError):  # the second is how Windows says it
            if time.monotonic() > deadline:
                raise TimeoutError from None
            time.sleep(0.02)


def reason(error: OSError) -> str:
    """What failed and where, in a few words."""
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)
