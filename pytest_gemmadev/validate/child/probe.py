"""What functions of the project give for arguments near those that the tests pass.

Plausible patches agree on what is tested. Called with arguments that the tests might have passed,
but did not, they show where they differ.

Nobody has looked at these calls, so they may not touch anything: what would write, delete, connect
or start a process is stopped by an audit hook, and no string that looks like a path is varied. Not
covered: what extension modules do without an audit event; the run is confined for that.
"""

from __future__ import annotations

import contextlib
import copy
import io
import random
import re
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from types import FrameType
from typing import Any

from pytest_gemmadev.validate.child.call_recorder import Call, shorten
from pytest_gemmadev.validate.child.variation import LIMITS

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
_HARMLESS = (
    "import",
    "compile",
    "exec",
    "builtins.",
    "object.",
    "sys._getframe",
    "code.__new__",
    "function.__new__",
    "marshal.",
    "array.",
    "cpython.",
    "gc.",
    "pickle.find_class",
)


def probe_calls(calls: Sequence[Call], seed: int) -> dict[str, str]:
    """What each call and its variations give, by the call as it would be written."""
    restraint = _Restraint()
    sys.addaudithook(restraint)
    end_s = time.monotonic() + LIMITS.all_s
    results: dict[str, str] = {}
    stopped: set[str] = set()  # functions that had to be, and are left alone from then on
    for number in range(LIMITS.variations + 1):  # of all calls a little: the time may end
        for place, call in enumerate(calls):
            random_ = random.Random(f"{seed} {place} {number}")
            varied = call.vary(random_) if number else call
            if varied is None or call.name in stopped or str(varied) in results:
                continue
            if time.monotonic() > end_s:
                return results
            result = _result(varied, restraint)
            if result is None:
                stopped.add(call.name)
            else:
                results[str(varied)] = result
    return results


class _Restraint:
    """An audit hook that stops what leaves traces, while it is on."""

    def __init__(self) -> None:
        self.is_on = False
        self.has_stopped = False

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.is_on or event.startswith(_HARMLESS):
            return
        if event == "open" and isinstance(args[1], str) and not set(args[1]) & set("wax+"):
            return
        self.has_stopped = True
        raise _Stop(event)


class _Stop(BaseException):
    """Not an `Exception`: the code under test may catch those."""


def _result(call: Call, restraint: _Restraint) -> str | None:
    """What a call gives, as a string; None where it was stopped."""
    try:
        owner, args, keywords = copy.deepcopy((call.owner, call.args, call.keywords))
        before = repr((args, keywords))
    except Exception:  # whatever an object of the project does when it is copied
        return None
    restraint.has_stopped, restraint.is_on = False, True
    try:
        with contextlib.redirect_stdout(io.StringIO()), _time_limit(LIMITS.call_s):
            text = _represent(call.function(*owner, *args, **keywords))
    except _Stop:
        return None
    except Exception as error:  # it is what the call gives
        text = f"raises {type(error).__name__}"
    except BaseException:
        return None
    finally:
        restraint.is_on = False
    if restraint.has_stopped:
        return None
    with contextlib.suppress(Exception):
        after = repr((args, keywords))
        if after != before:
            text = f"{text}, and its arguments become {after}"
    return shorten(_ADDRESS.sub("", text))


def _represent(value: Any) -> str:
    if isinstance(value, Iterator):
        return f"iterator over {list(islice(value, LIMITS.items))!r}"
    return repr(value)


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Stops a call that takes longer; one that blocks the signal or sets its own is not stopped."""

    def ring(_signum: int, _frame: FrameType | None) -> None:
        raise _Stop("time")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
