"""Watching a child: how it ends is told, and nothing of it stays."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from pytest_gemmadev.validate.process import RunEnd, Watch, children
from pytest_gemmadev.validate.wire import new_token, pack, write

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

Say = Callable[[dict[str, Any]], None]


def watch(body: Callable[[Say], None], **limits: Any) -> RunEnd:
    """How a child that runs ``body`` ended."""
    token = new_token()
    before = children()
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            body(lambda message: write(theirs, pack(token, message)))
        finally:
            os._exit(0)
    os.close(theirs)
    usual = {"limit_s": 5.0, "tests_s": 5.0, "stall_s": 5.0, "output_bytes": 1000}
    try:
        return Watch(pid=pid, pipe=ours, token=token, spare=before, **{**usual, **limits}).wait()
    finally:
        os.close(ours)


def sleep_after(*messages: dict[str, Any]) -> Callable[[Say], None]:
    def body(say: Say) -> None:
        for message in messages:
            say(message)
        time.sleep(100)

    return body


CASES: dict[str, tuple[Callable[[Say], None], dict[str, Any], str]] = {
    "says its last word": (lambda say: say({"done": {}}), {}, "done"),
    "hangs after its last word": (sleep_after({"done": {}}), {}, "done"),
    "ends without one": (lambda say: say({"start": "x"}), {}, "died"),
    "hangs": (sleep_after(), {"limit_s": 0.1}, "timeout"),
    "hangs in its tests": (sleep_after({"collected": []}), {"tests_s": 0.1}, "timeout"),
    "says nothing for long": (sleep_after({"start": "x"}), {"stall_s": 0.1}, "timeout"),
    "says too much": (lambda say: say({"x": "y" * 2000}), {}, "output"),
}


@pytest.mark.parametrize(("body", "limits", "how"), CASES.values(), ids=CASES)
def test_how_it_ends(body: Callable[[Say], None], limits: dict[str, Any], how: str) -> None:
    end = watch(body, **limits)
    assert end.how == how


def test_collecting_is_not_counted_to_the_tests() -> None:
    def body(say: Say) -> None:
        time.sleep(0.3)
        say({"collected": []})
        time.sleep(0.3)
        say({"done": {}})

    assert watch(body, limit_s=1.0, tests_s=1.0).how == "done"
    assert watch(body, limit_s=0.1, tests_s=1.0).how == "timeout"


def test_a_child_that_leaves_its_pipe_to_another_has_ended() -> None:
    def body(_say: Say) -> None:
        if os.fork() == 0:
            time.sleep(100)
        os._exit(0)

    assert watch(body).how == "died"
