"""Limits on what runs a candidate, and an end for everything it starts.

Covered: time, address space, size of single files, number of messages' bytes, core dumps,
children in the same process group anywhere, children that left it on Linux. What tests do to files,
to the network and to other processes is for `validate.confine`.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import select
import signal
import sys
import threading
import time
import warnings
from collections.abc import Collection
from dataclasses import dataclass, field

from pytest_gemmadev.validate.messages import Event, How, RunEndMessage
from pytest_gemmadev.validate.resources import ChildLimits
from pytest_gemmadev.validate.wire import Forged, Reader, read

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIMITS = ChildLimits()


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How a run ended, and what it said."""

    how: How
    status: int = 0  # as of waitpid, where it ended by itself
    messages: list[Event] = field(default_factory=list)
    seconds: float = 0.0
    changed: list[tuple[str, str]] = field(default_factory=list)
    # (path, how) of what was there before in the folders of which it had private copies
    is_spent: bool = False  # the process that ran it is not what it was, and has ended

    def to_message(self) -> RunEndMessage:
        """As a message; `RunEnd(**message)` reads it."""
        return {
            "how": self.how,
            "status": self.status,
            "messages": self.messages,
            "seconds": self.seconds,
            "changed": self.changed,
            "is_spent": self.is_spent,
        }


def adopt_orphans() -> None:
    """Makes processes whose parent dies below this one its children (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Ends this process when its parent ends (Linux)."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            _libc().prctl(option, value, 0, 0, 0)


def limit_process(*, memory_bytes: int, file_bytes: int, processes: int) -> None:
    """Limits this process and its children from here on, as far as the system can."""
    import resource

    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, file_bytes)
    if sys.platform == "linux":  # elsewhere the address space says little about memory
        with open("/proc/self/statm", encoding="ascii") as statm:
            pages = int(statm.read().split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + memory_bytes)
        if os.getuid():  # not enforced for root
            _lower(resource.RLIMIT_NPROC, count_user_threads() + processes)


_users_limits: dict[int, int] = {}  # soft limits that were there before ours, by resource


def _lower(which: int, value: int) -> None:
    import resource

    soft, hard = resource.getrlimit(which)
    theirs = _users_limits.setdefault(which, soft)
    known = [limit for limit in (value, theirs, hard) if limit != resource.RLIM_INFINITY]
    with contextlib.suppress(OSError, ValueError):
        # The soft limit only: a test may raise its own, as it may without us.
        resource.setrlimit(which, (min(known), hard))


@functools.cache
def count_user_threads() -> int:
    """Threads of this user at the first call: RLIMIT_NPROC counts them, wherever they run."""
    uid, count = os.getuid(), 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if os.stat(f"/proc/{name}").st_uid == uid:
                    count += len(os.listdir(f"/proc/{name}/task"))
    return count


def count_threads() -> int:
    """Threads of this process, with those of native libraries where the system lists them."""
    try:
        return max(len(os.listdir("/proc/self/task")), threading.active_count())
    except OSError:
        return threading.active_count()


def fork() -> int:
    """As ``os.fork``, without its warning about threads (3.12), which may be an error here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def children() -> set[int]:
    """Process ids of this process's children, adopted ones too (Linux; empty elsewhere)."""
    found: set[int] = set()
    with contextlib.suppress(OSError):
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/children", encoding="ascii") as file:
                found.update(int(pid) for pid in file.read().split())
    return found


def end_tree(pid: int, spare: Collection[int] = ()) -> int:
    """Ends a child, its group, and what of it became ours; the child's status, as of waitpid.

    ``spare`` are children that have nothing to do with it.
    """
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)
    status = 0
    with contextlib.suppress(ChildProcessError):
        status = os.waitpid(pid, 0)[1]
    while True:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if ended:
            continue
        left = children() - set(spare)
        if not left:
            return status
        for child in left:
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        for child in left:
            with contextlib.suppress(OSError):
                os.waitpid(child, 0)


@dataclass(slots=True)
class Watch:
    """Waits for one child's last message, then ends it and all it started."""

    pid: int
    pipe: int  # where the child writes; does not block
    token: bytes
    limit_s: float  # until the tests are collected, not counting time it waited for a processor
    tests_s: float  # from then on, and for each candidate where it tries several
    stall_s: float  # between two messages
    output_bytes: int
    control: int | None = None  # at its end nobody wants the result any more
    spare: Collection[int] = ()  # children that were there before
    messages: list[Event] = field(default_factory=list)
    _began_s: float = 0.0  # of what `_limit_s` is for
    _limit_s: float = 0.0
    _starved_before_s: float = 0.0

    def wait(self) -> RunEnd:
        """How it ended: ``done`` only where the last message says so."""
        began_s = spoke_s = self._began_s = time.monotonic()
        self._limit_s = self.limit_s
        reader = Reader(self.token, limit_bytes=self.output_bytes)
        poll = select.poll()
        poll.register(self.pipe, select.POLLIN)
        if self.control is not None:
            poll.register(self.control, select.POLLIN)
        how: How | None = None
        while how is None:
            events = poll.poll(1000 * _LIMITS.poll_s)
            if any(fd == self.control for fd, _ in events):
                how = "orphaned"
            elif events:
                how = self._read_events(reader)
                spoke_s = time.monotonic()
            elif _has_ended(self.pid):
                how = self._read_events(reader) or "died"
            how = how or self._check_clock(time.monotonic(), spoke_s)
        seconds = time.monotonic() - began_s
        return RunEnd(how, end_tree(self.pid, self.spare), self.messages, seconds)

    def _read_events(self, reader: Reader) -> How | None:
        """Reads what is there; how the run ended, if that ends it."""
        try:
            data = read(self.pipe)
        except BlockingIOError:
            return None
        if not data:
            return "died"
        try:
            events: list[Event] = reader.feed(data)
        except Forged:
            return "output"
        self.messages += events
        for event in events:
            if "done" in event:
                return "done"
            if "collected" in event or "tried" in event:
                self._began_s, self._limit_s = time.monotonic(), self.tests_s
                self._starved_before_s = _starved_s(self.pid)
        return None

    def _check_clock(self, now_s: float, spoke_s: float) -> How | None:
        """``timeout`` where a limit is over; the time without a processor is not counted."""
        elapsed_s = now_s - self._began_s
        if now_s - spoke_s > self.stall_s:
            return "timeout"
        if elapsed_s <= self._limit_s:
            return None
        waited_s = _starved_s(self.pid) - self._starved_before_s
        waited_s = min(waited_s, (_LIMITS.starved_ratio - 1) * self._limit_s)
        return "timeout" if elapsed_s - waited_s > self._limit_s else None


def _has_ended(pid: int) -> bool:
    """True when the child is gone, though something holds its pipe; leaves it to be reaped."""
    if not hasattr(os, "waitid"):
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _starved_s(pid: int) -> float:
    """Seconds that a process was ready to run and had no processor (Linux; 0 elsewhere)."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
