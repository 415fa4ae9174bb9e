"""``gemmadev fix``: runs a program as the user would, and repairs what it raises.

The tree changes once, when a patch was found with which the program runs; the run that follows is
the user's again, and where that disagrees, everything is put back.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_gemmadev.doors.last_failures import remember
from pytest_gemmadev.doors.program_messages import say, show_report
from pytest_gemmadev.doors.program_repair import (
    Options,
    ProgramRepair,
    is_repairable,
    repair_program,
)
from pytest_gemmadev.doors.program_streams import Streams, open_streams
from pytest_gemmadev.files import journal
from pytest_gemmadev.files.commit import Change, write
from pytest_gemmadev.files.interrupts import Interrupts
from pytest_gemmadev.types import GemmadevError, RepairReport
from pytest_gemmadev.validate.confine.places import Level, level_for
from pytest_gemmadev.validate.program.program_process import (
    Program,
    ProgramRun,
    find_root,
    run_live,
)
from pytest_gemmadev.validate.program.program_runs import ProgramRuns

_NAMED = 5  # files that a line names


def find_program(
    command: Sequence[str], *, root: str | None = None, python: str | None = None
) -> Program:
    """The program that ``FILE [ARGS…]``, ``FOLDER [ARGS…]`` or ``-m MODULE [ARGS…]`` means.

    ``root`` is the folder of its project, by default found by a ``pyproject.toml`` or ``.git``;
    ``python`` the interpreter, by default this one. Raises `GemmadevError` for what is not there.
    """
    cwd = os.path.realpath(os.getcwd())
    is_module = command[:1] == ["-m"]
    target, *args = command[1:] if is_module else command
    place = cwd
    if root is not None and not os.path.isdir(root):
        raise GemmadevError(f"--root {root}: no such folder")
    if python is not None and shutil.which(python) is None:
        raise GemmadevError(f"--python {python}: no such interpreter")
    if not is_module:
        path = Path(target)
        main = path / "__main__.py" if path.is_dir() else path
        if not main.is_file():
            raise GemmadevError(
                f"{main}: no such file; name a program, a folder with a __main__.py, or -m MODULE"
            )
        place = str(path.resolve() if path.is_dir() else path.resolve().parent)
    top = os.path.realpath(root) if root else find_root(place)
    if os.path.isabs(target) and not is_module:
        target = os.path.realpath(target)
    elif not is_module and not (f"{cwd}{os.sep}").startswith(f"{top}{os.sep}"):
        target = os.path.realpath(target)  # run from outside: the copy lies elsewhere
    return Program(target, tuple(args), is_module, cwd, top, python or sys.executable)


def fix(program: Program, options: Options) -> int:
    """Runs a program and repairs what it raises.

    The exit status is the program's, of the run after the repair where there was one.
    """
    level = level_for(options.confine)
    journal.recover(program.root)
    with open_streams() as streams, Interrupts() as interrupts:
        ran = run_live(program, stdin=streams.input(), stdout=streams.output())
        if ran.stack is None or not is_repairable(ran.stack) or interrupts.noted:
            streams.show_output()
            return ran.status
        say(f"{program.name} raised {ran.stack['error']}; looking for a repair")
        try:
            found = repair_program(program, options, ran, input_=streams.recorded())
        except GemmadevError as error:  # the program has run, whatever became of its repair
            say(str(error))
            found = None
        if interrupts.noted:
            raise KeyboardInterrupt
        again: ProgramRun | None = None
        disagreement = ""
        if found is not None and found.change is not None:
            again, disagreement = _write(
                program, level, streams, found=found, change=found.change, interrupts=interrupts
            )
        elif found is not None:
            _tell(program, found.as_proposed())
        streams.show_output()
        if again is None:
            return ran.status
        if disagreement:
            say(disagreement)
        return again.status


def _write(
    program: Program,
    level: Level,
    streams: Streams,
    *,
    found: ProgramRepair,
    change: Change,
    interrupts: Interrupts,
) -> tuple[ProgramRun | None, str]:
    """Changes the files and runs the program on them.

    Returns that run, None where nothing was written, and why the change did not stay, empty where it
    did.
    """
    again: ProgramRun | None = None

    def disagree() -> str:
        """Why the change may not stay; empty where the program runs on the changed files."""
        nonlocal again
        show_report(found.report)
        again = _run_repaired(program, level, streams)
        return "" if again.stack is None else f"it raised {again.stack['error']} after all"

    reason = write(change, confirm=disagree, interrupted=lambda: interrupts.noted)
    if reason and again is None:
        _tell(program, found.as_proposed(reason))
    else:
        report = found.as_proposed(reason) if reason else found.report
        remember(program.root, report, f"gemmadev fix {program.name}")
    return again, reason


def _run_repaired(program: Program, level: Level, streams: Streams) -> ProgramRun:
    """The run after the repair, on private copies: nobody has read the patch yet."""
    if level is Level.NONE:
        again = run_live(program, stdin=streams.input(), stdout=streams.output())
        brought: tuple[str, ...] = ()
    else:
        runs = ProgramRuns(program, level=level)
        try:
            again, brought = runs.run_last(stdin=streams.input(), stdout=streams.output())
        finally:
            runs.close()
    if again.stack is None and (brought or again.reached):
        say(_describe_effects(again, brought))
    return again


def _describe_effects(ran: ProgramRun, brought: Sequence[str]) -> str:
    """What of the effects of the repaired program is there, and what is not."""
    effects = []
    if brought:
        effects.append(f"it has made {_name_some(brought)}")
    if ran.reached:
        paths = dict.fromkeys(path for path, _ in ran.reached)
        effects.append(
            f"it would have changed {_name_some(tuple(paths))} as well, which it did in a private copy "
            "only: read the patch, then run the program yourself"
        )
    return "; ".join(effects)


def _name_some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more


def _tell(program: Program, report: RepairReport) -> None:
    """Shows a report, and keeps it for ``gemmadev chat`` and ``gemmadev apply``."""
    remember(program.root, report, f"gemmadev fix {program.name}")
    show_report(report)
