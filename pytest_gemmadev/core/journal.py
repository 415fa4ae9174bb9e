"""Changes the user's tree, all of it or nothing, and takes it back; needs no git.

Before the first file is touched, the old contents lie in ``.gemmadev/pending.json``. Each file is
then replaced by renaming a finished copy over it, and renaming the pending entry to
``.gemmadev/undo/ID.json`` makes the change final. So after ``kill -9`` at any moment `recover`
finds either a pending entry, and puts everything back, or a finished change. Undo is the same
walk: the last entry becomes pending again and is carried out as a recovery.

Covers crashes, full disks, Ctrl-C, links within the root, two runs at once. Does not cover hard
links (a new file takes the place of one name only) and processes that write the same file in the
very moment.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_gemmadev.core import record
from pytest_gemmadev.core.atomic import (
    locked,
    reason,
    replace_file,
    set_mode,
    sync_folder,
    write_synced,
)
from pytest_gemmadev.core.types import GemmadevError

FOLDER = ".gemmadev"
KEPT = 20  # entries that can be undone; older ones are forgotten
LOCK_TIMEOUT_S = 10.0
_VERSION = 1
_GONE = ""  # stands for the digest of a file that is not there


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What was put back."""

    entry: str
    note: str  # of the commit
    when: float  # of the commit, seconds since 1970
    restored: tuple[str, ...]  # relative paths of the files that changed back
    rescued: tuple[str, ...] = ()
    # files under .gemmadev that hold what would be lost: of a file that somebody changed after the
    # interruption the old content; after a forced undo the content that gave way
    interrupted: bool = False  # it was no finished change


@dataclass(frozen=True, slots=True)
class _File:
    path: str  # the real place, relative to the root
    old: bytes
    mode: int
    replaceable: str  # SHA-256 of the only other content that may give way to the old one


@dataclass(frozen=True, slots=True)
class _Entry:
    id: str
    note: str
    when: float
    files: tuple[_File, ...]


def _name(entry: str, when: float) -> str:
    """Of an entry in the record: numbers are used again after an undo."""
    return f"{entry}@{when:.3f}"


# --- doors ---------------------------------------------------------------------------------------


def commit(
    root: str | os.PathLike[str],
    changes: Mapping[str, bytes],
    *,
    note: str,
    expected: Mapping[str, bytes] | None = None,
) -> str:
    """The id of the new entry, after every file in ``changes`` holds its new content.

    Files are given relative to ``root`` and must exist. Links are followed. Raises `GemmadevError`
    when one cannot be written, or does not hold what is ``expected`` of it; then nothing is changed.
    """
    if not changes:
        raise ValueError("nothing to commit")
    top = Path(root).resolve()
    targets = {path: _writable(top, path) for path in changes}
    if len(set(targets.values())) < len(targets):
        raise GemmadevError(f"two of {', '.join(sorted(targets))} are the same file")
    with _locked(top) as folder:
        _put_back(top, folder)
        number = max((int(path.stem) for path in _entries(folder)), default=0) + 1
        files = tuple(
            _File(_relative(top, target), old, mode, _digest(changes[path]))
            for path, target in sorted(targets.items())
            for old, mode in [_state(target)]
        )
        for name, data in (expected or {}).items():
            if targets[name].read_bytes() != data:
                raise GemmadevError(f"{name} was changed meanwhile; nothing was changed")
        entry = _Entry(f"{number:06d}", note, time.time(), files)
        contents = [changes[path] for path in sorted(changes)]
        try:
            _carry_out(top, folder, entry, contents)
        except OSError as error:
            _put_back(top, folder)
            raise GemmadevError(f"{reason(error)}; nothing was changed") from error
        except BaseException:
            _put_back(top, folder)
            raise
        for path in _entries(folder)[:-KEPT]:
            path.unlink(missing_ok=True)
        pairs = {f.path: (f.old, new) for f, new in zip(files, contents, strict=True)}
        record.keep(folder, _name(entry.id, entry.when), pairs)
    return entry.id


