"""Where a run may write, and by what means it is kept there; plain data that crosses processes."""

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

LEVEL_VARIABLE = "GEMMADEV_CONFINE_LEVEL"  # the most that is used; to try the lower ones
ANYTHING = "*"
OPENED = "opened"  # stands for a call, of a file that the unchanged code opens to write
STARTED = "started"  # stands for a call, of a command that the unchanged code starts
SHARED_MEMORY = "/dev/shm"
MODES = ("auto", "strict", "off")
_PROBE_S = 10.0
_PROBE = Path(__file__).with_name("namespace.py")


class Level(str, Enum):
    """What confines, from the strongest down."""

    NAMESPACE = "namespace"  # mounts of its own, with private copies; Landlock where there is one
    LANDLOCK = "landlock"
    HOOKS = "hooks"  # audit hooks of the interpreter; processes that it starts are not reached
    NONE = "none"


_ORDER = tuple(Level)


@dataclass(frozen=True, slots=True)
class Zone:
    """A folder of which a run sees a private copy: what it writes there goes nowhere real."""

    path: str  # resolved
    upper: str  # what the run wrote
    lower: str  # the folder as it is


@dataclass(frozen=True, slots=True)
class Places:
    """What one run may write to."""

    level: Level
    free: tuple[str, ...]  # resolved folders in which it may do anything
    zones: tuple[Zone, ...] = ()  # the innermost first
    allowed: frozenset[str] = frozenset()
    # what exists in zones and may be changed there all the same: the unchanged code does that
    commands: frozenset[str] = frozenset()
    # that the unchanged code starts; only `Level.HOOKS` asks. `ANYTHING` stands for all of either.


@cache
def strongest(cap: str = "") -> Level:
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
    level = strongest(os.environ.get(LEVEL_VARIABLE, ""))
    if mode == "strict" and not confines(level):
        raise GemmadevError(
            f"this system cannot confine runs of candidates ({described(level)}), and strict asks "
            "for that; gemmadev doctor says more"
        )
    return level


def confines(level: Level) -> bool:
    """Whether the system itself holds what the level promises, whatever code does."""
    return level in (Level.NAMESPACE, Level.LANDLOCK)


def described(level: Level) -> str:
    """The level in the words of the header and the report."""
    if confines(level):
        version = landlock.version()
        return f"confined: Landlock {version}" if version else "confined: private mounts"
    return "guarded: audit hooks" if level is Level.HOOKS else "not confined"


def _namespaces_work() -> bool:
    """Whether a process can be given mounts of its own, tried in one that is thrown away."""
    try:
        with tempfile.TemporaryDirectory(prefix="gemmadev-") as folder:
            command = [sys.executable, "-I", "-S", "-B", str(_PROBE), folder]
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PROBE_S,
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
    return tuple(sorted(p for p in real if not any(inside(p, [o]) for o in real - {p})))


def fill(place: Path, private: Sequence[str], contents: Mapping[str, bytes | None]) -> None:
    """Writes what private copies shall begin with: contents by path, None for what is not there.

    A folder by number for each of ``private``.
    """
    for number in range(len(private)):
        (place / str(number)).mkdir(parents=True)
    for path, data in contents.items():
        real = os.path.realpath(path) if data is not None else path
        for number, top in enumerate(private):
            if inside(real, [top]):
                _fill(place / str(number), top, os.path.relpath(real, top), data)


def _fill(folder: Path, top: str, name: str, data: bytes | None) -> None:
    new = folder / name
    for made in reversed([each for each in new.parents if folder in each.parents]):
        if not made.exists():
            made.mkdir()
            with contextlib.suppress(OSError):  # it was not there either
                shutil.copystat(os.path.join(top, made.relative_to(folder)), made)
    with contextlib.suppress(OSError):  # what cannot be made is as it is
        if data is not None:
            new.write_bytes(data)
            with contextlib.suppress(FileNotFoundError):
                shutil.copymode(os.path.join(top, name), new)
        elif os.path.lexists(os.path.join(top, name)):
            os.mknod(new, stat.S_IFCHR, os.makedev(0, 0))  # overlayfs: it is not there


def inside(path: str, folders: Iterable[str]) -> bool:
    """Whether a resolved path is one of the folders or lies in one."""
    return any(path == folder or path.startswith(f"{folder}{os.sep}") for folder in folders)


def command_key(executable: object, args: Sequence[object]) -> str:
    """What tells a command from others, without the folders for temporary files in it."""
    words = [os.path.basename(_text(executable)), *map(_text, list(args)[1:])]
    top = os.path.realpath(tempfile.gettempdir())
    return "\0".join("TMP" if inside(word, [top]) else word for word in words)


def _text(value: object) -> str:
    try:
        return os.fsdecode(value)  # type: ignore[arg-type]  # whatever it is, it is shown
    except TypeError:
        return str(value)
