"""``gemmadev apply``: writes what the last run suggested and did not write itself.

A patch applies only to the files that it was made for, and goes through the journal, so that
``gemmadev undo`` takes it back.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_gemmadev.doors.last_failures import project_root, recall
from pytest_gemmadev.files.commit import Change, write
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.report.failure_text import Failure, Patch
from pytest_gemmadev.text.diff import apply_unified, is_applied
from pytest_gemmadev.types import GemmadevError, Inapplicable, Role, Status


def apply_patch(root: Path, patch: Patch, *, note: str, name: str, undo: str) -> Sequence[str]:
    """Writes a patch; the files that it changed. Raises `GemmadevError` where they are not what they were.

    ``note`` goes into the journal; ``name`` and ``undo`` are how the error speaks of the patch and of
    what takes it back.
    """
    scope = Scope(root)
    contents: dict[str, bytes] = {}

    def read(path: str) -> bytes:
        return contents.setdefault(path, scope.read(path))

    overlay = apply_unified(patch.diff, read)
    if isinstance(overlay, Inapplicable):
        if is_applied(patch.diff, read):
            raise GemmadevError(f"{name} is in the files already; {undo} takes it out")
        raise GemmadevError(f"{name}: {overlay.reason}; look for repairs again")
    for path in overlay:
        if scope.role(f"{scope.root}/{path}") is Role.OUTSIDE:
            raise GemmadevError(f"{name}: {path} is not in the project")
    refused = write(Change(root, overlay, {path: contents[path] for path in overlay}, note))
    if refused:
        raise GemmadevError(refused)
    return sorted(overlay)


def list_suggestions(failures: Sequence[Failure]) -> list[tuple[Failure, Patch]]:
    """The suggestions of a run and the failures that they repair, in the order of their numbers."""
    return [
        (failure, next((p for p in failure.patches if p.chosen), failure.patches[0]))
        for failure in failures
        if failure.status == Status.SUGGESTED.value and failure.patches
    ]


def apply(arguments: argparse.Namespace) -> int:
    """Runs the command; the exit status, 1 where it only lists the suggestions."""
    root = project_root(arguments.root)
    last = recall(root)
    if last is None:
        raise GemmadevError(f"no run that looked for repairs is known of {root.absolute()}")
    if arguments.test:
        raise GemmadevError(f"{last.command} has left no change of a test to apply")
    found = list_suggestions(last.failures)
    if not found:
        raise GemmadevError(f"{last.command} has suggested nothing that it did not write")
    if arguments.number is None and len(found) > 1:
        for number, (failure, patch) in enumerate(found, 1):
            print(f"{number} {failure.nodeid}: {patch.explanation or patch.origin}")
            print(f"  {failure.reason}")
        print("name one by its number", file=sys.stderr)
        return 1
    number = arguments.number if arguments.number is not None else 1
    if not 1 <= number <= len(found):
        there = "there is 1" if len(found) == 1 else f"there are {len(found)}"
        raise GemmadevError(f"no suggestion {number}: {there}")
    _, patch = found[number - 1]
    note = f"gemmadev apply {number}"
    for path in apply_patch(
        root, patch, note=note, name=f"suggestion {number}", undo="gemmadev undo"
    ):
        print(f"changed {root.absolute() / path}")
    print("run your tests; gemmadev undo takes it back")
    return 0
