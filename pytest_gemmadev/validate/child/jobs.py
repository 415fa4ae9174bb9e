"""Candidates one after the other, in forks of a process that has collected the tests.

A fork costs 4 microseconds for every page that it writes to, and the first test it runs writes to
thousands: far more than a quick test takes. So one fork runs several candidates as long as these
fail in the ordinary way, restores what is known to be left behind, and runs the unchanged code at
its end: where that fails otherwise than it did, the oracle trusts none of these runs.
"""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from pytest_gemmadev.validate.child.call_recorder import CallRecorder
from pytest_gemmadev.validate.child.moved_modules import moved_modules
from pytest_gemmadev.validate.child.probe import evaluate_all, probe_calls
from pytest_gemmadev.validate.child.process_state import ProcessState
from pytest_gemmadev.validate.child.swap import NeedsImport, Swapper
from pytest_gemmadev.validate.messages import (
    AttemptEnd,
    AttemptPlan,
    Event,
    How,
    Job,
    ProbePlan,
    WorkerReady,
)
from pytest_gemmadev.validate.process import (
    RunEnd,
    Watch,
    adopt_orphans,
    children,
    count_threads,
    count_user_threads,
    die_with_parent,
    fork,
    limit_process,
)
from pytest_gemmadev.validate.wire import Channel

if TYPE_CHECKING:
    from pytest_gemmadev.validate.child.runner import Runner

_PASSING = ("passed", "xpassed", "xfailed")
# A process in which these were raised may not be what it was.
_GRAVE = ("MemoryError", "SystemExit", "KeyboardInterrupt", "GeneratorExit")


@dataclass(frozen=True, slots=True)
class _Worker:
    """This process, which has collected the tests, as candidates need it."""

    runner: Runner
    session: pytest.Session
    swapper: Swapper
    state: ProcessState
    items: dict[str, pytest.Item]  # by node id

    def prepare(self, job: Job) -> None:
        """Does once for a job what each of its candidates needs."""
        for path in {path for attempt in job["attempts"] for path in attempt["files"]}:
            self.swapper.prepare(os.path.realpath(path))
        if "permissions" in job:
            self.runner.confinement.permit(job["permissions"])


def serve_jobs(runner: Runner, session: pytest.Session, channel: Channel[Any, Job]) -> None:
    """Answers each job with how it ended, until the oracle is gone."""
    code = runner.code_of_imports
    worker = _Worker(
        runner=runner,
        session=session,
        swapper=Swapper(runner.overlay, code.codes),
        state=ProcessState(runner.overlay),
        items={item.nodeid: item for item in session.items},
    )
    problem = "" if code.is_complete else "something else traced the collection"
    forks = runner.start == "fork" or (runner.start == "auto" and count_threads() == 1)
    several = worker.state.is_known
    if not forks and not several:
        problem = "too much would have to be put back after each candidate"
    ready: WorkerReady = {
        "items": list(worker.items),
        "problem": problem,
        "forks": forks,
        "several": several,
        "moved": moved_modules(runner.origins),
    }
    channel.send(ready)
    if forks:
        _serve_in_forks(worker, channel)
    else:
        _serve_in_place(worker, channel)


def _serve_in_forks(worker: _Worker, channel: Channel[Any, Job]) -> None:
    """Runs the candidates of each job in a fork of this process, which stays what it is."""
    adopt_orphans()
    count_user_threads()  # takes 2 ms, which each fork would need
    confinement = worker.runner.confinement
    confinement.keep_copies()
    gc.freeze()  # else the first collection in each fork copies every page
    before = children()
    while (job := channel.receive()) is not None:
        worker.prepare(job)
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        pid = fork()
        if pid == 0:
            os.close(ours)
            channel.close()
            _run_fork(worker, job, theirs)
        os.close(theirs)
        end = _watch(job, pid, ours, channel=channel, spare=before).wait()
        os.close(ours)
        channel.send(replace(end, changed=confinement.take_changes()).to_message())


def _watch(
    job: Job, pid: int, pipe: int, *, channel: Channel[Any, Job], spare: Collection[int]
) -> Watch:
    return Watch(
        pid=pid,
        pipe=pipe,
        token=bytes.fromhex(job["token"]),
        limit_s=job["limit_s"],
        tests_s=job["limit_s"],
        stall_s=job["limit_s"] * 10,  # never before one of the other two
        output_bytes=job["output_bytes"],
        control=channel.fileno(),
        spare=spare,
    )


def _run_fork(worker: _Worker, job: Job, pipe: int) -> NoReturn:
    os.setsid()
    die_with_parent()
    runner = worker.runner
    attempts = _Attempts(worker, job)
    runner.report_to(bytes.fromhex(job["token"]), pipe)
    try:
        limit_process(**job["process_limits"])
        runner.confinement.seal()
        attempts.run_all()
        runner.report({"done": runner.last_words(0)})
    finally:
        os._exit(0)


def _serve_in_place(worker: _Worker, channel: Channel[Any, Job]) -> None:
    """Answers jobs without a fork, which would lose threads, until this process is not what it was.

    Threads of native libraries are such; a fork that holds their locks hangs or crashes.
    """
    confinement = worker.runner.confinement
    confinement.keep_copies()
    confinement.seal()
    while (job := channel.receive()) is not None:
        worker.prepare(job)
        end = _run_in_place(worker, job)
        channel.send(end.to_message())
        if end.is_spent:
            return