def undo(root: str | os.PathLike[str], *, force: bool = False) -> UndoResult:
    """What was put back: the last change that was not undone yet, or one that was interrupted.

    Raises `GemmadevError` when there is none, and when a file was changed since; with ``force``
    that file is put back too, and a copy of what it held is kept.
    """
    top = Path(root).resolve()
    if not (top / FOLDER).is_dir():
        raise GemmadevError(f"nothing to undo in {top}")
    with _locked(top) as folder:
        interrupted = _put_back(top, folder)
        if interrupted is not None:
            return interrupted
        entries = _entries(folder)
        if not entries:
            raise GemmadevError(f"nothing to undo in {top}")
        entry, rescued = _undoable(top, folder, _load(entries[-1]), force=force)
        _store(folder / "pending.json", entry)
        result = _put_back(top, folder)
        assert result is not None  # it was stored just now, under the lock
        record.undone(folder, _name(entry.id, entry.when))
        return replace(result, rescued=rescued + result.rescued, interrupted=False)


def recover(root: str | os.PathLike[str]) -> UndoResult | None:
    """What was put back of a change that was interrupted; None when there was none."""
    top = Path(root).resolve()
    if not (top / FOLDER / "pending.json").exists():
        return None
    with _locked(top) as folder:
        return _put_back(top, folder)


def _carry_out(top: Path, folder: Path, entry: _Entry, contents: Sequence[bytes]) -> None:
    _store(folder / "pending.json", entry)
    for index, (file, new) in enumerate(zip(entry.files, contents, strict=True)):
        if new != file.old:
            target = top / file.path
            fresh = _fresh(target, entry, index)
            replace_file(target, new, mode=file.mode, fresh=fresh)
    os.replace(folder / "pending.json", folder / "undo" / f"{entry.id}.json")
    sync_folder(folder / "undo")
    sync_folder(folder)


# --- putting back --------------------------------------------------------------------------------


def _put_back(top: Path, folder: Path) -> UndoResult | None:
    """Gives every file of the pending entry its old content. Cut short, it starts over."""
    pending = folder / "pending.json"
    if not pending.exists():
        return None
    entry = _load(pending)
    restored: list[str] = []
    rescued: list[str] = []
    try:
        for index, file in enumerate(entry.files):
            target = _inside(top, file.path)
            fresh = _fresh(target, entry, index)
            fresh.unlink(missing_ok=True)
            seen = _seen(target)
            if seen == _digest(file.old):
                set_mode(target, file.mode)
            elif seen == file.replaceable:
                target.parent.mkdir(parents=True, exist_ok=True)
                replace_file(target, file.old, mode=file.mode, fresh=fresh)
                restored.append(file.path)
            else:
                rescued.append(_rescue(folder, entry.id, _relative(top, target), file.old))
        (folder / "undo" / f"{entry.id}.json").unlink(missing_ok=True)
        pending.unlink()
        sync_folder(folder)
    except OSError as error:
        raise GemmadevError(
            f"{reason(error)}, so an interrupted change is not put back yet; the old contents are "
            f"in {pending}, repair the cause and run `gemmadev undo`"
        ) from error
    return UndoResult(
        entry.id, entry.note, entry.when, tuple(restored), tuple(rescued), interrupted=True
    )


def _undoable(
    top: Path, folder: Path, entry: _Entry, *, force: bool
) -> tuple[_Entry, tuple[str, ...]]:
    """The entry as it can be carried out now, and copies of what it overwrites by force."""
    changed: dict[str, Path] = {}
    files: list[_File] = []
    for file in entry.files:
        target = _inside(top, file.path)
        _check_writable(target, file.path)
        _check_writable(target.parent, file.path)
        seen = _seen(target)
        if seen not in (file.replaceable, _digest(file.old)):
            changed[file.path] = target
        files.append(replace(file, replaceable=seen))
    if changed and not force:
        raise GemmadevError(
            f"{', '.join(changed)}: changed since the repair, so nothing was put back; "
            "`gemmadev undo --force` puts the old content back all the same"
        )
    rescued = tuple(
        _rescue(folder, entry.id, _relative(top, target), target.read_bytes())
        for target in changed.values()
        if target.exists()
    )
    return replace(entry, files=tuple(files)), rescued


