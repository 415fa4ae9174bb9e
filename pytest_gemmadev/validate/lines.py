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
    """Lines of some files that run between `start` and `stop`, by path as their code names it."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted
        self._known: dict[str, bool] = {}
        self._lines: set[tuple[str, int]] = set()

    def start(self) -> None:
        self._lines = set()
        if _MONITORING is None:
            sys.settrace(self._called)
            return
        events = _MONITORING.events
        _MONITORING.use_tool_id(_TOOL, "gemmadev")
        _MONITORING.register_callback(_TOOL, events.LINE, self._reached)
        _MONITORING.set_events(_TOOL, events.LINE)
        _MONITORING.restart_events()  # each line speaks once, and once more for each test

    def stop(self) -> set[tuple[str, int]]:
        if _MONITORING is None:
            sys.settrace(None)
        else:
            _MONITORING.set_events(_TOOL, 0)
            _MONITORING.free_tool_id(_TOOL)
        return self._lines

    def _is_wanted(self, path: str) -> bool:
        if path not in self._known:
            self._known[path] = self._wanted(path)
        return self._known[path]

    def _called(self, frame: FrameType, _event: str, _arg: object) -> TraceFunction | None:
        return self._stepped if self._is_wanted(frame.f_code.co_filename) else None

    def _stepped(self, frame: FrameType, event: str, _arg: object) -> TraceFunction:
        if event == "line":
            self._lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._stepped

    def _reached(self, code: CodeType, line: int) -> Any:
        if self._is_wanted(code.co_filename):
            self._lines.add((code.co_filename, line))
        return _MONITORING.DISABLE
