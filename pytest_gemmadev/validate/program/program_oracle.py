"""The oracle where there are no tests: the program itself, run again with the same input.

Three things are asked of it, as if they were tests. That an error is gone: the program no longer
raises it, raises no other one earlier, and writes what it wrote before the error as it did. That it
runs: no error at all. And that its exit status is 0, which it need not be. All of them say little; a
patch that passes is plausible, thinly tested. That the next error is another one says next to
nothing, so there it counts only for patches that follow from what the error itself names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

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
from pytest_gemmadev.validate.parent.usual import Usual
from pytest_gemmadev.validate.program.program_runs import Program, Ran, Trials
from pytest_gemmadev.validate.resources import Limits

TRIAL_S = 10.0  # that a trial may take, at least; three times the failing run if that is more
_LIMITS = Limits()
_NAMING = (OriginKind.RULE, OriginKind.SYNTAX, OriginKind.UNCHANGED)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The program as a tree left it."""

    ran: Ran
    stack: ErrorStack | None
    output: tuple[bytes, ...]  # lines
    wavering: frozenset[int]  # lines that differ from run to run


class ProgramOracle:
    """Implements `types.Oracle` for one program and one input."""

    def __init__(
        self,
        program: Program,
        scope: Scope,
        *,
        input_: bytes = b"",
        limits: Limits = _LIMITS,
        trial_s: float = TRIAL_S,
        level: Level = Level.NONE,
    ) -> None:
        self._program = program
        self._scope = scope
        self._limits = limits
        self._trial_s = trial_s
        self.level = level
        self.usual = Usual({program.root})
        self.trials = Trials(
            program, input_=input_, limits=limits.confinement(scale=4), level=level
        )
        self.runs = program.name  # node ids: no error at all
        self.exits = f"{program.name} exits with 0"
        self._errors: dict[tuple[str, str, str, str], str] = {}  # node ids of errors met
        self._seen: dict[tuple[tuple[str, bytes], ...], _Seen] = {}

    # --- types.Oracle -----------------------------------------------------------------------

    def observe(self, overlay: Overlay) -> Observation:
        """Two runs over ``overlay``: what they write differently is no sign of anything."""
        seen = self._look(overlay)
        outcomes = dict.fromkeys(self._errors.values(), TestOutcome.PASSED)
        stacks: tuple[ErrorStack, ...] = ()
        if seen.stack is not None:
            nodeid = self._nodeid(seen.stack)
            outcomes[nodeid] = TestOutcome.FAILED
            stacks = tuple(replace(seen.stack, nodeid=n) for n in (nodeid, self.runs, self.exits))
        runs = seen.stack is None and not seen.ran.over
        outcomes[self.runs] = TestOutcome.PASSED if runs else TestOutcome.FAILED
        exits = runs and seen.ran.status == 0
        outcomes[self.exits] = TestOutcome.PASSED if exits else TestOutcome.FAILED
        aborted = f"over the limit of {seen.ran.over}" if seen.ran.over else ""
        beyond = self.usual.beyond(seen.ran) if overlay else None
        if beyond is not None:
            outcomes[self.runs] = outcomes[self.exits] = TestOutcome.FAILED
            aborted = f"it reached for {beyond[0]} ({beyond[1]})"
        return Observation(outcomes, frozenset(outcomes), stacks, aborted=aborted)

    def validate(self, task: RepairTask, candidate: Candidate) -> Verdict:
        """One run over the candidate."""
        for path in {edit.path for edit in candidate.edits}:
            if self._scope.role(f"{self._scope.root}/{path}") is not Role.SOURCE:
                return Inapplicable(f"{path} may not be edited")
        overlay = edit_overlay(task.overlay, self._scope.read, candidate.edits)
        if isinstance(overlay, Inapplicable):
            return overlay
        before = self._look(task.overlay)
        ran = self._run(overlay)
        beyond = self.usual.beyond(ran)
        if beyond is not None:
            return Refused(*beyond, ran.seconds)
        if ran.over:
            return TimedOut(ran.over, ran.seconds)
        return self._judge(task, candidate, before, ran)

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

    def spectrum(self, task: RepairTask, *, learn: bool = True) -> Mapping[str, Spectrum]:
        """Nothing: the frames of the error say where it was raised, and there is no passing test."""
        return {}

    def close(self) -> None:
        self.trials.close()

    # --- runs ------------------------------------------------------------------------------------

    def _look(self, overlay: Overlay) -> _Seen:
        key = tuple(sorted(overlay.items()))
        if key not in self._seen:
            first, second = self._run(overlay), self._run(overlay)
            if not overlay:
                self.usual.learn(first)
                self.usual.learn(second)
            lines, again = _lines(first.output), _lines(second.output)
            wavering = {n for n, (a, b) in enumerate(zip(lines, again, strict=False)) if a != b}
            wavering |= set(range(min(len(lines), len(again)), max(len(lines), len(again))))
            stack = stack_from_plain(first.stack, self._scope) if first.stack else None
            self._seen[key] = _Seen(first, stack, lines, frozenset(wavering))
        return self._seen[key]

    def _run(self, overlay: Overlay) -> Ran:
        known = [seen.ran.seconds for seen in self._seen.values()]
        return self.trials.run(overlay, limit_s=max([self._trial_s, *(3 * s for s in known)]))

    # --- verdicts --------------------------------------------------------------------------------

    def _judge(self, task: RepairTask, candidate: Candidate, before: _Seen, ran: Ran) -> Verdict:
        if not _keeps(before, _lines(ran.output)):
            return Regressed((self.runs,), ran.seconds)
        stack = stack_from_plain(ran.stack, self._scope) if ran.stack else None
        passed = self._passed(task, candidate, before, ran, stack)
        back = self._errors.get(_identity(stack)) if stack is not None else None
        if back in task.regression:  # an error that was gone already
            return Regressed((str(back),), ran.seconds)
        if len(passed) == len(task.targets):
            return Plausible(1, ran.seconds)
        told = stack or _ended(ran)
        stacks = tuple(replace(told, nodeid=t) for t in task.targets if t not in passed)
        return StillFailing(len(passed), len(task.targets), stacks, ran.seconds)

    def _passed(
        self,
        task: RepairTask,
        candidate: Candidate,
        before: _Seen,
        ran: Ran,
        stack: ErrorStack | None,
    ) -> list[str]:
        """The targets that a run reached."""
        if stack is None:
            return [t for t in task.targets if t != self.exits or ran.status == 0]
        if before.stack is None or candidate.origin.kind not in _NAMING:
            return []
        if not _is_later(stack, before.stack, candidate, task):
            return []
        return [t for t in task.targets if t not in (self.runs, self.exits)]

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


