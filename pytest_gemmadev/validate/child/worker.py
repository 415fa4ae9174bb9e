"""The pytest plugin inside a child: says what happens, test by test, and what it came to."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Collection, Generator, Iterator
from pathlib import Path
from types import FrameType

import _pytest
import pytest
from _pytest.capture import DontReadFromInput  # not public, and what tests read from

from pytest_gemmadev import capture
from pytest_gemmadev.capture.hooks import Recorder
from pytest_gemmadev.validate.child.jobs import serve_jobs
from pytest_gemmadev.validate.child.overlay import SourceOverlay
from pytest_gemmadev.validate.child.quiet import Quiet
from pytest_gemmadev.validate.child.tracing import Ran, Traced
from pytest_gemmadev.validate.confine.confinement import Confinement
from pytest_gemmadev.validate.process import confine
from pytest_gemmadev.validate.wire import Channel, Message, pack, write

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
        confinement: Confinement,
    ) -> None:
        self.overlay = overlay
        self.quiet = quiet
        self.recorder = recorder
        self.confinement = confinement
        self._request: Message = {}
        self._pipe = -1
        self._began_s = 0.0
        self._token = b""
        self._only: frozenset[str] | None = None
        self._files: frozenset[Path] | None = None  # test files to collect; None is all
        self._must_pass: frozenset[str] = frozenset()
        self._told = 0  # stacks already sent
        self.start = "auto"  # how the processes of candidates begin: or ``fork``, ``spawn``
        self.rang = False  # a test was over its limit since `forget`
        self._collect: list[Message] | None = None  # where messages go instead of the pipe
        self.jobs: Channel | None = None  # where candidates come from, if they do
        self.ran = Ran()
        self._traced: Traced | None = None
        self._known: frozenset[str] = frozenset()  # modules there before conftests were loaded
        self._environ: dict[str, str] = {}

    def begin(self, request: Message, pipe: int, jobs: int | None) -> None:
        """Prepares this process for one request, before any project code is imported.

        ``jobs`` is the socket over which candidates come.
        """
        self._request, self._pipe = request, pipe
        self._began_s = time.monotonic()
        self._token = bytes.fromhex(request["token"])
        only = request.get("only")
        self._only = None if only is None else frozenset(only)
        self._must_pass = frozenset(request["must_pass"])
        self.start = request.get("start", "auto")
        scratch = request["scratch"]
        self.confinement.begin(scratch, request["allowed"], request["commands"], self._refuse)
        os.environ["TMPDIR"] = tempfile.tempdir = os.path.join(scratch, "tmp")
        self.quiet.basetemp = os.path.join(scratch, "base")
        self.overlay.serve({p: t.encode("latin-1") for p, t in request["files"].items()})
        if sys.platform != "win32":
            confine(**request["confine"])
        if "trace" in request:
            wanted = frozenset(request["trace"])
            self._traced = Traced(lambda path: os.path.realpath(path) in wanted, _is_reporter)
        if jobs is not None:
            self.jobs = Channel(socket.socket(fileno=jobs))
            # The jobs are forks, and would share the file that output is captured to.
            self.quiet.capture = "no"
            self.ran.start()
        else:
            self.confinement.seal()

    def say(self, message: Message) -> None:
        if self._collect is not None:
            self._collect.append(message)
        else:
            write(self._pipe, pack(self._token, message))

    def _refuse(self, path: str, call: str) -> None:
        self.say({"reached": path, "call": call})

    def finish(self, status: int) -> None:
        """Says the last word of a run."""
        self.say({"done": {**self.last_words(status), "modules": self._outside_modules()}})

    def last_words(self, status: int) -> Message:
        """What was not said before."""
        return {
            "status": int(status),
            "aborted": self.recorder.aborted,
            "outcomes": dict(self.recorder.outcomes),
            "stacks": self.recorder.stacks[self._told :],
            "imported": sorted(self.overlay.imported),
        }

    def _outside_modules(self) -> list[str]:
        """Modules that tests and project imported and that are neither, in order of import.

        None where the project changed the environment: an import may depend on that.
        """
        names: list[str] = []
        if any(self._environ.get(k) != v for k, v in os.environ.items() if k not in _PYTEST_SETS):
            return names
        for name in [name for name in sys.modules if name not in self._known]:
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
        if self.jobs is None:
            return None
        self.ran.stop()
        if self.quiet.captures:
            sys.stdin = DontReadFromInput()  # as it is under capture
        serve_jobs(self, session, self.jobs)
        return True

    def speak_for(self, token: bytes, pipe: int) -> None:
        """Says what follows over another pipe: this process is a job now."""
        os.close(self._pipe)
        self._token, self._pipe = token, pipe
        self._request = {**self._request, "test_s": 0.0}

    def speak_into(self, messages: list[Message], limit_s: float) -> None:
        """Collects what is said from now on; a test fails that takes longer than ``limit_s``."""
        self._collect = messages
        self._request = {**self._request, "test_s": limit_s}
        self.rang = False

    def forget(self, nodeids: Collection[str]) -> None:
        """Takes back what is known of tests that are about to run again."""
        self.recorder.forget(nodeids)
        self.rang = False
        self.overlay.imported.clear()
        self._told = len(self.recorder.stacks)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(self) -> Generator[None, object, object]:
        self._known = frozenset(sys.modules)
        self._environ = dict(os.environ)
        return (yield)

    # --- which tests -----------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        if self._only is not None:
            files = [config.rootpath / n.split("::")[0] for n in self._only]
            # Other node ids, a conftest's among them: collect everything.
            if all(f.is_file() and f.name != "conftest.py" for f in files):
                self._files = frozenset(files)

    @pytest.hookimpl(tryfirst=True)
    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        if self._files is None or collection_path in self._files or collection_path.is_dir():
            return None
        # The package of a test is collected with it.
        return None if collection_path.name in ("__init__.py", "conftest.py") else True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, items: list[pytest.Item]
    ) -> Generator[None, None, None]:
        yield
        if self._only is not None:
            items[:] = [item for item in items if item.nodeid in self._only]
        if self._traced is not None:  # targets first: the time for tracing may end
            place = {nodeid: index for index, nodeid in enumerate(self._request["only"])}
            items.sort(key=lambda item: place[item.nodeid])
            items[:] = _with_second_runs(items, self._request["twice"])

    # --- what happens ----------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)  # after the recorder
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        outcome = self.recorder.outcomes.get(report.nodeid)
        if outcome is not None:
            self._say_outcome("collector", report.nodeid, outcome)
            if self._decides(report.nodeid, outcome):
                pytest.exit("decided", returncode=1)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        # A conftest that fails is known; one that does not is not mentioned by anybody.
        asked = {nodeid for nodeid in self._only or () if nodeid.endswith("conftest.py")}
        for nodeid in sorted(asked if self._only is not None else _conftests(session.config)):
            if nodeid not in self.recorder.outcomes:
                self._say_outcome("collector", nodeid, "passed")
        seconds = time.monotonic() - self._began_s
        self.say({"collected": list(self.recorder.collected), "seconds": seconds})

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.say({"start": item.nodeid})
        began_s = time.monotonic()
        traced = self._traced
        if traced is not None:
            traced.start()
        try:
            with _alarm(self._request["test_s"]) as rang:
                result = yield
        finally:
            lines = None if traced is None else self._lines_by_path(traced.stop())
        if rang:
            self.rang = True
            for stack in self.recorder.stacks[self._told :]:
                stack["kind"] = "timeout"
        outcome = self.recorder.outcomes.get(item.nodeid, "")
        seconds = time.monotonic() - began_s
        self._say_outcome("test", item.nodeid, outcome, seconds, lines)
        if self._decides(item.nodeid, outcome):
            item.session.shouldstop = "decided"
        return result

    def _lines_by_path(self, lines: set[tuple[str, int]]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for path, line in lines:
            found.setdefault(os.path.realpath(path), []).append(line)
        return found

    def _say_outcome(
        self,
        what: str,
        nodeid: str,
        outcome: str,
        seconds: float = 0.0,
        lines: dict[str, list[int]] | None = None,
    ) -> None:
        new = self.recorder.stacks[self._told :]
        self._told += len(new)
        message = {what: nodeid, "outcome": outcome, "seconds": seconds, "stacks": new}
        self.say(message if lines is None else {**message, "lines": lines})

    def _decides(self, nodeid: str, outcome: str) -> bool:
        """True when the verdict is known with this outcome, so that the rest need not run."""
        return nodeid in self._must_pass and outcome not in ("passed", "xpassed", "xfailed")


def _is_reporter(path: str) -> bool:
    """True for files that represent values where a test fails: pytest's and ours."""
    return path.startswith(_REPORTERS)


