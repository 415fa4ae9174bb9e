"""One repair over a project's tests, for the doors that have tests: searched, written, confirmed.

The tree changes once, after everything was validated away from it, and a fresh full run on the
changed tree confirms it. Where that run disagrees, everything is put back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_gemmadev.doors.ablations import without
from pytest_gemmadev.doors.session_state import room_for_recursion
from pytest_gemmadev.files.commit import Change, write
from pytest_gemmadev.files.interrupts import add_note
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.files.snapshot import Snapshot
from pytest_gemmadev.models.turns import for_threads
from pytest_gemmadev.registry import model_or_none, proposers
from pytest_gemmadev.search.budget import Budget, Meter
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.localize import localize, suspect_everywhere
from pytest_gemmadev.search.loop import repair
from pytest_gemmadev.search.losses import find_losses
from pytest_gemmadev.search.outcomes import number_suggestions
from pytest_gemmadev.search.patches import rebase_suggestion
from pytest_gemmadev.types import Model, Observation, Outcome, Overlay, RepairReport, Status
from pytest_gemmadev.validate.confine.places import described
from pytest_gemmadev.validate.parent.oracle import Limits, PytestOracle

WORKING_SHARE = 0.9  # of the budget for the search; the rest is for the final run
GREEN, RED = 0, 1  # exit status of a run of tests
WRITTEN = "the repair had been written and confirmed before; `gemmadev undo` takes it back"


@dataclass(frozen=True, slots=True)
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
    interrupted: Callable[[], bool] = lambda: False  # by a Ctrl-C that nobody may have heard


def limits_for(jobs: int) -> Limits:
    """Limits for one of ``jobs`` oracles: together they validate as many at a time as one would."""
    together = Limits()
    return replace(together, jobs=max(1, together.jobs // jobs))


@room_for_recursion()
def repaired(
    job: Job,
    scope: Scope,
    oracle: PytestOracle,
    seen: Observation,
    tell: Callable[[str], None],
) -> tuple[RepairReport, int | None, Observation | None]:
    """What became of the failures in ``seen``.

    With the exit status of the tests where a repair was to be written, and the run after it where it
    stayed. The oracle is closed at the end, and so is a model that was loaded here.
    """
    meter = Meter(Budget(job.budget_s * WORKING_SHARE), time.monotonic)
    snapshot = Snapshot(scope)
    model: Model | None = None
    contexts: list[SearchContext] = []
    status: int | None = None
    after: Observation | None = None
    _stop_where_interrupted(job)
    try:
        try:
            tell("starting")
            # It starts, and the model loads, while this process imports what proposes.
            oracle.prepare()
            model = _model(job, meter, tell)
            oracle.learn(seen)
            contexts = _make_contexts(job, snapshot, oracle, seen=seen, model=model, tell=tell)
            # After -x or an error in collection, tests that did not run say nothing of what passes.
            complete = set(seen.outcomes) >= seen.collected
            baseline = seen if complete or meter.exhausted else oracle.observe({})
            outcomes, overlay = repair(contexts[0], baseline, meter, beside=contexts[1:])
            _stop_where_interrupted(job)
            if overlay and job.write:
                outcomes, overlay, after = _write(
                    job, snapshot, oracle, baseline, outcomes, overlay, tell
                )
                status = RED if after is None or after.failing else GREEN
            elif job.write:
                status = RED  # pytest's own tells errors in collection from failures
        finally:
            _close(job, oracle, contexts, model)
    except BaseException as error:
        if after is not None:
            add_note(error, WRITTEN)
        raise
    if job.write:
        outcomes = tuple(rebase_suggestion(outcome, overlay, snapshot.read) for outcome in outcomes)
    else:
        outcomes = tuple(_proposed(outcome) for outcome in outcomes)
    report = RepairReport(
        model=model.info.name if model is not None else "none",
        adapter=model.info.adapter if model is not None else "",
        seed=job.seed,
        seconds=meter.seconds,
        outcomes=number_suggestions(outcomes),
        overlay=overlay,
        diff=snapshot.diff(overlay),
        undo_hint="gemmadev undo" if overlay and job.write else "",
        confinement=described(oracle.level),
    )
    return report, status, after


def _close(
    job: Job, oracle: PytestOracle, contexts: Sequence[SearchContext], model: Model | None
) -> None:
    for each in (oracle, *(context.oracle for context in contexts[1:])):
        each.close()
    if model is not None and isinstance(job.model, str):
        model.close()


def _model(job: Job, meter: Meter, tell: Callable[[str], None]) -> Model | None:
    model: Model | None
    if isinstance(job.model, str):
        model = model_or_none(
            job.model, adapter=job.adapter, left_s=lambda: meter.left_s, tell=tell
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
    tell: Callable[[str], None],
) -> list[SearchContext]:
    """One for the first search, and for as many beside it as there are failures to take."""
    left_out = without()
    signatures = {stack.signature for stack in seen.stacks}
    contexts = []
    for number in range(max(1, min(job.jobs, len(signatures)))):
        first, writers = proposers(model, left_out=left_out)
        another = oracle
        if number:
            another = oracle.another()
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
                progress=tell,
                localizer=suspect_everywhere if "localization" in left_out else localize,
            )
        )
    return contexts


def _write(
    job: Job,
    snapshot: Snapshot,
    oracle: PytestOracle,
    baseline: Observation,
    outcomes: tuple[Outcome, ...],
    overlay: Overlay,
    tell: Callable[[str], None],
) -> tuple[tuple[Outcome, ...], Overlay, Observation | None]:
    """Changes the tree and runs everything once more; puts all back where that run disagrees.

    With that run, None where nothing stayed changed.
    """
    after: Observation | None = None
    green = {o.nodeid for o in outcomes if o.status is Status.REPAIRED}
    before = {path: snapshot.read(path) for path in overlay}

    def disagreement() -> str:
        nonlocal after
        oracle.is_tree_unchanged = False
        tell("running all tests on the repaired tree")
        after = oracle.observe({})
        lost = frozenset(green - after.passing)
        if not after.aborted and not lost:
            regression = baseline.passing - green
            lost = find_losses(oracle, baseline, after, overlay=before, regression=regression)
        _stop_where_interrupted(job)
        return (
            f"the final run disagreed ({after.aborted or min(lost)})"
            if after.aborted or lost
            else ""
        )

    change = Change(job.root, overlay, before, job.note)
    reason = write(change, confirm=disagreement, interrupted=job.interrupted)
    if reason:
        return _withdrawn(outcomes, reason), {}, None
    return outcomes, overlay, after


def _stop_where_interrupted(job: Job) -> None:
    if job.interrupted():
        raise KeyboardInterrupt


def _withdrawn(outcomes: tuple[Outcome, ...], reason: str) -> tuple[Outcome, ...]:
    return tuple(
        replace(o, status=Status.UNREPAIRED, reason=reason) if o.status is Status.REPAIRED else o
        for o in outcomes
    )


def _proposed(outcome: Outcome) -> Outcome:
    if outcome.status is not Status.REPAIRED:
        return outcome
    return replace(outcome, status=Status.PROPOSED)
