"""The real command in a folder of its own, and what it did to the files there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Files = Mapping[str, "str | bytes"]
"""Contents by path; text is written as UTF-8 with its newlines as they are."""

_OURS = {".gemmadev", ".pytest_cache", "__pycache__", ".hypothesis"}


@dataclass(frozen=True, slots=True)
class Ran:
    status: int
    output: str  # of both streams


def environment(**more: str) -> dict[str, str]:
    """This process's, without what a pytest around it set; bytecode is written as by default."""
    ours = ("PYTEST_", "COV_CORE_", "PYTHONDONTWRITEBYTECODE")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)} | more


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "pytest", "-p", "no:randomly", *options]


def run(folder: Path, *options: str, timeout_s: float = 150, **more: str) -> Ran:
    """Runs pytest in ``folder``; ``more`` is added to the environment."""
    done = subprocess.run(
        command(*options),
        cwd=folder,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout_s,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode("utf-8", "replace"))


def undo(folder: Path) -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "pytest_gemmadev.doors.cli", "undo"],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return Ran(done.returncode, done.stdout.decode("utf-8", "replace"))


def write(folder: Path, files: Files) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below, links not followed, without what tools keep for themselves."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not _OURS & set(path.relative_to(folder).parts)
    }


def processes_below(folder: Path) -> list[str]:
    """Command lines of running processes whose working directory is the folder or in it (Linux)."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            place = Path(os.readlink(process / "cwd"))
            state = (process / "stat").read_text().rpartition(")")[2].split()[0]
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it ended meanwhile
            continue
        if place.is_relative_to(folder) and state != "Z":
            found.append(f"{process.name} {line}")
    return found
