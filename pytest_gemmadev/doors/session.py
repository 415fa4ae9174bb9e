"""The controller's side of a pytest run: hands the failures to the repair, tells what came of it."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pytest_gemmadev.capture.plain import observation_from_plain
from pytest_gemmadev.doors.last_failures import remember
from pytest_gemmadev.doors.settings import Settings, settings_of
from pytest_gemmadev.doors.tests import WRITTEN, Job, limits_for, repaired
from pytest_gemmadev.files import journal
from pytest_gemmadev.files.interrupts import Interrupts, add_note
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.report.proposal import SUMMARY
from pytest_gemmadev.report.publish import tell_workflow, write_proposal
from pytest_gemmadev.report.report import render_terminal, to_json
from pytest_gemmadev.types import Observation, RepairReport, Status, TestOutcome
from pytest_gemmadev.validate.confine.places import level_for
from pytest_gemmadev.validate.parent.oracle import PytestOracle
from pytest_gemmadev.validate.parent.usual import Usual

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter
    from rich.console import Console

BEFORE = ", before the repair"


def repair_session(
    session: pytest.Session, config: pytest.Config, plain: Mapping[str, Any], usual: Usual
) -> int | None:
    """Repairs what failed in this session; the exit status to set, or None to keep pytest's own."""
    settings = settings_of(config)
    journal.recover(settings.root)
    scope = _scope(settings, plain)
    seen = observation_from_plain(plain, scope)
    if not seen.failing:
        _write_reports(RepairReport("none", "", settings.seed, 0.0, (), {}, ""), settings)
        _summarize(config, None, ["nothing failed, nothing to repair"])
        return None
    with _progress(config) as tell:
        _report, status = _repair(settings, scope, seen, config, tell, usual)
    return status


def repair_conftest(config: pytest.Config, plain: Mapping[str, Any]) -> bool:
    """Repairs what a conftest imports; True when the tree has changed."""
    settings = settings_of(config)
    journal.recover(settings.root)
    scope = _scope(settings, plain)
    seen = observation_from_plain(plain, scope)
    report, _status = _repair(settings, scope, seen, config, lambda _message: None)
    for outcome in report.outcomes:
        if outcome.status is not Status.REPAIRED:  # there may be no session that could show it
            sys.stderr.write(
                f"gemmadev: {outcome.nodeid}: {outcome.status.value}: {outcome.reason}\n"
            )
    return settings.fix and bool(report.overlay)


def _scope(settings: Settings, plain: Mapping[str, Any]) -> Scope:
    return Scope(settings.root, settings.allow, settings.deny, tests=plain.get("test_files", ()))


def _repair(
    settings: Settings,
    scope: Scope,
    seen: Observation,
    config: pytest.Config,
    tell: Callable[[str], None],
    usual: Usual | None = None,
) -> tuple[RepairReport, int | None]:
    """Searches, writes, reports; with the exit status, None to keep pytest's own."""
    interrupts = getattr(config, "gemmadev_interrupts", None)
    job = Job(
        root=settings.root,
        write=settings.fix,
        note="pytest --gemmadev-fix",
        model=settings.model,
        adapter=settings.adapter,
        budget_s=settings.budget_s,
        seed=settings.seed,
        jobs=settings.jobs,
        interrupted=lambda: isinstance(interrupts, Interrupts) and interrupts.noted,
    )
    oracle = PytestOracle(
        settings.root,
        invocation_dir=config.invocation_params.dir,
        args=[str(a) for a in config.invocation_params.args],
        scope=scope,
        limits=limits_for(settings.jobs),
        level=level_for(settings.confine),
        start=settings.start,
        usual=usual,
    )
    with warnings.catch_warnings():
        # What Python says of candidates is no news for the user, whose pytest would list it.
        warnings.simplefilter("ignore")
        report, status, after = repaired(job, scope, oracle, seen, tell)
    if report.undo_hint:
        config.gemmadev_written = WRITTEN  # type: ignore[attr-defined]  # for a Ctrl-C after this
    try:
        lines = _write_reports(report, settings)
        remember(settings.root, report, f"pytest --gemmadev-{'fix' if settings.fix else 'propose'}")
        if after is not None:
            lines = [f"after the repair: {_counted(after)}", *lines]
        _summarize(config, report, lines, after)
        config.hook.pytest_gemmadev_repair_done(config=config, report=report)
    except BaseException as error:
        if report.undo_hint:
            add_note(error, WRITTEN)
        raise
    return report, status


def _counted(seen: Observation) -> str:
    """How many tests came out how, as pytest's last line says it."""
    count = Counter(seen.outcomes[n].value for n in seen.collected if n in seen.outcomes)
    count["error"] += sum(
        outcome is TestOutcome.ERROR
        for nodeid, outcome in seen.outcomes.items()
        if nodeid not in seen.collected
    )
    order = ("failed", "error", "passed", "skipped", "xfailed", "xpassed")
    return ", ".join(f"{count[name]} {name}" for name in order if count[name]) or "no tests ran"