def _with_second_runs(items: list[pytest.Item], twice: int) -> list[pytest.Item]:
    """The first items run once more, never right after themselves: pytest would not set up anew."""
    first = items[:twice]
    if len(items) < 2:
        return items
    after = max(len(first), 2)
    return [*items[:after], *first, *items[after:]]


def _conftests(config: pytest.Config) -> set[str]:
    """Node ids of the conftests that were loaded, as `capture.hooks` names those that were not."""
    files = [str(getattr(p, "__file__", "") or "") for p in config.pluginmanager.get_plugins()]
    paths = [Path(file) for file in files if os.path.basename(file) == "conftest.py"]
    root = config.rootpath
    return {(p.relative_to(root) if p.is_relative_to(root) else p).as_posix() for p in paths}


@contextlib.contextmanager
def _alarm(limit_s: float) -> Iterator[list[float]]:
    """Fails a test from within when it takes too long, so that its frames are seen; 0 is no limit.

    A test or plugin that sets its own alarm replaces this one; the watch over the process remains.
    What it yields is empty until it rings.
    """
    rang: list[float] = []

    def ring(_signum: int, _frame: FrameType | None) -> None:
        rang.append(limit_s)
        # Not an Exception: the code that hangs may catch those.
        raise pytest.fail.Exception(f"Timeout (>{limit_s:.1f}s): the test did not end")

    if limit_s <= 0 or not hasattr(signal, "setitimer"):
        yield rang
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield rang
    finally:
        if signal.getsignal(signal.SIGALRM) is ring:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
