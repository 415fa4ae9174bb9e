"""Files that may be written: checked before anything is changed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pytest_gemmadev.files.atomic import describe_error
from pytest_gemmadev.files.ledger import FOLDER, digest_of
from pytest_gemmadev.types import GemmadevError


def find_writable(top: Path, path: str) -> Path:
    """The file's real place, once it is clear that it may be replaced."""
    target = resolve_inside(top, path)
    if not target.is_file():
        raise GemmadevError(f"{path} is not a file in {top}; nothing was changed")
    check_writable(target, path)
    check_writable(target.parent, path)
    return target


def find_free(top: Path, path: str) -> Path:
    """The place of a file that is to be made, once it is clear that it may be."""
    target = resolve_inside(top, path)
    if os.path.lexists(top / path) or os.path.lexists(target):
        raise GemmadevError(f"{path} is there already; nothing was changed")
    if not target.parent.is_dir():
        raise GemmadevError(f"{path}: its folder is not there; nothing was changed")
    check_writable(target.parent, path)
    return target


def resolve_inside(top: Path, path: str) -> Path:
    target = Path(os.path.realpath(top / path))
    if target == top or not target.is_relative_to(top):
        raise GemmadevError(f"{path} lies outside {top}; nothing was changed")
    if {FOLDER, ".git"} & set(target.relative_to(top).parts):
        raise GemmadevError(f"{path} is no file of the project; nothing was changed")
    return target


def check_writable(place: Path, path: str) -> None:
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        return  # made anew when it is put back
    except OSError as error:
        raise GemmadevError(f"{describe_error(error)}; nothing was changed") from error
    # Renaming needs no right to write the file, and root none at all: the mode is the owner's word.
    if not mode & 0o222 or not os.access(place, os.W_OK):
        what = "its folder is read-only" if stat.S_ISDIR(mode) else "it is read-only"
        raise GemmadevError(f"{path}: {what}; nothing was changed")


def new_mode() -> int:
    """The mode that a file made by this process gets."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def read_state(target: Path) -> tuple[bytes, int]:
    try:
        return target.read_bytes(), stat.S_IMODE(target.stat().st_mode)
    except OSError as error:
        raise GemmadevError(f"{describe_error(error)}; nothing was changed") from error


def read_digest(target: Path) -> str:
    try:
        return digest_of(target)
    except OSError as error:
        raise GemmadevError(f"{describe_error(error)}; nothing was put back") from error


def relative_path(top: Path, target: Path) -> str:
    return target.relative_to(top).as_posix()
