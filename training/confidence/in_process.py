"""An oracle for one small module and a few tests, all in this process: hundreds of verdicts a second.

For learning only: what runs here are changed functions of known packages that compute and do nothing
else, under the audit hook and the limits of `training.data.trial`. It is no security boundary.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import FrameType
from typing import Any

from pytest_gemmadev.capture.exceptions import Comparison
from pytest_gemmadev.capture.plain import stack_from_plain
from pytest_gemmadev.capture.stack import capture_stack
from pytest_gemmadev.text.edits import edit_overlay
from pytest_gemmadev.types import (
    Candidate,
    ErrorStack,
    Expression,
    Inapplicable,
    Observation,
    Overlay,
    Plausible,
    Regressed,
    RepairTask,
    Spectrum,
    StillFailing,
    TestOutcome,
    TimedOut,
    Verdict,
)
from pytest_gemmadev.validate.child.call_recorder import CallRecorder
from pytest_gemmadev.validate.child.probe import Restraint, probe_restrained
from training.data.execute import Scope
from training.data.trial import ROOT, Late, Refused

TEST_S = 0.15  # of processor time


@contextlib.contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Raises `Late` after so much processor time: on a busy machine a test is not slow for that."""
    signal.signal(signal.SIGPROF, _ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _ring(_signum: int, _frame: FrameType | None) -> None:
    raise Late


@dataclass(frozen=True, slots=True)
class Case:
    """One test function: some assertions, each a call and what it is to give."""

    name: str
    asserted: tuple[tuple[str, str], ...]  # (call, expected literal)


def test_text(module: str, function: str, cases: Sequence[Case]) -> str:
    """A test file as people write it."""
    text = f"from {module} import {function}\n"
    for case in cases:
        text += f"\n\ndef {case.name}():\n"
        for call, expected in case.asserted:
            operator = "is" if expected in ("None", "True", "False") else "=="
            text += f"    assert {call} {operator} {expected}\n"
    return text


class OneFile:
    """The files of the project: one module."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text

    def editable_files(self) -> list[str]:
        return [self.path]

    def read(self, path: str) -> bytes:
        return self.text.encode()


@lru_cache(maxsize=1)
def _restraint() -> Restraint:
    """One for the whole process: an audit hook stays for good."""
    restraint = Restraint()
    sys.addaudithook(restraint)
    return restraint


class InProcessOracle:
    """Implements `types.Oracle` and `types.Probing` for one module."""

    def __init__(self, module: str, function: str, text: str, cases: Sequence[Case]) -> None:
        self.path = f"{module}.py"
        self.test_path = f"tests/test_{module}.py"
        self.files = OneFile(self.path, text)
        self.cases = tuple(cases)
        self.test_file = test_text(module, function, cases)
        self._module, self._function = module, function
        code = compile(
            self.test_file.partition("\n")[2].join(("\n", "")), f"{ROOT}/{self.test_path}", "exec"
        )
        self._names: dict[str, Any] = {}
        exec(code, self._names)
        self._lines = self._assertions()
        self._failures: dict[str, tuple[str, int]] = {}  # of the unchanged code, by node id

    @property
    def nodeids(self) -> list[str]:
        return [f"{self.test_path}::{case.name}" for case in self.cases]

    def _assertions(self) -> dict[int, tuple[str, str]]:
        """(call, expected) by line of the test file."""
        pairs = (pair for case in self.cases for pair in case.asserted)
        lines = self.test_file.split("\n")
        numbers = [n for n, line in enumerate(lines, 1) if line.startswith("    assert ")]
        return dict(zip(numbers, pairs, strict=True))

    # --- running ---------------------------------------------------------------------------------

    def load(self, text: str) -> dict[str, Any]:
        """The names of the module with this text; raises what importing it raises."""
        names: dict[str, Any] = {"__name__": self._module}
        with warnings.catch_warnings(), bounded(TEST_S * 4):
            warnings.simplefilter("ignore")
            exec(compile(text, f"{ROOT}/{self.path}", "exec", dont_inherit=True), names)
        if self._function not in names:
            raise NameError(self._function)
        return names

    def run(
        self, names: Mapping[str, Any], around: Callable[[Callable[[], None]], None] | None = None
    ) -> dict[str, BaseException | None]:
        """What each test ends with, by node id."""
        self._names[self._function] = names[self._function]
        found: dict[str, BaseException | None] = {}
        for nodeid, case in zip(self.nodeids, self.cases, strict=True):
            test = self._names[case.name]
            try:
                with bounded(TEST_S), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    if around is None:
                        test()
                    else:
                        around(test)
                found[nodeid] = None
            except (Exception, Late, Refused, SystemExit, KeyboardInterrupt) as error:
                found[nodeid] = error
        return found

    def _stack(self, nodeid: str, error: BaseException) -> ErrorStack | None:
        step = error.__traceback__
        while step is not None and not step.tb_frame.f_code.co_filename.startswith(ROOT):
            step = step.tb_next
        if step is None or isinstance(error, Late | Refused):
            return None
        error = error.with_traceback(step)
        comparison = None
        if isinstance(error, AssertionError) and step.tb_next is None:
            call, expected = self._lines.get(step.tb_lineno, ("None", "None"))
            frame = step.tb_frame
            try:
                with bounded(TEST_S):
                    got = eval(call, self._names)
                    comparison = Comparison(id(frame), frame.f_code, got, eval(expected, {}))
            except (Exception, Late, Refused):
                comparison = None
        return stack_from_plain(
            capture_stack(error, nodeid, "call", comparison=comparison), Scope()
        )

    def _text(self, overlay: Overlay) -> str:
        data = overlay.get(self.path)
        return self.files.text if data is None else data.decode()

    # --- types.Oracle ----------------------------------------------------------------------------

    def observe(self, overlay: Overlay) -> Observation:
        ended = self.run(self.load(self._text(overlay)))
        stacks = []
        for nodeid, error in ended.items():
            stack = None if error is None else self._stack(nodeid, error)
            if stack is not None:
                stacks.append(stack)
                self._failures[nodeid] = _where(error)
        outcomes = {
            nodeid: TestOutcome.PASSED if error is None else TestOutcome.FAILED
            for nodeid, error in ended.items()
        }
        return Observation(outcomes, frozenset(ended), tuple(stacks))

    def validate(self, task: RepairTask, candidate: Candidate) -> Verdict:
        overlay = edit_overlay(task.overlay, self.files.read, candidate.edits)
        if isinstance(overlay, Inapplicable):
            return overlay
        try:
            names = self.load(self._text(overlay))
        except (SyntaxError, ValueError) as error:
            return Inapplicable(f"does not compile: {error}")
        except (Exception, Late, Refused, SystemExit):
            return StillFailing(0, len(task.targets))
        ended = self.run(names)
        failing = [t for t in task.targets if ended.get(t) is not None]
        if any(isinstance(ended[t], Late) for t in failing):
            return TimedOut("a test")
        if failing:
            return StillFailing(
                len(task.targets) - len(failing), len(task.targets), self._moved(failing, ended)
            )
        lost = tuple(n for n in task.regression if ended.get(n) is not None)
        return Regressed(lost) if lost else Plausible(len(ended))

    def _moved(
        self, failing: Sequence[str], ended: Mapping[str, BaseException | None]
    ) -> tuple[ErrorStack, ...]:
        """How they fail now, where the first of them fails elsewhere or with another error."""
        first = failing[0]
        error = ended[first]
        if error is None or _where(error) == self._failures.get(first):
            return ()
        before, before_line = self._failures.get(first, ("", 0))
        if before == "AssertionError" and not (
            isinstance(error, AssertionError) and _where(error)[1] > before_line
        ):
            return ()  # no progress, whatever else it is
        stack = self._stack(first, error)
        return () if stack is None else (stack,)

    def validate_many(
        self, task: RepairTask, candidates: Iterable[Candidate]
    ) -> Iterator[tuple[int, Verdict]]:
        for place, candidate in enumerate(candidates):
            yield place, self.validate(task, candidate)

    def spectrum(self, task: RepairTask) -> Mapping[str, Spectrum]:
        try:
            names = self.load(self._text(task.overlay))
        except (Exception, Late, Refused, SystemExit):
            return {}
        lines: set[tuple[str, int]] = set()
        wanted = f"{ROOT}/{self.path}"
        reached: list[frozenset[tuple[str, int]]] = []

        def trace(frame: FrameType, event: str, _argument: object) -> Any:
            if frame.f_code.co_filename != wanted:
                return None
            if event == "line":
                lines.add((self.path, frame.f_lineno))
            return trace

        def around(test: Callable[[], None]) -> None:
            lines.clear()
            before = sys.gettrace()
            sys.settrace(trace)
            try:
                test()
            finally:
                sys.settrace(before)
                reached.append(frozenset(lines))

        ended = self.run(names, around)
        return {
            nodeid: Spectrum(error is None, ran)
            for (nodeid, error), ran in zip(ended.items(), reached, strict=True)
        }

    learn_spectrum = spectrum

    def behaviours(
        self, task: RepairTask, overlays: Sequence[Overlay]
    ) -> list[Mapping[str, str] | None]:
        return [self._behaviour(task, self._text(overlay)) for overlay in overlays]

    def _behaviour(self, task: RepairTask, text: str) -> Mapping[str, str] | None:
        try:
            names = self.load(text)
        except (Exception, Late, Refused, SystemExit):
            return None
        recorder = CallRecorder(lambda path: path == f"{ROOT}/{self.path}")

        def around(test: Callable[[], None]) -> None:
            recorder.start()
            try:
                test()
            finally:
                recorder.stop()

        self.run(names, around)
        return probe_restrained(recorder.calls, task.seed, _restraint())

    def evaluate(
        self, task: RepairTask, overlays: Sequence[Overlay], expressions: Sequence[Expression]
    ) -> list[Mapping[Expression, str] | None]:
        found: list[Mapping[Expression, str] | None] = []
        for overlay in overlays:
            try:
                names = self.load(self._text(overlay))
            except (Exception, Late, Refused, SystemExit):
                found.append(None)
                continue
            found.append(
                {e: text for e in expressions if (text := value_of(e.text, names)) is not None}
            )
        return found

    def close(self) -> None:
        pass


def value_of(expression: str, names: Mapping[str, Any]) -> str | None:
    """The ``repr`` of what an expression gives, or ``raises Name``; None where it was stopped."""
    try:
        with bounded(TEST_S), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return repr(eval(compile(expression, "<call>", "eval", dont_inherit=True), dict(names)))
    except Exception as error:
        return f"raises {type(error).__name__}"
    except (Late, Refused, SystemExit, KeyboardInterrupt):
        return None


def _where(error: BaseException | None) -> tuple[str, int]:
    step = error.__traceback__ if error is not None else None
    line = 0
    while step is not None:
        if step.tb_frame.f_code.co_filename.startswith(ROOT):
            line = step.tb_lineno
        step = step.tb_next
    return type(error).__name__, line
