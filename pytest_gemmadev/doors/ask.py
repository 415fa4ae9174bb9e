"""A question that tells plausible patches apart, put to the person at the terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from pytest_gemmadev.doors.progress import Progress
from pytest_gemmadev.report.question_text import choices, sentence
from pytest_gemmadev.report.safe_text import visible
from pytest_gemmadev.types import NEITHER, Question

_TRIES = 3  # answers that are no number, before there is none


@dataclass(slots=True)
class WorkingClock:
    """Seconds on a clock that stands still while a person is asked."""

    waited_s: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() - self.waited_s

    def around(
        self, ask: Callable[[Question], str | None] | None
    ) -> Callable[[Question], str | None] | None:
        """The function, with the clock stopped while it runs."""
        if ask is None:
            return None

        def asked(question: Question) -> str | None:
            start_s = time.monotonic()
            try:
                return ask(question)
            finally:
                self.waited_s += time.monotonic() - start_s

        return asked


def ask_in_session(
    config: pytest.Config, question: Question, *, progress: Callable[[str], None]
) -> str | None:
    """What the person at pytest's terminal says is right: a result, `NEITHER`, None for no answer."""
    writer = config.get_terminal_writer()
    pause = progress.pause if isinstance(progress, Progress) else _nothing
    with pause(), _uncaptured(config):
        if sys.stdin is None or not sys.stdin.isatty():
            return None
        return ask_person(question, sys.stdin.readline, lambda line: writer.line(line))


def ask_person(
    question: Question, read: Callable[[], str], write: Callable[[str], object]
) -> str | None:
    """The answer that is read as a number; None where the line is empty or there is none."""
    write("")
    write(f"gemmadev: {visible(sentence(question))}")
    for number, shown in enumerate(choices(question), 1):
        write(f"  {number}  {visible(shown)}")
    last = len(question.answers) + 1
    write(f"  {last}  neither is right" if last == 3 else f"  {last}  none of them is right")
    write(f"which is right? 1 to {last}, or nothing if you do not know")
    for _ in range(_TRIES):
        line = read().strip()
        if not line:
            return None
        if line.isdecimal() and 1 <= int(line) <= last:
            chosen = int(line)
            return NEITHER if chosen == last else question.answers[chosen - 1].result
        write(f"a number from 1 to {last}, please")
    return None


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _uncaptured(config: pytest.Config) -> Iterator[None]:
    """Gives the session its own input and output back meanwhile."""
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is None or not capture.is_globally_capturing():
        yield
        return
    capture.suspend_global_capture(in_=True)
    try:
        yield
    finally:
        # Between tests, where this runs, pytest lets output through and keeps the input.
        capture.resume_global_capture()
        capture.suspend_global_capture(in_=False)