def _run_in_place(worker: _Worker, job: Job) -> RunEnd:
    began_s = time.monotonic()
    runner, confinement = worker.runner, worker.runner.confinement
    events: list[Event] = []
    runner.keep_events(events, job["limit_s"])
    limit_process(**job["process_limits"])
    attempts = _Attempts(worker, job)
    how: How = "done"
    try:
        is_spent = not attempts.run_all(in_place=True)
        runner.report({"done": runner.last_words(0)})
    except BaseException:  # the candidate's, an interrupt or an exit among them
        how, is_spent = "died", True
    is_spent = is_spent or confinement.is_written_to
    changed = confinement.changes() if confinement.is_written_to else []
    return RunEnd(how, 0, events, time.monotonic() - began_s, changed, is_spent)


class _Attempts:
    """The candidates of one job, run in this process."""

    def __init__(self, worker: _Worker, job: Job) -> None:
        self._worker = worker
        self._runner = worker.runner
        self._job = job
        self._targets = job["targets"]
        self._threads = count_threads()  # in this process, when it began

    def run_all(self, *, in_place: bool = False) -> bool:
        """Runs the candidates up to the first that does not fail as a test usually fails.

        False where this process is of no further use.
        """
        attempts = self._job["attempts"]
        for attempt in attempts:
            if not self._run(attempt):
                return False
            if len(attempts) > 1 or in_place:
                self._begin_anew(attempt)
        if len(attempts) > 1:
            unchanged: AttemptPlan = {"files": {}, "others": []}
            is_alive = self._run(unchanged)
            self._begin_anew(unchanged)
            return is_alive
        return True

    def _run(self, attempt: AttemptPlan) -> bool:
        """Runs the tests with one candidate; false where this process is of no further use."""
        began_s = time.monotonic()
        problem = self._swap(attempt["files"])
        if problem is None and "probe" in self._job:
            self._probe(attempt["others"], self._job["probe"])
        elif problem is None:
            self._run_tests(attempt["others"])
        last_words = self._runner.last_words(0)
        end: AttemptEnd = {
            "status": last_words["status"],
            "aborted": last_words["aborted"],
            "outcomes": last_words["outcomes"],
            "stacks": last_words["stacks"],
            "imported": last_words["imported"],
            "loose": self._worker.swapper.is_loose,
            "seconds": time.monotonic() - began_s,
            "over": self._runner.is_over_limit,
        }
        if isinstance(problem, NeedsImport):
            end["refused"] = str(problem)
        elif problem is not None:
            end["broken"] = problem
        self._runner.report({"tried": end})
        return problem is not None or self._failed_ordinarily()

    def _probe(self, other_ids: list[str], plan: ProbePlan) -> None:
        """Runs the tests, and then what they call with other arguments; or evaluates expressions."""
        if "expressions" in plan:
            self._runner.report({"behaviour": evaluate_all(plan["expressions"])})
            return
        wanted = frozenset(plan["paths"])
        recorder = CallRecorder(lambda path: os.path.realpath(path) in wanted)
        recorder.start()
        try:
            self._run_tests(other_ids)
        finally:
            recorder.stop()
        self._runner.report({"behaviour": probe_calls(recorder.calls, plan["seed"])})

    def _failed_ordinarily(self) -> bool:
        recorder = self._runner.recorder
        return (
            all(recorder.outcomes.get(n) == "failed" for n in self._targets)
            and not any(stack["error"] in _GRAVE for stack in recorder.stacks)
            and count_threads() == self._threads
        )

    def _begin_anew(self, attempt: AttemptPlan) -> None:
        self._worker.swapper.restore()
        self._worker.state.restore()
        self._runner.forget({*self._targets, *attempt["others"]})

    def _swap(self, files: dict[str, str]) -> NeedsImport | str | None:
        """Applies the candidate; why it takes a new import, or why it does not compile."""
        for path, text in files.items():
            try:
                data = text.encode("latin-1")
                loosely = self._job["loosely"]
                self._worker.swapper.swap(os.path.realpath(path), data, loosely=loosely)
            except NeedsImport as problem:
                return problem
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                return f"{path} does not compile: {type(error).__name__}: {error}"
        return None

    def _run_tests(self, other_ids: list[str]) -> None:
        items = self._worker.items
        targets = [items[nodeid] for nodeid in self._targets]
        plan = [*targets, *(items[nodeid] for nodeid in other_ids)]
        outcomes = self._runner.recorder.outcomes
        for index, item in enumerate(plan):
            following = plan[index + 1] if index + 1 < len(plan) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            passes = outcomes.get(item.nodeid) in _PASSING
            is_last_target = index == len(targets) - 1
            if self._job["run_all"]:
                continue
            if index >= len(targets) and not passes:
                break
            if is_last_target and any(outcomes.get(t.nodeid) not in _PASSING for t in targets):
                break
        # What is still set up, where the plan ended early.
        with contextlib.suppress(BaseException):
            self._worker.session._setupstate.teardown_exact(None)
