"""What an exception is: its family, its traceback, and which files on it are not the project's.

`capture.error_facts` says what an exception knows.
"""

from __future__ import annotations

import os
import types
from collections.abc import Iterator
from typing import NamedTuple

from pytest_gemmadev.capture.values import class_name

# Families of built-in exceptions, the narrower ones first, and their value of `types.ErrorKind`.
_KINDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((IndentationError,), "indentation"),
    ((SyntaxError,), "syntax"),
    ((ImportError,), "import"),
    ((NameError,), "name"),
    ((AttributeError,), "attribute"),
    ((KeyError,), "key"),
    ((IndexError,), "index"),
    ((TypeError,), "type"),
    ((ValueError,), "value"),
    ((AssertionError,), "assertion"),
    ((TimeoutError,), "timeout"),
)
# Until Python 3.10 these are no TimeoutError.
_TIMEOUTS = {"asyncio.exceptions.TimeoutError", "concurrent.futures._base.TimeoutError"}


class Comparison(NamedTuple):
    """A comparison that an assertion found false, as pytest's rewritten code reported it."""

    frame_id: int
    code: types.CodeType
    left: object
    right: object


def error_kind(error: BaseException, tb: types.TracebackType | None) -> str:
    """The family of ``error``, as the report names it."""
    name = class_name(type(error))
    if name == "Failed" and any(_is_outcome(base) for base in type(error).__bases__):
        # pytest.fail and DID NOT RAISE; pytest-timeout uses it too
        by_timeout = any(module_of(step.tb_frame) == "pytest_timeout" for step in steps(tb))
        return "timeout" if by_timeout else "assertion"
    if name in _TIMEOUTS:
        return "timeout"
    for families, kind in _KINDS:
        if isinstance(error, families):
            return kind
    return "other"


def _is_outcome(cls: type) -> bool:
    return class_name(cls) == "_pytest.outcomes.OutcomeException"


def steps(tb: types.TracebackType | None) -> Iterator[types.TracebackType]:
    """The traceback, entry by entry, outermost first."""
    while tb is not None:
        yield tb
        tb = tb.tb_next


def module_of(frame: types.FrameType) -> str:
    """The name of the module whose code a frame runs; empty where that is no string."""
    name = frame.f_globals.get("__name__")
    return name if type(name) is str else ""


_STDLIB = {os.path.dirname(os.__file__), os.path.dirname(os.path.realpath(os.__file__))}
_CAPTURE = os.path.dirname(os.path.abspath(__file__))
_OWN = (
    os.path.join(_CAPTURE, ""),
    os.path.join(os.path.dirname(_CAPTURE), "doors", ""),
    os.path.join(os.path.dirname(_CAPTURE), "plugin.py"),
)  # what of this package is on the stack while a test runs


def is_installed(path: str) -> bool:
    """True for the standard library, installed packages and what of the plugin runs around a test."""
    if path.startswith("<"):
        return True
    parts = path.split(os.sep)
    if "site-packages" in parts or "dist-packages" in parts:
        return True
    if path.startswith(_OWN):
        return True
    return any(path == folder or path.startswith(folder + os.sep) for folder in _STDLIB)
