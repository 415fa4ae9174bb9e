"""What the journal keeps under ``.gemmadev``: entries that can be undone, and what was rescued.

``pending.json`` is a change under way, ``undo/ID.json`` one that is final. Beside the latter lie the
files themselves that the change has replaced, ``undo/ID-N.kept``: whoever had one of them open may
write into it still, and to put it back takes no room on the disk.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_gemmadev.files.atomic import describe_error, hold_lock, sync_folder, write_synced
from pytest_gemmadev.types import GemmadevError

FOLDER = ".gemmadev"
GONE = ""  # stands for the digest of a file that is not there
_VERSION = 1


@dataclass(frozen=True, slots=True)
class File:
    path: str  # the real place, relative to the root
    old: bytes
    mode: int
    replaceable: str  # SHA-256 of the only other content that may give way to the old one
    is_new: bool = False  # the change has made it: undone, it is gone, and `old` is empty

    @property
    def old_digest(self) -> str:
        """Of what the file held before the change; `GONE` where it was not there."""
        return GONE if self.is_new else digest(self.old)


@dataclass(frozen=True, slots=True)
class Entry:
    id: str
    note: str
    when: float
    files: tuple[File, ...]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def digest_of(path: Path) -> str:
    """Of what a file holds; `GONE` where there is none."""
    try:
        return digest(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return GONE


# --- the folder ----------------------------------------------------------------------------------


@contextmanager
def open_folder(
    top: Path, *, timeout_s: float, interrupted: Callable[[], bool] = lambda: False
) -> Iterator[Path]:
    """The journal's folder, made where it is missing, with nobody else in it."""
    folder = top / FOLDER
    if folder.is_symlink():
        raise GemmadevError(f"{folder} is a link; remove it, repairs are recorded there")
    with ExitStack() as held:
        try:
            (folder / "undo").mkdir(parents=True, exist_ok=True)
            ignore = folder / ".gitignore"
            if not ignore.exists() or not ignore.stat().st_size:
                ignore.write_text("*\n", encoding="ascii")
            held.enter_context(
                hold_lock(folder / "lock", timeout_s=timeout_s, interrupted=interrupted)
            )
        except TimeoutError:
            raise GemmadevError(
                f"another gemmadev is writing in {top}; try again when it is done"
            ) from None
        except OSError as error:
            raise GemmadevError(f"{describe_error(error)}; nothing was changed") from error
        yield folder


def entries(folder: Path) -> list[Path]:
    """Files of the entries that can be undone, the oldest first."""
    found = (path for path in (folder / "undo").glob("*.json") if path.stem.isdigit())
    return sorted(found, key=lambda path: int(path.stem))


def kept_file(folder: Path, entry_id: str, index: int) -> Path:
    """Where the file lies that an entry has replaced."""
    return folder / "undo" / f"{entry_id}-{index}.kept"


def forget(folder: Path, path: Path) -> None:
    """Removes an entry, and the files that it has kept as far as they hold nothing new."""
    with suppress(GemmadevError):  # one that cannot be read is of no more use
        entry = load(path)
        for index, file in enumerate(entry.files):
            discard(folder, entry.id, file, path=kept_file(folder, entry.id, index))
    path.unlink(missing_ok=True)


def discard(folder: Path, entry_id: str, file: File, *, path: Path) -> str | None:
    """Removes one of an entry's files; where it rather was rescued, as it holds neither the old
    content nor what the entry has put there."""
    seen = digest_of(path)
    if seen == GONE:
        return None
    if seen in (file.old_digest, file.replaceable):
        path.unlink(missing_ok=True)
        return None
    return rescue(folder, entry_id, file.path, source=path)


def rescue(folder: Path, entry_id: str, path: str, *, source: Path | bytes) -> str:
    """Where the copy lies, relative to the root. A file is moved there, and written into still."""
    copy = folder / "rescued" / entry_id / path
    copy.parent.mkdir(parents=True, exist_ok=True)
    number, free = 0, copy
    while free.exists():
        if free.read_bytes() == source:
            break  # from before a kill
        number += 1
        free = copy.with_name(f"{copy.name}.{number}")
    if isinstance(source, bytes):
        write_synced(free, source)
    else:
        move(source, free)
    return free.relative_to(folder.parent).as_posix()


def move(source: Path, target: Path) -> None:
    """Renames a file, also into another file system."""
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copy2(source, target)
        source.unlink()


# --- one entry -----------------------------------------------------------------------------------


def store(path: Path, entry: Entry) -> None:
    plain = {
        "version": _VERSION,
        "id": entry.id,
        "note": entry.note,
        "when": entry.when,
        "files": [
            {
                "path": file.path,
                "mode": file.mode,
                "old": base64.b64encode(file.old).decode("ascii"),
                "replaceable": file.replaceable,
                "is_new": file.is_new,
            }
            for file in entry.files
        ],
    }
    temporary = path.with_suffix(".tmp")
    try:
        write_synced(temporary, json.dumps(plain).encode("ascii"))
        os.replace(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)  # what is half there only takes room
        raise
    sync_folder(path.parent)


def load(path: Path) -> Entry:
    try:
        plain: Any = json.loads(path.read_bytes())
        if plain["version"] != _VERSION:
            raise ValueError(f"version {plain['version']}")
        files = tuple(
            File(
                f["path"],
                base64.b64decode(f["old"]),
                int(f["mode"]),
                str(f["replaceable"]),
                bool(f.get("is_new", False)),
            )
            for f in plain["files"]
        )
        number = int(plain["id"])  # part of file names, so nothing else will do
        return Entry(f"{number:06d}", str(plain["note"]), float(plain["when"]), files)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GemmadevError(
            f"{path} cannot be read ({type(error).__name__}: {error}); look at the files it "
            "names, then remove it"
        ) from error
