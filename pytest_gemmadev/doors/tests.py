"""One repair over a project's tests, for the doors that have tests: it searches, writes, confirms.

The tree changes once, after everything was validated away from it, and a fresh full run on the
changed tree confirms it. Where that run disagrees, everything is put back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_gemmadev.doors.ablations import without
from pytest_gemmadev.doors.ask import WorkingClock
from pytest_gemmadev.doors.session_state import room_for_recursion
from pytest_gemmadev.files.commit import Change, write
from pytest_gemmadev.files.interrupts import add_note
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.files.snapshot import Snapshot
from pytest_gemmadev.models.turns import for_threads
from pytest_gemmadev.registry import model_or_none, proposers, validators
from pytest_gemmadev.search.budget import Budget, Meter
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.localize import localize, suspect_everywhere
from pytest_gemmadev.search.loop import repair
from pytest_gemmadev.search.losses import find_losses
from pytest_gemmadev.search.outcomes import number_suggestions
from pytest_gemmadev.search.patches import rebase_suggestion
from pytest_gemmadev.types import (
    Confidence,
    Model,
    Observation,
    Outcome,
    Overlay,
    Question,
    RepairReport,
    Status,
)
from pytest_gemmadev.validate.confine.places import describe_level
from pytest_gemmadev.validate.parent.oracle import Limits, PytestOracle

WORKING_SHARE = 0.9  # of the budget for the search; the rest is for the final run
GREEN, RED = 0, 1  # exit status of a run of tests
WRITTEN = "the repair had been written and confirmed before; `gemmadev undo` takes it back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be repaired, and how."""

    root: Path
    write: bool  # to the tree; otherwise patches are proposed
    note: str  # for the journal: by what the tree was changed
    model: str | Model
    adapter: str | None
    budget_s: float
    seed: int
    jobs: int = 1  # failing sets that are searched at the same time
    accept: Confidence = Confidence.LIKELY  # what is less sure is suggested, not written
    ask: Callable[[Question], str | None] | None = None  # as of `SearchContext`
    progress: Callable[[str], None] = lambda _message: None  # shows a user what is being done
    interrupted: Callable[[], bool] = lambda: False  # by a Ctrl-C that nobody may have heard

    def stop_if_interrupted(self) -> None:
        """Raises the `KeyboardInterrupt` that was noted and may have been lost."""
        if self.interrupted():
            raise KeyboardInterrupt


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair has come to."""

    report: RepairReport
    status: int | None  # exit status of the tests where patches were to be written, else None
    after: Observation | None  # the run of all tests on the changed tree, where it stayed changed


def limits_for(jobs: int) -> Limits:
    """Limits for one of ``jobs`` oracles: together they validate as many at a time as one would."""
    together = Limits()
    return replace(together, jobs=max(1, together.jobs // jobs))


@room_for_recursion()
def repair_tests(job: Job, scope: Scope, oracle: PytestOracle, *, seen: Observation) -> Repaired:
    """Searches for repairs of the failures in ``seen``, and writes them where the job says so.

    Closes the oracle at the end, and a model that was loaded here.
    """
    clock = WorkingClock()
    job = replace(job, ask=clock.around(job.ask))
    meter = Meter(Budget(job.budget_s * WORKING_SHARE, asked_s=job.budget_s), clock)
    snapshot = Snapshot(scope)
    job.stop_if_interrupted()
    written: _Written | None = None
    try:
        with ExitStack() as at_the_end:
            at_the_end.callback(oracle.close)
            job.progress("starting")
            oracle.learn(seen)
            # It starts, and the model loads, while this process imports what proposes.
            oracle.prepare()
            model = _load_model(job, meter)
            if model is not None and isinstance(job.model, str):
                at_the_end.callback(model.close)
            contexts = _make_contexts(job, snapshot, oracle, seen=seen, model=model)
            for context in contexts[1:]:
                at_the_end.callback(context.oracle.close)
            # After -x or an error in collection, tests that did not run say nothing of what passes.
            complete = set(seen.outcomes) >= seen.collected
            baseline = seen if complete or meter.exhausted else oracle.observe({})
            outcomes, overlay = repair(contexts[0], baseline, meter, beside=contexts[1:])
            job.stop_if_interrupted()
            written = _Written(outcomes, overlay)
            if overlay and job.write:
                written = _write(job, snapshot, oracle, found=written, baseline=baseline)
    except BaseException as error:
        if written is not None and written.after is not None:
            add_note(error, WRITTEN)
        raise
    report = RepairReport(
        model=model.info.name if model is not None else "none",
        adapter=model.info.adapter if model is not None else "",
        seed=job.seed,
        seconds=meter.seconds,
        outcomes=_word_outcomes(job, snapshot, written),
        overlay=written.overlay,
        diff=snapshot.diff(written.overlay),
        undo_hint="gemmadev undo" if written.overlay and job.write else "",
        confinement=describe_level(oracle.level),
    )
    return Repaired(report, _exit_status(job, written.after), written.after)


def _exit_status(job: Job, after: Observation | None) -> int | None:
    """What a run of the tests would end with now; None where the tree was not to be changed."""
    if not job.write:
        return None
    return RED if after is None or after.failing else GREEN


def _load_model(job: Job, meter: Meter) -> Model | None:
    """The model that the job names or brings, fit for as many threads as it has searches."""
    model: Model | None
    if isinstance(job.model, str):
        model = model_or_none(
            job.model, adapter=job.adapter, left_s=lambda: meter.left_s, tell=job.progress
        )
    else:
        model = job.model
    return model if job.jobs == 1 else for_threads(model)


def _make_contexts(
    job: Job,
    snapshot: Snapshot,
    oracle: PytestOracle,
    *,
    seen: Observation,
    model: Model | None,
) -> list[SearchContext]:
    """One for the first search, and for as many beside it as there are failures to take."""
    left_out = without()
    signatures = {stack.signature for stack in seen.stacks}
    contexts = []
    for number in range(max(1, min(job.jobs, len(signatures)))):
        first, writers = proposers(model, left_out=left_out)
        another = oracle
        if number:
            another = oracle.clone()
            another.learn(seen)
        contexts.append(
            SearchContext(
                oracle=another,
                proposers=first,
                writers=writers,
                files=snapshot,
                model=None if "ranking" in left_out else model,
                clock=time.monotonic,
                seed=job.seed,
                progress=job.progress,
                accept=job.accept,
                ask=job.ask,
                validators=validators(),
                localizer=suspect_everywhere if "localization" in left_out else localize,
            )
        )
    return contexts


# --- writing -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Written:
    """Outcomes, what the repaired files hold, and the run on them where they were written."""

    outcomes: tuple[Outcome, ...]
    overlay: Overlay
    after: Observation | None = None


def _write(
    job: Job, snapshot: Snapshot, oracle: PytestOracle, *, found: _Written, baseline: Observation
) -> _Written:
    """Changes the tree and runs everything once more; puts all back where that run disagrees."""
    after: Observation | None = None
    green = {o.nodeid for o in found.outcomes if o.status is Status.REPAIRED}
    before = {path: snapshot.read(path) for path in found.overlay}

    def disagree() -> str:
        """Why the repair is to be put back; empty where the run on the changed tree confirms it."""
        nonlocal after
        oracle.learn_tree_change()
        job.progress("running all tests on the repaired tree")
        after = oracle.observe({})
        lost = frozenset(green - after.passing)
        if not after.aborted and not lost:
            regression = baseline.passing - green
            lost = find_losses(
                oracle, baseline, after, overlay=before, changed={}, regression=regression
            )
        job.stop_if_interrupted()
        return (
            f"the final run disagreed ({after.aborted or min(lost)})"
            if after.aborted or lost
            else ""
        )

    change = Change(job.root, found.overlay, before, job.note)
    reason = write(change, confirm=disagree, interrupted=job.interrupted)
    if reason:
        return _Written(_withdraw(found.outcomes, reason), {})
    return replace(found, after=after)


def _withdraw(outcomes: Sequence[Outcome], reason: str) -> tuple[Outcome, ...]:
    """The outcomes after the repairs were put back."""
    return tuple(
        replace(o, status=Status.UNREPAIRED, reason=reason) if o.status is Status.REPAIRED else o
        for o in outcomes
    )


def _word_outcomes(job: Job, snapshot: Snapshot, written: _Written) -> tuple[Outcome, ...]:
    """The outcomes as the report tells them."""
    if job.write:
        overlay = written.overlay
        return number_suggestions(
            [rebase_suggestion(outcome, overlay, snapshot.read) for outcome in written.outcomes]
        )
    return number_suggestions(
        [
            replace(o, status=Status.PROPOSED) if o.status is Status.REPAIRED else o
            for o in written.outcomes
        ]
    )
