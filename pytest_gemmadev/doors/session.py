"""The controller's side of a pytest run: hands the failures to the repair and reports what came of it."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable
from functools import partial

import pytest

from pytest_gemmadev.capture.plain import observation_from_plain
from pytest_gemmadev.capture.shapes import PlainObservation
from pytest_gemmadev.doors import stash
from pytest_gemmadev.doors.ask import ask_in_session
from pytest_gemmadev.doors.last_failures import remember
from pytest_gemmadev.doors.settings import Settings, settings_of
from pytest_gemmadev.doors.summary import count_outcomes, show_progress, summarize
from pytest_gemmadev.doors.tests import WRITTEN, Job, Repaired, limits_for, repair_tests
from pytest_gemmadev.files import journal
from pytest_gemmadev.files.interrupts import add_note
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.report.json_report import to_json
from pytest_gemmadev.report.proposal import SUMMARY
from pytest_gemmadev.report.publish import tell_workflow, write_proposal
from pytest_gemmadev.types import Observation, RepairReport, Status
from pytest_gemmadev.validate.confine.places import level_for
from pytest_gemmadev.validate.parent.known_effects import KnownEffects
from pytest_gemmadev.validate.parent.oracle import PytestOracle


def repair_session(
    config: pytest.Config, plain: PlainObservation, *, known_effects: KnownEffects
) -> int | None:
    """Repairs what failed in a session; the exit status to set, or None to keep pytest's own."""
    settings = settings_of(config)
    journal.recover(settings.root)
    scope = _scope(settings, plain)
    seen = observation_from_plain(plain, scope)
    if not seen.failing:
        _write_reports(RepairReport("none", "", settings.seed, 0.0, (), {}, ""), settings)
        summarize(config, None, ["nothing failed, nothing to repair"])
        return None
    with show_progress(config) as progress:
        return _repair(config, scope, seen, progress=progress, known_effects=known_effects).status


def repair_conftest(config: pytest.Config, plain: PlainObservation) -> bool:
    """Repairs what a conftest imports; True when the tree has changed."""
    settings = settings_of(config)
    journal.recover(settings.root)
    scope = _scope(settings, plain)
    seen = observation_from_plain(plain, scope)
    report = _repair(config, scope, seen, progress=lambda _message: None).report
    for outcome in report.outcomes:
        if outcome.status is not Status.REPAIRED:  # there may be no session that could show it
            sys.stderr.write(
                f"gemmadev: {outcome.nodeid}: {outcome.status.value}: {outcome.reason}\n"
            )
    return settings.fix and bool(report.overlay)


def _scope(settings: Settings, plain: PlainObservation) -> Scope:
    return Scope(settings.root, settings.allow, settings.deny, tests=plain.get("test_files", ()))


def _repair(
    config: pytest.Config,
    scope: Scope,
    seen: Observation,
    *,
    progress: Callable[[str], None],
    known_effects: KnownEffects | None = None,
) -> Repaired:
    """Searches, writes and reports."""
    settings = settings_of(config)
    interrupts = config.stash.get(stash.INTERRUPTS, None)
    job = Job(
        root=settings.root,
        write=settings.fix,
        note="pytest --gemmadev-fix",
        model=settings.model,
        adapter=settings.adapter,
        budget_s=settings.budget_s,
        seed=settings.seed,
        jobs=settings.jobs,
        accept=settings.accept,
        ask=partial(ask_in_session, config, progress=progress) if settings.ask else None,
        progress=progress,
        interrupted=lambda: interrupts is not None and interrupts.noted,
    )
    oracle = PytestOracle(
        settings.root,
        invocation_dir=config.invocation_params.dir,
        args=[str(a) for a in config.invocation_params.args],
        scope=scope,
        limits=limits_for(settings.jobs),
        level=level_for(settings.confine),
        start=settings.start,
        known_effects=known_effects,
    )
    with warnings.catch_warnings():
        # What Python says of candidates is no news for the user, whose pytest would list it.
        warnings.simplefilter("ignore")
        repaired = repair_tests(job, scope, oracle, seen=seen)
    if repaired.report.undo_hint:
        config.stash[stash.WRITTEN] = WRITTEN
    try:
        _report(config, repaired)
    except BaseException as error:
        if repaired.report.undo_hint:
            add_note(error, WRITTEN)
        raise
    return repaired


# --- what is written -----------------------------------------------------------------------------


def _report(config: pytest.Config, repaired: Repaired) -> None:
    """Tells files, other commands, the terminal and other plugins what a repair has come to."""
    settings, report, after = settings_of(config), repaired.report, repaired.after
    lines = _write_reports(report, settings)
    remember(settings.root, report, f"pytest --gemmadev-{'fix' if settings.fix else 'propose'}")
    if after is not None:
        lines = [f"after the repair: {count_outcomes(after)}", *lines]
    summarize(config, report, lines, after=after)
    config.hook.pytest_gemmadev_repair_done(config=config, report=report)


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