# --- what is written and shown -------------------------------------------------------------------


def _write_reports(report: RepairReport, settings: Settings) -> list[str]:
    """Lines that say where patches lie, and those that mark failures where a workflow runs this."""
    lines: list[str] = []
    folder = settings.propose_dir
    if folder is not None and not settings.fix:
        names = write_proposal(folder, report, root=settings.root)
        if names:
            shown = os.path.relpath(folder, settings.root)
            lines.append(f"patches are in {shown}; {SUMMARY} there says how to apply them")
        lines += tell_workflow(report, folder, root=settings.root)
    if settings.report is not None:
        settings.report.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(to_json(report), indent=2, ensure_ascii=False) + "\n"
        settings.report.write_text(text, encoding="utf-8")
    return lines


def _summarize(
    config: pytest.Config,
    report: RepairReport | None,
    lines: Sequence[str],
    after: Observation | None = None,
) -> None:
    before = getattr(config, "gemmadev_summary", None)  # of a conftest's repair

    def show(reporter: TerminalReporter) -> None:
        if before is not None:
            before(reporter)
        else:
            reporter.section("gemmadev", sep="=")
        if report is not None:
            _restate(reporter, report, after)
            render_terminal(report, _console(config))
        if report is not None or before is None:
            for line in lines:
                reporter.write_line(line)

    config.gemmadev_summary = show  # type: ignore[attr-defined]  # the plugin reads it


def _restate(reporter: TerminalReporter, report: RepairReport, after: Observation | None) -> None:
    """Has pytest's last lines tell how the tests stand now, not in the run before the repair."""
    if report.undo_hint:
        _date_the_end(reporter)
    repaired = {o.nodeid for o in report.outcomes if o.status is Status.REPAIRED}
    flaky = {o.nodeid for o in report.outcomes if o.status is Status.FLAKY}
    passing: frozenset[str] = after.passing if after is not None else frozenset()
    told: dict[str, list[Any]] = {"repaired": [], "flaky": []}
    shown: set[str] = set()  # as failing
    for category in ("failed", "error"):
        left = []
        for each in reporter.stats.pop(category, []):
            nodeid = getattr(each, "nodeid", "")
            if nodeid in repaired or (nodeid in passing and nodeid not in flaky):
                told["repaired"].append(each)
            elif nodeid in passing:
                told["flaky"].append(each)
            else:
                left.append(each)
                shown.add(nodeid)
        if left:
            reporter.stats[category] = left
    if after is not None:
        failing = frozenset(after.failing)
        new = sorted(failing - shown)
        told["failed"] = [_stand_in(n) for n in new if n in after.collected]
        told["error"] = [_stand_in(n) for n in new if n not in after.collected]
        _forget_passed(reporter, failing)
    for category, reports in told.items():
        if reports:
            # Private, and what makes a category known that no test of the run was in.
            reporter._add_stats(category, reports)


def _date_the_end(reporter: TerminalReporter) -> None:
    """Has the reason why the run ended early, which is said last, belong to the time before."""
    # Private to pytest, and kept as it is where that changes.
    crash: Any = getattr(getattr(reporter, "_keyboardinterrupt_memo", None), "reprcrash", None)
    if crash is not None and isinstance(crash.message, str):
        crash.message += BEFORE
    session: Any = getattr(reporter, "_session", None)
    if isinstance(getattr(session, "shouldfail", False), str):
        session.shouldfail += BEFORE


def _stand_in(nodeid: str) -> pytest.TestReport:
    """A report for a test that failed after the repair only."""
    message = "after the repair, not in the run before it"
    place = (nodeid.partition("::")[0], 0, nodeid)
    return pytest.TestReport(nodeid, place, {}, "failed", message, "call")


def _forget_passed(reporter: TerminalReporter, failing: frozenset[str]) -> None:
    passed = reporter.stats.pop("passed", [])
    left = [each for each in passed if getattr(each, "nodeid", "") not in failing]
    if left:
        reporter.stats["passed"] = left


def _console(config: pytest.Config) -> Console:
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
def _progress(config: pytest.Config) -> Iterator[Callable[[str], None]]:
    """A line that tells what is being done, on a terminal; silence anywhere else."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or not config.get_terminal_writer().hasmarkup:  # None: -p no:terminal
        yield lambda _message: None
        return
    from rich.markup import escape
    from rich.status import Status as Spinner

    config.get_terminal_writer().line()
    with Spinner("gemmadev", console=_console(config)) as spinner:
        yield lambda message: spinner.update(f"gemmadev: {escape(message)}")
