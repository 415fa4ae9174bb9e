"""Runs of a user's program: one as the user would run it, and trials in a copy of its project.

A trial starts from a fresh copy of the project, so that files which the program writes there make
no difference to the next trial or to the user. The copy is a private one at the same place, where the
system has those, and files beside it elsewhere. What a trial reaches for outside of it is refused.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest_gemmadev
from pytest_gemmadev.types import GemmadevError, Overlay
from pytest_gemmadev.validate.confine.confined_program import BROUGHT, NO_COPY, read_reached
from pytest_gemmadev.validate.confine.places import Level, fill, inside, private_folders
from pytest_gemmadev.validate.program import program_main

MAX_FILES = 20_000  # of a project that is copied for every trial
MAX_BYTES = 200 << 20
OUTPUT_BYTES = 64 << 20  # of a trial
_POLL_S = 0.005
_LEFT_OUT = {"__pycache__", "node_modules", "site-packages"}
_MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", ".hg")


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
class Ran:
    """How a run ended."""

    status: int  # as a shell would say
    stack: Mapping[str, Any] | None  # of an uncaught exception, plain, as in the real project
    output: bytes = b""  # standard output; of trials only
    seconds: float = 0.0
    over: str = ""  # the limit that ended it
    reached: tuple[tuple[str, str], ...] = ()  # as of `runs.Run`


def project_of(folder: str) -> str:
    """The nearest folder upwards that looks like a project's root; ``folder`` itself without one."""
    here = Path(folder).resolve()
    home = Path.home()
    for candidate in (here, *here.parents):
        if candidate == home:
            break
        if any((candidate / marker).exists() for marker in _MARKERS):
            return str(candidate)
    return str(here)


def run_live(program: Program, *, stdin: IO[bytes] | int | None, stdout: IO[bytes] | None) -> Ran:
    """Runs the program on the user's own files and streams, for as long as it takes.

    A stream given as ``stdin`` is closed here once the program has it.
    """
    with tempfile.TemporaryDirectory(prefix="gemmadev-") as folder:
        report = Path(folder, "report.json")
        start_s = time.monotonic()
        status = _run_with_streams(
            _command(program, report, program.root), program.cwd, stdin, stdout
        )
        return Ran(status, _read(report, {}), b"", time.monotonic() - start_s)


def _run_with_streams(
    command: list[str],
    cwd: str,
    stdin: IO[bytes] | int | None,
    stdout: IO[bytes] | None,
    environ: Mapping[str, str] | None = None,
) -> int:
    """The status, as a shell would say, of a process that has the user's streams."""
    process = subprocess.Popen(command, stdin=stdin, stdout=stdout, cwd=cwd, env=environ)
    if stdin is not None and not isinstance(stdin, int):
        stdin.close()
    while True:
        try:
            return _shell_status(process.wait())
        except KeyboardInterrupt:  # the program has heard it too
            continue


@dataclass(frozen=True, slots=True)
class _Stage:
    """Where one run takes place."""

    scratch: Path  # its own
    root: str  # where it finds the project
    copy: Path | None  # the same, where that is a copy of files
    environ: Mapping[str, str]
    confinement: Mapping[str, Any]

    @property
    def report(self) -> Path:
        return self.scratch / "report.json"