def _fresh(target: Path, entry: _Entry, index: int) -> Path:
    """The same name whenever an entry is carried out, so that recovery finds what was left."""
    return target.with_name(f".gemmadev-{entry.id}-{index}.tmp")


def _rescue(folder: Path, entry_id: str, path: str, data: bytes) -> str:
    """Where the copy lies, relative to the root."""
    copy = folder / "rescued" / entry_id / path
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(data)
    return f"{FOLDER}/rescued/{entry_id}/{path}"


# --- checks before anything is changed -----------------------------------------------------------


def _writable(top: Path, path: str) -> Path:
    """The file's real place, once it is clear that it may be replaced."""
    target = _inside(top, path)
    if not target.is_file():
        raise GemmadevError(f"{path} is not a file in {top}; nothing was changed")
    _check_writable(target, path)
    _check_writable(target.parent, path)
    return target


def _inside(top: Path, path: str) -> Path:
    target = Path(os.path.realpath(top / path))
    if target == top or not target.is_relative_to(top):
        raise GemmadevError(f"{path} lies outside {top}; nothing was changed")
    if {FOLDER, ".git"} & set(target.relative_to(top).parts):
        raise GemmadevError(f"{path} is no file of the project; nothing was changed")
    return target


def _check_writable(place: Path, path: str) -> None:
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        return  # made anew when it is put back
    except OSError as error:
        raise GemmadevError(f"{reason(error)}; nothing was changed") from error
    # Renaming needs no right to write the file, and root none at all: the mode is the owner's word.
    if not mode & 0o222 or not os.access(place, os.W_OK):
        what = "its folder is read-only" if stat.S_ISDIR(mode) else "it is read-only"
        raise GemmadevError(f"{path}: {what}; nothing was changed")


def _state(target: Path) -> tuple[bytes, int]:
    try:
        return target.read_bytes(), stat.S_IMODE(target.stat().st_mode)
    except OSError as error:
        raise GemmadevError(f"{reason(error)}; nothing was changed") from error


def _seen(target: Path) -> str:
    try:
        return _digest(target.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return _GONE
    except OSError as error:
        raise GemmadevError(f"{reason(error)}; nothing was put back") from error


# --- the folder ----------------------------------------------------------------------------------


@contextmanager
def _locked(top: Path) -> Iterator[Path]:
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
            held.enter_context(locked(folder / "lock", timeout_s=LOCK_TIMEOUT_S))
        except TimeoutError:
            raise GemmadevError(
                f"another gemmadev is writing in {top}; try again when it is done"
            ) from None
        except OSError as error:
            raise GemmadevError(f"{reason(error)}; nothing was changed") from error
        yield folder


def _entries(folder: Path) -> list[Path]:
    """Files of the entries that can be undone, the oldest first."""
    found = (path for path in (folder / "undo").glob("*.json") if path.stem.isdigit())
    return sorted(found, key=lambda path: int(path.stem))


def _store(path: Path, entry: _Entry) -> None:
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
            }
            for file in entry.files
        ],
    }
    temporary = path.with_suffix(".tmp")
    write_synced(temporary, json.dumps(plain).encode("ascii"))
    os.replace(temporary, path)
    sync_folder(path.parent)


def _load(path: Path) -> _Entry:
    try:
        plain: Any = json.loads(path.read_bytes())
        if plain["version"] != _VERSION:
            raise ValueError(f"version {plain['version']}")
        files = tuple(
            _File(f["path"], base64.b64decode(f["old"]), int(f["mode"]), str(f["replaceable"]))
            for f in plain["files"]
        )
        number = int(plain["id"])  # part of file names, so nothing else will do
        return _Entry(f"{number:06d}", str(plain["note"]), float(plain["when"]), files)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GemmadevError(
            f"{path} cannot be read ({type(error).__name__}: {error}); look at the files it "
            "names, then remove it"
        ) from error


def _relative(top: Path, target: Path) -> str:
    return target.relative_to(top).as_posix()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
