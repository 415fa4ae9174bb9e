"""pytest's hooks -> plain outcomes and error stacks, in any process that runs or collects tests.

`Capture` attaches a stack to each failed report, as built-ins, so that pytest-xdist carries it to
the controller; `Recorder` keeps what the reports say. Stacks are taken from the live exceptions,
so ``--tb`` does not matter. Nothing that goes wrong in here reaches the run that is being
watched: it becomes a line in `Capture.troubles`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest
from _pytest.config import ConftestImportFailure  # not public, and what the initial conftests raise

from pytest_gemmadev.capture.bug_log import log_bug
from pytest_gemmadev.capture.exceptions import Comparison
from pytest_gemmadev.capture.origins import project_origins
from pytest_gemmadev.capture.shapes import PlainObservation, PlainStack, bare_stack
from pytest_gemmadev.capture.stack import MAX_MESSAGE, capture_stack
from pytest_gemmadev.capture.values import clip

__all__ = [
    "Capture",
    "ConftestImportFailure",
    "Recorder",
    "capture_stack",
    "cause_of",
    "describe_error",
    "shield_run",
]

TEST_FILES = "gemmadev_test_files"  # keys of what an xdist worker sends to its controller
ORIGINS = "gemmadev_origins"


@contextmanager
def shield_run(troubles: list[str], doing: str) -> Iterator[None]:
    """Keeps an error of the plugin away from the user's run: one line in ``troubles`` instead."""
    try:
        yield
    except Exception as error:  # any bug of ours; the run it would break is not ours
        log_bug(doing, error)
        troubles.append(f"{doing}: {describe_error(error)}")


def cause_of(failure: ConftestImportFailure) -> BaseException:
    """What importing the conftest raised; the attribute that holds it has changed its name once."""
    return failure.__cause__ or failure


def describe_error(error: BaseException) -> str:
    """Type, message, place and notes of an error, in one line."""
    tb = error.__traceback__
    while tb is not None and tb.tb_next is not None:
        tb = tb.tb_next
    place = f" ({tb.tb_frame.f_code.co_filename}:{tb.tb_lineno})" if tb is not None else ""
    notes = "".join(f"; {note}" for note in getattr(error, "__notes__", ()))
    return f"{type(error).__name__}: {clip(' '.join(str(error).split()), 300)}{place}{notes}"


