"""Calls that tests make into the project, with copies of their arguments."""

from __future__ import annotations

import contextlib
import copy
import inspect
import random
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from types import FrameType
from typing import Any

from pytest_gemmadev.validate.child.variation import LIMITS, can_vary, count_values, vary

_OWNER_CHARACTERS = 60  # of an object whose method is called


@dataclass(frozen=True, slots=True)
class Call:
    """A call that a test made into the project."""

    name: str
    function: Callable[..., Any]
    owner: tuple[Any, ...]  # the object whose method it is
    args: tuple[Any, ...]
    keywords: dict[str, Any]
    label: str = ""  # how it is written, where not by its name: ``Cart(items=[1]).add``

    def __str__(self) -> str:
        words = [*map(repr, self.args), *(f"{k}={v!r}" for k, v in self.keywords.items())]
        return shorten(f"{self.label or self.name}({', '.join(words)})")

    def vary(self, random_: random.Random) -> Call | None:
        """The call with one argument changed a little; None where none can be."""
        places = [i for i, value in enumerate(self.args) if can_vary(value)]
        names = [k for k, value in self.keywords.items() if can_vary(value)]
        if not places and not names:
            return None
        chosen = random_.randrange(len(places) + len(names))
        args, keywords = list(self.args), dict(self.keywords)
        if chosen < len(places):
            args[places[chosen]] = vary(args[places[chosen]], random_)
        else:
            name = names[chosen - len(places)]
            keywords[name] = vary(keywords[name], random_)
        return replace(self, args=tuple(args), keywords=keywords)


def shorten(text: str) -> str:
    """The string, or its beginning and its end with a number that tells it from others that have both."""
    if len(text) <= LIMITS.characters:
        return text
    head = LIMITS.characters * 3 // 4
    number = zlib.crc32(text.encode("utf-8", "surrogatepass"))
    return f"{text[:head]}…{number:08x}…{text[head - LIMITS.characters :]}"


class CallRecorder:
    """Records calls that are made into some files from outside of them.

    Does not record while another profiler is set, and leaves out what it cannot copy.
    """

    def __init__(self, is_source: Callable[[str], bool]) -> None:
        self._is_source = is_source
        self._is_source_by_path: dict[str, bool] = {}
        self._counts: Counter[str] = Counter()
        self._calls: dict[str, Call] = {}

    @property
    def calls(self) -> Sequence[Call]:
        """Each call once, in the order in which the calls were made."""
        return list(self._calls.values())

    def start(self) -> None:
        if sys.getprofile() is None:
            sys.setprofile(self._profile)

    def stop(self) -> None:
        if sys.getprofile() == self._profile:
            sys.setprofile(None)

    def _is_own(self, frame: FrameType) -> bool:
        path = frame.f_code.co_filename
        if path not in self._is_source_by_path:
            self._is_source_by_path[path] = self._is_source(path)
        return self._is_source_by_path[path]

    def _profile(self, frame: FrameType, event: str, _arg: object) -> None:
        if event != "call" or not self._is_own(frame) or len(self._calls) >= LIMITS.calls:
            return
        if frame.f_back is None or self._is_own(frame.f_back):
            return
        if self._counts[frame.f_code.co_name] >= LIMITS.calls_of_one:
            return
        sys.setprofile(None)  # copies may run code of the project
        try:
            call = _read_call(frame)
            if call is not None and str(call) not in self._calls:
                self._calls[str(call)] = call
                self._counts[frame.f_code.co_name] += 1
        except Exception:  # whatever an argument does when it is copied or shown
            pass
        finally:
            sys.setprofile(self._profile)


def _read_call(frame: FrameType) -> Call | None:
    """The call that this frame begins with; None where it cannot be made again."""
    code = frame.f_code
    function, is_method = _find_function(frame)
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
    owner = positional[:1] if is_method else []
    rest = positional[1:] if is_method else positional
    if count_values((rest, keywords)) > LIMITS.values or not (rest or keywords):
        return None
    owner, rest, keywords = copy.deepcopy((owner, rest, keywords))
    label = _label(frame, owner)
    return Call(code.co_name, function, tuple(owner), tuple(rest), keywords, label)


def _label(frame: FrameType, owner: Sequence[Any]) -> str:
    """What a call is written with: of a method with its object, which is shown by its type where its
    ``repr`` is no expression."""
    code = frame.f_code
    if not owner:
        return str(getattr(code, "co_qualname", code.co_name))
    shown = repr(owner[0])
    if len(shown) > _OWNER_CHARACTERS or not shown.startswith(f"{type(owner[0]).__name__}("):
        shown = f"<{type(owner[0]).__name__}>"
    return f"{shown}.{code.co_name}"


def _find_function(frame: FrameType) -> tuple[Any, bool]:
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
