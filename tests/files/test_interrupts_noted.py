"""Ctrl-C is noted where somebody swallows it, and waits where something must be whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from pytest_gemmadev.files.interrupts import Interrupts, explain, explained, uninterrupted


@pytest.fixture(autouse=True)
def _default_handler() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def swallow() -> None:
    with suppress(KeyboardInterrupt):
        press()


def test_what_somebody_swallows_is_noted_and_the_handler_returns() -> None:
    with Interrupts() as interrupts:
        assert not interrupts.noted
        swallow()
        assert interrupts.noted
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_handler_from_before_is_called() -> None:
    calls = []
    signal.signal(signal.SIGINT, lambda number, _frame: calls.append(number))
    with Interrupts() as interrupts:
        press()
    assert (calls, interrupts.noted) == ([signal.SIGINT], True)


def test_nothing_is_noted_of_what_is_ignored_or_outside() -> None:
    interrupts = Interrupts()
    swallow()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupts:
        press()
    assert not interrupts.noted
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_in_another_thread_nothing_is_watched() -> None:
    seen = []

    def watch() -> None:
        with Interrupts() as interrupts, uninterrupted() as held:
            seen.append((interrupts.noted, held.noted))

    thread = threading.Thread(target=watch)
    thread.start()
    thread.join()
    assert seen == [(False, False)]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_while_lent_the_handler_is_the_one_from_before() -> None:
    with Interrupts() as interrupts:
        with interrupts.lent():
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            swallow()  # whoever expects it, as a test may
        assert not interrupts.noted
        with pytest.raises(KeyboardInterrupt), interrupts.lent():
            press()
        assert interrupts.noted


def test_a_handler_that_a_test_has_left_behind_is_watched_too() -> None:
    calls = []
    with Interrupts() as interrupts:
        with interrupts.lent():
            signal.signal(signal.SIGINT, lambda *_: calls.append(1))
        press()
    assert (interrupts.noted, calls) == (True, [1])


def test_one_is_spared_and_noted_the_next_is_raised() -> None:
    with Interrupts() as interrupts:
        with interrupts.sparing_one():
            press()
            assert interrupts.noted
            with pytest.raises(KeyboardInterrupt):
                press()
        with pytest.raises(KeyboardInterrupt):
            press()


def test_what_must_be_whole_is_finished_first() -> None:
    done = []

    def work() -> None:
        with uninterrupted() as held:
            press()
            with uninterrupted():
                press()
            done.append(held.noted)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [True]
    with uninterrupted() as held:
        pass
    assert not held.noted
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_notes_are_added_to_an_error() -> None:
    error = ValueError("x")
    assert explained(error) == []
    explain(error, "first")
    explain(error, "second")
    assert explained(error) == ["first", "second"]
