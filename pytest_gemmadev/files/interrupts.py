"""Ctrl-C: noted where it could be lost, put off where it would tear something.

Python raises `KeyboardInterrupt` wherever the main thread happens to be, and whoever catches it there
decides: a destructor swallows it, pytest drops it while it formats an interruption. `Interrupts`
remembers it, and whoever is about to start or to write something asks. Does not cover what goes on
while the handler is lent to code that catches the interrupt itself, nor threads: Python gives
signals to the main thread only.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

_Handler = Callable[[int, "FrameType | None"], Any]


class Interrupts:
    """Notes every Ctrl-C between `start` and `stop`, and passes it on to the handler from before."""

    def __init__(self) -> None:
        self.noted = False
        self._before: _Handler | None = None  # None: nothing is watched
        self._spared = 0  # interrupts that are noted and not passed on

    def start(self) -> None:
        """Watches, where this is the main thread and Ctrl-C would raise something."""
        before = _handler()
        if callable(before) and before != self._note:
            self._before = before
            signal.signal(signal.SIGINT, self._note)

    def stop(self) -> None:
        """Gives the handler back, unless somebody else has put another one there."""
        if self._before is not None and _handler() == self._note:
            signal.signal(signal.SIGINT, self._before)
        self._before = None

    def __enter__(self) -> Interrupts:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Inside, the handler is the one from before: tests find Python as they expect it."""
        watched = self._before is not None
        self.stop()
        try:
            yield
        except KeyboardInterrupt:
            self.noted = True
            raise
        finally:
            if watched:
                self.start()

    @contextmanager
    def sparing_one(self) -> Iterator[None]:
        """Inside, the first Ctrl-C is noted only; the next one is raised as ever."""
        self._spared = 1
        try:
            yield
        finally:
            self._spared = 0

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.noted = True
        if self._spared:
            self._spared -= 1
        elif self._before is not None:
            self._before(number, frame)


@dataclass(slots=True)
class Held:
    """Whether Ctrl-C was pressed meanwhile."""

    noted: bool = False


@contextmanager
def uninterrupted() -> Iterator[Held]:
    """Inside, Ctrl-C is put off; it takes effect at the end. For what is short and must be whole."""
    held = Held()
    before = _handler()
    if before is None or before == signal.SIG_IGN:
        yield held
        return

    def hold(_number: int, _frame: FrameType | None) -> None:
        held.noted = True

    signal.signal(signal.SIGINT, hold)
    try:
        yield held
    finally:
        signal.signal(signal.SIGINT, before)
        if held.noted:
            if callable(before):
                before(signal.SIGINT, None)
            else:
                os.kill(os.getpid(), signal.SIGINT)


def explain(error: BaseException, note: str) -> None:
    """Adds to what is told of an error, as ``add_note`` does from Python 3.11 on."""
    error.__notes__ = explained(error, note)  # type: ignore[attr-defined]


def explained(error: BaseException, *more: str) -> list[str]:
    """What was added to an error, and ``more``."""
    notes: list[str] = list(getattr(error, "__notes__", ()))
    return [*notes, *more]


def _handler() -> Any:
    """The handler of Ctrl-C; None where this thread cannot set one, or C has set it."""
    if threading.current_thread() is not threading.main_thread():
        return None
    return signal.getsignal(signal.SIGINT)
