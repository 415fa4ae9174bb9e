"""A process that runs a user's program: its command line, its end, what it reports."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

import pytest_gemmadev
from pytest_gemmadev.capture.shapes import PlainStack
from pytest_gemmadev.validate.messages import ProgramConfinement, ProgramSetup
from pytest_gemmadev.validate.program import program_main
from pytest_gemmadev.validate.resources import ProcessLimits, ProgramLimits

_MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", ".hg")

Stdin: TypeAlias = IO[bytes] | int | None
Stdout: TypeAlias = IO[bytes] | None


@dataclass(frozen=True, slots=True)
class Program:
    """What the user wants to run."""

    target: str  # a file or folder as given, or a module's name
    args: tuple[str, ...]
    is_module: bool
    cwd: str  # resolved
    root: str  # of the project, resolved
    python: str = sys.executable

    @property
    def name(self) -> str:
        return f"-m {self.target}" if self.is_module else self.target


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """How a run ended."""

    status: int  # as a shell would say
    stack: PlainStack | None  # of an uncaught exception, as in the real project
    output: bytes = b""  # standard output, where that is not the user's
    seconds: float = 0.0
    over: str = ""  # the limit that ended it
    reached: tuple[tuple[str, str], ...] = ()  # as of `runs.Run`
    lines: frozenset[tuple[str, int]] | None = None  # (path below the root, line) of what ran


def find_root(folder: str) -> str:
    """The nearest folder upwards that looks like a project's root; ``folder`` itself without one."""
    here = Path(folder).resolve()
    home = Path.home()
    for candidate in (here, *here.parents):
        if candidate == home:
            break
        if any((candidate / marker).exists() for marker in _MARKERS):
            return str(candidate)
    return str(here)


def run_live(program: Program, *, stdin: Stdin, stdout: Stdout) -> ProgramRun:
    """Runs the program on the user's own files and streams, for as long as it takes.

    A stream given as ``stdin`` is closed here once the program has it.
    """
    with tempfile.TemporaryDirectory(prefix="gemmadev-") as folder:
        report = Path(folder, "report.json")
        began_s = time.monotonic()
        command = command_line(program, report, root=program.root)
        status = wait_with_streams(command, stdin=stdin, stdout=stdout, cwd=program.cwd)
        return ProgramRun(status, read_report(report, {}), b"", time.monotonic() - began_s)


def wait_with_streams(
    command: list[str],
    *,
    stdin: Stdin,
    stdout: Stdout,
    cwd: str,
    environ: Mapping[str, str] | None = None,
) -> int:
    """The status, as a shell would say, of a process that has the user's streams."""
    process = subprocess.Popen(command, stdin=stdin, stdout=stdout, cwd=cwd, env=environ)
    if stdin is not None and not isinstance(stdin, int):
        stdin.close()
    while True:
        try:
            return shell_status(process.wait())
        except KeyboardInterrupt:  # the program has heard it too
            continue


def wait_or_end(
    process: subprocess.Popen[bytes], deadline_s: float, output: Path, *, limits: ProgramLimits
) -> str:
    """Waits for the end of the process, or ends it with all it started; the limit that it was."""
    over = ""
    pause_s = limits.poll_s
    try:
        while process.poll() is None and not over:
            if time.monotonic() > deadline_s:
                over = "time"
            elif output.stat().st_size > limits.output_bytes:
                over = "output"
            else:
                time.sleep(pause_s)
                pause_s = min(limits.slow_poll_s, pause_s * 1.2)
    finally:  # where Ctrl-C ends the search, too
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)  # what it left behind, too
        process.wait()
    return over


def command_line(
    program: Program,
    report: Path,
    *,
    root: str,
    process_limits: ProcessLimits | None = None,
    confinement: ProgramConfinement | None = None,
    lines: str = "",
) -> list[str]:
    """What runs the program in a copy of its project at ``root`` and reports to the file.

    ``lines`` is the file that the lines which ran are written to; empty for none.
    """
    target = program.target
    if not program.is_module and os.path.isabs(target):
        target = path_in_copy(target, program.root, root)
    setup: ProgramSetup = {
        "name": program.name,
        "target": target,
        "args": list(program.args),
        "is_module": program.is_module,
        "moved": (program.root, root),
        "report": str(report),
        "lines": lines,
        "package": str(Path(pytest_gemmadev.__file__).resolve().parents[1]),
        "process_limits": process_limits,
        "confinement": confinement,
    }
    flags: list[str] = []
    if program.python == sys.executable:  # -W, -X and the like
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [program.python, *flags, program_main.__file__, json.dumps(setup)]


def read_report(report: Path, moved: Mapping[str, str]) -> PlainStack | None:
    """The stack that a run has reported, with the paths of a copy replaced by the real ones."""
    try:
        text = report.read_text("utf-8")
        for copy, root in moved.items():
            text = text.replace(json.dumps(copy)[1:-1], json.dumps(root)[1:-1])
        stack: PlainStack = json.loads(text)
    except (OSError, ValueError):  # none, or the process was ended while it wrote
        return None
    return stack


def read_lines(path: Path) -> frozenset[tuple[str, int]] | None:
    """The lines that a run has written down; None where it did not come to that."""
    try:
        return frozenset(
            (str(name), int(line)) for name, line in json.loads(path.read_text("utf-8"))
        )
    except (OSError, ValueError, TypeError):  # it was ended before
        return None


def path_in_copy(path: str, root: str, copy: str) -> str:
    """Where a path of the project lies in the copy; others stay."""
    return copy + path[len(root) :] if path == root or path.startswith(root + os.sep) else path


def shell_status(status: int) -> int:
    """The exit status as a shell has it, of one as `subprocess` has it."""
    return 128 - status if status < 0 else status
