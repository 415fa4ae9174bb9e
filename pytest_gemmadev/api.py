"""The public interface: what a program calls, and what a package that extends this one imports.

`repair`, `propose` and `undo` are the commands as functions. The other names are what models,
proposers, rules and validators of other packages are made of; `hookimpl` marks the functions that bring
them (`pytest_gemmadev.hookspecs` describes each). Whatever is not named here, or in
`pytest_gemmadev.testing`, may change without notice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from pytest_gemmadev.doors.last_failures import remember
from pytest_gemmadev.doors.tests import Job, limits_for, repair_tests
from pytest_gemmadev.files import journal
from pytest_gemmadev.files.interrupts import Interrupts
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.hookspecs import KnownModel, hookimpl
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import Example, Fix, Rule, fix
from pytest_gemmadev.propose.templates.template import Rewrite, Template
from pytest_gemmadev.report.json_report import to_json
from pytest_gemmadev.report.markdown import to_markdown
from pytest_gemmadev.report.patch_files import patch_files
from pytest_gemmadev.report.publish import write_proposal
from pytest_gemmadev.types import (
    NEITHER,
    Answer,
    Candidate,
    Completion,
    Confidence,
    Edit,
    ErrorKind,
    ErrorStack,
    Frame,
    GemmadevError,
    Model,
    ModelInfo,
    Observation,
    Origin,
    OriginKind,
    Outcome,
    Proposer,
    Question,
    RankedPatch,
    RepairReport,
    RepairTask,
    Sampling,
    Status,
    Streaming,
    SuspectTest,
    Validator,
)
from pytest_gemmadev.validate.confine.places import Level, level_for
from pytest_gemmadev.validate.parent.oracle import Limits, PytestOracle

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "NEITHER",
    "Answer",
    "Candidate",
    "Completion",
    "Confidence",
    "Edit",
    "ErrorKind",
    "ErrorStack",
    "Example",
    "Failure",
    "Fix",
    "Frame",
    "GemmadevError",
    "KnownModel",
    "Limits",
    "Model",
    "ModelInfo",
    "Origin",
    "OriginKind",
    "Outcome",
    "Proposer",
    "Question",
    "RankedPatch",
    "RepairOptions",
    "RepairReport",
    "RepairTask",
    "Rewrite",
    "Rule",
    "Sampling",
    "Status",
    "Streaming",
    "SuspectTest",
    "Template",
    "Validator",
    "fix",
    "hookimpl",
    "patch_files",
    "propose",
    "repair",
    "to_json",
    "to_markdown",
    "undo",
]


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
    accept: str = "likely",
    ask: Callable[[Question], str | None] | None = None,
    tell: Callable[[str], None] = lambda _message: None,
) -> RepairReport:
    """What was repaired, or with ``write`` left out, which patches would repair it.

    Runs the tests of the project in ``root`` and repairs what fails. ``tests`` are arguments of
    pytest, relative to ``root``: files, node ids, options. ``model`` is a spec or a
    `pytest_gemmadev.api.Model` of your own, which stays open. ``budget_s`` bounds the search
    in seconds of wall clock, ``jobs`` says how many independent failures are repaired at the same
    time; ``allow`` and ``deny`` are globs of files that may be edited. ``tell`` is called with a line
    about each thing that is begun. ``confine`` says how runs of candidates are kept from doing harm:
    ``auto``, ``strict`` (refuses where the system cannot) or ``off``. ``accept`` is how sure a patch
    must be to be written: ``sure``, ``likely`` or ``guess``; what is less sure is suggested. ``ask``
    is given a `Question` where plausible patches differ, and returns the result of one of its answers,
    `NEITHER` where none is right, None where it does not know.

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
    if accept not in {each.value for each in Confidence}:
        raise GemmadevError(f"accept={accept!r}: not one of sure, likely, guess")
    if jobs < 1:
        raise GemmadevError(f"jobs={jobs}: not a number from 1 on")
    tested = _Tested(folder, tests, tuple(allow), tuple(deny), limits or limits_for(jobs),
                     level_for(confine))  # fmt: skip
    journal.recover(folder)
    tell("running the tests")
    scope, oracle, seen = tested.run()
    with Interrupts() as interrupts:
        job = Job(
            root=folder,
            write=write,
            note="pytest_gemmadev.repair",
            model=model,
            adapter=adapter,
            budget_s=budget_s,
            seed=seed,
            jobs=jobs,
            accept=Confidence(accept),
            ask=ask,
            progress=tell,
            interrupted=lambda: interrupts.noted,
        )
        report = repair_tests(job, scope, oracle, seen=seen).report
        remember(folder, report, "pytest_gemmadev.repair")  # for gemmadev apply and gemmadev chat
    return report


