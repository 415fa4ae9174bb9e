"""The search for a repair of a program: what it raises is repaired in copies until one runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_gemmadev.doors.program_messages import say, show_progress
from pytest_gemmadev.doors.session_state import room_for_recursion
from pytest_gemmadev.files.commit import Change
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.files.snapshot import Snapshot
from pytest_gemmadev.propose.conservative import Careful
from pytest_gemmadev.registry import model_or_none, proposers, validators
from pytest_gemmadev.search.budget import Budget, Meter
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.loop import repair
from pytest_gemmadev.search.outcomes import number_suggestions
from pytest_gemmadev.search.patches import rebase_suggestion
from pytest_gemmadev.types import (
    Confidence,
    Model,
    Observation,
    Outcome,
    Overlay,
    RepairReport,
    Status,
)
from pytest_gemmadev.validate.confine.places import describe_level, level_for
from pytest_gemmadev.validate.program.program_oracle import ProgramOracle
from pytest_gemmadev.validate.program.program_process import Program, ProgramRun
from pytest_gemmadev.validate.resources import ProgramLimits

_NAMING = ("rules", "syntax")  # proposers that follow what an error names
_RULES_SHARE = 0.4  # of the budget for these alone
_THIN = "plausible, thinly tested: no tests were asked, only whether it runs"


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for beside the program."""

    model: str = "gemmadev"
    adapter: str | None = None
    budget_s: float = 300.0
    trial_s: float = ProgramLimits().run_s
    seed: int = 0
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    propose: bool = False  # leave the tree as it is
    confine: str = "auto"  # or ``strict``, ``off``
    accept: Confidence = Confidence.LIKELY  # what is less sure is suggested, not written


@dataclass(frozen=True, slots=True)
class ProgramRepair:
    """What the search came to."""

    report: RepairReport  # as if all of it was written
    change: Change | None  # what is to be written; None where nothing is

    def as_proposed(self, why: str = "nothing was written") -> RepairReport:
        """The report where the patches stay proposals, and why."""
        outcomes = tuple(
            replace(o, status=Status.PROPOSED, reason=f"{o.reason}; {why}")
            if o.status is Status.REPAIRED
            else o
            for o in self.report.outcomes
        )
        return replace(self.report, outcomes=outcomes, overlay={}, undo_hint="")


def is_repairable(stack: Mapping[str, Any]) -> bool:
    """Whether code may be to blame. A module that is not there raises without a frame."""
    return bool(stack["frames"]) and stack["error"] not in ("KeyboardInterrupt", "MemoryError")


@room_for_recursion()
def repair_program(
    program: Program, options: Options, ran: ProgramRun, *, input_: bytes
) -> ProgramRepair | None:
    """Searches for a repair of what ``ran`` raised; None where it does not come again in a trial.

    ``input_`` is the standard input of the trials.
    """
    meter = Meter(Budget(options.budget_s), time.monotonic)
    scope = Scope(program.root, options.allow, options.deny)
    level = level_for(options.confine)
    with ExitStack() as at_the_end:
        model = model_or_none(
            options.model, adapter=options.adapter, left_s=lambda: meter.left_s, tell=say
        )
        if model is not None:
            at_the_end.callback(model.close)
        limits = ProgramLimits(run_s=options.trial_s)
        oracle = ProgramOracle(program, scope, input_=input_, program_limits=limits, level=level)
        at_the_end.callback(oracle.close)
        if not _comes_again(ran, oracle):
            return None
        snapshot = Snapshot(scope)
        with show_progress() as progress:
            outcomes, overlay = _search(
                snapshot, oracle, model, options=options, meter=meter, progress=progress
            )
        goals = (oracle.runs, oracle.exits)
        seen = oracle.observe(overlay)
        runs = bool(overlay) and not seen.stacks and not seen.aborted
    is_written = runs and not options.propose
    worded = [_word_for_program(o) for o in outcomes if o.nodeid not in goals]
    if is_written:
        worded = [rebase_suggestion(outcome, overlay, snapshot.read) for outcome in worded]
    report = RepairReport(
        model=model.info.name if model is not None else "none",
        adapter=model.info.adapter if model is not None else "",
        seed=options.seed,
        seconds=meter.seconds,
        outcomes=number_suggestions(worded),
        overlay=overlay,
        diff=snapshot.diff(overlay),
        undo_hint=f"gemmadev undo --root {program.root}",
        confinement=describe_level(oracle.level),
    )
    before = {path: snapshot.read(path) for path in overlay}
    change = Change(Path(program.root), overlay, before, f"gemmadev fix {program.name}")
    return ProgramRepair(report, change if is_written else None)


def _comes_again(ran: ProgramRun, oracle: ProgramOracle) -> bool:
    """Whether a trial raises what the user's own run did; says what happened where it does not."""
    assert ran.stack is not None
    baseline: Observation = oracle.observe({})
    if baseline.stacks and baseline.stacks[0].error == ran.stack["error"]:
        return True
    found = baseline.stacks[0].error if baseline.stacks else "nothing"
    refused = oracle.known_effects.describe()
    why = f", where it was kept from {refused}" if refused else ""
    say(f"run again with the same input it raised {found}{why}; left alone")
    return False


def _search(
    snapshot: Snapshot,
    oracle: ProgramOracle,
    model: Model | None,
    *,
    options: Options,
    meter: Meter,
    progress: Callable[[str], None],
) -> tuple[Sequence[Outcome], Overlay]:
    """What rules find, which read the cause from the error; where that is not enough, all of it."""
    first, writers = proposers(model)
    rules = [proposer for proposer in first if proposer.name in _NAMING]
    outcomes: Sequence[Outcome] = ()
    overlay: Overlay = {}
    for some, more, share in ((rules, (), _RULES_SHARE), (first, writers, 1.0)):
        context = SearchContext(
            files=snapshot,
            oracle=oracle,
            proposers=tuple(Careful(p) for p in some),
            writers=tuple(Careful(p) for p in more),
            model=model,
            clock=time.monotonic,
            seed=options.seed,
            accept=options.accept,
            progress=progress,
            validators=validators(),
        )
        found, changed = repair(context, oracle.observe({}), meter.share(share))
        runs = bool(changed) and not oracle.observe(changed).stacks
        if runs or _worth(found) >= _worth(outcomes):
            outcomes, overlay = found, changed
        if runs or meter.exhausted:
            break
    return outcomes, overlay


def _worth(outcomes: Sequence[Outcome]) -> tuple[int, int]:
    """(failures with a patch, errors that were met): what orders the passes that did not make it run."""
    return sum(bool(outcome.patches) for outcome in outcomes), len(outcomes)


def _word_for_program(outcome: Outcome) -> Outcome:
    """The outcome in words that fit a program: no tests have passed, and options have other names."""
    if outcome.status is not Status.REPAIRED:
        advice = tuple(sentence.replace("--gemmadev-", "--") for sentence in outcome.advice)
        return replace(outcome, advice=advice)
    others = sum(not patch.chosen for patch in outcome.patches)
    further = f"; {others} other plausible" if others else ""
    return replace(outcome, reason=f"{_THIN}{further}")
