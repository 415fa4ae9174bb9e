"""A copy of a project's files, where the system gives no private one at the same place."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pytest_gemmadev.types import GemmadevError, Overlay
from pytest_gemmadev.validate.resources import ProgramLimits

_LEFT_OUT = {"__pycache__", "node_modules", "site-packages"}


def list_files(root: str, limits: ProgramLimits) -> list[tuple[str, bool]]:
    """(relative path, whether it is a folder) of what a copy needs, folders first."""
    found: list[tuple[str, bool]] = []
    size = 0
    for path, entry in _walk(root, ""):
        is_folder = entry.is_dir(follow_symlinks=False)
        if not is_folder:
            size += entry.stat(follow_symlinks=False).st_size
        found.append((path, is_folder))
        if len(found) > limits.copied_files or size > limits.copied_bytes:
            raise GemmadevError(
                f"{root} holds more than {limits.copied_files:,} files or "
                f"{limits.copied_bytes >> 20} MB, too much to copy for every run; name the "
                "project's own folder with --root"
            )
    return found


def copy_project(root: str, copy: Path, files: list[tuple[str, bool]], *, overlay: Overlay) -> None:
    """Copies the files, as of `list_files`, to the folder ``copy``; the overlay's are as there."""
    copy.mkdir()
    for path, is_folder in files:
        if is_folder:
            (copy / path).mkdir(exist_ok=True)
        elif path not in overlay:
            with contextlib.suppress(FileNotFoundError):  # gone since
                shutil.copy2(os.path.join(root, path), copy / path, follow_symlinks=False)
    for path, data in overlay.items():
        (copy / path).write_bytes(data)


def bring_over(source: Path, root: str) -> tuple[str, ...]:
    """Copies what is new in ``source`` into the project, over nothing that is there; its paths."""
    brought = []
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if name not in _LEFT_OUT]
        for name in sorted(names):
            made = Path(folder, name)
            path = made.relative_to(source).as_posix()
            target = os.path.join(root, path)
            if made.is_symlink() or not made.is_file() or os.path.lexists(target):
                continue
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "xb") as new, made.open("rb") as old:
                shutil.copyfileobj(old, new)
            shutil.copymode(made, target)
            brought.append(path)
    return tuple(brought)


def _walk(root: str, folder: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    try:
        entries = sorted(os.scandir(os.path.join(root, folder)), key=lambda entry: entry.name)
    except OSError:  # no permission: the program cannot read it either
        return
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_dir(follow_symlinks=False):
            is_hidden = entry.name.startswith(".") or entry.name in _LEFT_OUT
            if is_hidden or os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):
                continue
            yield path, entry
            yield from _walk(root, path)
        elif entry.is_file() or entry.is_symlink():
            yield path, entry