class Trials:
    """Where trials of one program run."""

    def __init__(
        self, program: Program, *, input_: bytes, limits: Mapping[str, int], level: Level
    ) -> None:
        """``limits`` are arguments of `process.confine`."""
        self._program = program
        self._limits = limits
        self._level = level
        self._folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="gemmadev-")))
        self._input = self._folder / "stdin"
        self._input.write_bytes(input_)
        self._private = private_folders(program.root, os.environ)
        has_copies = level is Level.NAMESPACE and inside(program.root, self._private)
        self._files = None if has_copies else _project_files(program.root)

    def run(self, overlay: Overlay, *, limit_s: float) -> Ran:
        """One run over ``overlay``, in a copy of the project of its own."""
        with self._stage(overlay) as stage:
            ran = self._run(stage, limit_s)
            has_run = not (stage.scratch / NO_COPY).exists()
        if has_run:
            return ran
        self._files = _project_files(self._program.root)
        return self.run(overlay, limit_s=limit_s)

    def run_last(
        self, *, stdin: IO[bytes] | int | None, stdout: IO[bytes] | None
    ) -> tuple[Ran, tuple[str, ...]]:
        """One run with the user's streams and without limits, on the tree as it is by now.

        What it writes goes to a copy; the files in the project that are new are brought over, and
        their paths come back, relative to the root. To be called after `run`.
        """
        with self._stage({}, brings=True) as stage:
            start_s = time.monotonic()
            command = _command(self._program, stage.report, stage.root, {}, stage.confinement)
            cwd = _within(self._program.cwd, self._program.root, stage.root)
            status = _run_with_streams(command, cwd, stdin, stdout, stage.environ)
            ran = self._ran(stage, status, b"", time.monotonic() - start_s, "")
            return ran, () if ran.stack is not None else self._bring_over(stage)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextlib.contextmanager
    def _stage(self, overlay: Overlay, *, brings: bool = False) -> Iterator[_Stage]:
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            scratch = Path(name)
            (scratch / "tmp").mkdir()
            copy = None
            filled = ""
            if self._files is None:
                filled = str(scratch / "filled")
                contents = {os.path.join(self._program.root, n): d for n, d in overlay.items()}
                fill(Path(filled), self._private, contents)
            else:
                copy = (scratch / (Path(self._program.root).name or "project")).resolve()
                self._copy(copy, self._files, overlay)
            yield _Stage(
                scratch,
                self._program.root if copy is None else str(copy),
                copy,
                {
                    **os.environ,
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "TMPDIR": str(scratch / "tmp"),
                },
                {
                    "level": self._level.value,
                    "folder": str(self._folder),
                    "private": list(self._private)
                    if copy is None
                    else [path for path in self._private if not inside(self._program.root, [path])],
                    "scratch": str(scratch),
                    "filled": filled,
                    "root": self._program.root,
                    "brings": self._program.root if brings else "",
                },
            )

    def _copy(self, copy: Path, files: list[tuple[str, bool]], overlay: Overlay) -> None:
        copy.mkdir()
        root = self._program.root
        for path, is_folder in files:
            if is_folder:
                (copy / path).mkdir(exist_ok=True)
            elif path not in overlay:
                with contextlib.suppress(FileNotFoundError):  # gone since
                    shutil.copy2(os.path.join(root, path), copy / path, follow_symlinks=False)
        for path, data in overlay.items():
            (copy / path).write_bytes(data)

    def _run(self, stage: _Stage, limit_s: float) -> Ran:
        output = stage.scratch / "stdout"
        cwd = _within(self._program.cwd, self._program.root, stage.root)
        command = _command(self._program, stage.report, stage.root, self._limits, stage.confinement)
        start_s = time.monotonic()
        with self._input.open("rb") as stdin, output.open("wb") as stdout:
            process = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.DEVNULL,
                cwd=cwd,
                env=stage.environ,
                start_new_session=True,
            )
            over = _wait(process, start_s + limit_s, output)
        seconds = time.monotonic() - start_s
        status = _shell_status(process.returncode)
        return self._ran(stage, status, output.read_bytes(), seconds, over)

    def _ran(self, stage: _Stage, status: int, output: bytes, seconds: float, over: str) -> Ran:
        moved = {stage.root: self._program.root} if stage.copy is not None else {}
        reached = read_reached(stage.scratch)
        return Ran(status, _read(stage.report, moved), output, seconds, over, reached)

    def _bring_over(self, stage: _Stage) -> tuple[str, ...]:
        """Copies what the run has newly made into the project, over nothing that is there."""
        source = stage.scratch / BROUGHT if stage.copy is None else stage.copy
        brought = []
        for folder, folders, names in os.walk(source):
            folders[:] = [name for name in folders if name not in _LEFT_OUT]
            for name in sorted(names):
                made = Path(folder, name)
                path = made.relative_to(source).as_posix()
                target = os.path.join(self._program.root, path)
                if made.is_symlink() or not made.is_file() or os.path.lexists(target):
                    continue
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with open(target, "xb") as new, made.open("rb") as old:
                    shutil.copyfileobj(old, new)
                shutil.copymode(made, target)
                brought.append(path)
        return tuple(brought)


