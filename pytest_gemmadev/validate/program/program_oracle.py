"""The oracle where there are no tests: the program itself, run again with the same input.

Three questions stand for tests. Whether an error is gone: the program no longer
raises it, raises no other one earlier, and writes what it wrote before the error as it did. Whether it
runs: no error at all. And whether its exit status is 0, which it need not be. All of them say little; a
patch that passes is plausible, thinly tested. That the next error is another one says least, so
there it counts only for patches that follow from what the error itself names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeAlias

from pytest_gemmadev.capture.plain import stack_from_plain
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.text.edits import edit_overlay
from pytest_gemmadev.types import (
    Candidate,
    ErrorKind,
    ErrorStack,
    Inapplicable,
    Observation,
    OriginKind,
    Overlay,
    Plausible,
    Refused,
    Regressed,
    RepairTask,
    Role,
    Spectrum,
    StillFailing,
    TestOutcome,
    TimedOut,
    Verdict,
)
from pytest_gemmadev.validate.confine.places import Level
from pytest_gemmadev.validate.parent.known_effects import KnownEffects
from pytest_gemmadev.validate.program.kept_behaviour import Runs, find_loss
from pytest_gemmadev.validate.program.kept_output import WrittenLines
from pytest_gemmadev.validate.program.program_process import Program, ProgramRun
from pytest_gemmadev.validate.program.program_runs import DEFAULT_LIMITS, ProgramRuns
from pytest_gemmadev.validate.resources import DEFAULT_POLICY, Limits, ProgramLimits

_LIMITS = Limits()
_Tree: TypeAlias = tuple[tuple[str, bytes], ...]
_NAMING = (OriginKind.RULE, OriginKind.SYNTAX, OriginKind.UNCHANGED)


@dataclass(frozen=True, slots=True)
class _Baseline:
    """The program over one tree, run twice."""

    run: ProgramRun
    stack: ErrorStack | None
    output: WrittenLines
    lines: frozenset[tuple[str, int]] | None  # that ran; None where recording them changes the run
    is_traced_soon: bool  # recording lines costs little: every candidate may be run so


@dataclass(frozen=True, slots=True)
class _Validation:
    """One candidate, run."""

    task: RepairTask
    candidate: Candidate
    before: _Baseline  # over the task's tree
    run: ProgramRun
    stack: ErrorStack | None

    def added_lines(self, path: str, line: int) -> int:
        """Lines that the candidate adds to a file before a line, in numbers of the old file."""
        added = 0
        for edit in self.candidate.edits:
            text = self.task.sources.get(edit.path, "")
            if edit.path == path and text.count("\n", 0, edit.start) + 1 < line:
                added += edit.replacement.count("\n") - text.count("\n", edit.start, edit.end)
        return added


class ProgramOracle:
    """Implements `types.Oracle` for one program and one input."""

    def __init__(
        self,
        program: Program,
        scope: Scope,
        *,
        input_: bytes = b"",
        limits: Limits = _LIMITS,
        program_limits: ProgramLimits = DEFAULT_LIMITS,
        level: Level = Level.NONE,
    ) -> None:
        self._program = program
        self._scope = scope
        self._limits = limits
        self._program_limits = program_limits
        self.level = level
        self.known_effects = KnownEffects({program.root})
        self._program_runs = ProgramRuns(
            program,
            level=level,
            input_=input_,
            process_limits=limits.process_limits(scale=DEFAULT_POLICY.full_run_scale),
            limits=program_limits,
        )
        self.runs = program.name  # node ids: no error at all
        self.exits = f"{program.name} exits with 0"
        self._errors: dict[tuple[str, str, str, str], str] = {}  # node ids of errors met
        self._baselines: dict[_Tree, _Baseline] = {}

    # --- types.Oracle -----------------------------------------------------------------------

    def observe(self, overlay: Overlay) -> Observation:
        """Two runs over ``overlay``: what they write differently is no sign of anything.

        The errors of the program get their node ids here, and ``known_effects`` is learned.
        """
        seen = self._learn_baseline(overlay)
        outcomes = dict.fromkeys(self._errors.values(), TestOutcome.PASSED)
        stacks: tuple[ErrorStack, ...] = ()
        if seen.stack is not None:
            nodeid = self._nodeid(seen.stack)
            outcomes[nodeid] = TestOutcome.FAILED
            stacks = tuple(replace(seen.stack, nodeid=n) for n in (nodeid, self.runs, self.exits))
        runs = seen.stack is None and not seen.run.over
        outcomes[self.runs] = TestOutcome.PASSED if runs else TestOutcome.FAILED
        exits = runs and seen.run.status == 0
        outcomes[self.exits] = TestOutcome.PASSED if exits else TestOutcome.FAILED
        aborted = f"over the limit of {seen.run.over}" if seen.run.over else ""
        unknown = self.known_effects.first_unknown(seen.run.reached) if overlay else None
        if unknown is not None:
            outcomes[self.runs] = outcomes[self.exits] = TestOutcome.FAILED
            aborted = f"it reached for {unknown[0]} ({unknown[1]})"
        return Observation(outcomes, frozenset(outcomes), stacks, aborted=aborted)

    def validate(self, task: RepairTask, candidate: Candidate) -> Verdict:
        """One run over the candidate."""
        for path in {edit.path for edit in candidate.edits}:
            if self._scope.role(f"{self._scope.root}/{path}") is not Role.SOURCE:
                return Inapplicable(f"{path} may not be edited")
        overlay = edit_overlay(task.overlay, self._scope.read, candidate.edits)
        if isinstance(overlay, Inapplicable):
            return overlay
        before = self._learn_baseline(task.overlay)
        run = self._run(overlay, traced=before.is_traced_soon)
        unknown = self.known_effects.first_unknown(run.reached)
        if unknown is not None:
            return Refused(*unknown, run.seconds)
        if run.over:
            return TimedOut(run.over, run.seconds)
        validation = _Validation(task, candidate, before, run, self._stack(run))
        verdict = self._judge(validation)
        if isinstance(verdict, Plausible) or (isinstance(verdict, StillFailing) and verdict.passed):
            loss = self._find_loss(validation, overlay)
            if loss:
                reason = f"{_describe_end(validation.stack)}, but {loss}"
                return Regressed((self.runs,), run.seconds, reason=reason)
        return verdict

    def validate_many(
        self, task: RepairTask, candidates: Iterable[Candidate]
    ) -> Iterator[tuple[int, Verdict]]:
        """Verdicts with the candidates' places, in order; several run at a time."""
        jobs = self._limits.jobs
        stream = iter(candidates)
        place = 0
        with ThreadPoolExecutor(jobs) as pool:
            while some := list(islice(stream, jobs)):
                for verdict in pool.map(lambda one: self.validate(task, one), some):
                    yield place, verdict
                    place += 1

    def spectrum(self, task: RepairTask) -> Mapping[str, Spectrum]:
        """None: the frames of the error say where it was raised, and there is no passing test."""
        return {}

    def learn_spectrum(self, task: RepairTask) -> Mapping[str, Spectrum]:
        """None, as by `spectrum`; there is nothing to learn."""
        return {}

    def close(self) -> None:
        self._program_runs.close()

    # --- runs ------------------------------------------------------------------------------------

    def _learn_baseline(self, overlay: Overlay) -> _Baseline:
        key = _tree(overlay)
        if key not in self._baselines:
            first, second = self._run(overlay), self._run(overlay, traced=True)
            lines, stack = second.lines, self._stack(first)
            if second.over or _identity_of(self._stack(second)) != _identity_of(stack):
                second, lines = self._run(overlay), None
            if not overlay:
                self.known_effects.learn(first.reached)
                self.known_effects.learn(second.reached)
            output = WrittenLines.of(first.output, second.output)
            ratio = self._program_limits.traced_ratio
            soon = lines is not None and second.seconds <= ratio * first.seconds
            self._baselines[key] = _Baseline(first, stack, output, lines, soon)
        return self._baselines[key]

    def _find_loss(self, validation: _Validation, overlay: Overlay) -> str:
        """What a candidate with which the program gets further loses; empty where nothing is seen."""
        task, before, after = validation.task, validation.before.lines, validation.run.lines
        if before is not None and after is None:
            after = self._run(overlay, traced=True).lines
        if before is None or after is None:
            return ""
        return find_loss(
            validation.candidate,
            task.sources,
            Runs(before, after),
            before=validation.before.stack,
            ends=validation.stack is None,
        )

    def _run(self, overlay: Overlay, *, traced: bool = False) -> ProgramRun:
        limits = self._program_limits
        seconds = [limits.run_ratio * one.run.seconds for one in self._baselines.values()]
        limit_s = max([limits.run_s, *seconds])
        return self._program_runs.run(overlay, limit_s=limit_s, traced=traced)

    def _stack(self, run: ProgramRun) -> ErrorStack | None:
        return None if run.stack is None else stack_from_plain(run.stack, self._scope)

    # --- verdicts --------------------------------------------------------------------------------

    def _judge(self, validation: _Validation) -> Verdict:
        task, run, stack = validation.task, validation.run, validation.stack
        lost = validation.before.output.find_lost(run.output)
        if lost:
            reason = f"{_describe_end(stack)}, but no longer prints {lost}"
            return Regressed((self.runs,), run.seconds, reason=reason)
        passed = self._targets_passed(validation)
        back = self._errors.get(_identity(stack)) if stack is not None else None
        if back in task.regression:  # an error that was gone already
            return Regressed((str(back),), run.seconds)
        if len(passed) == len(task.targets):
            return Plausible(1, run.seconds)
        error = stack or _exit_stack(run)
        stacks = tuple(replace(error, nodeid=t) for t in task.targets if t not in passed)
        return StillFailing(len(passed), len(task.targets), stacks, run.seconds)

    def _targets_passed(self, validation: _Validation) -> list[str]:
        """The targets that a run reached."""
        targets = validation.task.targets
        if validation.stack is None:
            return [t for t in targets if t != self.exits or validation.run.status == 0]
        if validation.before.stack is None or validation.candidate.origin.kind not in _NAMING:
            return []
        if not _is_later(validation.stack, validation.before.stack, validation):
            return []
        return [t for t in targets if t not in (self.runs, self.exits)]

    def _nodeid(self, stack: ErrorStack) -> str:
        """The name of an error of the program, the same for the same error."""
        key = _identity(stack)
        if key not in self._errors:
            place = f" in {key[3]}" if key[3] else ""
            name = f"{self._program.name}: {stack.error}{place}"
            taken = set(self._errors.values())
            again = next(n for n in range(1, len(taken) + 2) if _numbered(name, n) not in taken)
            self._errors[key] = _numbered(name, again)
        return self._errors[key]


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name} ({number})"


