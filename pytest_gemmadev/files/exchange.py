"""Files that change names with what takes their place, and an entry's files on their way back.

Whatever an exchange brings out is looked at before it is removed: what is neither the old content nor
the new one is somebody's newer work, and returns to its place or is rescued.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_gemmadev.files.atomic import (
    SPARE,
    age,
    describe_error,
    place,
    set_mode,
    swap,
    sync_folder,
    write_fresh,
)
from pytest_gemmadev.files.interrupts import put_off_interrupts
from pytest_gemmadev.files.ledger import (
    GONE,
    Entry,
    File,
    digest_of,
    discard,
    kept_file,
    load,
    move,
    rescue,
)
from pytest_gemmadev.files.writable import (
    check_writable,
    read_digest,
    relative_path,
    resolve_inside,
)
from pytest_gemmadev.types import GemmadevError


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
    removed: tuple[str, ...] = ()  # of the restored, those that the commit had made: they are gone


def fresh_file(target: Path, entry: Entry, index: int) -> Path:
    """The same name whenever an entry is carried out, so that recovery finds what was left."""
    return target.with_name(f".gemmadev-{entry.id}-{index}.tmp")


def give(fresh: Path, target: Path, known: str) -> bool:
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


def make(fresh: Path, target: Path) -> bool:
    """True when ``fresh`` stands where nothing was; False where something is by now."""
    try:
        place(fresh, target)
    except FileExistsError:
        return False
    return True


def unmake(target: Path, aside: Path, known: str) -> bool:
    """True when a file of the ``known`` digest is gone; False where it holds something newer."""
    os.replace(target, aside)
    if digest_of(aside) == known:
        aside.unlink()
        return True
    make(aside, target)  # saved in the very moment: it stays, beside where somebody took its name
    return False


# --- take back --------------------------------------------------------------------------------


def prepare_undo(
    top: Path, folder: Path, entry: Entry, *, force: bool
) -> tuple[Entry, tuple[str, ...]]:
    """The entry as it can be carried out now, and copies of what it overwrites by force."""
    changed: dict[str, Path] = {}
    files: list[File] = []
    for file in entry.files:
        target = resolve_inside(top, file.path)
        check_writable(target, file.path)
        check_writable(target.parent, file.path)
        seen = read_digest(target)
        if seen in (file.replaceable, file.old_digest):
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
        rescue(folder, entry.id, relative_path(top, target), source=target.read_bytes())
        for target in changed.values()
        if target.exists()
    ]
    for index in range(len(entry.files)):  # saved into too late to be seen by anybody
        late = _rescue_late(folder, entry, index)
        rescued += [late] if late is not None else []
    return replace(entry, files=tuple(files)), tuple(rescued)


def _rescue_late(folder: Path, entry: Entry, index: int) -> str | None:
    """Where a file that the change replaced was rescued to, where it no longer holds the old content."""
    file, path = entry.files[index], kept_file(folder, entry.id, index)
    if digest_of(path) in (GONE, file.old_digest):
        return None
    return rescue(folder, entry.id, file.path, source=path)


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
        return fresh_file(self.target, self.entry, self.index)

    @property
    def kept(self) -> Path:
        return kept_file(self.folder, self.entry.id, self.index)

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
            elif self.target.exists() and spare.samefile(self.target):
                spare.unlink()
            else:
                self.discard(spare)

    def is_due(self) -> bool:
        """Whether the target holds what the change has put there, and nothing newer."""
        seen = read_digest(self.target)
        return seen == self.file.replaceable and seen != self.file.old_digest

    def provide(self) -> None:
        """Has the old content lie ready: the old file itself, or what was saved into it since."""
        if self.file.is_new:
            # Killed between its two names: to rename one over the other would do nothing.
            self.discard(self.fresh)
            return
        self.target.parent.mkdir(parents=True, exist_ok=True)
        for place_ in (self.kept, self.fresh):
            if digest_of(place_) == self.file.replaceable:
                self.discard(place_)
        if not self.source.exists():
            write_fresh(self.fresh, self.file.old, like=self.target, mode=self.file.mode)

    def restore(self) -> bool:
        """True when the target has its old content back; else it holds what is newer."""
        if self.file.is_new:
            given = unmake(self.target, self.fresh, self.file.replaceable)
            sync_folder(self.target.parent)
            return given
        ours = digest_of(self.source)
        try:
            given = self._give()
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            move(self.kept, self.fresh)
            given = self._give()
        sync_folder(self.target.parent)
        return given and ours == self.file.old_digest

    def _give(self) -> bool:
        if self.file.replaceable != GONE:
            return give(self.source, self.target, self.file.replaceable)
        try:
            place(self.source, self.target)
        except FileExistsError:
            return False
        return True

    def discard(self, path: Path) -> list[str]:
        """Where what the file held was rescued to, if it was neither the old nor the new content."""
        rescued = discard(self.folder, self.entry.id, self.file, path=path)
        return [] if rescued is None else [rescued]

    def rescue_old(self) -> str:
        return rescue(self.folder, self.entry.id, self.file.path, source=self.file.old)


def put_back(top: Path, folder: Path, replaced: Collection[str] | None = None) -> UndoResult | None:
    """Gives every file of the pending entry its old content. Cut short, it starts over.

    ``replaced`` are the files that may have been touched where that is known; others hold what is
    newer where they do not hold the old content.
    """
    pending = folder / "pending.json"
    if not pending.exists():
        return None
    with put_off_interrupts():
        entry = load(pending)
        try:
            restored, rescued = _return_all(top, folder, entry, replaced=replaced)
            new = {file.path for file in entry.files if file.is_new}
            (folder / "undo" / f"{entry.id}.json").unlink(missing_ok=True)
            pending.unlink()
            sync_folder(folder)
        except OSError as error:
            raise GemmadevError(
                f"{describe_error(error)}, so an interrupted change is not put back yet; the old contents "
                f"are in {pending}, repair the cause and run `gemmadev undo`"
            ) from error
    removed = tuple(path for path in restored if path in new)
    return UndoResult(entry.id, entry.note, entry.when, restored, rescued, True, removed)


def _return_all(
    top: Path, folder: Path, entry: Entry, *, replaced: Collection[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files that have their old content back, and what was rescued."""
    returns = [
        _Return(folder, entry, index, file, resolve_inside(top, file.path))
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
        if each.file.is_new:
            continue  # of what was not there nothing is lost
        if read_digest(each.target) == each.file.old_digest:
            set_mode(each.target, each.file.mode)
        elif replaced is None or each.file.path in replaced:
            rescued.append(each.rescue_old())
    for each in returns:  # a last look, well after the exchange
        rescued += [*each.discard(each.kept), *each.discard(each.fresh)]
    return tuple(each.file.path for each in restored), tuple(rescued)
