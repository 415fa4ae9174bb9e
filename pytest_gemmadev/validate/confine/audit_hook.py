"""An audit hook that refuses, before it happens, what reaches outside the places of a run.

Under Landlock and private mounts it is the second fence, and the one that can name the call. Alone
it covers what Python code does through the interpreter: files, folders, processes, connections,
SQLite. Alone it does not cover what extension modules write by themselves (``dbm.gnu``, HDF5) and
what a process that may be started does; so processes are refused that the unchanged code does not
start, and functions of the C library that write.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from pytest_gemmadev.validate.confine import landlock
from pytest_gemmadev.validate.confine.places import (
    ANYTHING,
    OPENED,
    SHARED_MEMORY,
    STARTED,
    Level,
    Places,
    command_key,
    confines,
    inside,
)

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_DEVICES = frozenset(
    {"/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/stdout", "/dev/stderr", os.devnull}
)
_LOOPBACK = frozenset({"", "localhost", "ip6-localhost", "localhost.localdomain", "::1", "::"})
_SCOPES = 6  # version of Landlock that keeps from abstract sockets of others
_LOGS = "/dev/log"  # the system's log, which takes anything
_FUNCTIONS = frozenset(  # of the C library and of Windows
    name
    for line in (
        "unlink unlinkat remove rmdir rename renameat renameat2 open open64 openat creat fopen",
        "truncate ftruncate link linkat symlink mkdir mkdirat chmod fchmodat chown lchown fchownat",
        "system popen execv execve execvp fork vfork posix_spawn posix_spawnp kill killpg",
        "connect sendto syscall DeleteFileW DeleteFileA RemoveDirectoryW MoveFileW MoveFileExW",
        "CopyFileW CreateFileW TerminateProcess",
    )
    for name in line.split()
)
_MESSAGE = "refused while a patch is tried: it is outside the places of this run"


class Guard:
    """Knows what is to be refused; see `install`."""

    def __init__(self, places: Places, refused: Callable[[str, str], None]) -> None:
        """``refused`` is told path and call of each refusal."""
        self.places = places  # others, where another run begins in this process
        self._refused = refused
        self._confined = confines(places.level)
        self._made: set[str] = set()  # in shared memory
        self._bound: set[str] = set()  # abstract sockets
        self._holds_abstract = self._confined and landlock.version() >= _SCOPES
        self.checks: dict[str, Callable[..., None]] = {
            "open": self._open,
            "os.remove": self._remove,
            "os.rmdir": self._remove,
            "shutil.rmtree": self._remove,
            "os.rename": self._rename,
            "os.link": self._link,
            "os.symlink": self._symlink,
            "os.mkdir": self._mkdir,
            "os.truncate": self._change,
            "os.chmod": self._change_at,
            "os.chown": self._change_at,
            "os.utime": self._change_at,
            "os.setxattr": self._change,
            "os.removexattr": self._change,
            "os.chflags": self._change,
            "os.kill": self._kill,
            "os.killpg": self._kill,
            "socket.bind": self._bind,
            "socket.connect": self._connect,
            "socket.sendto": self._connect,
            "socket.sendmsg": self._connect,
            "webbrowser.open": self._never,
            "os.startfile": self._never,
        }
        if self._confined:
            self.checks["sqlite3.connect"] = self._note_database
        else:
            self.checks |= {
                "sqlite3.connect": self._database,
                "subprocess.Popen": self._process,
                "os.system": self._shell,
                "os.exec": self._process,
                "os.spawn": self._spawn,
                "os.posix_spawn": self._process,
                "ctypes.dlsym": self._function,
                "winreg.SetValue": self._never,
                "winreg.DeleteKey": self._never,
                "winreg.DeleteValue": self._never,
            }

    # --- files -----------------------------------------------------------------------------------

    def _open(self, event: str, path: Any, mode: Any = None, flags: Any = 0, *_: Any) -> None:
        if isinstance(flags, int) and flags & _WRITING and not isinstance(path, int):
            creates = bool(flags & os.O_CREAT and flags & os.O_EXCL)
            shown = f"open(…, {mode!r})" if isinstance(mode, str) else "os.open"
            self._alter(shown, path, creates=creates)

    def _remove(self, event: str, path: Any, dir_fd: Any = None, *_: Any) -> None:
        self._alter(event, path, dir_fd, follow=False, must_exist=True)

    def _rename(self, event: str, old: Any, new: Any, old_fd: Any = -1, new_fd: Any = -1) -> None:
        self._alter(event, old, old_fd, follow=False, must_exist=True)
        self._alter(event, new, new_fd, follow=False)

    def _link(self, event: str, old: Any, new: Any, old_fd: Any = -1, new_fd: Any = -1) -> None:
        self._alter(event, new, new_fd, follow=False, creates=True)
        if not self._confined:  # writing to the new name would write to the old one
            self._alter(event, old, old_fd, must_exist=True)

    def _symlink(self, event: str, _old: Any, new: Any, dir_fd: Any = -1) -> None:
        self._alter(event, new, dir_fd, follow=False, creates=True)

    def _mkdir(self, event: str, path: Any, _mode: Any = 0, dir_fd: Any = -1) -> None:
        self._alter(event, path, dir_fd, follow=False, creates=True)

    def _change(self, event: str, path: Any, *_: Any) -> None:
        self._alter(event, path, must_exist=True)

    def _change_at(self, event: str, path: Any, *rest: Any) -> None:
        dir_fd = rest[-1] if rest and isinstance(rest[-1], int) else -1
        self._alter(event, path, dir_fd, must_exist=True)

    def _alter(
        self,
        call: str,
        path: Any,
        dir_fd: Any = -1,
        *,
        follow: bool = True,
        must_exist: bool = False,
        creates: bool = False,
    ) -> None:
        """Refuses to alter what is there, unless it is the run's own.

        Where the call fails by itself it is let through: with ``must_exist`` where nothing is there,
        with ``creates`` where something is.
        """
        if isinstance(path, int):  # a descriptor, which was opened before
            return
        real = _real(path, dir_fd, follow=follow)
        if real is None or real in _DEVICES or inside(real, self.places.free):
            return
        there = os.path.lexists(real)
        if inside(real, [SHARED_MEMORY]) and (not there or real in self._made):
            self._made.add(real)  # a name that nobody has yet
            return
        if (must_exist and not there) or (creates and there):
            return
        for zone in self.places.zones:
            if inside(real, [zone.path]):
                if ANYTHING in self.places.allowed:
                    self._refused(real, OPENED)  # not refused: told, so that it is known
                    return
                if inside(real, self.places.allowed):
                    return
                if os.path.lexists(zone.lower + real[len(zone.path) :]):
                    break
                return
        self._refuse(real, call)

    # --- processes -------------------------------------------------------------------------------

    def _kill(self, event: str, pid: int, number: int) -> None:
        if number == 0 or not hasattr(os, "getsid"):
            return
        if pid in (0, os.getpid()) or (event == "os.killpg" and pid == os.getpgrp()):
            return
        if not _is_ours(abs(pid)):
            self._refuse(f"process {pid}", event)

    def _shell(self, event: str, command: Any) -> None:
        self._process(event, "sh", ["sh", command])

    def _spawn(self, event: str, _mode: Any, path: Any, args: Any, *_: Any) -> None:
        self._process(event, path, args)

    def _process(self, event: str, executable: Any, args: Any, *_: Any) -> None:
        words = [executable, args] if isinstance(args, (str, bytes)) else list(args or [])
        first = words[0] if executable is None and words else executable
        key = command_key(first, words)
        if ANYTHING in self.places.commands:
            self._refused(key, STARTED)  # not refused: told, so that it is known
        elif key not in self.places.commands:
            self._refuse(str(first), event)

    def _function(self, event: str, _library: Any, name: Any) -> None:
        if name in _FUNCTIONS:
            self._refuse(str(name), event)

    # --- others ----------------------------------------------------------------------------------

    def _bind(self, _event: str, _sock: Any, address: Any) -> None:
        if isinstance(address, (str, bytes)):
            self._bound.add(os.fsdecode(address))

    def _connect(self, event: str, sock: Any, address: Any) -> None:
        if isinstance(address, (str, bytes)):
            name = os.fsdecode(address)
            if not name or name == _LOGS:
                return
            if name.startswith("\0"):
                if name not in self._bound and not self._holds_abstract:
                    self._refuse(f"@{name[1:]}", event)
                return
            real = _real(name, -1, follow=True)
            if real is None or inside(real, self.places.free) or not os.path.exists(real):
                return
            for zone in self.places.zones:
                if inside(real, [zone.path]):
                    if os.path.lexists(zone.lower + real[len(zone.path) :]):
                        break
                    return
            self._refuse(real, event)
        elif isinstance(address, tuple) and address and isinstance(address[0], (str, bytes)):
            if getattr(sock, "family", None) not in (socket.AF_INET, socket.AF_INET6):
                return
            host = os.fsdecode(address[0])
            if not _is_loopback(host):
                self._refuse(f"{host}:{address[1] if len(address) > 1 else ''}", event)

    def _note_database(self, event: str, database: Any, *_: Any) -> None:
        """What the unchanged code opens it may change, though it may fail before it does.

        Others may open a database: to read, or to change their private copy, which is seen there.
        """
        if ANYTHING in self.places.allowed:
            self._database(event, database)

    def _database(self, event: str, database: Any, *_: Any) -> None:
        try:
            name = os.fsdecode(database)
        except TypeError:
            return
        if name.startswith("file:"):
            name, _mark, query = name[5:].partition("?")
            if "mode=ro" in query or "mode=memory" in query or "immutable=1" in query:
                return
            name = name[2:] if name.startswith("//") else name
        if name and ":memory:" not in name:
            self._alter(event, name)

    def _never(self, event: str, *args: Any) -> None:
        self._refuse(str(args[0]) if args else "", event)

    def _refuse(self, path: str, call: str) -> None:
        self._refused(path, call)
        raise PermissionError(errno.EACCES, _MESSAGE, path)


def install(places: Places, refused: Callable[[str, str], None]) -> Guard | None:
    """Puts the hook in for the rest of this process's life; None where nothing is to be refused."""
    if places.level is Level.NONE:
        return None
    guard = Guard(places, refused)
    check_of = guard.checks.get

    def hook(event: str, args: tuple[Any, ...]) -> None:  # called a hundred times by one quick test
        check = check_of(event)
        if check is not None:
            check(event, *args)

    sys.addaudithook(hook)
    return guard


def _real(path: Any, dir_fd: Any, *, follow: bool) -> str | None:
    """Where a path leads; None where that cannot be said, and the call fails by itself."""
    try:
        name = os.fsdecode(path)
        if isinstance(dir_fd, int) and dir_fd >= 0 and not os.path.isabs(name):
            name = os.path.join(_path_of(dir_fd), name)
        if follow:
            return os.path.realpath(name)
        folder, last = os.path.split(os.path.abspath(name))
        return os.path.join(os.path.realpath(folder), last)
    except (TypeError, ValueError, OSError):
        return None


def _path_of(descriptor: int) -> str:
    if sys.platform == "darwin":
        import fcntl

        told = fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024))
        return os.fsdecode(told.rstrip(b"\0"))
    return os.readlink(f"/proc/self/fd/{descriptor}")


def _is_loopback(host: str) -> bool:
    plain = host.lower().partition("%")[0].removeprefix("::ffff:")
    if plain in _LOOPBACK or plain.startswith("127.") or plain == "0.0.0.0":
        return True
    return plain == socket.gethostname().lower()


def _is_ours(pid: int) -> bool:
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
