"""The session after a test has ended the one before it: tests run in other processes.

Where a test ends its process, the run goes on after it in another one. The outcome of each test is reported
to pytest as if it had run here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_gemmadev.capture.plain import plain_from_stack
from pytest_gemmadev.capture.shapes import PlainFrame, PlainStack, bare_stack
from pytest_gemmadev.doors.settings import settings_of
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.types import ErrorStack, TestOutcome
from pytest_gemmadev.validate.parent.oracle import PytestOracle

MAX_RUNS = 10  # each of them was ended by a test

_OUTCOMES: Mapping[TestOutcome, Any] = {
    TestOutcome.PASSED: "passed",
    TestOutcome.XPASSED: "passed",
    TestOutcome.XFAILED: "skipped",
    TestOutcome.SKIPPED: "skipped",
    TestOutcome.FAILED: "failed",
    TestOutcome.ERROR: "failed",
}


@dataclass(frozen=True, slots=True)
class Death:
    """How a session ended in the middle of a test."""

    nodeid: str
    how: str  # ``exited with status 3``, ``was ended by SIGSEGV``
    frames: tuple[PlainFrame, ...]  # of the project, the outermost first; empty where not known


class Isolated:
    """A pytest plugin that runs tests elsewhere."""

    def __init__(self, death: Death, dumped: str) -> None:
        self._death = death
        self._dumped = dumped  # by faulthandler

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        reporter = config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            reporter.write("\n")  # the run that ended had begun a line

    def pytest_report_header(self) -> list[str]:
        lines = [
            f"gemmadev: the run {self._death.how} in {self._death.nodeid}; tests now run apart"
        ]
        return [*self._dumped.rstrip().split("\n"), *lines] if self._dumped else lines

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            return None  # pytest says so
        outcomes, stacks, durations = self._observe(session)
        for item in session.items:
            outcome = outcomes.get(item.nodeid)
            if outcome is not None:
                item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
                report = _make_report(
                    item, outcome, stack=stacks.get(item.nodeid), durations=durations
                )
                item.ihook.pytest_runtest_logreport(report=report)
                item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _observe(
        self, session: pytest.Session
    ) -> tuple[dict[str, TestOutcome], dict[str, PlainStack], dict[str, float]]:
        """Outcomes, stacks and seconds by node id."""
        config, settings = session.config, settings_of(session.config)
        files = {str(item.path) for item in session.items}
        oracle = PytestOracle(
            settings.root,
            invocation_dir=config.invocation_params.dir,
            args=[str(a) for a in config.invocation_params.args],
            scope=Scope(settings.root, settings.allow, settings.deny, tests=sorted(files)),
        )
        outcomes: dict[str, TestOutcome] = {}
        stacks: dict[str, PlainStack] = {}
        durations: dict[str, float] = {}
        left = [item.nodeid for item in session.items]
        try:
            for number in range(MAX_RUNS):
                seen = oracle.observe({}, only=left if number else ())
                outcomes.update(seen.outcomes)
                durations.update(seen.durations)
                stacks.update({stack.nodeid: self._to_plain(stack) for stack in seen.stacks})
                before, left = left, [nodeid for nodeid in left if nodeid not in outcomes]
                if not left or left == before:
                    break
        finally:
            oracle.close()
        ended = self._death.nodeid
        if outcomes.get(ended) not in (TestOutcome.FAILED, TestOutcome.ERROR):
            outcomes[ended] = TestOutcome.FAILED
            stacks[ended] = self._make_stack()
        return outcomes, stacks, durations

    def _to_plain(self, stack: ErrorStack) -> PlainStack:
        plain = plain_from_stack(stack)
        if stack.nodeid == self._death.nodeid and not stack.frames:
            plain["frames"] = list(self._death.frames)
        return plain

    def _make_stack(self) -> PlainStack:
        """The stack of the test that ended the run, and does not do so when it runs alone."""
        stack = bare_stack(self._death.nodeid, "SystemExit", f"the run {self._death.how}")
        stack["frames"] = list(self._death.frames)
        return stack


def _make_report(
    item: pytest.Item,
    outcome: TestOutcome,
    *,
    stack: PlainStack | None,
    durations: Mapping[str, float],
) -> pytest.TestReport:
    shown: Any = None
    if outcome is TestOutcome.SKIPPED:
        shown = (str(item.path), (item.location[1] or 0) + 1, "Skipped in a process apart")
    elif stack is not None:
        frames = [f"{f['path']}:{f['line']}: in {f['function']}" for f in stack["frames"]]
        shown = "\n".join([*frames, f"{stack['error']}: {stack['message']}"])
    elif outcome in (TestOutcome.FAILED, TestOutcome.ERROR):
        shown = "failed in a process apart"
    report = pytest.TestReport(
        item.nodeid,
        item.location,
        dict.fromkeys(item.keywords, 1),
        _OUTCOMES[outcome],
        shown,
        "call",
        duration=durations.get(item.nodeid, 0.0),
    )
    if outcome in (TestOutcome.XFAILED, TestOutcome.XPASSED):
        report.wasxfail = ""
    if stack is not None:
        # An attribute and not pytest's stash, as `capture.hooks.Capture` has it.
        report.gemmadev_stack = stack  # type: ignore[attr-defined]
    return report
