"""System calls on the mounts of this process (Linux 5.12 on), through ctypes. OSError where they fail."""

from __future__ import annotations

import ctypes
import os
import struct
from functools import cache

NEW_MOUNTS, NEW_USERS = 0x00020000, 0x10000000  # of unshare
BIND, RECURSIVE, PRIVATE = 4096, 16384, 1 << 18  # of mount
_DETACH = 2
_READ_ONLY = 1
_AT_RECURSIVE = 0x8000
_AT_CWD = -100
_MOUNT_SETATTR = 442  # system call, the same on all machines


@cache
def libc() -> ctypes.CDLL:
    """The C library, which keeps its errors for this thread."""
    return ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Gives this process namespaces of its own, copies of those it had."""
    _check(libc().unshare(flags), "unshare")


def mount(
    source: str | None, target: str, *, kind: str | None = None, flags: int = 0, data: str = ""
) -> None:
    """Mounts a file system, or with `BIND` a folder, at ``target``."""
    arguments = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    result = libc().mount(*arguments, ctypes.c_ulong(flags), os.fsencode(data) or None)
    _check(result, f"mount {target}")


def unmount(target: str) -> None:
    """Takes away the topmost mount at ``target``, though files there may be open."""
    _check(libc().umount2(os.fsencode(target), _DETACH), f"umount {target}")


def set_read_only(path: str, *, recursive: bool, off: bool = False) -> None:
    """Makes a mount read-only, or writable with ``off``."""
    words = (0, _READ_ONLY) if off else (_READ_ONLY, 0)
    attributes = struct.pack("4Q", *words, 0, 0)
    result = libc().syscall(
        ctypes.c_long(_MOUNT_SETATTR),
        ctypes.c_int(_AT_CWD),
        os.fsencode(path),
        ctypes.c_uint(_AT_RECURSIVE if recursive else 0),
        attributes,
        ctypes.c_size_t(len(attributes)),
    )
    _check(result, f"mount_setattr {path}")


def mounts_below(path: str, folder: str) -> list[str]:
    """What is mounted inside of a folder, outermost first, without what lies in our own ``folder``."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            place = line.split(" ")[4].encode("utf-8", "surrogateescape")
            place = place.decode("unicode_escape").encode("latin-1") if b"\\" in place else place
            mounted = os.fsdecode(place)
            own = mounted == folder or mounted.startswith(f"{folder}/")
            if mounted.startswith(f"{path}/") and not own and mounted not in found:
                found.append(mounted)
    return sorted(found)


def _check(result: int, what: str) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)
