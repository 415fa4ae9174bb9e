"""Where a run may write, and by what means it is kept there."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path

from pytest_gemmadev.types import GemmadevError
from pytest_gemmadev.validate.confine import landlock
from pytest_gemmadev.validate.confine.copy_changes import Zone
from pytest_gemmadev.validate.resources import ConfinementLimits

LEVEL_VARIABLE = "GEMMADEV_CONFINE_LEVEL"  # the most that is used; to try the lower ones
ANYTHING = "*"
OPENED = "opened"  # stands for a call, of a file that the unchanged code opens to write
STARTED = "started"  # stands for a call, of a command that the unchanged code starts
SHARED_MEMORY = "/dev/shm"
MODES = ("auto", "strict", "off")
_PROBE = Path(__file__).with_name("namespace_probe.py")


class Level(str, Enum):
    """What confines, from the strongest down."""

    NAMESPACE = "namespace"  # mounts of its own, with private copies; Landlock where there is one
    LANDLOCK = "landlock"
    HOOKS = "hooks"  # audit hooks of the interpreter; processes that it starts are not reached
    NONE = "none"


_ORDER = tuple(Level)


@dataclass(frozen=True, slots=True)
class Places:
    """What one run may write to."""

    level: Level
    free: tuple[str, ...]  # resolved folders in which it may do anything
    zones: tuple[Zone, ...] = ()  # its private copies, the innermost first
    allowed: frozenset[str] = frozenset()
    # what exists in zones and may be changed there all the same: the unchanged code does that
    commands: frozenset[str] = frozenset()
    # that the unchanged code starts; only `Level.HOOKS` asks. `ANYTHING` stands for all of either.


@cache
def strongest_level(cap: str = "") -> Level:
    """The strongest level that this system offers, up to ``cap``."""
    most = _ORDER.index(Level(cap)) if cap in [level.value for level in _ORDER] else 0
    found = Level.HOOKS
    if sys.platform == "linux":
        if landlock.version():
            found = Level.LANDLOCK
        if most == 0 and _namespaces_work():
            found = Level.NAMESPACE
    return _ORDER[max(most, _ORDER.index(found))]


def level_for(mode: str) -> Level:
    """The level of a mode: ``auto``, ``strict`` or ``off``; GemmadevError where it cannot be had."""
    if mode not in MODES:
        raise GemmadevError(f"{mode!r} is not one of {', '.join(MODES)}")
    if mode == "off":
        return Level.NONE
    level = strongest_level(os.environ.get(LEVEL_VARIABLE, ""))
    if mode == "strict" and not confines(level):
        raise GemmadevError(
            f"this system cannot confine runs of candidates ({describe_level(level)}), and strict asks "
            "for that; gemmadev doctor says more"
        )
    return level


def confines(level: Level) -> bool:
    """Whether the system itself holds what the level promises, whatever code does."""
    return level in (Level.NAMESPACE, Level.LANDLOCK)


def describe_level(level: Level) -> str:
    """The level in the words of the header and the report."""
    if confines(level):
        version = landlock.version()
        return f"confined: Landlock {version}" if version else "confined: private mounts"
    return "guarded: audit hooks" if level is Level.HOOKS else "not confined"


def _namespaces_work() -> bool:
    """Whether a process can be given mounts of its own; a process of its own finds out."""
    try:
        with tempfile.TemporaryDirectory(prefix="gemmadev-") as folder:
            command = [sys.executable, "-I", "-S", "-B", str(_PROBE), folder]
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=ConfinementLimits().probe_s,
                check=False,
            )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def private_folders(root: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Folders of which runs get private copies: the project, the home and those for temporary files.

    A folder inside another one of them needs no copy of its own.
    """
    wanted = [root, environ.get("HOME") or os.path.expanduser("~"), "/tmp", "/var/tmp"]
    wanted += [environ[name] for name in ("TMPDIR", "TEMP", "TMP") if environ.get(name)]
    real = {os.path.realpath(path) for path in wanted if os.path.isdir(path)} - {"/"}
    return tuple(sorted(p for p in real if not any(is_inside(p, [o]) for o in real - {p})))


def fill(place: Path, private: Sequence[str], contents: Mapping[str, bytes | None]) -> None:
    """Writes what private copies shall begin with: contents by path, None for what is not there.

    A folder by number for each of ``private``.
    """
    for number in range(len(private)):
        (place / str(number)).mkdir(parents=True)
    for path, data in contents.items():
        real = os.path.realpath(path) if data is not None else path
        for number, top in enumerate(private):
            if is_inside(real, [top]):
                new = place / str(number) / os.path.relpath(real, top)
                _make_folders(place / str(number), new, top)
                _write(new, real, data)


def _make_folders(folder: Path, new: Path, top: str) -> None:
    """Makes the folders between ``folder`` and ``new``, as those below ``top`` are."""
    for made in reversed([each for each in new.parents if folder in each.parents]):
        if not made.exists():
            made.mkdir()
            with contextlib.suppress(OSError):  # it was not there either
                shutil.copystat(os.path.join(top, made.relative_to(folder)), made)


def _write(new: Path, path: str, data: bytes | None) -> None:
    """Writes contents as ``path`` has them, or the mark of what is not there."""
    with contextlib.suppress(OSError):  # what cannot be made is as it is
        if data is not None:
            new.write_bytes(data)
            with contextlib.suppress(FileNotFoundError):
                shutil.copymode(path, new)
        elif os.path.lexists(path):
            os.mknod(new, stat.S_IFCHR, os.makedev(0, 0))  # overlayfs: it is not there


def is_inside(path: str, folders: Iterable[str]) -> bool:
    """Whether a resolved path is one of the folders or lies in one."""
    return any(path == folder or path.startswith(f"{folder}{os.sep}") for folder in folders)


def command_key(executable: object, args: Sequence[object]) -> str:
    """A string that stands for a command; folders for temporary files are alike in it."""
    words = [os.path.basename(_as_string(executable)), *map(_as_string, list(args)[1:])]
    top = os.path.realpath(tempfile.gettempdir())
    return "\0".join("TMP" if is_inside(word, [top]) else word for word in words)


def _as_string(value: object) -> str:
    try:
        return os.fsdecode(value)  # type: ignore[arg-type]  # whatever it is, it is shown
    except TypeError:
        return str(value)
