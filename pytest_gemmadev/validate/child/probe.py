"""What functions of the project give for arguments near those that the tests pass.

Plausible patches agree on what is tested. Called with arguments that the tests might have passed,
but did not, they show where they differ.

Nobody has looked at these calls, so they may not touch anything: what would write, delete, connect
or start a process is stopped by an audit hook, and no text that looks like a path is varied.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import random
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from types import FrameType
from typing import Any

CALLS = 12  # of the tests that are varied
CALLS_OF_ONE = 4  # of one function
VARIATIONS = 24  # of each call
CALL_S = 0.1
ALL_S = 0.6
NODES = 200  # values in the arguments of a call
TEXT = 200  # characters shown of a call and of what it gives
ITEMS = 50  # taken from an iterator
_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_NESTED = (list, tuple, dict, set, frozenset)
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


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a test made into the project."""

    name: str
    function: Callable[..., Any]
    owner: tuple[Any, ...]  # the object whose method it is
    args: tuple[Any, ...]
    keywords: dict[str, Any]

    def __str__(self) -> str:
        words = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.keywords.items())]
        return _short(f"{self.name}({', '.join(words)})")


class Calls:
    """Records calls that are made into some files from outside of them."""

    def __init__(self, is_source: Callable[[str], bool]) -> None:
        self._is_source = is_source
        self._sources: dict[str, bool] = {}
        self._counts: dict[str, int] = {}
        self.found: dict[str, Call] = {}

    def start(self) -> None:
        if sys.getprofile() is None:
            sys.setprofile(self._profile)

    def stop(self) -> None:
        if sys.getprofile() == self._profile:
            sys.setprofile(None)

    def _own(self, frame: FrameType) -> bool:
        path = frame.f_code.co_filename
        if path not in self._sources:
            self._sources[path] = self._is_source(path)
        return self._sources[path]

    def _profile(self, frame: FrameType, event: str, _arg: object) -> None:
        if event != "call" or not self._own(frame) or len(self.found) >= CALLS:
            return
        if frame.f_back is None or self._own(frame.f_back):
            return
        if self._counts.get(frame.f_code.co_name, 0) >= CALLS_OF_ONE:
            return
        sys.setprofile(None)  # copies may run code of the project
        try:
            call = _call(frame)
            if call is not None and str(call) not in self.found:
                self.found[str(call)] = call
                self._counts[frame.f_code.co_name] = self._counts.get(frame.f_code.co_name, 0) + 1
        except Exception:  # whatever an argument does when it is copied or shown
            pass
        finally:
            sys.setprofile(self._profile)


def _call(frame: FrameType) -> Call | None:
    """The call that this frame begins with; None where it cannot be made again."""
    code = frame.f_code
    function, method = _function(frame)
    if function is None or getattr(inspect.unwrap(function), "__code__", None) is not code:
        return None
    names = code.co_varnames
    positional = [frame.f_locals[n] for n in names[: code.co_argcount]]
    at = code.co_argcount + code.co_kwonlyargcount
    keywords = {n: frame.f_locals[n] for n in names[code.co_argcount : at]}
    if code.co_flags & inspect.CO_VARARGS:
        positional += frame.f_locals[names[at]]
        at += 1
    if code.co_flags & inspect.CO_VARKEYWORDS:
        keywords |= frame.f_locals[names[at]]
    owner = positional[:1] if method else []
    rest = positional[1:] if method else positional
    if _size((rest, keywords)) > NODES or not (rest or keywords):
        return None
    owner, rest, keywords = copy.deepcopy((owner, rest, keywords))
    return Call(code.co_name, function, tuple(owner), tuple(rest), keywords)


def _function(frame: FrameType) -> tuple[Any, bool]:
    """(the function of a frame as its caller named it, whether it is a method)."""
    code = frame.f_code
    owner = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
    if code.co_argcount and code.co_varnames[0] == "self":
        return getattr(type(owner), code.co_name, None), True
    parts = getattr(code, "co_qualname", code.co_name).split(".")
    if parts[0] not in frame.f_globals or code.co_varnames[:1] == ("cls",):
        return None, False
    with contextlib.suppress(AttributeError):
        return reduce(getattr, parts[1:], frame.f_globals[parts[0]]), False
    return None, False


def _size(value: object) -> int:
    """Values in a nested one; a great number where some are not plain."""
    if isinstance(value, (str, bytes)):
        return 1 + len(value) // 10
    if isinstance(value, _PLAIN):
        return 1
    if isinstance(value, dict):
        return 1 + sum(_size(k) + _size(v) for k, v in value.items())
    if isinstance(value, _NESTED):
        return 1 + sum(map(_size, value))
    return NODES + 1


# --- what they give ------------------------------------------------------------------------------


