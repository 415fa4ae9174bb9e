"""The pytest plugin that is registered where repair is asked for, on the controller.

It watches the run, hands what failed to `doors.session` when the run is over, and shows what came of
it. A bug of ours breaks none of that: it is one line of the summary, and its traceback lies in a file
that the last line of the output names.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_gemmadev.capture.bug_log import log_bug
from pytest_gemmadev.capture.hooks import Recorder, describe_error
from pytest_gemmadev.doors.bug_file import BugFile, start_bug_file, tell_worker
from pytest_gemmadev.doors.session_state import ProcessState
from pytest_gemmadev.doors.settings import Settings, settings_of
from pytest_gemmadev.doors.side_effects import WatchedRun
from pytest_gemmadev.doors.stash import SUMMARY
from pytest_gemmadev.files import journal
from pytest_gemmadev.files.interrupts import Interrupts
from pytest_gemmadev.types import DEFAULT_MODEL, GemmadevError
from pytest_gemmadev.validate.confine.places import Level, describe_level, level_for

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter


def register(config: pytest.Config, interrupts: Interrupts) -> None:
    """Registers what watches and repairs; raises UsageError where the options cannot be followed."""
    settings = settings_of(config)
    try:
        level = level_for(settings.confine)
    except GemmadevError as error:
        raise pytest.UsageError(f"gemmadev: {error}") from error
    bug_file = start_bug_file(config)
    repair = RepairPlugin(
        Recorder(), settings, level=level, interrupts=interrupts, bug_file=bug_file
    )
    repair.recover(config.rootpath)
    config.pluginmanager.register(repair.recorder, "gemmadev-recorder")
    config.pluginmanager.register(repair, "gemmadev-repair")


class RepairPlugin:
    """The hooks of a session of repair."""

    def __init__(
        self,
        recorder: Recorder,
        settings: Settings,
        *,
        level: Level,
        interrupts: Interrupts,
        bug_file: BugFile | None,
    ) -> None:
        self.recorder = recorder
        self.settings = settings
        self.interrupts = interrupts
        self.state = ProcessState()  # of before the tests
        self.lines: list[str] = []  # for the summary: what went wrong with the repair itself
        self.level = level
        self.watched = WatchedRun(settings.root, level)
        self.bug_file = bug_file

    def recover(self, root: Path) -> None:
        """Puts back what an interrupted repair left, before a test reads it."""
        try:
            found = journal.recover(root)
        except GemmadevError as error:
            self.lines.append(str(error))
            return
        if found is not None and found.restored:
            files = ", ".join(found.restored)
            self.lines.append(f"an earlier repair had been interrupted; put back: {files}")

    # --- before and while tests run --------------------------------------------------------------

    def pytest_report_header(self) -> str:
        settings = self.settings
        what = "repair in place" if settings.fix else f"propose patches to {settings.propose_dir}"
        from pytest_gemmadev.models.llama.c_api import why_not_here

        model = settings.model
        if model == DEFAULT_MODEL and (reason := why_not_here()):
            model = f"none ({reason})"
        limits = f"model {model}, budget {settings.budget_s:g} s"
        return f"gemmadev: {what}, {limits}, {describe_level(self.level)}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tells a worker of xdist where bugs of ours go."""
        if self.bug_file is not None:
            tell_worker(node, self.bug_file)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, object, object]:
        with self.interrupts.lend():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Generator[None, object, object]:
        with self.interrupts.lend():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        with self.interrupts.lend():
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_keyboard_interrupt(self) -> Generator[None, object, object]:
        # Raised in here, where pytest also formats errors in collection, it would be lost: pytest
        # would end the session as if nothing had been.
        with self.interrupts.spare_one():
            return (yield)

    # --- the repair ------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        cut_short = self._why_cut_short()
        if cut_short:
            self.lines.append(f"nothing repaired, the run was cut short: {cut_short}")
            if self.interrupts.noted:
                session.exitstatus = pytest.ExitCode.INTERRUPTED
            return
        with self.state.in_place():
            status = self._repair(session)
        if status is not None:
            session.exitstatus = status

    def _why_cut_short(self) -> str:
        """What ended the run before its end, or is ending it right now; empty where nothing did."""
        leaving = sys.exc_info()[1]  # pytest finishes a session while an exception passes through
        interrupted = self.interrupts.noted or isinstance(leaving, KeyboardInterrupt | SystemExit)
        return self.recorder.aborted or ("interrupted" if interrupted else "")

    def _repair(self, session: pytest.Session) -> int | None:
        """The exit status to set; None to keep pytest's own."""
        try:
            from pytest_gemmadev.doors.session import repair_session
            from pytest_gemmadev.validate.parent.known_effects import KnownEffects

            watched = self.watched
            known_effects = KnownEffects(
                set(watched.find_written()), commands=watched.commands, before=watched.read_before()
            )
            return repair_session(
                session.config, self.recorder.plain(), known_effects=known_effects
            )
        except KeyboardInterrupt as error:
            notes = getattr(error, "__notes__", ())
            self.lines.append("; ".join(("repair interrupted", *notes)))
            return int(pytest.ExitCode.INTERRUPTED)
        except GemmadevError as error:
            self.lines.append(str(error))
            return int(pytest.ExitCode.USAGE_ERROR)
        except Exception as error:  # a bug of the plugin must not break the user's run
            self._note_bug("repair failed", error)
            return None

    # --- what is shown ---------------------------------------------------------------------------

    def pytest_terminal_summary(
        self, terminalreporter: TerminalReporter, config: pytest.Config
    ) -> None:
        show = config.stash.get(SUMMARY, None)
        try:
            if show is not None:
                with self.state.in_place():
                    show(terminalreporter)
            elif self.lines or self.recorder.troubles:
                terminalreporter.section("gemmadev")
        except Exception as error:  # as above
            self._note_bug("the summary failed", error)
        for line in (*self.recorder.troubles, *self.lines):
            terminalreporter.write_line(f"gemmadev: {line}", red=True)

    @pytest.hookimpl(trylast=True)  # after pytest's own last line
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        if self.bug_file is not None and self.bug_file.is_written:
            with contextlib.suppress(OSError, ValueError):  # a closed standard output
                config.get_terminal_writer().line(self.bug_file.line, red=True)

    def _note_bug(self, what: str, error: Exception) -> None:
        log_bug(what, error)
        self.lines.append(f"{what}: {describe_error(error)}")
