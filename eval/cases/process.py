"""One command, run to its end or to a limit, with what it started.

Limits wall-clock time and output. Not a security boundary: the command runs as the user, and what
it moves into a session of its own outlives it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import IO, TypeVar

_POLL_S = 0.02
_GRACE_S = 5.0  # between the polite signal and the other one
_MAX_OUTPUT = 64 * 2**20  # bytes
_KEPT_OUTPUT = 20_000  # bytes, from the end


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended."""

    status: int  # exit status; negative for a signal, as subprocess has it
    output: str  # stdout and stderr together, the last part of it
    seconds: float
    peak_mb: float  # resident memory of its largest process, those it waited for included
    stopped: str = ""  # why it was ended from outside; empty where it ended by itself


def run_command(
    argv: Sequence[str],
    *,
    cwd: Path,
    timeout_s: float,
    environ: Mapping[str, str] | None = None,
    stop: Event | None = None,
) -> Finished:
    """Runs ``argv`` in its own session; ``stop`` ends it early, from another thread."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            argv,
            cwd=cwd,
            env=None if environ is None else dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            why = _watch(process, output, start + timeout_s, stop)
        except BaseException:
            _end(process)
            raise
        seconds = time.monotonic() - start
        peak = _end(process) if why else _reap(process)
        return Finished(
            status=process.returncode,
            output=_tail(output),
            seconds=seconds,
            peak_mb=round(peak / 1024, 1),
            stopped=why,
        )


def _watch(
    process: subprocess.Popen[bytes], output: IO[bytes], deadline: float, stop: Event | None
) -> str:
    """Returns when the process has ended, or with the reason why it has to."""
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() > deadline:
            return "timed out"
        if stop is not None and stop.is_set():
            return "interrupted"
        if os.fstat(output.fileno()).st_size > _MAX_OUTPUT:
            return "wrote too much output"
        time.sleep(_POLL_S)
    return ""


def _reap(process: subprocess.Popen[bytes]) -> int:
    """Peak resident memory in KiB; ends what is left of the group."""
    _signal(process, signal.SIGKILL)  # before the id is free for others
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss


def _end(process: subprocess.Popen[bytes]) -> int:
    _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_S
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            break
        time.sleep(_POLL_S)
    return _reap(process)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all of it has ended already
        os.killpg(process.pid, number)


def _tail(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - _KEPT_OUTPUT))
    return output.read().decode("utf-8", "replace")


_Item = TypeVar("_Item")


_Result = TypeVar("_Result")


def in_parallel(
    items: Sequence[_Item], work: Callable[[_Item, Event], _Result], *, jobs: int
) -> Iterator[tuple[_Item, _Result]]:
    """(item, result) as they finish, ``jobs`` at a time; what runs is told when the caller ends."""
    stop = Event()
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        try:
            futures = {pool.submit(work, item, stop): item for item in items}
            for future in as_completed(futures):
                yield futures.pop(future), future.result()
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
