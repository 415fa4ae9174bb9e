"""A live exception -> a plain error stack: built-ins only, so that it crosses processes and JSON.

`capture.shapes` says what it holds, `capture.plain.stack_from_plain` reads it. Imports neither
pytest nor doctest: their exceptions are recognized by name, so that a plain program can be watched
with the same code.
"""

from __future__ import annotations

import os
import time
import types
from collections.abc import Iterator
from typing import Any

from pytest_gemmadev.capture.error_facts import error_facts
from pytest_gemmadev.capture.exceptions import (
    Comparison,
    error_kind,
    is_installed,
    steps,
)
from pytest_gemmadev.capture.shapes import (
    PlainErrorFacts,
    PlainFact,
    PlainFrame,
    PlainStack,
    empty_facts,
)
from pytest_gemmadev.capture.values import (
    PATIENCE_S,
    class_dicts,
    class_name,
    clip,
    frame_facts,
    without_addresses,
)

MAX_MESSAGE = 2000  # characters
MAX_FRAMES = 40  # of one stack: the outermost third and the rest from the inner end
MAX_FRAMES_WITH_FACTS = 12  # the innermost ones
MAX_CHAIN = 5  # causes of causes
MAX_MEMBERS = 8  # of one exception group


def capture_stack(
    error: Any, nodeid: str, phase: str, *, comparison: Comparison | None = None
) -> PlainStack:
    """The plain error stack of ``error``, an exception or pytest's ``ExceptionInfo``."""
    exception = error if isinstance(error, BaseException) else error.value
    tb = exception.__traceback__ if exception is error else error.tb
    return _StackCapture(nodeid, phase, comparison).stack(exception, tb, 0)


