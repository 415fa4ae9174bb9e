"""The Python interface: the same repair as the command's, as functions.

``from pytest_gemmadev import repair`` imports this module when the name is first used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pytest_gemmadev.doors.last_failures import remember
from pytest_gemmadev.doors.tests import Job, limits_for, repaired
from pytest_gemmadev.files import journal
from pytest_gemmadev.files.interrupts import Interrupts
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.types import GemmadevError, Model, Observation, RepairReport
from pytest_gemmadev.validate.confine.places import Level, level_for
from pytest_gemmadev.validate.parent.oracle import Limits, PytestOracle


def repair(
    root: str | os.PathLike[str] = ".",
    tests: Sequence[str] = (),
    *,
    write: bool = False,
    model: str | Model = "gemmadev",
    adapter: str | None = None,
    budget_s: float = 300.0,
    allow: Iterable[str] = (),
    deny: Iterable[str] = (),
    seed: int = 0,
    jobs: int = 1,
    limits: Limits | None = None,
    confine: str = "auto",
    tell: Callable[[str], None] = lambda _message: None,
) -> RepairReport:
    """What was repaired, or with ``write`` left out, which patches would repair it.

    Runs the tests of the project in ``root`` and repairs what fails. ``tests`` are arguments of
    pytest, relative to ``root``: files, node ids, options. ``model`` is a spec or a
    `pytest_gemmadev.types.Model` of your own, which stays open. ``budget_s`` bounds the search
    in seconds of wall clock, ``jobs`` says how many independent failures are repaired at the same
    time; ``allow`` and ``deny`` are globs of files that may be edited. ``tell``
    hears what is being done, a line at a time. ``confine`` says how runs of candidates are kept from
    doing harm: ``auto``, ``strict`` (refuses where the system cannot) or ``off``.

    With ``write`` the tree changes once, when everything was validated, and `undo` takes it back.
    A repair that newly reaches a call which removes or overwrites something, or changes what that is
    given, is never written: its outcome is `Status.SUGGESTED`, and ``gemmadev apply`` writes it.
    Raises `GemmadevError` where the tests cannot be run, the model is unknown or a server is down;
    then nothing is changed.
    """
    folder = Path(root).resolve()
    if not folder.is_dir():
        raise GemmadevError(f"{root}: no such folder")
    if not 0 <= budget_s < float("inf"):
        raise GemmadevError(f"budget_s={budget_s}: not a number of seconds, 0 or more")
    if jobs < 1:
        raise GemmadevError(f"jobs={jobs}: not a number from 1 on")
    limits = limits or limits_for(jobs)
    level = level_for(confine)
    allow, deny = tuple(allow), tuple(deny)
    journal.recover(folder)
    tell("running the tests")
    scope = Scope(folder, allow, deny)
    oracle = _oracle(folder, tests, scope, limits, level)
    try:
        seen = _seen(oracle, folder, tests)
        files = {nodeid.partition("::")[0] for nodeid in seen.outcomes}
        full = Scope(folder, allow, deny, tests=files)
        if any(scope.role(folder / file) is not full.role(folder / file) for file in files):
            oracle.close()  # it took a file of tests for a source, by its name
            scope, oracle = full, _oracle(folder, tests, full, limits, level)
            seen = _seen(oracle, folder, tests)
    except BaseException:
        oracle.close()
        raise
    with Interrupts() as interrupts:
        job = Job(
            *(folder, write, "pytest_gemmadev.repair", model, adapter, budget_s, seed, jobs),
            interrupted=lambda: interrupts.noted,
        )
        report, _status, _after = repaired(job, scope, oracle, seen, tell)
        remember(folder, report, "pytest_gemmadev.repair")  # for gemmadev apply and gemmadev chat
    return report


def undo(root: str | os.PathLike[str] = ".", *, force: bool = False) -> tuple[str, ...]:
    """The files that were put back to what they held before the last repair, byte for byte.

    Raises `GemmadevError` when there is nothing to undo, and when a file was changed since; with
    ``force`` that file is put back too, and a copy of what it held is kept under ``.gemmadev``.
    """
    return journal.undo(root, force=force).restored


def _oracle(
    folder: Path, tests: Sequence[str], scope: Scope, limits: Limits, level: Level
) -> PytestOracle:
    return PytestOracle(
        folder,
        invocation_dir=folder,
        args=tests,
        scope=scope,
        limits=limits,
        cwd_on_path=True,
        level=level,
    )


def _seen(oracle: PytestOracle, folder: Path, tests: Sequence[str]) -> Observation:
    seen = oracle.observe({})
    if not seen.outcomes:
        asked = f" with {' '.join(tests)}" if tests else ""
        told = seen.aborted or "it reported no tests"
        raise GemmadevError(f"the tests in {folder} cannot be run{asked}: {told}")
    return seen
