"""Rights of a process over the whole system (Linux capabilities): kept over exec, and given up."""

from __future__ import annotations

import ctypes
import struct

from pytest_gemmadev.validate.confine.mounts import libc

_CAPSET_VERSION = 0x20080522
_NO_NEW_PRIVILEGES, _AMBIENT, _RAISE, _CLEAR = 38, 47, 2, 4  # of prctl
_MOUNT = 21
_NEEDED = (_MOUNT, 27, 0, 1)  # to mount, to make the marks of what was removed, to own, to read


def keep_rights_over_exec() -> None:
    """Lets the program that this process becomes make mounts, where a user's namespace gives the right."""
    header = struct.pack("Ii", _CAPSET_VERSION, 0)
    found = ctypes.create_string_buffer(24)
    if libc().capget(header, found):
        return
    low_e, low_p, _, high_e, high_p, _ = struct.unpack("6I", found.raw)
    libc().capset(header, struct.pack("6I", low_e, low_p, low_p, high_e, high_p, high_p))
    for right in _NEEDED:
        libc().prctl(_AMBIENT, _RAISE, right, 0, 0)


def drop_rights(*, all_of_them: bool) -> None:
    """Gives up the right to change mounts for good, or all that a user's namespace has given."""
    libc().prctl(_AMBIENT, _CLEAR, 0, 0, 0)
    libc().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    header = struct.pack("Ii", _CAPSET_VERSION, 0)
    found = ctypes.create_string_buffer(24)
    if libc().capget(header, found):
        return
    keep = 0 if all_of_them else ~(1 << _MOUNT) & 0xFFFFFFFF
    high = 0 if all_of_them else 0xFFFFFFFF
    words = struct.unpack("6I", found.raw)
    kept = [word & (keep if index < 3 else high) for index, word in enumerate(words)]
    libc().capset(header, struct.pack("6I", *kept))