def _identity(stack: ErrorStack) -> tuple[str, str, str, str]:
    """What stays the same of an error when lines move."""
    frames = stack.project_frames[-1:] or stack.frames[-1:]
    path, function = (frames[0].path, frames[0].function) if frames else ("", "")
    return stack.error, stack.message, path, function


def _exit_stack(run: ProgramRun) -> ErrorStack:
    """An exit with another status than 0, as an error."""
    return ErrorStack("", "run", ErrorKind.OTHER, "SystemExit", str(run.status), ())


def _identity_of(stack: ErrorStack | None) -> tuple[str, str, str, str] | None:
    return None if stack is None else (stack.error, "", *_identity(stack)[2:])


def _describe_end(stack: ErrorStack | None) -> str:
    return "it runs" if stack is None else "it gets further"


def _tree(overlay: Overlay) -> _Tree:
    return tuple(sorted(overlay.items()))


def _is_later(after: ErrorStack, before: ErrorStack, validation: _Validation) -> bool:
    """Whether it is another error, and none raised before the program gets to where that one was.

    The first frame at which the two stacks part decides, lines counted as before the edit. Stacks
    that part in another way say nothing, and are taken as later.
    """
    if _identity(after) == _identity(before):
        return False
    for new, old in zip(after.frames, before.frames, strict=False):
        if (new.path, new.function) != (old.path, old.function):
            return True
        line = new.line - validation.added_lines(new.path, old.line)
        if line != old.line:
            return line > old.line
    return True
