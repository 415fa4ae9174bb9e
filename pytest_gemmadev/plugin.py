"""The pytest plugin: options, their ini twins, and registration where repair is asked for.

pytest imports this module on every run, so it imports the standard library and pytest only, and
the rest of the package when ``--gemmadev-fix`` or ``--gemmadev-propose`` is given. Workers of
pytest-xdist capture failures; the controller repairs.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.config import ConftestImportFailure  # not public; initial conftests raise it

from pytest_gemmadev import newhooks

if TYPE_CHECKING:
    from pathlib import Path

    from _pytest.terminal import TerminalReporter

    from pytest_gemmadev.capture.hooks import Recorder
    from pytest_gemmadev.doors.settings import Settings
    from pytest_gemmadev.files.interrupts import Interrupts
    from pytest_gemmadev.validate.confine.places import Level

# options that make pytest print something and leave
_INFORMATION = ("help", "version", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gemmadev", "repair of failing tests")
    mode: dict[str, Any] = {"dest": "gemmadev_mode", "default": None, "action": _Mode}
    group.addoption(
        "--gemmadev-fix",
        nargs=0,
        const="fix",
        help="repair failing tests and errors in place, rerun until green or out of budget",
        **mode,
    )
    group.addoption(
        "--gemmadev-propose",
        metavar="DIR",
        type=_propose,
        help="leave the tree untouched; write patches and report.json to DIR; not with fix",
        **mode,
    )
    # how a run started by the plugin switches repair off, whatever addopts says
    group.addoption("--gemmadev-mode", choices=("off",), help=argparse.SUPPRESS, **mode)
    for name, metavar, text in (
        ("model", "SPEC", "which model; default gemmadev"),
        (
            "adapter",
            "PATH",
            "LoRA adapter (PEFT folder or GGUF) on top of the model; none: the model alone",
        ),
        ("budget", "SECONDS", "wall-clock limit for all repairs of the session; default 300"),
        ("seed", "N", "same seed, model and tree: same patches; default 0"),
        ("jobs", "N", "independent failures repaired at the same time; default 1"),
        (
            "confine",
            "auto|strict|off",
            "how runs of candidates are kept from doing harm; strict refuses to run where the "
            "system cannot confine; default auto",
        ),
        (
            "start",
            "auto|fork|spawn",
            "how the processes of candidates begin; auto, the default, forks where that is safe",
        ),
    ):
        option = f"--gemmadev-{name}"
        group.addoption(option, metavar=metavar, dest=f"gemmadev_{name}", help=text)
        parser.addini(f"gemmadev_{name}", f"{text} ({option})", default="")
    for name, text in (
        ("allow", "only files that match may be edited, instead of all project sources"),
        ("deny", "files that match are never edited"),
    ):
        option = f"--gemmadev-{name}"
        dest = f"gemmadev_{name}"
        group.addoption(
            option, metavar="GLOB", action="append", dest=dest, help=f"{text}; repeatable"
        )
        parser.addini(dest, f"{text} ({option})", type="linelist")
    group.addoption(
        "--gemmadev-report",
        metavar="FILE",
        dest="gemmadev_report",
        help="write the JSON report there too; of files that exist, only a report is replaced",
    )


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(newhooks)


@pytest.hookimpl(tryfirst=True)  # conftests may want to know the mode when they are configured
def pytest_configure(config: pytest.Config) -> None:
    mode = _mode_of(config.option)
    config.gemmadev_mode = mode  # type: ignore[attr-defined]  # for other plugins to read
    if mode == "off":
        return
    if hasattr(config, "workerinput"):
        from pytest_gemmadev.capture.hooks import Capture

        config.pluginmanager.register(Capture(), "gemmadev-capture")
        return
    from pytest_gemmadev.capture.hooks import Recorder
    from pytest_gemmadev.doors.settings import settings_of

    settings = settings_of(config)
    from pytest_gemmadev.types import GemmadevError
    from pytest_gemmadev.validate.confine.places import level_for

    try:
        level = level_for(settings.confine)
    except GemmadevError as error:
        raise pytest.UsageError(f"gemmadev: {error}") from error
    repair = Repair(Recorder(), settings, level, _interrupts(config))
    repair.recover(config.rootpath)
    config.pluginmanager.register(repair.recorder, "gemmadev-recorder")
    config.pluginmanager.register(repair, "gemmadev-repair")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    if _mode_of(config.option) not in ("fix", "propose"):
        return (yield)
    from pytest_gemmadev.doors.guarded_session import begin_guarded

    journal = begin_guarded(config)
    try:
        return (yield)
    except BaseException as error:  # in a moment in which pytest itself does not expect it
        watched = getattr(config, "gemmadev_interrupts", None)
        # What it formats of an interruption may fail, where Python knows no line for it.
        if not isinstance(error, KeyboardInterrupt) and (watched is None or not watched.noted):
            raise
        written = getattr(config, "gemmadev_written", None)
        notes = getattr(error, "__notes__", (written,) if written else ())
        sys.stderr.write(f"gemmadev: {'; '.join(('interrupted', *notes))}\n")
        return pytest.ExitCode.INTERRUPTED
    finally:
        if journal is not None:
            journal.finish()


class Repair:
    """The part that is registered where repair is asked for, on the controller."""

    def __init__(
        self, recorder: Recorder, settings: Settings, level: Level, interrupts: Interrupts
    ) -> None:
        from pytest_gemmadev.doors.session_state import ProcessState
        from pytest_gemmadev.doors.side_effects import Watched

        self.recorder = recorder
        self.settings = settings
        self.interrupts = interrupts
        self.state = ProcessState()  # of before the tests
        self.lines: list[str] = []  # for the summary: what went wrong with the repair itself
        self.level = level
        self.watched = Watched(settings.root, level)

    def recover(self, root: Path) -> None:
        """Puts back what an interrupted repair left, before a test reads it."""
        from pytest_gemmadev.files import journal
        from pytest_gemmadev.types import GemmadevError

        try:
            found = journal.recover(root)
        except GemmadevError as error:
            self.lines.append(str(error))
            return
        if found is not None and found.restored:
            files = ", ".join(found.restored)
            self.lines.append(f"an earlier repair had been interrupted; put back: {files}")

    def pytest_report_header(self) -> str:
        settings = self.settings
        what = "repair in place" if settings.fix else f"propose patches to {settings.propose_dir}"
        from pytest_gemmadev.doors.settings import DEFAULT_MODEL
        from pytest_gemmadev.models.llama.c_api import why_not_here
        from pytest_gemmadev.validate.confine.places import described

        model = settings.model
        if model == DEFAULT_MODEL and (reason := why_not_here()):
            model = f"none ({reason})"
        limits = f"model {model}, budget {settings.budget_s:g} s"
        return f"gemmadev: {what}, {limits}, {described(self.level)}"

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

    def _cut_short(self) -> str:
        """What ended the run before its end, or is ending it right now."""
        leaving = sys.exc_info()[1]  # pytest finishes a session while an exception passes through
        interrupted = self.interrupts.noted or isinstance(leaving, KeyboardInterrupt | SystemExit)
        return self.recorder.aborted or ("interrupted" if interrupted else "")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        cut_short = self._cut_short()
        if cut_short:
            self.lines.append(f"nothing repaired, the run was cut short: {cut_short}")
            if self.interrupts.noted:
                session.exitstatus = pytest.ExitCode.INTERRUPTED
            return
        with self.state.in_place():
            status = self._repair(session)
        if status is not None:
            session.exitstatus = status

    def _repair(self, session: pytest.Session) -> int | None:
        from pytest_gemmadev.types import GemmadevError

        try:
            from pytest_gemmadev.doors.session import repair_session
            from pytest_gemmadev.validate.parent.usual import Usual

            watched = self.watched
            usual = Usual(
                set(watched.written()), commands=watched.commands, before=watched.before()
            )
            return repair_session(session, session.config, self.recorder.plain(), usual)
        except KeyboardInterrupt as error:
            notes = getattr(error, "__notes__", ())
            self.lines.append("; ".join(("repair interrupted", *notes)))
            return int(pytest.ExitCode.INTERRUPTED)
        except GemmadevError as error:
            self.lines.append(str(error))
            return int(pytest.ExitCode.USAGE_ERROR)
        except Exception as error:  # a bug of the plugin must not break the user's run
            self._note("repair failed", error)
            return None

    def pytest_terminal_summary(
        self, terminalreporter: TerminalReporter, config: pytest.Config
    ) -> None:
        show = getattr(config, "gemmadev_summary", None)
        try:
            if show is not None:
                with self.state.in_place():
                    show(terminalreporter)
            elif self.lines or self.recorder.troubles:
                terminalreporter.section("gemmadev")
        except Exception as error:  # as above
            self._note("the summary failed", error)
        for line in (*self.recorder.troubles, *self.lines):
            terminalreporter.write_line(f"gemmadev: {line}", red=True)

    def _note(self, what: str, error: Exception) -> None:
        from pytest_gemmadev.capture.hooks import described

        self.lines.append(f"{what}: {described(error)}")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, object, object]:
    known_modules = set(sys.modules)
    try:
        return (yield)
    except ConftestImportFailure as failure:
        worker = "PYTEST_XDIST_WORKER" in os.environ  # config.workerinput is not there yet
        if worker or _mode_of(early_config.known_args_namespace) == "off":
            raise
        _interrupts(early_config)
        from pytest_gemmadev.doors.conftests import repair_and_load

        repair_and_load(failure, early_config, parser, args, known_modules=known_modules)
        return None


def _interrupts(config: pytest.Config) -> Interrupts:
    """What notes Ctrl-C from here on until pytest is done."""
    from pytest_gemmadev.files.interrupts import Interrupts

    known = getattr(config, "gemmadev_interrupts", None)
    if isinstance(known, Interrupts):
        return known
    interrupts = Interrupts()
    interrupts.start()
    config.add_cleanup(interrupts.stop)
    config.gemmadev_interrupts = interrupts  # type: ignore[attr-defined]
    return interrupts


class _Mode(argparse.Action):
    """Options of which two that ask for different things come to ``both``; ``off`` ends them all."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        new = self.const or values
        before = (getattr(namespace, self.dest) or "off").partition(":")[0]
        if new != "off" and before not in ("off", new.partition(":")[0]):
            new = "both"
        setattr(namespace, self.dest, new)


def _propose(folder: str) -> str:
    return f"propose:{folder}"


def _mode_of(options: Any) -> str:
    """``off``, ``fix``, ``propose``, or ``both``, which is refused."""
    if any(getattr(options, dest, False) for dest in _INFORMATION):
        return "off"
    return (getattr(options, "gemmadev_mode", None) or "off").partition(":")[0]