class Capture:
    """A pytest plugin that puts ``gemmadev_stack`` on every failed report."""

    def __init__(self) -> None:
        self.troubles: list[str] = []
        self._comparison: Comparison | None = None

    # Outermost, so that xfail and unittest have changed the report before it is read.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed:
            with shield_run(self.troubles, f"capturing the failure of {item.nodeid}"):
                # An attribute and not pytest's stash: xdist sends a report's attributes along.
                report.gemmadev_stack = (  # type: ignore[attr-defined]
                    self._stack(call.excinfo, str(item.nodeid), call.when)
                    if call.excinfo is not None
                    else _stack_without_exception(report, item)
                )
        self._comparison = None
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        call = getattr(report, "call", None)
        if report.failed and call is not None and call.excinfo is not None:
            with shield_run(self.troubles, f"capturing the failure of {collector.nodeid}"):
                stack = self._stack(call.excinfo, str(collector.nodeid), "collect")
                report.gemmadev_stack = stack  # type: ignore[attr-defined]
        return report

    def pytest_assertrepr_compare(self, left: object, right: object) -> None:
        """Remembers both sides of the comparison that the running assertion found false."""
        frame = sys._getframe(1)
        while frame.f_back is not None:
            module = str(frame.f_globals.get("__name__"))
            if not module.startswith(("_pytest.", "pluggy", __name__)):
                break
            frame = frame.f_back
        self._comparison = Comparison(id(frame), frame.f_code, left, right)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        with shield_run(self.troubles, "recording the test files"):
            self._record_items(session)

    def _record_items(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if isinstance(output, dict):
            output[TEST_FILES] = _test_files(session.items)
            output[ORIGINS] = project_origins(str(session.config.rootpath))

    def _stack(
        self, error: BaseException | pytest.ExceptionInfo[BaseException], nodeid: str, phase: str
    ) -> PlainStack:
        return capture_stack(error, nodeid, phase, comparison=self._comparison)


class Recorder(Capture):
    """A pytest plugin that keeps what happened to every test and collector of one run.

    Also under pytest-xdist, on the controller; there collectors that collected are known only by
    the modules of their tests.
    """

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: dict[str, str] = {}
        self.collected: dict[str, None] = {}  # an ordered set
        self.stacks: list[PlainStack] = []  # in the order in which they came
        self._by_nodeid: dict[str, list[PlainStack]] = {}
        self.durations: dict[str, float] = {}
        self.test_files: set[str] = set()
        self.origins: dict[str, str] = {}  # as of `project_origins`, when the tests are collected
        self.aborted = ""

    def plain(self) -> PlainObservation:
        """Everything recorded, as built-ins that JSON can hold."""
        return {
            "outcomes": dict(self.outcomes),
            "collected": list(self.collected),
            "stacks": list(self.stacks),
            "durations": dict(self.durations),
            "aborted": self.aborted,
            "test_files": sorted(self.test_files),
            "origins": dict(self.origins),
        }

    def forget(self, nodeids: Collection[str]) -> None:
        """Forgets what was recorded of these tests: they are about to run again."""
        for recorded in (self.outcomes, self.durations, self._by_nodeid):
            for nodeid in nodeids:
                recorded.pop(nodeid, None)
        self.stacks[:] = [stack for stack in self.stacks if stack["nodeid"] not in nodeids]

    # --- reports ---------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(
        self, early_config: pytest.Config
    ) -> Generator[None, object, object]:
        try:
            return (yield)
        except ConftestImportFailure as failure:
            self.record_conftest(failure, early_config)
            raise

    def record_conftest(self, failure: ConftestImportFailure, config: pytest.Config) -> None:
        """Records a conftest that cannot be imported as a collector that failed."""
        with shield_run(self.troubles, f"capturing the failure of {failure.path}"):
            try:
                nodeid = failure.path.relative_to(config.rootpath).as_posix()
            except ValueError:  # above the rootdir
                nodeid = failure.path.as_posix()
            self.outcomes[nodeid] = "error"
            self._add_stack(self._stack(cause_of(failure), nodeid, "collect"))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        with shield_run(self.troubles, f"recording {report.nodeid}"):
            nodeid = str(report.nodeid)
            self.durations[nodeid] = self.durations.get(nodeid, 0.0) + report.duration
            outcome = _outcome(report)
            if outcome is not None and self.outcomes.get(nodeid) != "failed":
                self.outcomes[nodeid] = outcome
            if outcome == "failed":
                self._add_stack(self._stack_of(report, nodeid, report.when or "call"))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        with shield_run(self.troubles, f"recording {report.nodeid}"):
            nodeid = str(report.nodeid)
            if report.failed:
                self.outcomes[nodeid] = "error"
                self._add_stack(self._stack_of(report, nodeid, "collect"))
            elif nodeid not in ("", ".") and self.outcomes.get(nodeid) != "error":
                self.outcomes[nodeid] = "skipped" if report.skipped else "passed"

    def _stack_of(self, report: Any, nodeid: str, phase: str) -> PlainStack | None:
        stack = getattr(report, "gemmadev_stack", None)
        if isinstance(stack, dict):
            return cast(PlainStack, stack)
        if nodeid in self._by_nodeid:
            return None  # "contains 2 failed subtests": the subtests' own stacks are there
        return bare_stack(nodeid, "", clip(report.longreprtext, MAX_MESSAGE), phase=phase)

    def _add_stack(self, stack: PlainStack | None) -> None:
        # One file can be collected twice, as module and for its doctests, and fail twice alike.
        if stack is not None and stack not in self._by_nodeid.setdefault(stack["nodeid"], []):
            self._by_nodeid[stack["nodeid"]].append(stack)
            self.stacks.append(stack)

    # --- the session -----------------------------------------------------------------------------

    def _record_items(self, session: pytest.Session) -> None:
        self.collected.update((str(item.nodeid), None) for item in session.items)
        self.test_files.update(_test_files(session.items))
        self.origins = project_origins(str(session.config.rootpath))
        super()._record_items(session)

    @pytest.hookimpl(tryfirst=True)  # before pytest formats it, where another Ctrl-C may come
    def pytest_keyboard_interrupt(
        self, excinfo: pytest.ExceptionInfo[KeyboardInterrupt | BaseException]
    ) -> None:
        # Its subclasses mean -x, --maxfail and errors during collection: the run ended by itself.
        if type(excinfo.value) is KeyboardInterrupt:
            self.aborted = "interrupted"
        elif isinstance(excinfo.value, pytest.exit.Exception):
            self.aborted = f"pytest.exit: {clip(str(excinfo.value), 300)}"

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        name = type(excinfo.value).__name__
        self.aborted = f"internal error: {name}: {clip(str(excinfo.value), 300)}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[object]) -> None:
        with shield_run(self.troubles, "recording what a worker collected"):
            for nodeid in map(str, ids):
                self.collected[nodeid] = None
                self.outcomes.setdefault(nodeid.partition("::")[0], "passed")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        with shield_run(self.troubles, "recording a worker's test files"):
            output: Mapping[str, Any] = getattr(node, "workeroutput", None) or {}
            self.test_files.update(output.get(TEST_FILES, ()))
            self.origins.update(output.get(ORIGINS, {}))


def _outcome(report: pytest.TestReport) -> str | None:
    """What one report says about its test; None where it says nothing yet."""
    if report.failed:
        return "failed"
    xfail = hasattr(report, "wasxfail")
    if report.skipped:
        return "xfailed" if xfail else "skipped"
    if report.passed and report.when == "call":
        return "xpassed" if xfail else "passed"
    return None


def _test_files(items: Sequence[pytest.Item]) -> list[str]:
    """The files that hold tests. A doctest's file is a source like any other."""
    return sorted({str(i.path) for i in items if not _is_doctest(i)})


def _is_doctest(item: pytest.Item) -> bool:
    return any(cls.__name__ == "DoctestItem" for cls in type(item).__mro__)


def _stack_without_exception(report: pytest.TestReport, item: pytest.Item) -> PlainStack:
    """The stack of a failure that no exception made: a strict xfail that passes."""
    stack = bare_stack(
        str(item.nodeid),
        "Failed",
        clip(report.longreprtext, MAX_MESSAGE),
        phase=report.when or "call",
        kind="assertion",
    )
    line: Callable[[], tuple[object, int | None, str]] = item.reportinfo
    stack["frames"] = [
        {"path": str(item.path), "line": (line()[1] or 0) + 1, "function": item.name, "facts": []}
    ]
    return stack
