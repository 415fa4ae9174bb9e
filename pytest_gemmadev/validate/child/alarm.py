"""A limit on the time of one test, kept from within so that the frames of what hangs are seen."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

import pytest


@contextlib.contextmanager
def alarm(limit_s: float) -> Iterator[list[float]]:
    """Fails a test when it takes longer than ``limit_s``; 0 is no limit.

    It yields a list that is empty until the alarm rings. A test or plugin that sets an alarm of its
    own replaces this one, and code that blocks the signal does not hear it: for both there is the
    watch over the process. Does nothing where the system has no such signal.
    """
    rings: list[float] = []

    def ring(_signum: int, _frame: FrameType | None) -> None:
        rings.append(limit_s)
        # Not an Exception: the code that hangs may catch those.
        raise pytest.fail.Exception(f"Timeout (>{limit_s:.1f}s): the test did not end")

    if limit_s <= 0 or not hasattr(signal, "setitimer"):
        yield rings
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield rings
    finally:
        if signal.getsignal(signal.SIGALRM) is ring:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
