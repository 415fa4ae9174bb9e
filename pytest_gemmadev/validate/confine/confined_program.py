"""Confines a user's program, and writes down for whoever started it what it reached for."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from pathlib import Path
from typing import NoReturn

from pytest_gemmadev.validate.confine.confinement import Confinement, changes_of_run
from pytest_gemmadev.validate.confine.copy_changes import new_files
from pytest_gemmadev.validate.confine.places import Level
from pytest_gemmadev.validate.confine.private_copies import copies_from_outside
from pytest_gemmadev.validate.messages import ProgramConfinement
from pytest_gemmadev.validate.process import die_with_parent

REACHED = "reached.jsonl"  # in the run's folder: (path, call) a line
BROUGHT = "brought"  # new files of the project, copied there
NO_COPY = "no-copy"  # there where the system gives no private copy of the project


def confine_program(setup: ProgramConfinement) -> None:
    """Confines this process; returns in the one that runs the program, which may be a child."""
    scratch = setup["scratch"]
    confinement = Confinement(
        setup["level"], setup["folder"], setup["private"], filled=setup["filled"]
    )
    confinement.enter()
    if confinement.level is Level.NAMESPACE:
        attendant = os.getpid()
        if pid := os.fork():
            _attend(pid, setup)
        die_with_parent()
        if os.getppid() != attendant:  # it has ended before that
            os._exit(1)

    def report(path: str, call: str) -> None:
        _append(scratch, [(path, call)])

    # What it was made for may be to change its own files: here, where it has a copy of them.
    confinement.begin(scratch, {"allowed": [setup["root"]], "commands": []}, report)
    if setup["filled"] and not confinement.has_copy_of(setup["root"]):
        Path(scratch, NO_COPY).touch()
        os._exit(1)
    confinement.seal()


def read_reached(scratch: Path) -> tuple[tuple[str, str], ...]:
    """What a run reached for: (path, call) of what was refused, or changed in a private copy."""
    try:
        lines = (scratch / REACHED).read_text("utf-8").splitlines()
    except OSError:
        return ()
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):
            path, call = json.loads(line)
            found.append((str(path), str(call)))
    return tuple(found)


def _append(scratch: str, reached: list[tuple[str, str]]) -> None:
    with open(os.path.join(scratch, REACHED), "a", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(pair)}\n" for pair in reached)


def _attend(pid: int, setup: ProgramConfinement) -> NoReturn:
    """Waits for the program, writes down what it has changed, and ends as it has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program hears it and decides
    status = os.waitpid(pid, 0)[1]
    if setup["brings"]:
        _bring(setup)
    _append(setup["scratch"], changes_of_run(setup, setup["scratch"]))
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _bring(setup: ProgramConfinement) -> None:
    """Copies the project's new files to where the parent finds them."""
    name = os.path.basename(os.path.realpath(setup["scratch"]))
    for zone in copies_from_outside(setup["folder"], setup["private"], name):
        for made in new_files(zone):
            place = os.path.relpath(os.path.join(zone.path, made), setup["brings"])
            if place.startswith(os.pardir):
                continue
            target = os.path.join(setup["scratch"], BROUGHT, place)
            with contextlib.suppress(OSError):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(os.path.join(zone.upper, made), target, follow_symlinks=False)
