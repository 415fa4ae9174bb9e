"""What a repair adds to pytest's output: the progress, the summary, and lines that stay true.

The run before the repair has its failures in pytest's last lines; they are restated so that they tell
how the tests stand now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pytest_gemmadev.doors.progress import Progress, spin
from pytest_gemmadev.doors.stash import SUMMARY
from pytest_gemmadev.report.terminal import render_terminal
from pytest_gemmadev.types import Observation, RepairReport, Status, TestOutcome

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter
    from rich.console import Console

BEFORE = ", before the repair"


def summarize(
    config: pytest.Config,
    report: RepairReport | None,
    lines: Sequence[str],
    *,
    after: Observation | None = None,
) -> None:
    """Has the terminal summary show a report and lines; ``after``: the run on the repaired tree."""
    before = config.stash.get(SUMMARY, None)  # of a conftest's repair

    def show(reporter: TerminalReporter) -> None:
        if before is not None:
            before(reporter)
        else:
            reporter.section("gemmadev", sep="=")
        if report is not None:
            _restate(reporter, report, after)
            render_terminal(report, _make_console(config))
        if report is not None or before is None:
            for line in lines:
                reporter.write_line(line)

    config.stash[SUMMARY] = show


def count_outcomes(seen: Observation) -> str:
    """``1 failed, 2 passed``, as pytest's last line counts tests by outcome."""
    count = Counter(seen.outcomes[n].value for n in seen.collected if n in seen.outcomes)
    count["error"] += sum(
        outcome is TestOutcome.ERROR
        for nodeid, outcome in seen.outcomes.items()
        if nodeid not in seen.collected
    )
    order = ("failed", "error", "passed", "skipped", "xfailed", "xpassed")
    return ", ".join(f"{count[name]} {name}" for name in order if count[name]) or "no tests ran"


# --- pytest's last lines ------------------------------------------------------------------------


def _restate(reporter: TerminalReporter, report: RepairReport, after: Observation | None) -> None:
    """Has pytest's last lines tell how the tests stand now, not in the run before the repair."""
    if report.undo_hint:
        _date_interruption(reporter)
    repaired = {o.nodeid for o in report.outcomes if o.status is Status.REPAIRED}
    flaky = {o.nodeid for o in report.outcomes if o.status is Status.FLAKY}
    passing: frozenset[str] = after.passing if after is not None else frozenset()
    restated: dict[str, list[Any]] = {"repaired": [], "flaky": []}
    shown: set[str] = set()  # as failing
    for category in ("failed", "error"):
        left = []
        for each in reporter.stats.pop(category, []):
            nodeid = getattr(each, "nodeid", "")
            if nodeid in repaired or (nodeid in passing and nodeid not in flaky):
                restated["repaired"].append(each)
            elif nodeid in passing:
                restated["flaky"].append(each)
            else:
                left.append(each)
                shown.add(nodeid)
        if left:
            reporter.stats[category] = left
    if after is not None:
        failing = frozenset(after.failing)
        new = sorted(failing - shown)
        restated["failed"] = [_make_failed_report(n) for n in new if n in after.collected]
        restated["error"] = [_make_failed_report(n) for n in new if n not in after.collected]
        _forget_passed(reporter, failing)
    for category, reports in restated.items():
        if reports:
            # Private, and what makes a category known that no test of the run was in.
            reporter._add_stats(category, reports)


def _date_interruption(reporter: TerminalReporter) -> None:
    """Has the reason why the run ended early, which stands last, say that it was before the repair."""
    # Private to pytest, and kept as it is where that changes.
    crash: Any = getattr(getattr(reporter, "_keyboardinterrupt_memo", None), "reprcrash", None)
    if crash is not None and isinstance(crash.message, str):
        crash.message += BEFORE
    session: Any = getattr(reporter, "_session", None)
    if isinstance(getattr(session, "shouldfail", False), str):
        session.shouldfail += BEFORE


def _make_failed_report(nodeid: str) -> pytest.TestReport:
    """A report for a test that failed after the repair only."""
    message = "after the repair, not in the run before it"
    place = (nodeid.partition("::")[0], 0, nodeid)
    return pytest.TestReport(nodeid, place, {}, "failed", message, "call")


def _forget_passed(reporter: TerminalReporter, failing: frozenset[str]) -> None:
    passed = reporter.stats.pop("passed", [])
    left = [each for each in passed if getattr(each, "nodeid", "") not in failing]
    if left:
        reporter.stats["passed"] = left


def _make_console(config: pytest.Config) -> Console:
    """A rich console that writes where pytest's own terminal writer does."""
    from rich.console import Console

    writer = config.get_terminal_writer()
    return Console(
        file=_Stream(writer),  # type: ignore[arg-type]  # rich needs write and flush only
        force_terminal=writer.hasmarkup,
        no_color=not writer.hasmarkup,
        width=writer.fullwidth,
        highlight=False,
        legacy_windows=False,
    )


@dataclass(frozen=True, slots=True)
class _Stream:
    writer: Any

    def write(self, text: str) -> int:
        self.writer.write(text)
        return len(text)

    def flush(self) -> None:
        self.writer.flush()


@contextmanager
def show_progress(config: pytest.Config) -> Iterator[Progress]:
    """Gives what shows a message as a line that changes, on a terminal; one that does nothing elsewhere."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or not config.get_terminal_writer().hasmarkup:  # None: -p no:terminal
        yield Progress()
        return
    config.get_terminal_writer().line()
    with spin(_make_console(config)) as progress:
        yield progress
