"""Proofs of a break by a project's own tests: what the plugin would have captured, captured by it.

Each bug costs a run of the tests over an overlay; the files on disk stay as they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.types import ErrorStack, GemmadevError, Role
from pytest_gemmadev.validate.parent.oracle import PytestOracle
from training.data.examples import Bug
from training.data.functions import Sound


class TestedProver:
    """Runs the tests of the project at ``root``; a context manager that ends what it started."""

    __test__ = False  # not a test class, whatever pytest makes of the name

    def __init__(self, root: Path, args: Sequence[str] = ()) -> None:
        self._root = root.resolve()
        scope = Scope(self._root)
        self._oracle = PytestOracle(
            self._root, invocation_dir=self._root, args=args, scope=scope, cwd_on_path=True
        )
        seen = self._oracle.observe({})
        if not seen.passing or seen.failing:
            why = f"{seen.failing[0]} fails" if seen.failing else seen.aborted or "none was found"
            self._oracle.close()
            raise GemmadevError(f"{root}: its tests must pass before functions are broken ({why})")

    def __enter__(self) -> TestedProver:
        return self

    def __exit__(self, *_: object) -> None:
        self._oracle.close()

    def prove(self, sound: Sound, bugs: Sequence[Bug]) -> list[Bug]:
        """The bugs that make a test fail, with the stack of the first that does."""
        found = []
        for bug in bugs:
            if not (self._root / bug.path).is_file():
                continue
            seen = self._oracle.observe({bug.path: bug.whole[0].encode()})
            stack = next((s for s in seen.stacks if s.nodeid in seen.failing), None)
            if stack is not None:
                found.append(proved(bug, stack, self._root))
        return found


def proved(bug: Bug, stack: ErrorStack, root: Path) -> Bug:
    """The bug with the error stack that shows it, and the text of the tests in that stack."""
    tests = dict.fromkeys(f.path for f in stack.frames if f.role is Role.TEST)
    context = {
        path: (root / path).read_text(encoding="utf-8", errors="replace")
        for path in tests
        if (root / path).is_file()
    }
    return dataclasses.replace(bug, stack=stack, context=context, proof="executed")