def _wait(process: subprocess.Popen[bytes], deadline: float, output: Path) -> str:
    """Waits for the end of the process, or ends it with all it started; says which limit it was."""
    over = ""
    pause = _POLL_S
    try:
        while process.poll() is None and not over:
            if time.monotonic() > deadline:
                over = "time"
            elif output.stat().st_size > OUTPUT_BYTES:
                over = "output"
            else:
                time.sleep(pause)
                pause = min(0.05, pause * 1.2)
    finally:  # where Ctrl-C ends the search, too
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)  # what it left behind, too
        process.wait()
    return over


def _command(
    program: Program,
    report: Path,
    root: str,
    limits: Mapping[str, int] | None = None,
    confinement: Mapping[str, Any] | None = None,
) -> list[str]:
    target = program.target
    if not program.is_module and os.path.isabs(target):
        target = _within(target, program.root, root)
    setup = {
        "name": program.name,
        "target": target,
        "args": program.args,
        "is_module": program.is_module,
        "moved": [program.root, root],
        "report": str(report),
        "package": str(Path(pytest_gemmadev.__file__).resolve().parents[1]),
        "limits": dict(limits or {}),
        "confinement": dict(confinement or {}),
    }
    flags: list[str] = []
    if program.python == sys.executable:  # -W, -X and the like
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [program.python, *flags, program_main.__file__, json.dumps(setup)]


def _read(report: Path, moved: Mapping[str, str]) -> Mapping[str, Any] | None:
    try:
        text = report.read_text("utf-8")
        for copy, root in moved.items():
            text = text.replace(json.dumps(copy)[1:-1], json.dumps(root)[1:-1])
        stack: Mapping[str, Any] = json.loads(text)
    except (OSError, ValueError):  # none, or the process was ended while it wrote
        return None
    return stack


def _within(path: str, root: str, copy: str) -> str:
    """Where a path of the project lies in the copy; others stay."""
    return copy + path[len(root) :] if path == root or path.startswith(root + os.sep) else path


def _shell_status(status: int) -> int:
    return 128 - status if status < 0 else status


def _project_files(root: str) -> list[tuple[str, bool]]:
    """(relative path, whether it is a folder) of what a copy needs, folders first."""
    found: list[tuple[str, bool]] = []
    size = 0
    for path, entry in _walk(root, ""):
        is_folder = entry.is_dir(follow_symlinks=False)
        if not is_folder:
            size += entry.stat(follow_symlinks=False).st_size
        found.append((path, is_folder))
        if len(found) > MAX_FILES or size > MAX_BYTES:
            raise GemmadevError(
                f"{root} holds more than {MAX_FILES:,} files or {MAX_BYTES >> 20} MB, too much to "
                "copy for every trial; name the project's own folder with --root"
            )
    return found


def _walk(root: str, folder: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        entries = sorted(os.scandir(os.path.join(root, folder)), key=lambda entry: entry.name)
    except OSError:  # no permission: the program cannot read it either
        return
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_dir(follow_symlinks=False):
            hidden = entry.name.startswith(".") or entry.name in _LEFT_OUT
            if hidden or os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
                continue
            yield path, entry
            yield from _walk(root, path)
        elif entry.is_file() or entry.is_symlink():
            yield path, entry
