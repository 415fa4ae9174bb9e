"""Changes the user's tree, all of it or nothing, and takes it back; needs no git.

Before the first file is touched, the old contents lie in ``.gemmadev/pending.json`` and every new
file lies finished beside the one whose place it takes, so that a full disk is found before anything
is changed. Each pair then changes names in one step; what came out is looked at, and is kept until
the change is forgotten. Renaming the pending entry to ``.gemmadev/undo/ID.json`` makes the change
final. So after ``kill -9`` at any moment `recover` finds either a pending entry, and puts everything
back, or a finished change. Undo is the same walk: the last entry becomes pending again and is carried
out as a recovery. Putting back takes no room: the old files themselves return.

Covers crashes, full disks, Ctrl-C, links within the root, hard links, two runs at once, and programs
that save one of the files meanwhile: into the file, or by renaming another one over it. Their content
is newer than what was repaired, so it stays, and the change is withdrawn. A file that a change makes is
removed when the change is undone, where it still holds what the change has put there. What a program writes
later into a file that it had opened before lies in ``.gemmadev``.

Does not cover: a save by renaming in the instant between a look at a file and its replacement where
neither Linux nor macOS exchanges names (network drives, Windows); after an undo, writes into a file
of the undone change that was opened before; other hard links to a file, which keep the content
from before the change.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_gemmadev.files import feedback
from pytest_gemmadev.files.atomic import describe_error, sync_folder, write_fresh
from pytest_gemmadev.files.exchange import (
    UndoResult,
    fresh_file,
    give,
    make,
    prepare_undo,
    put_back,
)
from pytest_gemmadev.files.interrupts import add_note, put_off_interrupts
from pytest_gemmadev.files.ledger import (
    FOLDER,
    GONE,
    Entry,
    File,
    digest,
    digest_of,
    entries,
    forget,
    kept_file,
    load,
    move,
    open_folder,
    store,
)
from pytest_gemmadev.files.writable import (
    find_free,
    find_writable,
    new_mode,
    read_state,
    relative_path,
)
from pytest_gemmadev.types import GemmadevError

__all__ = ["FOLDER", "UndoResult", "commit", "find_late_saves", "recover", "undo"]

KEPT = 20  # entries that can be undone; older ones are forgotten
LOCK_TIMEOUT_S = 10.0


class _SavedMeanwhileError(Exception):
    """Another program has saved the file of this path while it was being replaced."""


def _name(entry: str, when: float) -> str:
    """Of an entry in the record: numbers are used again after an undo."""
    return f"{entry}@{when:.3f}"


# --- doors ---------------------------------------------------------------------------------------


def commit(
    root: str | os.PathLike[str],
    changes: Mapping[str, bytes],
    *,
    note: str,
    expected: Mapping[str, bytes | None] | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> str:
    """The id of the new entry, after every file in ``changes`` holds its new content.

    Files are given relative to ``root`` and must exist, but for those of which None is ``expected``:
    they are made, in folders that exist, and must not be there. Links are followed. Raises `GemmadevError`
    when one cannot be written, does not hold what is ``expected`` of it, or is saved by another
    program meanwhile, and `KeyboardInterrupt` when ``interrupted``; then nothing is changed. A
    Ctrl-C that comes once the change is final is raised after it.
    """
    if not changes:
        raise ValueError("nothing to commit")
    top = Path(root).resolve()
    new = {path for path, data in (expected or {}).items() if data is None}
    targets = {
        path: find_free(top, path) if path in new else find_writable(top, path) for path in changes
    }
    if len(set(targets.values())) < len(targets):
        raise GemmadevError(f"two of {', '.join(sorted(targets))} are the same file")
    with open_folder(top, timeout_s=LOCK_TIMEOUT_S, interrupted=interrupted) as folder:
        put_back(top, folder)
        number = max((int(path.stem) for path in entries(folder)), default=0) + 1
        files = tuple(
            File(relative_path(top, target), old, mode, digest(changes[path]), path in new)
            for path, target in sorted(targets.items())
            for old, mode in [(b"", new_mode()) if path in new else read_state(target)]
        )
        old_contents = {
            path: None if f.is_new else f.old
            for path, f in zip(sorted(targets), files, strict=True)
        }
        for name, data in (expected or {}).items():
            if old_contents[name] != data:
                raise GemmadevError(
                    f"{name} was changed by somebody else meanwhile; nothing was written"
                )
        entry = Entry(f"{number:06d}", note, time.time(), files)
        contents = [changes[path] for path in sorted(changes)]
        _Commit(top, folder, entry, contents, interrupted).carry_out()
        with suppress(OSError):  # the change is final; they are forgotten another time
            for path in entries(folder)[:-KEPT]:
                forget(folder, path)
        pairs = {
            f.path: (f.old, data)
            for f, data in zip(files, contents, strict=True)
            if not f.is_new  # no repair
        }
        feedback.keep_change(folder, _name(entry.id, entry.when), pairs)
    return entry.id


def undo(
    root: str | os.PathLike[str], *, force: bool = False, entry: str | None = None
) -> UndoResult:
    """What was put back: the last change that was not undone yet, or one that was interrupted.

    Raises `GemmadevError` when there is none, when it is another than ``entry``, and when a file was
    changed since; with ``force`` that file is put back too, and a copy of what it held is kept.
    """
    top = Path(root).resolve()
    if not (top / FOLDER).is_dir():
        raise GemmadevError(f"nothing to undo in {top}")
    with open_folder(top, timeout_s=LOCK_TIMEOUT_S) as folder, put_off_interrupts():
        interrupted = put_back(top, folder)
        if interrupted is not None and entry is None:
            return interrupted
        found = entries(folder)
        if not found:
            raise GemmadevError(f"nothing to undo in {top}")
        last = found[-1]
        if entry not in (None, last.stem):
            raise GemmadevError("something else was written since, so nothing was put back")
        change = load(last)
        try:
            final, rescued = prepare_undo(top, folder, change, force=force)
            if final == change:
                os.replace(last, folder / "pending.json")  # takes no room
            else:
                store(folder / "pending.json", final)
        except OSError as error:
            raise GemmadevError(f"{describe_error(error)}; nothing was put back") from error
        result = put_back(top, folder)
        assert result is not None  # it was stored just now, under the lock
        feedback.keep_undo(folder, _name(change.id, change.when))
        return replace(result, rescued=rescued + result.rescued, interrupted=False)


def recover(root: str | os.PathLike[str]) -> UndoResult | None:
    """What was put back of a change that was interrupted; None when there was none."""
    top = Path(root).resolve()
    if not (top / FOLDER / "pending.json").exists():
        return None
    with open_folder(top, timeout_s=LOCK_TIMEOUT_S) as folder:
        return put_back(top, folder)


def find_late_saves(root: str | os.PathLike[str], entry: str) -> list[str]:
    """Files that a program has saved into after the change had replaced what it had opened.

    What it wrote is kept, and undoing the change says where.
    """
    top = Path(root).resolve()
    path = top / FOLDER / "undo" / f"{entry}.json"
    if not path.exists():
        return []
    files = load(path).files
    places = (kept_file(top / FOLDER, entry, index) for index in range(len(files)))
    found = zip(files, map(digest_of, places), strict=True)
    return [file.path for file, seen in found if seen not in (GONE, file.old_digest)]


# --- carrying out --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Commit:
    """One change on its way into the tree."""

    top: Path
    folder: Path
    entry: Entry
    contents: Sequence[bytes]
    interrupted: Callable[[], bool]

    def carry_out(self) -> None:
        """Changes everything, or raises with nothing changed."""
        replaced: set[str] = set()
        with put_off_interrupts() as held:
            try:
                self._prepare()
                for index, file in self._list_changes():
                    self._stop_where(held.noted)
                    self._replace(index, file, replaced)
                for index, file in self._list_changes():
                    self._keep(index, file)
                self._stop_where(held.noted)
                self._look_again()
                os.replace(
                    self.folder / "pending.json", self.folder / "undo" / f"{self.entry.id}.json"
                )
            except OSError as error:
                put_back(self.top, self.folder, replaced)
                raise GemmadevError(f"{describe_error(error)}; nothing was changed") from error
            except _SavedMeanwhileError as saved:
                put_back(self.top, self.folder, replaced)
                raise GemmadevError(
                    f"{saved} was saved by somebody else in the very moment of writing; that "
                    "stays, and nothing was written"
                ) from None
            except BaseException as error:
                try:
                    put_back(self.top, self.folder, replaced)
                except GemmadevError as trouble:
                    add_note(error, str(trouble))
                raise
            for folder in (self.folder / "undo", self.folder):
                with suppress(OSError):  # it is done; only a power cut could take it back
                    sync_folder(folder)

    def _list_changes(self) -> list[tuple[int, File]]:
        files = enumerate(zip(self.entry.files, self.contents, strict=True))
        return [(index, file) for index, (file, new) in files if file.is_new or new != file.old]

    def _prepare(self) -> None:
        """Writes all that needs room: the entry and the new files."""
        store(self.folder / "pending.json", self.entry)
        for index, file in self._list_changes():
            target = self.top / file.path
            fresh = fresh_file(target, self.entry, index)
            write_fresh(fresh, self.contents[index], like=target, mode=file.mode)

    def _replace(self, index: int, file: File, replaced: set[str]) -> None:
        target = self.top / file.path
        fresh = fresh_file(target, self.entry, index)
        replaced.add(file.path)
        if not (make(fresh, target) if file.is_new else give(fresh, target, file.old_digest)):
            replaced.discard(file.path)
            raise _SavedMeanwhileError(file.path)
        sync_folder(target.parent)

    def _keep(self, index: int, file: File) -> None:
        """Puts the file that came out where undo finds it; nothing comes out of one that is new."""
        if file.is_new:
            return
        move(fresh_file(self.top / file.path, self.entry, index), _kept(self, index))

    def _look_again(self) -> None:
        """A program that had a file open before may have written into it only now."""
        for index, file in self._list_changes():
            if digest_of(_kept(self, index)) != file.old_digest:
                raise _SavedMeanwhileError(file.path)

    def _stop_where(self, noted: bool) -> None:
        if noted or self.interrupted():
            raise KeyboardInterrupt


def _kept(change: _Commit, index: int) -> Path:
    return kept_file(change.folder, change.entry.id, index)
