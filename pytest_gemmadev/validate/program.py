"""Runs of a user's program: one as the user would run it, and trials in a copy of its project.

A trial starts from a fresh copy of the project, so that files which the program writes there make
no difference to the next trial or to the user. What lies outside the project is reached as usual.
Not a security boundary: a candidate may do what the program may do.
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

from pytest_gemmadev.core.types import GemmadevError, Overlay
from pytest_gemmadev.validate import program_main

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
        process = subprocess.Popen(
            _command(program, report, program.root, {}),
            stdin=stdin,
            stdout=stdout,
            cwd=program.cwd,
        )
        if stdin is not None and not isinstance(stdin, int):
            stdin.close()
        while True:
            try:
                status = process.wait()
                break
            except KeyboardInterrupt:  # the program has heard it too
                continue
        return Ran(_shell_status(status), _read(report, {}), b"", time.monotonic() - start_s)


class Trials:
    """Where trials of one program run."""

    def __init__(self, program: Program, *, input_: bytes, confinement: Mapping[str, int]) -> None:
        self._program = program
        self._confinement = confinement
        self._folder = Path(tempfile.mkdtemp(prefix="gemmadev-"))
        self._input = self._folder / "stdin"
        self._input.write_bytes(input_)
        self._files = _project_files(program.root)

    def run(self, overlay: Overlay, *, limit_s: float) -> Ran:
        """One run over ``overlay``, in a copy of the project of its own."""
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            copy = Path(name, Path(self._program.root).name or "project").resolve()
            self._copy(copy, overlay)
            return self._run(copy, Path(name), limit_s)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def _copy(self, copy: Path, overlay: Overlay) -> None:
        copy.mkdir()
        root = self._program.root
        for path, is_folder in self._files:
            if is_folder:
                (copy / path).mkdir(exist_ok=True)
            elif path not in overlay:
                with contextlib.suppress(FileNotFoundError):  # gone since
                    shutil.copy2(os.path.join(root, path), copy / path, follow_symlinks=False)
        for path, data in overlay.items():
            (copy / path).write_bytes(data)

    def _run(self, copy: Path, scratch: Path, limit_s: float) -> Ran:
        report, output = scratch / "report.json", scratch / "stdout"
        cwd = _within(self._program.cwd, self._program.root, str(copy))
        (scratch / "tmp").mkdir()
        environ = {
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(scratch / "tmp"),
        }
        start_s = time.monotonic()
        with self._input.open("rb") as stdin, output.open("wb") as stdout:
            process = subprocess.Popen(
                _command(self._program, report, str(copy), self._confinement),
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.DEVNULL,
                cwd=cwd,
                env=environ,
                start_new_session=True,
            )
            over = _wait(process, start_s + limit_s, output)
        seconds = time.monotonic() - start_s
        moved = {str(copy): self._program.root}
        return Ran(
            _shell_status(process.returncode),
            _read(report, moved),
            output.read_bytes(),
            seconds,
            over,
        )


def _wait(process: subprocess.Popen[bytes], deadline: float, output: Path) -> str:
    """Waits for the end of the process, or ends it with all it started; says which limit it was."""
    over = ""
    pause = _POLL_S
    while process.poll() is None and not over:
        if time.monotonic() > deadline:
            over = "time"
        elif output.stat().st_size > OUTPUT_BYTES:
            over = "output"
        else:
            time.sleep(pause)
            pause = min(0.05, pause * 1.2)
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)  # what it left behind, too
    process.wait()
    return over


def _command(
    program: Program, report: Path, root: str, confinement: Mapping[str, int]
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
        "package": str(Path(__file__).resolve().parents[2]),
        "confine": dict(confinement),
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
