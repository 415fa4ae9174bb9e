"""What a repair left of the files that tests write: each as it was, or as plain test runs leave it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

from eval.cases.case import Case, Files, read_tree, write_tree

RunTests = Callable[[Path, Sequence[str], "Event | None"], object]
"""Runs a test command in a folder: (folder, argv, stop)."""


def without_outputs(case: Case, after: Files) -> Files:
    """The tree with the files that tests write as the case has them: a repair is about sources."""
    kept = {path: data for path, data in after.items() if not case.is_output(path)}
    return {**kept, **{path: data for path, data in case.project.items() if case.is_output(path)}}


def strays(
    case: Case, after: Files, argv: Sequence[str], run: RunTests, *, stop: Event | None = None
) -> tuple[str, ...]:
    """Files other than sources that hold what no plain run would have left there, sorted.

    The runs that count: none, the tests on the case, and after that the tests on the repair.
    """
    changed = [
        path
        for path in sorted({*case.project, *after})
        if case.project.get(path) != after.get(path) and not path.endswith(".py")
    ]
    if not changed:
        return ()
    if not case.writes:
        return tuple(changed)
    trees = _plain_trees(case, after, argv, run, stop)
    return tuple(
        path for path in changed if all(tree.get(path) != after.get(path) for tree in trees)
    )


def _plain_trees(
    case: Case, after: Files, argv: Sequence[str], run: RunTests, stop: Event | None
) -> list[Files]:
    sources = {path: data for path, data in after.items() if path.endswith(".py")}
    trees: list[Files] = []
    with tempfile.TemporaryDirectory(prefix="gemmadev-eval-") as name:
        for files in (case.project, sources):
            write_tree(Path(name), files)
            run(Path(name), argv, stop)
            trees.append(read_tree(Path(name)))
    return trees
