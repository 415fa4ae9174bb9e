"""What was written to a private copy, as the upper folder of its overlay shows."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_gemmadev.validate.resources import ConfinementLimits

_LIMITS = ConfinementLimits()


@dataclass(frozen=True, slots=True)
class Zone:
    """A folder of which a run sees a private copy: what it writes there goes nowhere real."""

    path: str  # resolved
    upper: str  # what the run wrote
    lower: str  # the folder as it is


def is_untouched(upper: str) -> bool:
    """Whether nothing was written to a private copy."""
    try:
        return not os.listdir(upper)
    except OSError:
        return True


def changes(zone: Zone, filled: str = "") -> list[tuple[str, str]]:
    """(path, ``removed`` or ``changed``) of what was there before and is not, or is another now.

    ``filled`` is a folder with what the copy began with; empty where it began with nothing.
    """
    found: list[tuple[str, str]] = []
    for path, how in _changes(zone.upper, zone.lower, zone.path):
        place = os.path.relpath(path, zone.path)
        began = os.path.join(filled, place) if filled else ""
        if began and os.path.isfile(began):
            now = os.path.join(zone.upper, place)
            if os.path.isfile(now) and _is_same(now, began):
                continue
        found.append((path, how))
        if len(found) == _LIMITS.changes:
            break
    return found


def new_files(zone: Zone) -> Iterator[str]:
    """Files and links, relative to the copy, that were not there before."""
    for folder, folders, files in os.walk(zone.upper):
        inner = os.path.relpath(folder, zone.upper)
        for name in sorted((*files, *(n for n in folders if os.path.islink(f"{folder}/{n}")))):
            path = os.path.normpath(os.path.join(inner, name))
            mode = os.lstat(os.path.join(zone.upper, path)).st_mode
            is_kept = stat.S_ISREG(mode) or stat.S_ISLNK(mode)
            if is_kept and not os.path.lexists(os.path.join(zone.lower, path)):
                yield path


def _changes(upper: str, lower: str, path: str) -> Iterator[tuple[str, str]]:
    try:
        entries = sorted(os.scandir(upper), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        below, shown = os.path.join(lower, entry.name), os.path.join(path, entry.name)
        try:
            before = os.lstat(below)
        except OSError:
            continue  # it is new
        now = entry.stat(follow_symlinks=False)
        if stat.S_ISCHR(now.st_mode) and now.st_rdev == 0:
            yield shown, "removed"
        elif stat.S_ISDIR(now.st_mode) and stat.S_ISDIR(before.st_mode):
            if _is_opaque(entry.path):
                yield shown, "removed"
            elif _rights(now) != _rights(before):
                yield shown, "changed"
            yield from _changes(entry.path, below, shown)
        elif _rights(now) != _rights(before) or not _is_same(entry.path, below):
            yield shown, "changed"


def _rights(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_mode, status.st_uid, status.st_gid


def _is_same(one: str, other: str) -> bool:
    """Whether two files or links of one kind hold the same: opening may copy what nobody changes."""
    try:
        now, before = os.lstat(one), os.lstat(other)
        if stat.S_ISLNK(now.st_mode):
            return os.readlink(one) == os.readlink(other)
        if not stat.S_ISREG(now.st_mode):
            return True
        if now.st_size != before.st_size:
            return False
        with open(one, "rb") as first, open(other, "rb") as second:
            while block := first.read(1 << 20):
                if block != second.read(1 << 20):
                    return False
    except OSError:
        return False
    return True


def fingerprint(upper: str) -> tuple[tuple[object, ...], ...]:
    """Kinds, sizes and times of a tree of written files: others where any was written to."""
    found: list[tuple[object, ...]] = []
    for folder, folders, files in os.walk(upper):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                s = os.lstat(path)
                found.append((path, s.st_mode, s.st_size, s.st_mtime_ns, s.st_ctime_ns))
    return tuple(sorted(found, key=str))


def duplicate(source: str, target: str) -> None:
    """Copies what was written, with the marks of what was removed."""
    os.makedirs(target)
    for entry in os.scandir(source):
        status, copy = entry.stat(follow_symlinks=False), os.path.join(target, entry.name)
        if stat.S_ISDIR(status.st_mode):
            duplicate(entry.path, copy)
            os.chmod(copy, stat.S_IMODE(status.st_mode))
            for prefix in ("trusted", "user"):
                with contextlib.suppress(OSError):
                    name = f"{prefix}.overlay.opaque"
                    os.setxattr(copy, name, os.getxattr(entry.path, name))
        elif stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
            shutil.copy2(entry.path, copy, follow_symlinks=False)
        else:
            with contextlib.suppress(OSError):
                os.mknod(copy, status.st_mode, status.st_rdev)


def _is_opaque(path: str) -> bool:
    for prefix in ("trusted", "user"):
        with contextlib.suppress(OSError):
            if os.getxattr(path, f"{prefix}.overlay.opaque") == b"y":
                return True
    return False
