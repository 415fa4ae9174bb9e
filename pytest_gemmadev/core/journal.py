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
is newer than what was repaired, so it stays, and the change is withdrawn. What a program writes
later into a file that it had opened before lies in ``.gemmadev``.

Does not cover: a save by renaming in the instant between a look at a file and its replacement where
neither Linux nor macOS exchanges names (network drives, Windows); after an undo, writes into a file
of the undone change that was opened before; other hard links to a file, which keep the content
from before the change.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_gemmadev.core import record
from pytest_gemmadev.core.atomic import (
    SPARE,
    age,
    place,
    reason,
    set_mode,
    swap,
    sync_folder,
    write_fresh,
)
from pytest_gemmadev.core.interrupts import explain, uninterrupted
from pytest_gemmadev.core.ledger import (
    FOLDER,
    GONE,
    Entry,
    File,
    digest,
    digest_of,
    discard,
    entries,
    forget,
    kept,
    load,
    move,
    opened,
    rescue,
    store,
)
from pytest_gemmadev.core.types import GemmadevError

__all__ = ["FOLDER", "UndoResult", "commit", "recover", "saved_into", "undo"]

KEPT = 20  # entries that can be undone; older ones are forgotten
LOCK_TIMEOUT_S = 10.0


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
    expected: Mapping[str, bytes] | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> str:
    """The id of the new entry, after every file in ``changes`` holds its new content.

    Files are given relative to ``root`` and must exist. Links are followed. Raises `GemmadevError`
    when one cannot be written, does not hold what is ``expected`` of it, or is saved by another
    program meanwhile, and `KeyboardInterrupt` when ``interrupted``; then nothing is changed. A
    Ctrl-C that comes once the change is final is raised after it.
    """
    if not changes:
        raise ValueError("nothing to commit")
    top = Path(root).resolve()
    targets = {path: _writable(top, path) for path in changes}
    if len(set(targets.values())) < len(targets):
        raise GemmadevError(f"two of {', '.join(sorted(targets))} are the same file")
    with opened(top, timeout_s=LOCK_TIMEOUT_S, interrupted=interrupted) as folder:
        _put_back(top, folder)
        number = max((int(path.stem) for path in entries(folder)), default=0) + 1
        files = tuple(
            File(_relative(top, target), old, mode, digest(changes[path]))
            for path, target in sorted(targets.items())
            for old, mode in [_state(target)]
        )
        old_contents = {path: f.old for path, f in zip(sorted(targets), files, strict=True)}
        for name, data in (expected or {}).items():
            if old_contents[name] != data:
                raise GemmadevError(
                    f"{name} was changed by somebody else meanwhile; nothing was written"
                )
        entry = Entry(f"{number:06d}", note, time.time(), files)
        contents = [changes[path] for path in sorted(changes)]
        _Commit(top, folder, entry, contents, interrupted).carry_out()
        for path in entries(folder)[:-KEPT]:
            forget(folder, path)
        pairs = {f.path: (f.old, new) for f, new in zip(files, contents, strict=True)}
        record.keep(folder, _name(entry.id, entry.when), pairs)
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
    with opened(top, timeout_s=LOCK_TIMEOUT_S) as folder, uninterrupted():
        interrupted = _put_back(top, folder)
        if interrupted is not None and entry is None:
            return interrupted
        found = entries(folder)
        if not found:
            raise GemmadevError(f"nothing to undo in {top}")
        last = found[-1]
        if entry not in (None, last.stem):
            raise GemmadevError("something else was written since, so nothing was put back")
        change = load(last)
        final, rescued = _undoable(top, folder, change, force=force)
        if final == change:
            os.replace(last, folder / "pending.json")  # takes no room
            sync_folder(folder)
        else:
            store(folder / "pending.json", final)
        result = _put_back(top, folder)
        assert result is not None  # it was stored just now, under the lock
        record.undone(folder, _name(change.id, change.when))
        return replace(result, rescued=rescued + result.rescued, interrupted=False)


def recover(root: str | os.PathLike[str]) -> UndoResult | None:
    """What was put back of a change that was interrupted; None when there was none."""
    top = Path(root).resolve()
    if not (top / FOLDER / "pending.json").exists():
        return None
    with opened(top, timeout_s=LOCK_TIMEOUT_S) as folder:
        return _put_back(top, folder)