def behaviour(calls: Sequence[Call], seed: int) -> dict[str, str]:
    """What each call and its variations give, by the call as it would be written."""
    restraint = _Restraint()
    sys.addaudithook(restraint)
    end_s = time.monotonic() + ALL_S
    given: dict[str, str] = {}
    stopped: set[str] = set()  # functions that had to be, and are left alone from then on
    for number in range(VARIATIONS + 1):  # of all calls a little: the time may end
        for place, call in enumerate(calls):
            random_ = random.Random(f"{seed} {place} {number}")
            varied = _varied(call, random_) if number else call
            if varied is None or call.name in stopped or str(varied) in given:
                continue
            if time.monotonic() > end_s:
                return given
            result = _result(varied, restraint)
            if result is None:
                stopped.add(call.name)
            else:
                given[str(varied)] = result
    return given


class _Restraint:
    """Stops what leaves traces, while it is on."""

    def __init__(self) -> None:
        self.on = False
        self.met = False

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on or event.startswith(_HARMLESS):
            return
        if event == "open" and isinstance(args[1], str) and not set(args[1]) & set("wax+"):
            return
        self.met = True
        raise _Stopped(event)


class _Stopped(BaseException):
    """Not an `Exception`: the code under test may catch those."""


def _result(call: Call, restraint: _Restraint) -> str | None:
    """What a call gives, as text; None where it was stopped."""
    try:
        owner, args, keywords = copy.deepcopy((call.owner, call.args, call.keywords))
        before = repr((args, keywords))
    except Exception:  # whatever an object of the project does when it is copied
        return None
    restraint.met, restraint.on = False, True
    try:
        with contextlib.redirect_stdout(io.StringIO()), _alarm(CALL_S):
            found = call.function(*owner, *args, **keywords)
            text = _text(found)
    except _Stopped:
        return None
    except Exception as error:  # it is what the call gives
        text = type(error).__name__
    except BaseException:
        return None
    finally:
        restraint.on = False
    if restraint.met:
        return None
    with contextlib.suppress(Exception):
        after = repr((args, keywords))
        if after != before:
            text = f"{text}, and its arguments become {after}"
    return _short(_ADDRESS.sub("", text))


def _text(value: Any) -> str:
    if isinstance(value, Iterator):
        return f"iterator over {list(islice(value, ITEMS))!r}"
    return repr(value)


def _short(text: str) -> str:
    return text if len(text) <= TEXT else f"{text[: TEXT - 12]}...{hash(text) & 0xFFFFFF:06x}"


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(_signum: int, _frame: FrameType | None) -> None:
        raise _Stopped("time")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# --- arguments nearby ----------------------------------------------------------------------------


def _varied(call: Call, random_: random.Random) -> Call | None:
    """The call with one argument changed a little; None where none can be."""
    places = [i for i, value in enumerate(call.args) if _can_vary(value)]
    names = [k for k, value in call.keywords.items() if _can_vary(value)]
    if not places and not names:
        return None
    chosen = random_.randrange(len(places) + len(names))
    args, keywords = list(call.args), dict(call.keywords)
    if chosen < len(places):
        args[places[chosen]] = vary(args[places[chosen]], random_)
    else:
        name = names[chosen - len(places)]
        keywords[name] = vary(keywords[name], random_)
    return Call(call.name, call.function, call.owner, tuple(args), keywords)


def _can_vary(value: object) -> bool:
    if isinstance(value, (str, bytes)):
        text = value if isinstance(value, str) else value.decode("latin-1")
        return not re.search(r"[/\\]|^~", text)
    return value is not None and _size(value) <= NODES


def vary(value: Any, random_: random.Random) -> Any:
    """A value of the same type that differs a little, mostly."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return random_.choice((value + 1, value - 1, 0, 1, -value, 2 * value, value + 10))
    if isinstance(value, (float, complex)):
        return random_.choice((value + 1, value - 1, 0 * value, -value, value / 2, value * 10))
    if isinstance(value, (str, bytes, list, tuple)):
        return _varied_sequence(value, random_)
    if isinstance(value, dict) and value:
        key = random_.choice(list(value))
        if random_.random() < 0.3:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: vary(value[key], random_)}
    if isinstance(value, (set, frozenset)) and value:
        some = random_.choice(sorted(value, key=repr))
        return value - {some} if random_.random() < 0.5 else value | {vary(some, random_)}
    return value


def _varied_sequence(value: Any, random_: random.Random) -> Any:
    """A sequence, or text, with an item more, fewer, elsewhere or another one."""
    if not value:
        return value
    at, other = random_.randrange(len(value)), random_.randrange(len(value))
    one = value[at : at + 1]
    changed = one
    if isinstance(value, (list, tuple)):
        changed = type(value)([vary(value[at], random_)]) if type(value) in (list, tuple) else one
    elif isinstance(value, str):
        changed = random_.choice((one.swapcase(), value[other], " ", "a", "Z", "0"))
    return random_.choice(
        (
            value[:0],
            value[:at] + value[at + 1 :],
            value[:at] + one + value[at:],
            value[::-1],
            value[:at] + changed + value[at + 1 :],
            value[:at] + changed + value[at + 1 :],
            value[:at] + changed + value[at:],
            value[:other] + one + value[other:],
            value + value,
            one,
        )
    )