class RepairOptions(TypedDict, total=False):
    """The options that `repair` and `propose` share."""

    model: str | Model
    adapter: str | None
    budget_s: float
    allow: Iterable[str]
    deny: Iterable[str]
    seed: int
    jobs: int
    limits: Limits | None
    confine: str
    accept: str
    ask: Callable[[Question], str | None] | None
    tell: Callable[[str], None]


def propose(
    root: str | os.PathLike[str] = ".",
    tests: Sequence[str] = (),
    *,
    folder: str | os.PathLike[str] | None = None,
    **options: Unpack[RepairOptions],
) -> RepairReport:
    """Which patches would repair the failures; the tree stays as it is.

    Takes the options of `repair`, and raises the same. With ``folder`` it writes there what
    ``pytest --gemmadev-propose`` does: patches, ``report.json``, ``SUMMARY.md``, ``report.sarif``.
    """
    report = repair(root, tests, write=False, **options)
    if folder is not None:
        write_proposal(Path(folder), report, root=Path(root).resolve())
    return report


def undo(root: str | os.PathLike[str] = ".", *, force: bool = False) -> tuple[str, ...]:
    """Puts files back to what they held before the last repair, byte for byte; returns their paths.

    Raises `GemmadevError` when there is nothing to undo, and when a file was changed since; with
    ``force`` that file is put back too, and a copy of what it held is kept under ``.gemmadev``.
    """
    return journal.undo(root, force=force).restored


@dataclass(frozen=True, slots=True)
class _Tested:
    """A project and its tests."""

    folder: Path
    tests: Sequence[str]
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    limits: Limits
    level: Level

    def run(self) -> tuple[Scope, PytestOracle, Observation]:
        """Runs the tests; what may be edited, the oracle, which stays open, and what it saw."""
        scope = Scope(self.folder, self.allow, self.deny)
        oracle = self._make_oracle(scope)
        try:
            seen = self._observe(oracle)
            files = {nodeid.partition("::")[0] for nodeid in seen.outcomes}
            full = Scope(self.folder, self.allow, self.deny, tests=files)
            paths = [self.folder / file for file in files]
            if any(scope.role(path) is not full.role(path) for path in paths):
                oracle.close()  # it took a file of tests for a source, by its name
                scope, oracle = full, self._make_oracle(full)
                seen = self._observe(oracle)
        except BaseException:
            oracle.close()
            raise
        return scope, oracle, seen

    def _make_oracle(self, scope: Scope) -> PytestOracle:
        return PytestOracle(
            self.folder,
            invocation_dir=self.folder,
            args=self.tests,
            scope=scope,
            limits=self.limits,
            cwd_on_path=True,
            level=self.level,
        )

    def _observe(self, oracle: PytestOracle) -> Observation:
        """A run of the tests; raises where none could run."""
        seen = oracle.observe({})
        if not seen.outcomes:
            given = f" with {' '.join(self.tests)}" if self.tests else ""
            reason = seen.aborted or "it reported no tests"
            raise GemmadevError(f"the tests in {self.folder} cannot be run{given}: {reason}")
        return seen
