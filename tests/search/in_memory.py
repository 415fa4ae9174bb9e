"""A project and its oracle in memory: real code, really executed, without pytest or processes.

Test support. A project is a set of modules without imports between them, executed into one
namespace; a test is an expression that must be true of it.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from pytest_gemmadev.text.edits import edit_overlay
from pytest_gemmadev.types import (
    Candidate,
    Edit,
    ErrorFacts,
    ErrorKind,
    ErrorStack,
    Frame,
    GemmadevError,
    Inapplicable,
    Observation,
    Overlay,
    Plausible,
    Regressed,
    RepairTask,
    Role,
    Spectrum,
    StillFailing,
    TestOutcome,
    Verdict,
)

KINDS = {
    "NameError": ErrorKind.NAME,
    "AssertionError": ErrorKind.ASSERTION,
    "TypeError": ErrorKind.TYPE,
    "KeyError": ErrorKind.KEY,
    "ZeroDivisionError": ErrorKind.VALUE,
}


@dataclass(slots=True)
class InMemory:
    """Files and Oracle at once."""

    files: dict[str, str]
    tests: dict[str, str]  # node id -> expression
    results: dict[str, list[bool]] = field(default_factory=dict)  # scripted for flaky tests
    observed: list[Overlay] = field(default_factory=list)

    def editable_files(self) -> list[str]:
        return sorted(self.files)

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise GemmadevError(f"{path} is not there")
        return self.files[path].encode()

    def observe(self, overlay: Overlay) -> Observation:
        self.observed.append(dict(overlay))
        outcomes, stacks = {}, []
        for nodeid in self.tests:
            stack, _ = self._run(nodeid, overlay)
            outcomes[nodeid] = TestOutcome.PASSED if stack is None else TestOutcome.FAILED
            if stack is not None:
                stacks.append(stack)
        return Observation(outcomes, frozenset(self.tests), tuple(stacks))

    @property
    def unlike(self) -> str:
        return ""

    def repeat(
        self, task: RepairTask, nodeids: Sequence[str], *, is_fresh: bool = False
    ) -> Observation:
        runs = {nodeid: self._run(nodeid, task.overlay)[0] for nodeid in nodeids}
        outcomes = {n: TestOutcome.FAILED if s else TestOutcome.PASSED for n, s in runs.items()}
        stacks = tuple(stack for stack in runs.values() if stack is not None)
        return Observation(outcomes, frozenset(nodeids), stacks)

    def stay_fresh(self) -> None:
        pass

    def validate(self, task: RepairTask, candidate: Candidate) -> Verdict:
        overlay = edit_overlay(task.overlay, self.read, candidate.edits)
        if isinstance(overlay, Inapplicable):
            return overlay
        runs = [self._run(nodeid, overlay)[0] for nodeid in task.targets]
        failed = tuple(stack for stack in runs if stack is not None)
        if failed:
            return StillFailing(len(runs) - len(failed), len(runs), failed)
        lost = tuple(n for n in sorted(task.regression) if self._run(n, overlay)[0] is not None)
        return Regressed(lost) if lost else Plausible(len(runs) + len(task.regression))

    def validate_many(
        self, task: RepairTask, candidates: Iterable[Candidate]
    ) -> Iterator[tuple[int, Verdict]]:
        for index, candidate in enumerate(candidates):
            yield index, self.validate(task, candidate)

    def spectrum(self, task: RepairTask) -> Mapping[str, Spectrum]:
        found = {}
        for nodeid in (*task.targets, *sorted(task.regression)):
            stack, lines = self._run(nodeid, task.overlay)
            found[nodeid] = Spectrum(stack is None, frozenset(lines))
        return found

    def learn_spectrum(self, task: RepairTask) -> Mapping[str, Spectrum]:
        return self.spectrum(task)

    def close(self) -> None:
        pass

    def _run(self, nodeid: str, overlay: Overlay) -> tuple[ErrorStack | None, set[tuple[str, int]]]:
        namespace: dict[str, Any] = {}
        lines: set[tuple[str, int]] = set()

        def trace(frame: FrameType, event: str, _argument: object) -> Any:
            if frame.f_code.co_filename in self.files:
                if event == "line":
                    lines.add((frame.f_code.co_filename, frame.f_lineno))
                return trace
            return None

        try:
            for path in sorted(self.files):
                text = overlay[path].decode() if path in overlay else self.files[path]
                exec(compile(text, path, "exec"), namespace)
            sys.settrace(trace)
            try:
                passed = eval(compile(self.tests[nodeid], "test.py", "eval"), namespace)
            finally:
                sys.settrace(None)
            scripted = self.results.get(nodeid)
            if scripted:
                passed = scripted.pop(0)
            if not passed:
                raise AssertionError(f"not {self.tests[nodeid]}")
        except Exception as error:
            return self._stack(nodeid, error), lines
        return None, lines

    def _stack(self, nodeid: str, error: Exception) -> ErrorStack:
        entries = traceback.extract_tb(error.__traceback__)
        frames = tuple(
            Frame(e.filename, e.lineno or 0, e.name, Role.SOURCE)
            for e in entries
            if e.filename in self.files
        )
        test = Frame("test.py", 1, "test", Role.TEST)
        kind = KINDS.get(type(error).__name__, ErrorKind.OTHER)
        facts = ErrorFacts(name=str(getattr(error, "name", None) or ""))
        return ErrorStack(
            nodeid, "call", kind, type(error).__name__, str(error), (test, *frames), facts
        )


@dataclass(frozen=True, slots=True)
class Substitutions:
    """A proposer that replaces texts where they stand, with a prior for each."""

    table: tuple[tuple[str, str, float], ...]
    name: str = "substitutions"

    def propose(self, task: RepairTask) -> Iterator[Candidate]:
        for old, new, prior in self.table:
            for path, text in task.sources.items():
                at = text.find(old)
                if at >= 0:
                    edit = Edit(path, at, at + len(old), new)
                    yield Candidate((edit,), "test:substitution", prior, f"{old} -> {new}")