def saved_into(root: str | os.PathLike[str], entry: str) -> list[str]:
    """Files that a program has saved into after the change had replaced what it had opened.

    What it wrote is kept, and undoing the change says where.
    """
    top = Path(root).resolve()
    path = top / FOLDER / "undo" / f"{entry}.json"
    if not path.exists():
        return []
    files = load(path).files
    places = (kept(top / FOLDER, entry, index) for index in range(len(files)))
    found = zip(files, map(digest_of, places), strict=True)
    return [file.path for file, seen in found if seen not in (GONE, digest(file.old))]


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
        with uninterrupted() as held:
            try:
                self._prepare()
                for index, file in self._changed():
                    self._stop_where(held.noted)
                    self._replace(index, file, replaced)
                for index, file in self._changed():
                    self._keep(index, file)
                self._stop_where(held.noted)
                self._look_again()
                os.replace(
                    self.folder / "pending.json", self.folder / "undo" / f"{self.entry.id}.json"
                )
            except OSError as error:
                _put_back(self.top, self.folder, replaced)
                raise GemmadevError(f"{reason(error)}; nothing was changed") from error
            except _SavedMeanwhileError as saved:
                _put_back(self.top, self.folder, replaced)
                raise GemmadevError(
                    f"{saved} was saved by somebody else in the very moment of writing; that "
                    "stays, and nothing was written"
                ) from None
            except BaseException as error:
                try:
                    _put_back(self.top, self.folder, replaced)
                except GemmadevError as trouble:
                    explain(error, str(trouble))
                raise
            for folder in (self.folder / "undo", self.folder):
                with suppress(OSError):  # it is done; only a power cut could take it back
                    sync_folder(folder)

    def _changed(self) -> list[tuple[int, File]]:
        files = enumerate(zip(self.entry.files, self.contents, strict=True))
        return [(index, file) for index, (file, new) in files if new != file.old]

    def _prepare(self) -> None:
        """Writes all that needs room: the entry and the new files."""
        store(self.folder / "pending.json", self.entry)
        for index, file in self._changed():
            target = self.top / file.path
            fresh = _fresh(target, self.entry, index)
            write_fresh(fresh, self.contents[index], like=target, mode=file.mode)

    def _replace(self, index: int, file: File, replaced: set[str]) -> None:
        target = self.top / file.path
        replaced.add(file.path)
        if not _give(_fresh(target, self.entry, index), target, digest(file.old)):
            replaced.discard(file.path)
            raise _SavedMeanwhileError(file.path)
        sync_folder(target.parent)

    def _keep(self, index: int, file: File) -> None:
        """Puts the file that came out where undo finds it."""
        move(_fresh(self.top / file.path, self.entry, index), _kept(self, index))

    def _look_again(self) -> None:
        """A program that had a file open before may have written into it only now."""
        for index, file in self._changed():
            if digest_of(_kept(self, index)) != digest(file.old):
                raise _SavedMeanwhileError(file.path)

    def _stop_where(self, noted: bool) -> None:
        if noted or self.interrupted():
            raise KeyboardInterrupt


def _kept(change: _Commit, index: int) -> Path:
    return kept(change.folder, change.entry.id, index)


def _give(fresh: Path, target: Path, known: str) -> bool:
    """True when ``fresh`` has changed places with a file of the ``known`` digest.

    False when the target holds something else: it does so still.
    """
    if digest_of(target) != known:
        return False
    try:
        ours = digest_of(fresh)
        age(fresh, after=target.stat())
        swap(fresh, target)
    except FileNotFoundError:  # an editor that moves the file away and writes a new one
        return False
    if digest_of(fresh) == known:
        return True
    swap(fresh, target)  # saved in the very moment: theirs returns
    if digest_of(fresh) != ours:
        swap(fresh, target)  # and once more, onto ours: the newest stays
    return False


# --- putting back --------------------------------------------------------------------------------


@dataclass(slots=True)
class _Return:
    """One file on its way back to its old content."""

    folder: Path
    entry: Entry
    index: int
    file: File
    target: Path

    @property
    def fresh(self) -> Path:
        return _fresh(self.target, self.entry, self.index)

    @property
    def kept(self) -> Path:
        return kept(self.folder, self.entry.id, self.index)

    @property
    def source(self) -> Path:
        """What takes the place of the target."""
        return self.kept if self.kept.exists() else self.fresh

    def settle(self) -> None:
        """Removes what was not finished, and finishes an exchange that takes several steps."""
        for place_ in (self.fresh, self.kept):
            place_.with_suffix(".part").unlink(missing_ok=True)
            spare = place_.with_suffix(SPARE)
            if not spare.exists():
                continue
            if not place_.exists():
                os.replace(spare, place_)
            elif spare.samefile(self.target):
                spare.unlink()
            else:
                self.discard(spare)

    def is_due(self) -> bool:
        """Whether the target holds what the change has put there, and nothing newer."""
        seen = _seen(self.target)
        return seen == self.file.replaceable and seen != digest(self.file.old)

    def provide(self) -> None:
        """Has the old content lie ready: the old file itself, or what was saved into it since."""
        self.target.parent.mkdir(parents=True, exist_ok=True)
        for place_ in (self.kept, self.fresh):
            if digest_of(place_) == self.file.replaceable:
                self.discard(place_)
        if not self.source.exists():
            write_fresh(self.fresh, self.file.old, like=self.target, mode=self.file.mode)

    def restore(self) -> bool:
        """True when the target has its old content back; else it holds what is newer."""
        ours = digest_of(self.source)
        try:
            given = self._give()
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            move(self.kept, self.fresh)
            given = self._give()
        sync_folder(self.target.parent)
        return given and ours == digest(self.file.old)

    def _give(self) -> bool:
        if self.file.replaceable != GONE:
            return _give(self.source, self.target, self.file.replaceable)
        try:
            place(self.source, self.target)
        except FileExistsError:
            return False
        return True

    def discard(self, path: Path) -> list[str]:
        """Where what the file held was rescued to, if it was neither the old nor the new content."""
        rescued = discard(self.folder, self.entry.id, self.file, path)
        return [] if rescued is None else [rescued]

    def rescue_old(self) -> str:
        return rescue(self.folder, self.entry.id, self.file.path, self.file.old)


