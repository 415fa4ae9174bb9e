"""Every threshold of patch validation: what a run may use, and how the oracle spends its time.

Names end in their unit: ``_s`` seconds, ``_bytes``; a ``_ratio`` multiplies a measured time. "Chosen"
after a value means that it was set by judgement and no measurement speaks for its last digit.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TypedDict

FOREVER_S = 1e9  # 31 years: for a limit that something else enforces


class ProcessLimits(TypedDict):
    """Arguments of `process.limit_process`, as they cross processes."""

    memory_bytes: int
    file_bytes: int
    processes: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on runs of the tests; each is a bound, not what a run normally gets."""

    test_s: float = 30.0  # one test of a full run
    validation_s: float = 30.0  # the tests of one validation together
    run_s: float = 600.0  # one full run
    memory_bytes: int = 2 << 30  # address space on top of the warm process
    file_bytes: int = 64 << 20  # one file
    output_bytes: int = 64 << 20  # what a run may report
    processes: int = 256  # of this user, on top of those that run; not enforced for root
    traced_tests: int = 200  # passing tests whose lines are recorded
    traced_s: float = 0.5  # that they take together when they are not traced; a few always are
    trace_s: float = 10.0  # for tracing all of them
    jobs: int = max(1, min(4, os.cpu_count() or 1))  # validations at a time in `validate_many`

    def process_limits(self, *, scale: int = 1) -> ProcessLimits:
        """Arguments of `process.limit_process`; ``scale`` times the memory of a validation."""
        return {
            "memory_bytes": self.memory_bytes * scale,
            "file_bytes": self.file_bytes,
            "processes": self.processes,
        }


@dataclass(frozen=True, slots=True)
class Policy:
    """How the oracle spends time: what it tries first, together, again, and for how long."""

    # How long a validation may take, from durations that were measured with no candidate applied.
    test_ratio: float = 20.0  # chosen: a candidate may be much slower than the failing code
    floor_s: float = 0.3  # on top; chosen: it may do more than the failing code did
    slow_ratio: float = 3.0  # where even that much is more than `Limits.validation_s`; chosen
    collect_ratio: float = 10.0  # of a measured collection; chosen
    collect_floor_s: float = 1.0  # on top; chosen
    unknown_collect_s: float = 60.0  # for a collection that was never measured; chosen
    starved_ratio: float = 5.0  # times its limit to wait for a run that others keep from the
    # processor; more than `ChildLimits.starved_ratio`, so that the watch speaks first
    # Plausible candidates of a failing set that a fresh run must confirm, each as the worker had it,
    # before the worker is believed; chosen: a fresh run takes a hundred times as long.
    agreeing: int = 2
    answer_s: float = 5.0  # for a process of ours to answer, beyond what its run may take; chosen

    # Candidates in a process that has collected the tests.
    kept_workers: int = 3  # trees whose worker stays: the search goes back and forth between few
    lost_workers: int = 3  # that ended over one tree before no more is started; chosen
    calibration_s: float = 5.0  # most time for running the tests once without a candidate; chosen
    first_ratio: float = 0.35  # of its limit that a candidate gets at first; chosen: most that
    # take long never end, and a patient task gives them all of it later
    first_floor_s: float = 0.1  # at least; chosen
    others_s: float = 0.5  # of other tests, as measured, that a candidate must pass before a new
    # process runs it; chosen
    others: int = 200  # how many of them; chosen
    together: int = 8  # candidates in one process: a fork copies pages, see `child.jobs`
    quick_s: float = 0.02  # targets that take longer get a process for each candidate: there the
    # fork no longer matters
    farewell_s: float = 1.0  # for a worker to end its session; chosen
    probe_s: float = 2.0  # on top, for calls with other arguments; more than `ProbeLimits.all_s`

    # Tests that fail by themselves now and then.
    flaky_runs: int = 3  # in each of which a test passes without a candidate, and fails with it,
    # before that counts as lost; a test that fails half the time gets by in 1 of 32; chosen
    worker_reruns: int = 4  # the same in a worker, where a run costs little; chosen
    sure_losses: int = (
        2  # candidates that lost a test for good, after which one run is believed; chosen
    )
    rechecks: int = 30  # of candidates that lost tests, at most; chosen

    # What is learned from runs.
    traced_always: int = 40  # passing tests that are traced however long they take; chosen
    worthwhile_modules: int = 20  # that every run would import: fewer do not pay for a new start
    compared_modules: int = 300  # of the project, whose files are compared with the user's run
    listed_paths: int = 2_000  # handed to runs one by one; more are named by their folders

    # Whole runs and traced runs.
    full_run_scale: int = 4  # times the memory of a validation that a full run may take; chosen
    hung_trace_ratio: float = 0.1  # of `Limits.trace_s` for one test, where the failure is a
    # timeout: it hangs again, and where is seen soon
    trace_ratio: float = 0.25  # of `Limits.trace_s` for any other one

    def patience_s(self, limit_s: float) -> float:
        """How long the oracle waits for the end of a run that has this limit."""
        return limit_s * self.starved_ratio + self.answer_s


DEFAULT_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class ChildLimits:
    """How a child watches a run, and what it restores between candidates."""

    poll_s: float = 0.02  # how often the clock is looked at, and a run that left its pipe open
    # behind it; chosen
    starved_ratio: float = 4.0  # times its limit that a run may take in all where others keep it
    # from the processor; chosen
    state_entries: int = 20_000  # to compare after each candidate: about 0.2 ms


@dataclass(frozen=True, slots=True)
class ConfinementLimits:
    """What confining may take and report."""

    probe_s: float = 10.0  # for trying whether a process can be given mounts of its own; chosen
    changes: int = 200  # in private copies that are reported of one run; chosen


@dataclass(frozen=True, slots=True)
class ProbeLimits:
    """How many calls with other arguments are made to distinguish plausible patches; all chosen."""

    calls: int = 12  # of the tests that are varied
    calls_of_one: int = 4  # of one function
    variations: int = 24  # of each call
    call_s: float = 0.1
    all_s: float = 0.6
    values: int = 200  # in the arguments of a call
    characters: int = 4000  # kept of a call and of what it gives
    items: int = 50  # taken from an iterator
    expressions: int = 200  # that are evaluated on one tree
    value_characters: int = 2000  # of the value of an expression; one with more is left out


@dataclass(frozen=True, slots=True)
class ProgramLimits:
    """Limits on runs of a user's program."""

    run_s: float = 10.0  # one run, at least; three times the failing run where that is more
    run_ratio: float = 3.0  # of the longest run seen
    traced_ratio: float = 1.5  # of a run: up to that, lines are recorded in every run; chosen
    output_bytes: int = 64 << 20  # one run's standard output
    copied_files: int = 20_000  # of a project that is copied for every run
    copied_bytes: int = 200 << 20  # both chosen
    poll_s: float = 0.005  # how often a run is looked at, at first
    slow_poll_s: float = 0.05  # later
