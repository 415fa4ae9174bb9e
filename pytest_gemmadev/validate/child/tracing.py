"""Which code runs: `CodeRecorder` while tests are collected, `LineRecorder` while one test runs.

Before Python 3.12 neither covers threads that a test starts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, TypeAlias

_TOOL = 4  # of sys.monitoring's six: not a debugger's, coverage's, profiler's or optimizer's
_MONITORING: Any = getattr(sys, "monitoring", None)  # 3.12
TraceFunction: TypeAlias = Callable[[FrameType, str, Any], Any]


class CodeRecorder:
    """Code objects that ran between `start` and `stop`, by id."""

    def __init__(self) -> None:
        self.codes: dict[int, CodeType] = {}
        self.is_complete = False  # nobody else took the tracing over

    def start(self) -> None:
        if _MONITORING is None:
            sys.settrace(self._record_call)
            return
        _MONITORING.use_tool_id(_TOOL, "gemmadev")
        _MONITORING.register_callback(_TOOL, _MONITORING.events.PY_START, self._record_start)
        _MONITORING.set_events(_TOOL, _MONITORING.events.PY_START)

    def stop(self) -> None:
        if _MONITORING is None:
            self.is_complete = sys.gettrace() == self._record_call
            sys.settrace(None)
            return
        self.is_complete = _MONITORING.get_tool(_TOOL) == "gemmadev"
        _MONITORING.set_events(_TOOL, 0)
        _MONITORING.free_tool_id(_TOOL)

    def _record_call(self, frame: FrameType, _event: str, _arg: object) -> None:
        code = frame.f_code
        self.codes[id(code)] = code

    def _record_start(self, code: CodeType, _offset: int) -> Any:
        self.codes[id(code)] = code
        return _MONITORING.DISABLE


class LineRecorder:
    """Lines of some files that run between `start` and `stop`, by path as their code names it.

    What runs on behalf of a reporter is not counted: only failing tests have their values
    represented, and the representation of a value would look like the fault.
    """

    def __init__(self, wanted: Callable[[str], bool], reports: Callable[[str], bool]) -> None:
        """``wanted`` and ``reports`` say of a path whether its lines count, and whether it reports."""
        self._wanted = wanted
        self._reports = reports
        self._kinds: dict[str, tuple[bool, bool]] = {}  # (wanted, reports) by path
        self._lines: set[tuple[str, int]] = set()
        self._reporting = 0  # functions of reporters that are running

    def start(self) -> None:
        self._lines, self._reporting = set(), 0
        if _MONITORING is None:
            sys.settrace(self._record_call)
            return
        events = _MONITORING.events
        _MONITORING.use_tool_id(_TOOL, "gemmadev")
        entering, leaving = self._enter, self._leave
        for event, callback in (
            (events.LINE, self._record_line),
            (events.PY_START, entering),
            (events.PY_RESUME, entering),
            (events.PY_RETURN, leaving),
            (events.PY_YIELD, leaving),
            (events.PY_THROW, self._throw),
            (events.PY_UNWIND, self._unwind),
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

    def _record_call(self, frame: FrameType, _event: str, _arg: object) -> TraceFunction | None:
        wanted, reports = self._kind(frame.f_code.co_filename)
        if reports:
            self._reporting += 1
            return self._step_in_reporter
        return self._step if wanted and not self._reporting else None

    def _step(self, frame: FrameType, event: str, _arg: object) -> TraceFunction:
        if event == "line" and not self._reporting:
            self._lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._step

    def _step_in_reporter(self, frame: FrameType, event: str, _arg: object) -> TraceFunction:
        frame.f_trace_lines = False
        if event == "return":  # by an exception as well, and where a generator yields
            self._reporting -= 1
        return self._step_in_reporter

    # --- sys.monitoring --------------------------------------------------------------------------

    def _record_line(self, code: CodeType, line: int) -> Any:
        if self._kind(code.co_filename)[0]:
            if self._reporting:
                return None  # it may be reached otherwise later
            self._lines.add((code.co_filename, line))
        return _MONITORING.DISABLE

    def _enter(self, code: CodeType, _offset: int) -> Any:
        if not self._kind(code.co_filename)[1]:
            return _MONITORING.DISABLE
        self._reporting += 1
        return None

    def _leave(self, code: CodeType, _offset: int, _value: object) -> Any:
        if not self._kind(code.co_filename)[1]:
            return _MONITORING.DISABLE
        self._reporting = max(0, self._reporting - 1)
        return None

    def _throw(self, code: CodeType, _offset: int, _error: BaseException) -> None:
        if self._kind(code.co_filename)[1]:
            self._reporting += 1

    def _unwind(self, code: CodeType, _offset: int, _error: BaseException) -> None:
        if self._kind(code.co_filename)[1]:
            self._reporting = max(0, self._reporting - 1)