def _put_back(
    top: Path, folder: Path, replaced: Collection[str] | None = None
) -> UndoResult | None:
    """Gives every file of the pending entry its old content. Cut short, it starts over.

    ``replaced`` are the files that may have been touched where that is known; others hold what is
    newer where they do not hold the old content.
    """
    pending = folder / "pending.json"
    if not pending.exists():
        return None
    with uninterrupted():
        entry = load(pending)
        try:
            restored, rescued = _return_all(top, folder, entry, replaced)
            (folder / "undo" / f"{entry.id}.json").unlink(missing_ok=True)
            pending.unlink()
            sync_folder(folder)
        except OSError as error:
            raise GemmadevError(
                f"{reason(error)}, so an interrupted change is not put back yet; the old contents "
                f"are in {pending}, repair the cause and run `gemmadev undo`"
            ) from error
    return UndoResult(entry.id, entry.note, entry.when, restored, rescued, interrupted=True)


def _return_all(
    top: Path, folder: Path, entry: Entry, replaced: Collection[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files that have their old content back, and what was rescued."""
    returns = [
        _Return(folder, entry, index, file, _inside(top, file.path))
        for index, file in enumerate(entry.files)
    ]
    for each in returns:
        each.settle()
    due = [each for each in returns if each.is_due()]
    rescued: list[str] = []
    for each in returns:  # first of all: on a full disk nothing else makes room
        if each not in due and digest_of(each.source) == each.file.replaceable:
            rescued += each.discard(each.source)
    for each in due:
        each.provide()
    restored = [each for each in due if each.restore()]
    for each in returns:
        if _seen(each.target) == digest(each.file.old):
            set_mode(each.target, each.file.mode)
        elif replaced is None or each.file.path in replaced:
            rescued.append(each.rescue_old())
    for each in returns:  # a last look, well after the exchange
        rescued += [*each.discard(each.kept), *each.discard(each.fresh)]
    return tuple(each.file.path for each in restored), tuple(rescued)


def _undoable(
    top: Path, folder: Path, entry: Entry, *, force: bool
) -> tuple[Entry, tuple[str, ...]]:
    """The entry as it can be carried out now, and copies of what it overwrites by force."""
    changed: dict[str, Path] = {}
    files: list[File] = []
    for file in entry.files:
        target = _inside(top, file.path)
        _check_writable(target, file.path)
        _check_writable(target.parent, file.path)
        seen = _seen(target)
        if seen in (file.replaceable, digest(file.old)):
            files.append(file)
        else:
            changed[file.path] = target
            files.append(replace(file, replaceable=seen))
    if changed and not force:
        raise GemmadevError(
            f"{', '.join(changed)}: changed since the repair, so nothing was put back; "
            "`gemmadev undo --force` puts the old content back all the same"
        )
    rescued = [
        rescue(folder, entry.id, _relative(top, target), target.read_bytes())
        for target in changed.values()
        if target.exists()
    ]
    for index, file in enumerate(entry.files):  # saved into too late to be seen by anybody
        late = discard_late(folder, entry, index, file)
        rescued += [late] if late is not None else []
    return replace(entry, files=tuple(files)), tuple(rescued)


def discard_late(folder: Path, entry: Entry, index: int, file: File) -> str | None:
    """Where a file that the change replaced was rescued to, where it no longer holds the old content."""
    path = kept(folder, entry.id, index)
    if digest_of(path) in (GONE, digest(file.old)):
        return None
    return rescue(folder, entry.id, file.path, path)


def _fresh(target: Path, entry: Entry, index: int) -> Path:
    """The same name whenever an entry is carried out, so that recovery finds what was left."""
    return target.with_name(f".gemmadev-{entry.id}-{index}.tmp")


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
        return digest_of(target)
    except OSError as error:
        raise GemmadevError(f"{reason(error)}; nothing was put back") from error


def _relative(top: Path, target: Path) -> str:
    return target.relative_to(top).as_posix()
