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
    from pytest_gemmadev.files.interrupts import Interrupts

MODE = pytest.StashKey[str]()
"""``off``, ``fix`` or ``propose``, in the stash of pytest's configuration, for other plugins to read."""

# options that make pytest print something and leave
_INFORMATION = ("help", "version", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow")

_OPTIONS = (  # name, metavar, help
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
        "accept",
        "sure|likely|guess",
        "how sure a patch must be to be written; what is less sure is suggested; default likely",
    ),
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
)
_ASK = "where plausible patches differ, ask on the terminal which result is right"
_GLOBS = (  # name, help
    ("allow", "only files that match may be edited, instead of all project sources"),
    ("deny", "files that match are never edited"),
)


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
        type=lambda folder: f"propose:{folder}",
        help="leave the tree untouched; write patches and report.json to DIR; not with fix",
        **mode,
    )
    # how a run started by the plugin switches repair off, whatever addopts says
    group.addoption("--gemmadev-mode", choices=("off",), help=argparse.SUPPRESS, **mode)
    for name, metavar, about in _OPTIONS:
        option, dest = f"--gemmadev-{name}", f"gemmadev_{name}"
        group.addoption(option, metavar=metavar, dest=dest, help=about)
        parser.addini(dest, f"{about} ({option})", default="")
    group.addoption(
        "--gemmadev-ask", action="store_true", default=None, dest="gemmadev_ask", help=_ASK
    )
    parser.addini("gemmadev_ask", f"{_ASK} (--gemmadev-ask)", type="bool", default=False)
    for name, about in _GLOBS:
        option, dest = f"--gemmadev-{name}", f"gemmadev_{name}"
        more = {"action": "append", "help": f"{about}; repeatable"}
        group.addoption(option, metavar="GLOB", dest=dest, **more)
        parser.addini(dest, f"{about} ({option})", type="linelist")
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
    config.stash[MODE] = mode
    if mode == "off":
        return
    if hasattr(config, "workerinput"):
        from pytest_gemmadev.capture.hooks import Capture
        from pytest_gemmadev.doors.bug_file import start_bug_file

        start_bug_file(config)
        config.pluginmanager.register(Capture(), "gemmadev-capture")
        return
    from pytest_gemmadev.doors.repair_plugin import register

    register(config, _watch_interrupts(config))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, object, object]:
    if _mode_of(config.option) not in ("fix", "propose"):
        return (yield)
    from pytest_gemmadev.doors.guarded_session import begin_guarded
    from pytest_gemmadev.doors.stash import INTERRUPTS, WRITTEN

    journal = begin_guarded(config)
    try:
        return (yield)
    except BaseException as error:  # in a moment in which pytest itself does not expect it
        watched = config.stash.get(INTERRUPTS, None)
        # What it formats of an interruption may fail, where Python knows no line for it.
        if not isinstance(error, KeyboardInterrupt) and (watched is None or not watched.noted):
            raise
        written = config.stash.get(WRITTEN, None)
        notes = getattr(error, "__notes__", (written,) if written else ())
        sys.stderr.write(f"gemmadev: {'; '.join(('interrupted', *notes))}\n")
        return pytest.ExitCode.INTERRUPTED
    finally:
        if journal is not None:
            journal.finish()


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
        _watch_interrupts(early_config)
        from pytest_gemmadev.doors.conftests import repair_and_load

        repair_and_load(
            failure, early_config, parser=parser, args=args, known_modules=known_modules
        )
        return None


def _watch_interrupts(config: pytest.Config) -> Interrupts:
    """What notes Ctrl-C from here on until pytest is done."""
    from pytest_gemmadev.doors.stash import INTERRUPTS
    from pytest_gemmadev.files.interrupts import Interrupts

    known = config.stash.get(INTERRUPTS, None)
    if known is not None:
        return known
    interrupts = Interrupts()
    interrupts.start()
    config.add_cleanup(interrupts.stop)
    config.stash[INTERRUPTS] = interrupts
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


def _mode_of(options: Any) -> str:
    """``off``, ``fix``, ``propose``, or ``both``, which is refused."""
    if any(getattr(options, dest, False) for dest in _INFORMATION):
        return "off"
    return (getattr(options, "gemmadev_mode", None) or "off").partition(":")[0]
