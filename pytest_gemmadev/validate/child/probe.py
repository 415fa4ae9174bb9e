"""What functions of the project give for arguments near those that the tests pass.

Plausible patches agree on what is tested. Called with arguments that the tests might have passed,
but did not, they show where they differ. Expressions that are written elsewhere, in docstrings for
one, are evaluated in the same way.

Nobody has looked at these calls, so they may not touch anything: what would write, delete, connect
or start a process is stopped by an audit hook, and no string that looks like a path is varied. Not
covered: what extension modules do without an audit event; the run is confined for that.
"""

from __future__ import annotations

import contextlib
import copy
import io
import os
import random
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
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
    restraint = Restraint()
    sys.addaudithook(restraint)  # for as long as the process lives
    return probe_restrained(calls, seed, restraint)


def probe_restrained(calls: Sequence[Call], seed: int, restraint: Restraint) -> dict[str, str]:
    """The same, under an audit hook that is there already."""
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


def evaluate_all(expressions: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What expressions give among the names of modules that were imported, by their places.

    Each is (real path of the module, text). What had to be stopped, or is of a module that was not
    imported, is absent. Names that an expression binds are forgotten after it.
    """
    restraint = Restraint()
    sys.addaudithook(restraint)
    end_s = time.monotonic() + LIMITS.all_s
    names = _names_by_path({path for path, _ in expressions})
    results: dict[str, str] = {}
    for place, (path, text) in enumerate(expressions[: LIMITS.expressions]):
        if path not in names or time.monotonic() > end_s:
            continue
        value = _value(text, names[path], restraint)
        if value is not None and len(value) <= LIMITS.value_characters:
            results[str(place)] = value
    return results


def _names_by_path(paths: set[str]) -> dict[str, dict[str, Any]]:
    """The names of the modules that were imported from some files, by real path."""
    found: dict[str, dict[str, Any]] = {}
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and (path := os.path.realpath(file)) in paths:
            found.setdefault(path, vars(module))
    return found


def _value(text: str, names: dict[str, Any], restraint: Restraint) -> str | None:
    """The `repr` of what an expression gives, or what it raises; None where it was stopped."""
    try:
        code = compile(text, "<expression>", "eval", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    given = _run_restrained(lambda: _represent(eval(code, {**names})), restraint)
    if isinstance(given, Exception):
        return f"raises {type(given).__name__}"
    return None if given is None else _ADDRESS.sub("", given)


class Restraint:
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


def _result(call: Call, restraint: Restraint) -> str | None:
    """What a call gives, as a string; None where it was stopped."""
    try:
        owner, args, keywords = copy.deepcopy((call.owner, call.args, call.keywords))
        before = repr((args, keywords))
    except Exception:  # whatever an object of the project does when it is copied
        return None
    given = _run_restrained(lambda: _represent(call.function(*owner, *args, **keywords)), restraint)
    if given is None:
        return None
    text = f"raises {type(given).__name__}" if isinstance(given, Exception) else given
    with contextlib.suppress(Exception):
        after = repr((args, keywords))
        if after != before:
            text = f"{text}, and its arguments become {after}"
    return shorten(_ADDRESS.sub("", text))


def _run_restrained(function: Callable[[], str], restraint: Restraint) -> str | Exception | None:
    """What a function gives or raises; None where it was stopped."""
    given: str | Exception
    restraint.has_stopped, restraint.is_on = False, True
    try:
        with contextlib.redirect_stdout(io.StringIO()), _time_limit(LIMITS.call_s):
            given = function()
    except _Stop:
        return None
    except Exception as error:  # it is what the call gives
        given = error
    except BaseException:
        return None
    finally:
        restraint.is_on = False
    return None if restraint.has_stopped else given


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
