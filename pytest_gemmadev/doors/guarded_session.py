"""A session that a test cannot end: it runs in a child process, and this process waits for it.

A test that calls ``os._exit``, is killed or crashes the interpreter takes pytest with it, and nobody is
left to repair anything. Where repair is asked for, the process forks before the session begins. The child
runs the session, on the same terminal; the parent ends as the child did. Only where the child ends in the
middle of a test does the parent become a session of its own, which runs tests in other processes
(`doors.isolated_session`).

Linux only, where the child can be made to end with its parent; not under pytest-xdist, whose
controller outlives its workers, nor where another program calls pytest, nor beside threads.
"""

from __future__ import annotations

import faulthandler
import functools
import json
import mmap
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

import pytest

from pytest_gemmadev.capture.exceptions import is_installed
from pytest_gemmadev.capture.shapes import PlainFrame

# functions by which a process ends itself
_ENDS_RUN = ((os, "_exit"), (os, "abort"), (os, "kill"), (signal, "raise_signal"))
_HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
_LOOKS_S = 1.0  # between two looks at the child, in case no signal tells of its end
_NAME, _STACK, _SIZE = 8, 16_384, 65_536  # places in the shared memory
_DUMPED = re.compile(r'  File "(.+)", line (\d+) in (.+)')
_PR_SET_PDEATHSIG = 1


class Journal:
    """What the child notes while it runs, in memory that both processes share.

    It is memory and not a pipe because tests close file descriptors.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SIZE)
        self._dump = tempfile.TemporaryFile()  # noqa: SIM115  # open as long as the process
        self._pid = 0  # of the session; processes that it forks note nothing

    def begin(self) -> None:
        self._pid = os.getpid()

    def finish(self) -> None:
        """Notes that the session has ended by itself, whatever came of it."""
        if os.getpid() == self._pid:
            self._memory[0] = 1

    @property
    def is_finished(self) -> bool:
        return bool(self._memory[0])

    @property
    def nodeid(self) -> str:
        """The test that is running; empty between tests."""
        return self._read(_NAME).decode("utf-8", "surrogateescape")

    @property
    def frames(self) -> tuple[PlainFrame, ...]:
        """The stack from which the process ended itself, or of its crash."""
        noted = self._read(_STACK)
        if noted:
            return tuple(json.loads(noted))
        found: list[PlainFrame] = [
            {"path": path, "line": int(line), "function": function, "facts": []}
            for path, line, function in _DUMPED.findall(self.dumped)
            if not is_installed(path)
        ]
        return tuple(reversed(found))

    @property
    def dumped(self) -> str:
        """What faulthandler wrote of a crash, down to the frames of pytest."""
        self._dump.seek(0)
        text = self._dump.read().decode("utf-8", "replace")
        inner, outer, _rest = text.partition(f"{os.sep}_pytest{os.sep}")
        return inner.rpartition("\n")[0] if outer else inner

    def _read(self, place: int) -> bytes:
        size = int.from_bytes(self._memory[place : place + 4], "little")
        return self._memory[place + 4 : place + 4 + size]

    def _write(self, place: int, data: bytes, most: int) -> None:
        if os.getpid() == self._pid and len(data) <= most:
            self._memory[place + 4 : place + 4 + len(data)] = data
            self._memory[place : place + 4] = len(data).to_bytes(4, "little")

    # --- hooks of the session ----------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)  # after pytest's own, which enables it for stderr
    def pytest_sessionstart(self) -> None:
        faulthandler.enable(self._dump)
        for module, name in _ENDS_RUN:
            setattr(module, name, self._wrap(getattr(module, name)))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        for module, name in _ENDS_RUN:
            function = getattr(module, name)
            setattr(module, name, getattr(function, "__wrapped__", function))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._write(_NAME, nodeid.encode("utf-8", "surrogateescape"), _STACK - _NAME - 4)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self) -> None:
        self._write(_NAME, b"", 0)

    def _wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with a note of the stack from which it is called before each call."""

        @functools.wraps(function)
        def wrapped(*arguments: Any, **more: Any) -> Any:
            if self.nodeid and (len(arguments) < 2 or arguments[0] in (0, self._pid)):
                self._write(_STACK, _dump_stack(sys._getframe(1)), _SIZE - _STACK - 4)
            return function(*arguments, **more)

        return wrapped


def begin_guarded(config: pytest.Config) -> Journal | None:
    """Forks where it can. The child gets the journal, and calls `Journal.finish` at the session's end.

    The parent returns only to become a session that runs tests in other processes. None in that session,
    and where this process cannot fork.
    """
    if not _can_guard(config):
        return None
    journal = Journal()
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        _end_with(parent)
        journal.begin()
        config.pluginmanager.register(journal, "gemmadev-journal")
        return journal
    status, is_cancelled = _wait(child)
    if journal.is_finished or is_cancelled or not journal.nodeid:
        _end_as(status)
    from pytest_gemmadev.doors.isolated_session import Death, Isolated

    how = (
        f"was ended by {signal.Signals(os.WTERMSIG(status)).name}"
        if os.WIFSIGNALED(status)
        else f"exited with status {os.waitstatus_to_exitcode(status)}"
    )
    death = Death(journal.nodeid, how, journal.frames)
    config.pluginmanager.register(Isolated(death, journal.dumped), "gemmadev-isolated")
    return None


def _can_guard(config: pytest.Config) -> bool:
    options = config.option
    distributed = any(getattr(options, name, None) for name in ("numprocesses", "tx"))
    if sys.platform != "linux" or distributed or getattr(options, "dist", "no") != "no":
        return False
    if "PYTEST_XDIST_WORKER" in os.environ or len(os.listdir("/proc/self/task")) > 1:
        return False
    # A program that calls pytest goes on after it: two processes would.
    frame: FrameType | None = sys._getframe()
    while frame is not None and "console_main" not in frame.f_code.co_name:
        frame = frame.f_back
    return frame is not None and frame.f_globals.get("__name__") == "_pytest.config"


def _end_with(parent: int) -> None:
    """Has this process killed when its parent is."""
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has ended before that
        os._exit(1)


def _wait(child: int) -> tuple[int, bool]:
    """The status with which the child ended, and whether a signal had asked for that."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    is_cancelled = False
    try:
        while True:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                return status, is_cancelled
            heard = signal.sigtimedwait(_HEARD, _LOOKS_S)
            if heard is None or heard.si_signo == signal.SIGCHLD:
                continue
            is_cancelled = True
            # A terminal sends it to both, another process to this one.
            if heard.si_signo != signal.SIGINT or heard.si_code <= 0:
                os.kill(child, heard.si_signo)
    finally:
        while signal.sigtimedwait(_HEARD, 0) is not None:
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_as(status: int) -> NoReturn:
    """Ends this process as another one did; runs nothing that was registered for its end."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _dump_stack(frame: FrameType | None) -> bytes:
    found: list[dict[str, Any]] = []
    while frame is not None:
        code = frame.f_code
        if not is_installed(code.co_filename):
            row = {"path": code.co_filename, "line": frame.f_lineno, "function": code.co_name}
            found.append({**row, "facts": []})
        frame = frame.f_back
    return json.dumps(found[::-1]).encode()
