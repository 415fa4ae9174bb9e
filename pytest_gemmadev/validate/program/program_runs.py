"""Runs of a user's program in copies of its project.

Each starts from a fresh copy, so that files which the program writes there make no difference to the
next run or to the user. The copy is a private one at the same place, where the system has those, and
files beside it elsewhere. What a run reaches for outside of it is refused.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_gemmadev.capture.shapes import PlainStack
from pytest_gemmadev.types import Overlay
from pytest_gemmadev.validate.confine.confined_program import BROUGHT, NO_COPY, read_reached
from pytest_gemmadev.validate.confine.places import Level, fill, is_inside, private_folders
from pytest_gemmadev.validate.messages import ProgramConfinement
from pytest_gemmadev.validate.program.program_process import (
    Program,
    ProgramRun,
    Stdin,
    Stdout,
    command_line,
    path_in_copy,
    read_lines,
    read_report,
    shell_status,
    wait_or_end,
    wait_with_streams,
)
from pytest_gemmadev.validate.program.project_copy import bring_over, copy_project, list_files
from pytest_gemmadev.validate.resources import ProcessLimits, ProgramLimits

DEFAULT_LIMITS = ProgramLimits()


@dataclass(frozen=True, slots=True)
class _Stage:
    """Where one run takes place."""

    scratch: Path  # its own
    root: str  # where it finds the project
    copy: Path | None  # the same, where that is a copy of files
    environ: Mapping[str, str]
    confinement: ProgramConfinement

    @property
    def report(self) -> Path:
        return self.scratch / "report.json"

    @property
    def lines(self) -> Path:
        return self.scratch / "lines.json"


class ProgramRuns:
    """Runs one program, again and again."""

    def __init__(
        self,
        program: Program,
        *,
        level: Level,
        input_: bytes = b"",
        process_limits: ProcessLimits | None = None,
        limits: ProgramLimits = DEFAULT_LIMITS,
    ) -> None:
        """``process_limits`` are arguments of `process.limit_process`; None for no limits."""
        self._program = program
        self._process_limits = process_limits
        self._limits = limits
        self._level = level
        self._folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="gemmadev-")))
        self._input = self._folder / "stdin"
        self._input.write_bytes(input_)
        self._private = private_folders(program.root, os.environ)
        has_copies = level is Level.NAMESPACE and is_inside(program.root, self._private)
        self._files = None if has_copies else list_files(program.root, limits)

    def run(self, overlay: Overlay, *, limit_s: float, traced: bool = False) -> ProgramRun:
        """One run over ``overlay``, in a copy of the project of its own; ``traced`` with its lines."""
        with self._stage(overlay) as stage:
            run = self._run(stage, limit_s, traced=traced)
            has_run = not (stage.scratch / NO_COPY).exists()
        if has_run:
            return run
        self._files = list_files(self._program.root, self._limits)
        return self.run(overlay, limit_s=limit_s, traced=traced)

    def run_last(self, *, stdin: Stdin, stdout: Stdout) -> tuple[ProgramRun, tuple[str, ...]]:
        """One run with the user's streams and without limits, on the tree as it is by now.

        What it writes goes to a copy; the files in the project that are new are brought over, and
        their paths come back, relative to the root. To be called after `run`.
        """
        with self._stage({}, brings=True) as stage:
            began_s = time.monotonic()
            status = wait_with_streams(
                self._command(stage, None),
                stdin=stdin,
                stdout=stdout,
                cwd=self._cwd(stage),
                environ=stage.environ,
            )
            seconds = time.monotonic() - began_s
            run = ProgramRun(
                status, self._stack(stage), b"", seconds, "", read_reached(stage.scratch)
            )
            if run.stack is not None:
                return run, ()
            source = stage.scratch / BROUGHT if stage.copy is None else stage.copy
            return run, bring_over(source, self._program.root)

    def close(self) -> None:
        """Removes the files of all runs."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextlib.contextmanager
    def _stage(self, overlay: Overlay, *, brings: bool = False) -> Iterator[_Stage]:
        root = self._program.root
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            scratch = Path(name)
            (scratch / "tmp").mkdir()
            copy = None
            filled = ""
            if self._files is None:
                filled = str(scratch / "filled")
                contents = {os.path.join(root, path): data for path, data in overlay.items()}
                fill(Path(filled), self._private, contents)
            else:
                copy = (scratch / (Path(root).name or "project")).resolve()
                copy_project(root, copy, self._files, overlay=overlay)
            environ = {
                **os.environ,
                "PYTHONDONTWRITEBYTECODE": "1",
                "TMPDIR": str(scratch / "tmp"),
            }
            is_copied = copy is not None
            yield _Stage(
                scratch,
                root if copy is None else str(copy),
                copy,
                environ,
                {
                    "level": self._level.value,
                    "folder": str(self._folder),
                    "private": [
                        path
                        for path in self._private
                        if not (is_copied and is_inside(root, [path]))
                    ],
                    "scratch": str(scratch),
                    "filled": filled,
                    "root": root,
                    "brings": root if brings else "",
                },
            )

    def _run(self, stage: _Stage, limit_s: float, *, traced: bool) -> ProgramRun:
        output = stage.scratch / "stdout"
        began_s = time.monotonic()
        with self._input.open("rb") as stdin, output.open("wb") as stdout:
            process = subprocess.Popen(
                self._command(stage, self._process_limits, traced=traced),
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.DEVNULL,
                cwd=self._cwd(stage),
                env=stage.environ,
                start_new_session=True,
            )
            over = wait_or_end(process, began_s + limit_s, output, limits=self._limits)
        return ProgramRun(
            status=shell_status(process.returncode),
            stack=self._stack(stage),
            output=output.read_bytes(),
            seconds=time.monotonic() - began_s,
            over=over,
            reached=read_reached(stage.scratch),
            lines=read_lines(stage.lines) if traced else None,
        )

    def _command(
        self, stage: _Stage, process_limits: ProcessLimits | None, *, traced: bool = False
    ) -> list[str]:
        return command_line(
            self._program,
            stage.report,
            root=stage.root,
            process_limits=process_limits,
            confinement=stage.confinement,
            lines=str(stage.lines) if traced else "",
        )

    def _cwd(self, stage: _Stage) -> str:
        return path_in_copy(self._program.cwd, self._program.root, stage.root)

    def _stack(self, stage: _Stage) -> PlainStack | None:
        moved = {} if stage.copy is None else {stage.root: self._program.root}
        return read_report(stage.report, moved)
