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
from typing import Any, NoReturn, TypeAlias

from pytest_gemmadev.validate.confine import landlock
from pytest_gemmadev.validate.confine.call_targets import is_loopback, is_own_process, resolve
from pytest_gemmadev.validate.confine.places import (
    ANYTHING,
    OPENED,
    SHARED_MEMORY,
    STARTED,
    Level,
    Places,
    command_key,
    confines,
    is_inside,
)

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_DEVICES = frozenset(
    {"/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/stdout", "/dev/stderr", os.devnull}
)
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


Args: TypeAlias = tuple[Any, ...]  # what an audit event is raised with
Check: TypeAlias = Callable[[str, Args], None]


class Guard:
    """Knows what is to be refused; see `install`."""

    def __init__(self, places: Places, report: Callable[[str, str], None]) -> None:
        """``report`` is called with path and call of each refusal."""
        self.places = places  # others, where another run begins in this process
        self._report = report
        self._confined = confines(places.level)
        self._made: set[str] = set()  # in shared memory
        self._bound: set[str] = set()  # abstract sockets
        self._holds_abstract = self._confined and landlock.version() >= _SCOPES
        self.checks: dict[str, Check] = self._common_checks()
        if self._confined:
            self.checks["sqlite3.connect"] = self._check_known_database
        else:
            self.checks |= self._checks_without_system()

    def _common_checks(self) -> dict[str, Check]:
        return {
            "open": self._check_open,
            "os.remove": self._check_removal,
            "os.rmdir": self._check_removal,
            "shutil.rmtree": self._check_removal,
            "os.rename": self._check_rename,
            "os.link": self._check_link,
            "os.symlink": self._check_symlink,
            "os.mkdir": self._check_mkdir,
            "os.truncate": self._check_change,
            "os.chmod": self._check_change_at,
            "os.chown": self._check_change_at,
            "os.utime": self._check_change_at,
            "os.setxattr": self._check_change,
            "os.removexattr": self._check_change,
            "os.chflags": self._check_change,
            "os.kill": self._check_signal,
            "os.killpg": self._check_signal,
            "socket.bind": self._remember_binding,
            "socket.connect": self._check_connection,
            "socket.sendto": self._check_connection,
            "socket.sendmsg": self._check_connection,
            "webbrowser.open": self._refuse_all,
            "os.startfile": self._refuse_all,
        }

    def _checks_without_system(self) -> dict[str, Check]:
        """Further checks for where the system itself does not confine the run."""
        return {
            "sqlite3.connect": self._check_database,
            "subprocess.Popen": self._check_command,
            "os.system": self._check_shell,
            "os.exec": self._check_command,
            "os.spawn": self._check_spawn,
            "os.posix_spawn": self._check_command,
            "ctypes.dlsym": self._check_function,
            "winreg.SetValue": self._refuse_all,
            "winreg.DeleteKey": self._refuse_all,
            "winreg.DeleteValue": self._refuse_all,
        }

    # --- files -----------------------------------------------------------------------------------

    def _check_open(self, _event: str, args: Args) -> None:
        path, mode, flags = args[0], _nth(args, 1, None), _nth(args, 2, 0)
        if isinstance(flags, int) and flags & _WRITING and not isinstance(path, int):
            creates = bool(flags & os.O_CREAT and flags & os.O_EXCL)
            shown = f"open(…, {mode!r})" if isinstance(mode, str) else "os.open"
            self._check_path(shown, path, creates=creates)

    def _check_removal(self, event: str, args: Args) -> None:
        self._check_path(event, args[0], _nth(args, 1, None), follow=False, must_exist=True)

    def _check_rename(self, event: str, args: Args) -> None:
        self._check_path(event, args[0], _nth(args, 2, -1), follow=False, must_exist=True)
        self._check_path(event, args[1], _nth(args, 3, -1), follow=False)

    def _check_link(self, event: str, args: Args) -> None:
        self._check_path(event, args[1], _nth(args, 3, -1), follow=False, creates=True)
        if not self._confined:  # writing to the new name would write to the old one
            self._check_path(event, args[0], _nth(args, 2, -1), must_exist=True)

    def _check_symlink(self, event: str, args: Args) -> None:
        self._check_path(event, args[1], _nth(args, 2, -1), follow=False, creates=True)

    def _check_mkdir(self, event: str, args: Args) -> None:
        self._check_path(event, args[0], _nth(args, 2, -1), follow=False, creates=True)

    def _check_change(self, event: str, args: Args) -> None:
        self._check_path(event, args[0], must_exist=True)

    def _check_change_at(self, event: str, args: Args) -> None:
        path, *rest = args
        dir_fd = rest[-1] if rest and isinstance(rest[-1], int) else -1
        self._check_path(event, path, dir_fd, must_exist=True)

    def _check_path(
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
        real = resolve(path, dir_fd, follow=follow)
        if real is None or real in _DEVICES or is_inside(real, self.places.free):
            return
        is_there = os.path.lexists(real)
        if is_inside(real, [SHARED_MEMORY]) and (not is_there or real in self._made):
            self._made.add(real)  # a name that nobody has yet
            return
        if (must_exist and not is_there) or (creates and is_there):
            return
        for zone in self.places.zones:
            if is_inside(real, [zone.path]):
                if ANYTHING in self.places.allowed:
                    self._report(real, OPENED)  # not refused: reported, so that it is learned
                    return
                if is_inside(real, self.places.allowed):
                    return
                if os.path.lexists(zone.lower + real[len(zone.path) :]):
                    break
                return
        self._refuse(real, call)

    # --- processes -------------------------------------------------------------------------------

    def _check_signal(self, event: str, args: Args) -> None:
        pid, number = args
        if number == 0 or not hasattr(os, "getsid"):
            return
        if pid in (0, os.getpid()) or (event == "os.killpg" and pid == os.getpgrp()):
            return
        if not is_own_process(abs(pid)):
            self._refuse(f"process {pid}", event)

    def _check_shell(self, event: str, args: Args) -> None:
        self._check_command(event, ("sh", ["sh", args[0]]))

    def _check_spawn(self, event: str, args: Args) -> None:
        self._check_command(event, args[1:])

    def _check_command(self, event: str, args: Args) -> None:
        executable, arguments = args[:2]
        is_line = isinstance(arguments, (str, bytes))
        words = [executable, arguments] if is_line else list(arguments or [])
        first = words[0] if executable is None and words else executable
        key = command_key(first, words)
        if ANYTHING in self.places.commands:
            self._report(key, STARTED)  # not refused: reported, so that it is learned
        elif key not in self.places.commands:
            self._refuse(str(first), event)

    def _check_function(self, event: str, args: Args) -> None:
        if args[1] in _FUNCTIONS:
            self._refuse(str(args[1]), event)

    # --- connections -----------------------------------------------------------------------------

    def _remember_binding(self, _event: str, args: Args) -> None:
        if isinstance(args[1], (str, bytes)):
            self._bound.add(os.fsdecode(args[1]))

    def _check_connection(self, event: str, args: Args) -> None:
        sock, address = args
        if isinstance(address, (str, bytes)):
            self._check_local_socket(event, os.fsdecode(address))
        elif isinstance(address, tuple) and address and isinstance(address[0], (str, bytes)):
            if getattr(sock, "family", None) not in (socket.AF_INET, socket.AF_INET6):
                return
            host = os.fsdecode(address[0])
            if not is_loopback(host):
                self._refuse(f"{host}:{address[1] if len(address) > 1 else ''}", event)

    def _check_local_socket(self, event: str, name: str) -> None:
        if not name or name == _LOGS:
            return
        if name.startswith("\0"):
            if name not in self._bound and not self._holds_abstract:
                self._refuse(f"@{name[1:]}", event)
            return
        real = resolve(name, -1, follow=True)
        if real is None or is_inside(real, self.places.free) or not os.path.exists(real):
            return
        for zone in self.places.zones:
            if is_inside(real, [zone.path]):
                if os.path.lexists(zone.lower + real[len(zone.path) :]):
                    break
                return
        self._refuse(real, event)

    # --- others ----------------------------------------------------------------------------------

    def _check_known_database(self, event: str, args: Args) -> None:
        """Reports what the unchanged code opens, for it may change that, or fail before it does.

        Others may open a database: to read, or to change their private copy, which is seen there.
        """
        if ANYTHING in self.places.allowed:
            self._check_database(event, args)

    def _check_database(self, event: str, args: Args) -> None:
        try:
            name = os.fsdecode(args[0])
        except TypeError:
            return
        if name.startswith("file:"):
            name, _mark, query = name[5:].partition("?")
            if "mode=ro" in query or "mode=memory" in query or "immutable=1" in query:
                return
            name = name[2:] if name.startswith("//") else name
        if name and ":memory:" not in name:
            self._check_path(event, name)

    def _refuse_all(self, event: str, args: Args) -> None:
        self._refuse(str(args[0]) if args else "", event)

    def _refuse(self, path: str, call: str) -> NoReturn:
        self._report(path, call)
        raise PermissionError(errno.EACCES, _MESSAGE, path)


def install(places: Places, report: Callable[[str, str], None]) -> Guard | None:
    """Puts the hook in for the rest of this process's life; None where nothing is to be refused."""
    if places.level is Level.NONE:
        return None
    guard = Guard(places, report)
    check_of = guard.checks.get

    def hook(event: str, args: Args) -> None:  # called a hundred times by one quick test
        check = check_of(event)
        if check is not None:
            check(event, args)

    sys.addaudithook(hook)
    return guard


def _nth(args: Args, place: int, default: object) -> Any:
    return args[place] if place < len(args) else default
