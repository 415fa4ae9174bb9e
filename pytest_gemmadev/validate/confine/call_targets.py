"""What a call reaches for: the file behind a path, and whether a host or process is the run's own."""

from __future__ import annotations

import os
import socket
import sys
from typing import Any

_LOOPBACK = frozenset({"", "localhost", "ip6-localhost", "localhost.localdomain", "::1", "::"})


def resolve(path: Any, dir_fd: Any, *, follow: bool) -> str | None:
    """Where a path leads, relative to ``dir_fd``; None where that is unclear, and the call fails by itself.

    ``follow`` is for calls that follow a link at the end of the path.
    """
    try:
        name = os.fsdecode(path)
        if isinstance(dir_fd, int) and dir_fd >= 0 and not os.path.isabs(name):
            name = os.path.join(_path_of_descriptor(dir_fd), name)
        if follow:
            return os.path.realpath(name)
        folder, last = os.path.split(os.path.abspath(name))
        return os.path.join(os.path.realpath(folder), last)
    except (TypeError, ValueError, OSError):
        return None


def _path_of_descriptor(descriptor: int) -> str:
    if sys.platform == "darwin":
        import fcntl

        path = fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024))
        return os.fsdecode(path.rstrip(b"\0"))
    return os.readlink(f"/proc/self/fd/{descriptor}")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by name or address."""
    plain = host.lower().partition("%")[0].removeprefix("::ffff:")
    if plain in _LOOPBACK or plain.startswith("127.") or plain == "0.0.0.0":
        return True
    return plain == socket.gethostname().lower()


def is_own_process(pid: int) -> bool:
    """Whether a process was started by this run: it has its session, or descends from this one."""
    try:
        if os.getsid(pid) == os.getsid(0):
            return True
    except OSError:
        return True  # it is not there
    seen = 0
    while pid > 1 and seen < 100:
        if pid == os.getpid():
            return True
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
                pid = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return False
        seen += 1
    return False
