"""The pytest plugin inside a child: says what happens, test by test, and what it came to."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from collections.abc import Collection, Generator, Mapping
from pathlib import Path
from typing import Any

import _pytest
import pytest
from _pytest.capture import DontReadFromInput  # not public, and what tests read from

from pytest_gemmadev import capture
from pytest_gemmadev.capture.hooks import Recorder
from pytest_gemmadev.capture.shapes import PlainStack
from pytest_gemmadev.validate.child.alarm import alarm
from pytest_gemmadev.validate.child.jobs import serve_jobs
from pytest_gemmadev.validate.child.moved_modules import moved_modules
from pytest_gemmadev.validate.child.overlay import SourceOverlay
from pytest_gemmadev.validate.child.quiet import Quiet
from pytest_gemmadev.validate.child.selection import Selection
from pytest_gemmadev.validate.child.tracing import CodeRecorder, LineRecorder
from pytest_gemmadev.validate.confine.confinement import Confinement
from pytest_gemmadev.validate.messages import Collected, Event, LastWords, RunRequest, TestEnd
from pytest_gemmadev.validate.process import limit_process
from pytest_gemmadev.validate.wire import Channel, pack, write

_PYTEST = os.path.dirname(_pytest.__file__)
_REPORTERS = (
    *(os.path.join(_PYTEST, name, "") for name in ("assertion", "_io", "_code")),
    os.path.join(os.path.dirname(capture.__file__), ""),
)
_PYTEST_SETS = ("PYTEST_CURRENT_TEST", "PYTEST_VERSION", "COLUMNS", "LINES")


class Runner:
    """Runs the tests that the request names and reports over a pipe."""

    def __init__(
        self,
        overlay: SourceOverlay,
        quiet: Quiet,
        recorder: Recorder,
        *,
        confinement: Confinement,
        origins: Mapping[str, str],
    ) -> None:
        """``origins``: real paths of modules by name, as the user's run imported them."""
        self.overlay = overlay
        self.quiet = quiet
        self.recorder = recorder
        self.confinement = confinement
        self.origins = origins
        self.selection = Selection()
        self.start = "auto"  # how the processes of candidates begin: or ``fork``, ``spawn``
        self.is_over_limit = False  # a test was over its limit since `forget`
        self.code_of_imports = CodeRecorder()  # what ran until the tests were collected
        self._jobs: Channel[Any, Any] | None = None  # where candidates come from, if they do
        self._pipe = -1
        self._token = b""
        self._began_s = 0.0
        self._test_s = 0.0
        self._must_pass: frozenset[str] = frozenset()
        self._sent_stacks = 0
        self._events: list[Event] | None = None  # where events go instead of the pipe
        self._line_recorder: LineRecorder | None = None
        self._early_modules: frozenset[str] = frozenset()  # there before conftests were loaded
        self._early_environ: dict[str, str] = {}

    def begin(self, request: RunRequest, pipe: int, jobs: int | None) -> None:
        """Prepares this process for one request, before any project code is imported.

        ``jobs`` is the socket over which candidates come.
        """
        self._pipe = pipe
        self._began_s = time.monotonic()
        self._token = bytes.fromhex(request["token"])
        self._test_s = request["test_s"]
        self.selection.begin(request)
        self._must_pass = frozenset(request["must_pass"])
        self.start = request.get("start", "auto")
        scratch = request["scratch"]
        self.confinement.begin(scratch, request, self._report_reach)
        os.environ["TMPDIR"] = tempfile.tempdir = os.path.join(scratch, "tmp")
        self.quiet.basetemp = os.path.join(scratch, "base")
        self.overlay.serve({p: t.encode("latin-1") for p, t in request["files"].items()})
        if sys.platform != "win32":
            limit_process(**request["process_limits"])
        if "trace" in request:
            wanted = frozenset(request["trace"])
            self._line_recorder = LineRecorder(
                lambda path: os.path.realpath(path) in wanted, _is_reporter
            )
        if jobs is not None:
            self._jobs = Channel(socket.socket(fileno=jobs))
            # The jobs are forks, and would share the file that output is captured to.
            self.quiet.capture = "no"
            self.code_of_imports.start()
        else:
            self.confinement.seal()

    # --- events ----------------------------------------------------------------------------------

    def report(self, event: Event) -> None:
        """Sends an event, or keeps it where `keep_events` asks for that."""
        if self._events is not None:
            self._events.append(event)
        else:
            write(self._pipe, pack(self._token, event))

    def _report_reach(self, path: str, call: str) -> None:
        self.report({"reached": path, "call": call})

    def _report_end(
        self,
        nodeid: str,
        outcome: str,
        seconds: float,
        *,
        lines: dict[str, list[int]] | None = None,
    ) -> None:
        stacks = self._take_new_stacks()
        event: TestEnd = {"test": nodeid, "outcome": outcome, "seconds": seconds, "stacks": stacks}
        if lines is not None:
            event["lines"] = lines
        self.report(event)

    def _report_collector(self, nodeid: str, outcome: str) -> None:
        stacks = self._take_new_stacks()
        self.report({"collector": nodeid, "outcome": outcome, "seconds": 0.0, "stacks": stacks})

    def _take_new_stacks(self) -> list[PlainStack]:
        stacks = self.recorder.stacks[self._sent_stacks :]
        self._sent_stacks += len(stacks)
        return stacks

    def finish(self, status: int) -> None:
        """Says the last word of a run."""
        last_words = self.last_words(status)
        last_words["modules"] = self._outside_modules()
        if not self.origins and self.selection.only is None:
            last_words["origins"] = self.recorder.origins
        self.report({"done": last_words})

    def last_words(self, status: int) -> LastWords:
        """What was not said before."""
        return {
            "status": int(status),
            "aborted": self.recorder.aborted,
            "outcomes": dict(self.recorder.outcomes),
            "stacks": self.recorder.stacks[self._sent_stacks :],
            "imported": sorted(self.overlay.imported),
        }

    def _outside_modules(self) -> list[str]:
        """Modules that tests and project imported and that are neither, in order of import.

        None of them where the project changed the environment: an import may depend on that.
        """
        names: list[str] = []
        early = self._early_environ
        if any(early.get(k) != v for k, v in os.environ.items() if k not in _PYTEST_SETS):
            return names
        for name in [name for name in sys.modules if name not in self._early_modules]:
            spec = getattr(sys.modules[name], "__spec__", None)
            origin = getattr(spec, "origin", None)
            # What pytest rewrites must not be imported before it says so.
            rewritten = type(getattr(spec, "loader", None)).__module__.startswith("_pytest")
            if isinstance(origin, str) and not rewritten and self.overlay.own(origin) is None:
                names.append(name)
        return names

    # --- jobs ------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Serves candidates instead of running the tests, where the request asks for that."""
        if self._jobs is None:
            return None
        self.code_of_imports.stop()
        if self.quiet.captures:
            sys.stdin = DontReadFromInput()  # as it is under capture
        serve_jobs(self, session, self._jobs)
        return True

    def report_to(self, token: bytes, pipe: int) -> None:
        """Reports over another pipe from now on: this process is a fork that tries candidates."""
        os.close(self._pipe)
        self._token, self._pipe = token, pipe
        self._test_s = 0.0

    def keep_events(self, events: list[Event], limit_s: float) -> None:
        """Adds events to a list from now on; a test fails that takes longer than ``limit_s``."""
        self._events = events
        self._test_s = limit_s
        self.is_over_limit = False

    def forget(self, nodeids: Collection[str]) -> None:
        """Forgets what is known of tests that are about to run again."""
        self.recorder.forget(nodeids)
        self.is_over_limit = False
        self.overlay.imported.clear()
        self._sent_stacks = len(self.recorder.stacks)

    # --- pytest's hooks --------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(self) -> Generator[None, object, object]:
        self._early_modules = frozenset(sys.modules)
        self._early_environ = dict(os.environ)
        return (yield)

    @pytest.hookimpl(trylast=True)  # after the recorder
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        outcome = self.recorder.outcomes.get(report.nodeid)
        if outcome is not None:
            self._report_collector(report.nodeid, outcome)
            if self._decides(report.nodeid, outcome):
                pytest.exit("decided", returncode=1)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        # A conftest that fails is recorded; nobody mentions one that does not.
        only = self.selection.only
        named = {nodeid for nodeid in only or () if nodeid.endswith("conftest.py")}
        for nodeid in sorted(named if only is not None else _conftests(session.config)):
            if nodeid not in self.recorder.outcomes:
                self._report_collector(nodeid, "passed")
        seconds = time.monotonic() - self._began_s
        collected: Collected = {"collected": list(self.recorder.collected), "seconds": seconds}
        if moved := moved_modules(self.origins):
            collected["moved"] = moved
        self.report(collected)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.report({"start": item.nodeid})
        began_s = time.monotonic()
        recorder = self._line_recorder
        if recorder is not None:
            recorder.start()
        try:
            with alarm(self._test_s) as rings:
                result = yield
        finally:
            lines = None if recorder is None else _by_real_path(recorder.stop())
        if rings:
            self.is_over_limit = True
            for stack in self.recorder.stacks[self._sent_stacks :]:
                stack["kind"] = "timeout"
        outcome = self.recorder.outcomes.get(item.nodeid, "")
        seconds = time.monotonic() - began_s
        self._report_end(item.nodeid, outcome, seconds, lines=lines)
        if self._decides(item.nodeid, outcome):
            item.session.shouldstop = "decided"
        return result

    def _decides(self, nodeid: str, outcome: str) -> bool:
        """Whether this outcome alone gives the verdict, so that the rest need not run."""
        return nodeid in self._must_pass and outcome not in ("passed", "xpassed", "xfailed")


def _by_real_path(lines: set[tuple[str, int]]) -> dict[str, list[int]]:
    numbers: dict[str, list[int]] = {}
    for path, line in lines:
        numbers.setdefault(os.path.realpath(path), []).append(line)
    return numbers


def _is_reporter(path: str) -> bool:
    """Whether a file represents values where a test fails: pytest's do, and ours."""
    return path.startswith(_REPORTERS)


def _conftests(config: pytest.Config) -> set[str]:
    """Node ids of the conftests that were loaded, as `capture.hooks` names those that were not."""
    files = [str(getattr(p, "__file__", "") or "") for p in config.pluginmanager.get_plugins()]
    paths = [Path(file) for file in files if os.path.basename(file) == "conftest.py"]
    root = config.rootpath
    return {(p.relative_to(root) if p.is_relative_to(root) else p).as_posix() for p in paths}
