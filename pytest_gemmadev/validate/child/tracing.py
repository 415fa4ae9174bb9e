"""Which code runs: `Ran` while tests are collected, `Traced` lines while one test runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, TypeAlias

_TOOL = 4  # of sys.monitoring's six: not a debugger's, coverage's, profiler's or optimizer's
_MONITORING: Any = getattr(sys, "monitoring", None)  # 3.12
TraceFunction: TypeAlias = Callable[[FrameType, str, Any], Any]


class Ran:
    """Code objects that ran between `start` and `stop`, by id."""

    def __init__(self) -> None:
        self.codes: dict[int, CodeType] = {}
        self.complete = False  # nobody else took the tracing over

    def start(self) -> None:
        if _MONITORING is None:
            sys.settrace(self._called)
            return
        _MONITORING.use_tool_id(_TOOL, "gemmadev")
        _MONITORING.register_callback(_TOOL, _MONITORING.events.PY_START, self._started)
        _MONITORING.set_events(_TOOL, _MONITORING.events.PY_START)

    def stop(self) -> None:
        if _MONITORING is None:
            self.complete = sys.gettrace() == self._called
            sys.settrace(None)
            return
        self.complete = _MONITORING.get_tool(_TOOL) == "gemmadev"
        _MONITORING.set_events(_TOOL, 0)
        _MONITORING.free_tool_id(_TOOL)

    def _called(self, frame: FrameType, _event: str, _arg: object) -> None:
        code = frame.f_code
        self.codes[id(code)] = code

    def _started(self, code: CodeType, _offset: int) -> Any:
        self.codes[id(code)] = code
        return _MONITORING.DISABLE


class Traced:
    """Lines of some files that run between `start` and `stop`, by path as their code names it.

    What runs on behalf of a reporter is not counted: only failing tests have their values
    represented, and the representation of a value would look like the fault.
    """

    def __init__(self, wanted: Callable[[str], bool], reports: Callable[[str], bool]) -> None:
        """``reports`` tells the files whose functions report a failure."""
        self._wanted = wanted
        self._reports = reports
        self._kinds: dict[str, tuple[bool, bool]] = {}  # (wanted, reports) by path
        self._lines: set[tuple[str, int]] = set()
        self._reporting = 0  # functions of reporters that are running

    def start(self) -> None:
        self._lines, self._reporting = set(), 0
        if _MONITORING is None:
            sys.settrace(self._called)
            return
        events = _MONITORING.events
        _MONITORING.use_tool_id(_TOOL, "gemmadev")
        entering, leaving = self._entered, self._left
        for event, callback in (
            (events.LINE, self._reached),
            (events.PY_START, entering),
            (events.PY_RESUME, entering),
            (events.PY_RETURN, leaving),
            (events.PY_YIELD, leaving),
            (events.PY_THROW, self._thrown),
            (events.PY_UNWIND, self._unwound),
        ):
            _MONITORING.register_callback(_TOOL, event, callback)
        _MONITORING.set_events(
            _TOOL,
            events.LINE
            | events.PY_START
            | events.PY_RESUME
            | events.PY_RETURN
            | events.PY_YIELD
            | events.PY_THROW
            | events.PY_UNWIND,
        )
        _MONITORING.restart_events()  # each line speaks once, and once more for each test

    def stop(self) -> set[tuple[str, int]]:
        if _MONITORING is None:
            sys.settrace(None)
        else:
            _MONITORING.set_events(_TOOL, 0)
            _MONITORING.free_tool_id(_TOOL)
        return self._lines

    def _kind(self, path: str) -> tuple[bool, bool]:
        kind = self._kinds.get(path)
        if kind is None:
            kind = self._kinds[path] = (self._wanted(path), self._reports(path))
        return kind

    # --- settrace --------------------------------------------------------------------------------

    def _called(self, frame: FrameType, _event: str, _arg: object) -> TraceFunction | None:
        wanted, reports = self._kind(frame.f_code.co_filename)
        if reports:
            self._reporting += 1
            return self._stepped_in_reporter
        return self._stepped if wanted and not self._reporting else None

    def _stepped(self, frame: FrameType, event: str, _arg: object) -> TraceFunction:
        if event == "line" and not self._reporting:
            self._lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._stepped

    def _stepped_in_reporter(self, frame: FrameType, event: str, _arg: object) -> TraceFunction:
        frame.f_trace_lines = False
        if event == "return":  # by an exception as well, and where a generator yields
            self._reporting -= 1
        return self._stepped_in_reporter

    # --- sys.monitoring --------------------------------------------------------------------------

    def _reached(self, code: CodeType, line: int) -> Any:
        if self._kind(code.co_filename)[0]:
            if self._reporting:
                return None  # it may be reached otherwise later
            self._lines.add((code.co_filename, line))
        return _MONITORING.DISABLE

    def _entered(self, code: CodeType, _offset: int) -> Any:
        if not self._kind(code.co_filename)[1]:
            return _MONITORING.DISABLE
        self._reporting += 1
        return None

    def _left(self, code: CodeType, _offset: int, _value: object) -> Any:
        if not self._kind(code.co_filename)[1]:
            return _MONITORING.DISABLE
        self._reporting = max(0, self._reporting - 1)
        return None

    def _thrown(self, code: CodeType, _offset: int, _error: BaseException) -> None:
        if self._kind(code.co_filename)[1]:
            self._reporting += 1

    def _unwound(self, code: CodeType, _offset: int, _error: BaseException) -> None:
        if self._kind(code.co_filename)[1]:
            self._reporting = max(0, self._reporting - 1)
