"""Which failures are flaky, by running them again with nothing changed: how often they fail, and why.

A test is flaky that has failed and has passed in a run that begins as the user's does. One that passes
alone and fails each time that everything runs depends on what runs before it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from pytest_gemmadev.search.budget import Meter
from pytest_gemmadev.search.chance import find_sign, has_sign
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.pollution import find_polluters
from pytest_gemmadev.types import (
    ErrorKind,
    ErrorStack,
    Observation,
    Overlay,
    RepairTask,
    Repeating,
    TestOutcome,
)

_NEVER_FLAKY = (ErrorKind.SYNTAX, ErrorKind.INDENTATION)
_PASSING = (TestOutcome.PASSED, TestOutcome.XPASSED)
_ADDRESS = re.compile(r"0x[0-9A-Fa-f]+")


@dataclass(slots=True)
class Tally:
    """Runs of one test with nothing changed."""

    failed: int = 0
    passed: int = 0

    def count(self, seen: Observation, nodeid: str) -> None:
        """Counts one run; one in which the test had no turn says nothing."""
        outcome = seen.outcomes.get(nodeid)
        if outcome in _PASSING:
            self.passed += 1
        elif outcome is not None or not seen.aborted:
            self.failed += 1

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.failed + other.failed, self.passed + other.passed)

    def __str__(self) -> str:
        return f"{self.failed} of {self.failed + self.passed} runs"


@dataclass(frozen=True, slots=True)
class Steadiness:
    """What running a failing set again has shown."""

    flaky: Mapping[str, str] = field(default_factory=dict)  # why, by node id
    is_certain: bool = False  # it fails alike each time, and nothing speaks for chance
    unlike: str = ""  # why runs are not the user's own


@dataclass(slots=True)
class WholeRuns:
    """Runs of everything with nothing changed, which are shared by all that is asked about one tree."""

    overlay: Overlay = field(default_factory=dict)
    seen: list[Observation] = field(default_factory=list)

    def take(self, context: SearchContext, overlay: Overlay) -> Sequence[Observation]:
        """A few runs over ``overlay``; each is made once."""
        if overlay != self.overlay:
            self.overlay, self.seen = dict(overlay), []
        while len(self.seen) < context.limits.whole_reruns:
            context.progress("running everything again with nothing changed")
            self.seen.append(context.oracle.observe(overlay))
        return self.seen


def check_steadiness(
    context: SearchContext,
    task: RepairTask,
    observation: Observation,
    *,
    meter: Meter,
    history: WholeRuns,
) -> Steadiness:
    """Runs the failing set again; ``observation`` is the run of everything in which it failed."""
    if all(stack.kind in _NEVER_FLAKY for stack in task.stacks):
        return Steadiness(is_certain=True)
    oracle = context.oracle
    if not isinstance(oracle, Repeating):
        flaky = dict.fromkeys(task.targets, "it passes when it is run again with nothing changed")
        return Steadiness(flaky if context.passes_again(task, meter) else {})
    return _Check(context, oracle, task, observation, history).run(meter)


@dataclass(slots=True)
class _Check:
    """One failing set that is run again."""

    context: SearchContext
    oracle: Repeating
    task: RepairTask
    observation: Observation
    history: WholeRuns
    alone: dict[str, Tally] = field(default_factory=dict)  # runs of the set alone, by node id
    fresh: dict[str, Tally] = field(default_factory=dict)  # of the set alone, begun as the user's
    whole: dict[str, Tally] = field(default_factory=dict)  # of everything, the user's own counted

    def run(self, meter: Meter) -> Steadiness:
        targets = self.task.targets
        for tallies in (self.alone, self.fresh):
            tallies.update({nodeid: Tally() for nodeid in targets})
        self.whole = {nodeid: Tally(failed=1) for nodeid in targets}
        is_certain = self._repeat_alone(meter.share(self.context.limits.rerun_share))
        if self.oracle.unlike:
            return Steadiness(unlike=self.oracle.unlike)
        passing = [nodeid for nodeid in targets if self.alone[nodeid].passed]
        if not passing:
            return Steadiness(is_certain=is_certain)
        return self._explain(passing, meter.share(self.context.limits.counting_share))

    def _repeat_alone(self, meter: Meter) -> bool:
        """Runs the set alone a few times; whether it fails alike each time, and not by chance."""
        limits, task = self.context.limits, self.task
        first = _failures(task.stacks)
        is_certain = not self._may_be_chance()
        number = 0
        while number < (limits.alike_reruns if is_certain else limits.reruns):
            if meter.exhausted:
                return is_certain and number > 0
            number += 1
            seen = self.oracle.repeat(task, task.targets)
            for nodeid, tally in self.alone.items():
                tally.count(seen, nodeid)
            is_certain = is_certain and _failures(seen.stacks) == first
        return is_certain

    def _may_be_chance(self) -> bool:
        """Whether the sources or tests hold something that may make a run differ."""
        chars = self.context.limits.sign_chars
        texts = (*self.task.context.values(), *self.task.sources.values())
        return has_sign(texts, chars=chars)

    def _explain(self, passing: Sequence[str], meter: Meter) -> Steadiness:
        """The steadiness where some targets have passed alone."""
        limits = self.context.limits
        for number in range(limits.fresh_reruns):
            left = [n for n in passing if not self.fresh[n].passed]
            if not left or (number and meter.exhausted):
                break
            seen = self.oracle.repeat(self.task, left, is_fresh=True)
            for nodeid in left:
                self.fresh[nodeid].count(seen, nodeid)
        flaky = [nodeid for nodeid in passing if self.fresh[nodeid].passed]
        if len(flaky) < len(passing):
            # It passed in a fork, and never in a run that began as the user's did.
            self.oracle.stay_fresh()
        ordered = [n for n in flaky if not self.alone[n].failed and not self.fresh[n].failed]
        for seen in self.history.take(self.context, self.task.overlay) if ordered else ():
            for nodeid in ordered:
                self.whole[nodeid].count(seen, nodeid)
        return Steadiness({nodeid: self._describe(nodeid, meter) for nodeid in flaky})

    # --- why a test is flaky -----------------------------------------------------------------------

    def _describe(self, nodeid: str, meter: Meter) -> str:
        alone, fresh, whole = self.alone[nodeid], self.fresh[nodeid], self.whole[nodeid]
        runs = alone + fresh
        if not whole.passed and not runs.failed:
            return self._describe_order(nodeid, meter)
        total = runs + whole
        while total.failed + total.passed < self.context.limits.counted_runs:
            if meter.exhausted:
                break
            total.count(self.oracle.repeat(self.task, [nodeid]), nodeid)
        reason = f"it failed {total} with nothing changed"
        if not runs.failed:
            return f"{reason}, and never alone: it depends on what runs before it"
        only = replace(self.task, targets=(nodeid,), regression=frozenset())
        spectra = self.context.oracle.spectrum(only)
        sign = self._find_sign(nodeid, spectra[nodeid].lines if nodeid in spectra else frozenset())
        return f"{reason}; {sign}" if sign else reason

    def _describe_order(self, nodeid: str, meter: Meter) -> str:
        alone = self.alone[nodeid].passed + self.fresh[nodeid].passed
        reason = f"it passes alone ({alone} of {alone} runs) and fails"
        tests = [n for n in self.observation.outcomes if "::" in n]
        before = tests[: tests.index(nodeid)] if nodeid in tests else []
        find = partial(find_polluters, most=self.context.limits.polluters)
        fails_after = partial(self._fails_after, nodeid, meter)
        file = nodeid.partition("::")[0]
        near = [n for n in before if n.partition("::")[0] == file]
        self.context.progress(f"looking for what makes {nodeid} fail")
        found = find(near, fails_after) or find(before, fails_after)
        if not found or not fails_after(found):
            return f"{reason} where everything runs: it depends on what runs before it"
        return f"{reason} after {' and '.join(found)}, which leaves something behind"

    def _fails_after(self, nodeid: str, meter: Meter, some: Sequence[str]) -> bool:
        if meter.exhausted:
            return False
        tally = Tally()
        tally.count(self.oracle.repeat(self.task, [*some, nodeid]), nodeid)
        return bool(tally.failed)

    def _find_sign(self, nodeid: str, executed: frozenset[tuple[str, int]]) -> str:
        """What may be the reason, in the test's function or in what it runs of the sources."""
        texts = {**self.task.context, **{p: self.task.sources[p] for p, _ in executed}}
        lines = set(executed)
        for stack in self.task.stacks:
            if stack.nodeid == nodeid:
                for frame in stack.frames:
                    span = function_lines(texts.get(frame.path, ""), frame.line)
                    lines |= {(frame.path, line) for line in span}
        sign = find_sign(texts, lines)
        return str(sign) if sign is not None else ""


def _failures(stacks: Sequence[ErrorStack]) -> set[tuple[object, ...]]:
    """What tells failures apart, without the addresses in their messages."""
    return {(stack.nodeid, *_without_addresses(stack)) for stack in stacks}


def _without_addresses(stack: ErrorStack) -> tuple[object, ...]:
    error, message, place = stack.signature
    return (error, _ADDRESS.sub("", message), place)


def function_lines(text: str, line: int) -> range:
    """The lines of the innermost function that holds a line; that line alone where none does."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return range(line, line + 1)
    spans = [
        range(node.lineno, (node.end_lineno or node.lineno) + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    holding = [span for span in spans if line in span]
    return min(holding, key=len) if holding else range(line, line + 1)
