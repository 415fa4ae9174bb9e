"""The one way into the user's files, for every door: written together, confirmed, or taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_gemmadev.files import journal
from pytest_gemmadev.files.interrupts import add_note, put_off_interrupts
from pytest_gemmadev.types import GemmadevError, Inapplicable, Overlay


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be written, and in the place of what."""

    root: Path
    overlay: Overlay
    before: Mapping[str, bytes | None]  # what each must hold still; None for one that is to be made
    note: str  # for the journal: by what the tree was changed


def write(
    change: Change,
    *,
    confirm: Callable[[], str] = lambda: "",
    interrupted: Callable[[], bool] = lambda: False,
) -> str:
    """Why the files are as they were, and where they are not, what lies where; empty when written.

    ``confirm`` is called on the changed tree and returns why it may not stay. Where it raises, the
    tree is put back first; a note of the exception (`add_note`) says what became of that.
    ``interrupted`` tells of a Ctrl-C that nobody has heard: it is asked last thing before writing.
    """
    contents = _rewrite(change)
    if isinstance(contents, Inapplicable):
        return f"{contents.reason}; nothing was written"
    entry = ""
    try:
        with put_off_interrupts() as held:
            entry = journal.commit(
                change.root,
                contents,
                note=change.note,
                expected={path: change.before[path] for path in change.overlay},
                interrupted=lambda: held.noted or interrupted(),
            )
        reason = confirm() or _describe_late_saves(change.root, entry)
    except BaseException as error:
        if entry:
            add_note(error, _take_back(change.root, entry))
        elif isinstance(error, GemmadevError):
            return str(error)
        elif isinstance(error, KeyboardInterrupt):
            add_note(error, "nothing was written")
        raise
    return f"{reason}; {_take_back(change.root, entry)}" if reason else ""


def _rewrite(change: Change) -> Overlay | Inapplicable:
    """The files as libcst's tree gives them, or which one it does not give so, and why."""
    from pytest_gemmadev.files.concrete import rewrite  # libcst takes its time to import

    contents: dict[str, bytes] = {}
    for path, data in change.overlay.items():
        old = change.before[path]
        if old is None:
            contents[path] = data  # there is no tree that could be kept
            continue
        rewritten = rewrite(path, old, data)
        if isinstance(rewritten, Inapplicable):
            return Inapplicable(f"{path}: {rewritten.reason}")
        contents[path] = rewritten.data
    return contents


def _describe_late_saves(root: Path, entry: str) -> str:
    """Why a change may not stay that a program had its file open across."""
    saved = journal.find_late_saves(root, entry)
    if not saved:
        return ""
    return f"{saved[0]} was saved by somebody else in the very moment of writing"


def _take_back(root: Path, entry: str) -> str:
    """What became of putting everything back. Raises nothing, for there is a report to be made."""
    with put_off_interrupts():
        try:
            result = journal.undo(root, entry=entry)
        except (GemmadevError, OSError) as error:
            return f"it could not be put back: {error}"
    copies = f"; kept a copy in {', '.join(result.rescued)}" if result.rescued else ""
    return f"everything was put back{copies}"