def _ended(ran: Ran) -> ErrorStack:
    """An exit with another status than 0, told as an error."""
    return ErrorStack("", "run", ErrorKind.OTHER, "SystemExit", str(ran.status), ())


def _lines(output: bytes) -> tuple[bytes, ...]:
    return tuple(output.split(b"\n"))


def _keeps(before: _Seen, lines: tuple[bytes, ...]) -> bool:
    """Whether what was written before the error is written as before; the last line may go on."""
    *whole, last = before.output
    if len(lines) < len(before.output):
        return False
    if any(n not in before.wavering and line != lines[n] for n, line in enumerate(whole)):
        return False
    return len(whole) in before.wavering or lines[len(whole)].startswith(last)


def _is_later(
    after: ErrorStack, before: ErrorStack, candidate: Candidate, task: RepairTask
) -> bool:
    """Whether it is another error, and none raised before the program gets to where that one was.

    Told by the first frame at which the two stacks part, lines counted as before the edit. Stacks
    that part in another way say nothing, and are taken as later.
    """
    if _identity(after) == _identity(before):
        return False
    for new, old in zip(after.frames, before.frames, strict=False):
        if (new.path, new.function) != (old.path, old.function):
            return True
        line = new.line - _added_lines(candidate, task, new.path, old.line)
        if line != old.line:
            return line > old.line
    return True


def _added_lines(candidate: Candidate, task: RepairTask, path: str, line: int) -> int:
    """Lines that the candidate adds to a file before a line, in numbers of the old file."""
    added = 0
    for edit in candidate.edits:
        text = task.sources.get(edit.path, "")
        if edit.path == path and text.count("\n", 0, edit.start) + 1 < line:
            added += edit.replacement.count("\n") - text.count("\n", edit.start, edit.end)
    return added
