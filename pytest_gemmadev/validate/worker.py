"""The pytest plugin that runs inside a child: says what happens, test by test, and what it all came to."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from types import FrameType

import pytest
from _pytest.capture import DontReadFromInput  # not public, and what tests read from

from pytest_gemmadev._capture import Recorder
from pytest_gemmadev.validate.jobs import serve_jobs
from pytest_gemmadev.validate.lines import Ran
from pytest_gemmadev.validate.overlay import SourceOverlay
from pytest_gemmadev.validate.process import confine
from pytest_gemmadev.validate.quiet import Quiet
from pytest_gemmadev.validate.wire import Channel, Message, pack, write


class Runner:
    """Runs the tests that the request names and reports over a pipe."""

    def __init__(self, overlay: SourceOverlay, quiet: Quiet, recorder: Recorder) -> None:
        self.overlay = overlay
        self.quiet = quiet
        self.recorder = recorder
        self._request: Message = {}
        self._pipe = -1
        self._began_s = 0.0
        self._token = b""
        self._only: frozenset[str] | None = None
        self._files: frozenset[Path] | None = None  # test files to collect; None is all
        self._must_pass: frozenset[str] = frozenset()
        self._told = 0  # stacks already sent
        self.jobs: Channel | None = None  # where candidates come from, if they do
        self.ran = Ran()

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
        scratch = request["scratch"]
        os.environ["TMPDIR"] = tempfile.tempdir = os.path.join(scratch, "tmp")
        self.quiet.basetemp = os.path.join(scratch, "base")
        self.overlay.serve({p: t.encode("latin-1") for p, t in request["files"].items()})
        if sys.platform != "win32":
            confine(**request["confine"])
        if jobs is not None:
            self.jobs = Channel(socket.socket(fileno=jobs))
            # The jobs are forks, and would share the file that output is captured to.
            self.quiet.capture = "no"
            self.ran.start()

    def say(self, message: Message) -> None:
        write(self._pipe, pack(self._token, message))

    def finish(self, status: int) -> None:
        """Says the last word of a run."""
        self.say({"done": {**self.last_words(status), "modules": outside_modules(self.overlay)}})

    def last_words(self, status: int) -> Message:
        """What was not said before."""
        return {
            "status": int(status),
            "aborted": self.recorder.aborted,
            "outcomes": dict(self.recorder.outcomes),
            "stacks": self.recorder.stacks[self._told :],
            "imported": sorted(self.overlay.imported),
        }

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

    # --- which tests -----------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        if self._only is not None and not self._request.get("all_files"):
            files = [config.rootpath / n.split("::")[0] for n in self._only]
            # A node id that is no path under the root: collect everything.
            if all(f.is_file() for f in files):
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

    # --- what happens ----------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)  # after the recorder
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        outcome = self.recorder.outcomes.get(report.nodeid)
        if outcome is not None:
            self._say_outcome("collector", report.nodeid, outcome, 0.0)
            if self._decides(report.nodeid, outcome):
                pytest.exit("decided", returncode=1)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        seconds = time.monotonic() - self._began_s
        self.say({"collected": list(self.recorder.collected), "seconds": seconds})

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        self.say({"start": item.nodeid})
        began_s = time.monotonic()
        with _alarm(self._request["test_s"]):
            result = yield
        outcome = self.recorder.outcomes.get(item.nodeid, "")
        self._say_outcome("test", item.nodeid, outcome, time.monotonic() - began_s)
        if self._decides(item.nodeid, outcome):
            item.session.shouldstop = "decided"
        return result

    def _say_outcome(self, what: str, nodeid: str, outcome: str, seconds: float) -> None:
        new = self.recorder.stacks[self._told :]
        self._told += len(new)
        self.say({what: nodeid, "outcome": outcome, "seconds": seconds, "stacks": new})

    def _decides(self, nodeid: str, outcome: str) -> bool:
        """True when the verdict is known with this outcome, so that the rest need not run."""
        return nodeid in self._must_pass and outcome not in ("passed", "xpassed", "xfailed")


@contextlib.contextmanager
def _alarm(limit_s: float) -> Iterator[None]:
    """Fails a test from within when it takes too long, so that its frames are seen; 0 is no limit.

    A test or plugin that sets its own alarm replaces this one; the watch over the process remains.
    """

    def ring(_signum: int, _frame: FrameType | None) -> None:
        __tracebackhide__ = True
        pytest.fail(f"Timeout (>{limit_s:.1f}s): the test did not end")

    if limit_s <= 0 or not hasattr(signal, "setitimer"):
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGALRM) is ring:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


def outside_modules(overlay: SourceOverlay) -> list[str]:
    """Names of imported modules that are no project code, in order of import."""
    names = []
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        origin = getattr(spec, "origin", None)
        if isinstance(origin, str) and name == getattr(spec, "name", None):
            if origin in ("built-in", "frozen") or overlay.own(origin) is None:
                names.append(name)
    return names