class _StackCapture:
    """Makes one failure plain; remembers the exceptions it met, for chains can be cyclic."""

    def __init__(self, nodeid: str, phase: str, comparison: Comparison | None) -> None:
        self.nodeid = nodeid
        self.phase = phase
        self.comparison = comparison
        self.deadline = time.monotonic() + PATIENCE_S
        self.seen: set[int] = set()

    def stack(self, error: BaseException, tb: types.TracebackType | None, depth: int) -> PlainStack:
        outermost = error
        example, error, tb = _unwrap(error, tb)
        self.seen.update((id(outermost), id(error)))
        name = class_name(type(error))
        plain: PlainStack = {
            "nodeid": clip(self.nodeid, MAX_MESSAGE),
            "phase": self.phase,
            "kind": error_kind(error, tb),
            "error": name.rpartition(".")[2],
            "message": _message(error),
            "frames": self._frames(tb, example),
            "facts": self._facts(error, tb),
            "cause": self._cause(error, depth),
            "group": self._group(error, outermost, depth),
        }
        if name == "doctest.DocTestFailure":
            _say_as_doctest(plain, error)
        elif isinstance(error, SyntaxError):
            _add_syntax_frame(plain["frames"], error)
        elif name == "_pytest.fixtures.FixtureLookupError":
            argument = clip(str(getattr(error, "argname", "")), 200)
            plain["facts"]["name"] = argument
            plain["message"] = f"fixture {argument!r} not found"
        return plain

    def _facts(self, error: BaseException, tb: types.TracebackType | None) -> PlainErrorFacts:
        try:
            return error_facts(error, tb, self.comparison)
        except Exception:  # an odd object must cost no more than its own facts
            return empty_facts()

    def _frames(self, tb: types.TracebackType | None, example: BaseException) -> list[PlainFrame]:
        places = [(step, *_place(step, example)) for step in steps(tb)]
        places = [p for p in places if not p[1].startswith("<")]
        first = next((i for i, p in enumerate(places) if not is_installed(p[1])), None)
        places = places[-10:] if first is None else places[first:]
        if len(places) > MAX_FRAMES:
            places = places[: MAX_FRAMES // 3] + places[-(MAX_FRAMES - MAX_FRAMES // 3) :]
        own = [step for step, path, _ in places if not is_installed(path)]
        with_facts = {id(step) for step in own[-MAX_FRAMES_WITH_FACTS:]}
        return [
            {
                "path": clip(path, 4096),
                "line": line,
                "function": _qualified_name(step.tb_frame),
                "facts": frame_facts(step.tb_frame, self.deadline)
                if id(step) in with_facts
                else [],
            }
            for step, path, line in places
        ]

    def _cause(self, error: BaseException, depth: int) -> PlainStack | None:
        cause = error.__cause__
        if cause is None and not error.__suppress_context__:
            cause = error.__context__
        if cause is None or depth >= MAX_CHAIN or id(cause) in self.seen:
            return None
        return self.stack(cause, cause.__traceback__, depth + 1)

    def _group(
        self, error: BaseException, outermost: BaseException, depth: int
    ) -> list[PlainStack]:
        if depth >= MAX_CHAIN:
            return []
        members = [m for m in _members(error, outermost) if id(m) not in self.seen]
        return [self.stack(m, m.__traceback__, depth + 1) for m in members[:MAX_MEMBERS]]


def _unwrap(
    error: BaseException, tb: types.TracebackType | None
) -> tuple[BaseException, BaseException, types.TracebackType | None]:
    """What pytest and doctest wrapped, with its traceback; first the doctest example it is from."""
    example = error
    for _ in range(MAX_CHAIN):
        name = class_name(type(error))
        inner: Any = None
        if name.startswith("_pytest.") and name.endswith(
            (".CollectError", "ConftestImportFailure")
        ):
            inner = error.__cause__
        elif name == "_pytest.doctest.MultipleDoctestFailures":
            inner = example = next(iter(getattr(error, "failures", ())), error)
        elif name == "doctest.UnexpectedException":
            example = error
            inner = error.exc_info[1]  # type: ignore[attr-defined]
        if not isinstance(inner, BaseException):
            break
        error, tb = inner, inner.__traceback__
    return example, error, tb


def _members(error: BaseException, outermost: BaseException) -> list[BaseException]:
    """Members of an exception group (or of its backport), or the further failures of a doctest."""
    if class_name(type(outermost)) == "_pytest.doctest.MultipleDoctestFailures":
        found: Any = list(getattr(outermost, "failures", ()))[1:]
    elif any("exceptions" in d and "derive" in d for d in class_dicts(type(error))):
        found = getattr(error, "exceptions", ())
    else:
        return []
    return [m for m in found if isinstance(m, BaseException)]


def _place(step: types.TracebackType, example: BaseException) -> tuple[str, int]:
    """File and line of a traceback entry; of doctest's made-up files, the real ones."""
    filename = step.tb_frame.f_code.co_filename
    line = step.tb_lineno or 1
    if filename.startswith("<doctest "):
        place = _doctest_place(example)
        return (place[0], place[1] + line - 1) if place else (filename, line)
    return (filename if filename.startswith("<") else os.path.abspath(filename)), line


def _doctest_place(error: BaseException) -> tuple[str, int] | None:
    """File and line of the example that failed."""
    test: Any = getattr(error, "test", None)
    example: Any = getattr(error, "example", None)
    if test is None or example is None or not test.filename:
        return None
    return os.path.abspath(test.filename), (test.lineno or 0) + example.lineno + 1


def _say_as_doctest(plain: PlainStack, error: Any) -> None:
    """Makes the example the frame, and got and expected the facts, of a doctest that differs."""
    place = _doctest_place(error)
    plain["kind"] = "assertion"
    source = clip(error.example.source.strip(), MAX_MESSAGE // 2)
    plain["message"] = f"{source} gave another output than the doctest shows"
    plain["frames"] = []
    if place is not None:
        name = str(error.test.name)
        plain["frames"] = [{"path": place[0], "line": place[1], "function": name, "facts": []}]
    plain["facts"] = {
        **empty_facts(),
        "left": clip(error.got.rstrip("\n"), MAX_MESSAGE // 2),
        "right": clip(error.example.want.rstrip("\n"), MAX_MESSAGE // 2),
    }


def _add_syntax_frame(frames: list[PlainFrame], error: SyntaxError) -> None:
    """Ends ``frames`` with the place the interpreter complains about, offsets as facts."""
    filename = error.filename
    if not isinstance(filename, str) or not filename or filename.startswith("<"):
        return
    while frames and is_installed(frames[-1]["path"]):
        frames.pop()
    offsets = {"offset": error.offset, "end_line": error.end_lineno, "end_offset": error.end_offset}
    facts: list[PlainFact] = [
        {"name": name, "value": str(value), "type": "int", "is_argument": False}
        for name, value in offsets.items()
        if isinstance(value, int) and value > 0
    ]
    frames.append(
        {
            "path": clip(os.path.abspath(filename), 4096),
            "line": max(error.lineno or 1, 1),
            "function": "<module>",
            "facts": facts,
        }
    )


def _message(error: BaseException) -> str:
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
        return without_addresses(clip(text or "", MAX_MESSAGE))
    except KeyboardInterrupt:
        raise
    except BaseException:  # a __str__ may do anything
        return ""


def _qualified_name(frame: types.FrameType) -> str:
    """The qualified name of the function of ``frame``; before 3.11 found through ``self``."""
    code = frame.f_code
    name = getattr(code, "co_qualname", None)
    if isinstance(name, str):
        return clip(name, 300)
    return clip(next(_method_names(frame), code.co_name), 300)


def _method_names(frame: types.FrameType) -> Iterator[str]:
    code = frame.f_code
    if not code.co_argcount:
        return
    first = frame.f_locals.get(code.co_varnames[0])
    for cls in (type(first), first):
        if issubclass(type(cls), type):
            for namespace in class_dicts(cls):  # type: ignore[arg-type]
                function = namespace.get(code.co_name)
                function = getattr(function, "__func__", function)
                if isinstance(function, types.FunctionType) and function.__code__ is code:
                    yield function.__qualname__
