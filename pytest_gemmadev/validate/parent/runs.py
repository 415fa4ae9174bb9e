"""What a run came to, put together from the messages it sent, whether it reached its end or not."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field, replace

from pytest_gemmadev.capture.shapes import PlainObservation, PlainStack, bare_stack
from pytest_gemmadev.validate.messages import (
    AttemptEnd,
    CollectorEnd,
    Event,
    LastWords,
    Moved,
    TestEnd,
)
from pytest_gemmadev.validate.process import RunEnd

PASSING = frozenset({"passed", "xfailed", "xpassed"})
_INTERNAL_ERROR, _USAGE_ERROR = 3, 4  # of pytest's exit codes


@dataclass(slots=True)
class Run:
    """Plain results of one run; what did not happen is absent, never passed."""

    outcomes: dict[str, str] = field(default_factory=dict)
    collected: list[str] = field(default_factory=list)
    stacks: list[PlainStack] = field(default_factory=list)
    durations: dict[str, float] = field(default_factory=dict)
    imported: frozenset[str] = frozenset()  # real paths of overlaid files that were imported
    modules: tuple[str, ...] = ()  # imported from outside the project by the tests, in order
    lines: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    # run by each test, by real path, where the run traced them
    lines_again: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    # the same of tests that ran a second time
    collect_s: float = 0.0  # until all tests were known; 0 when that did not happen
    seconds: float = 0.0
    aborted: str = ""  # why it did not end by itself
    over_limit: bool = False
    crashed: bool = False  # ended by a signal that was not ours
    refused: str = ""  # why the candidate takes a new import
    broken: str = ""  # why it does not compile
    loose: bool = False  # functions that ran while importing have new code: a failure says little
    behaviour: dict[str, str] | None = None  # what calls with other arguments gave
    origins: dict[str, str] = field(default_factory=dict)
    # real paths of the project's modules by name, of a whole run
    moved: tuple[Moved, ...] = ()  # modules that came from another file than in the user's run
    reached: tuple[tuple[str, str], ...] = ()
    # (path, call) of what it was refused outside of its places, and of what it changed in private
    # copies of the user's folders

    @property
    def passing(self) -> set[str]:
        return {nodeid for nodeid, outcome in self.outcomes.items() if outcome in PASSING}

    def to_plain(self) -> PlainObservation:
        """As `capture.plain.observation_from_plain` reads it."""
        return {
            "outcomes": self.outcomes,
            "collected": self.collected,
            "stacks": self.stacks,
            "durations": self.durations,
            "aborted": self.aborted,
            "origins": self.origins,
        }


def read_run(end: RunEnd) -> Run:
    """The results that a run reported before it ended."""
    run = Run(seconds=end.seconds)
    current = ""
    for event in end.messages:
        if "start" in event:
            current = event["start"]
        elif "collected" in event:
            run.collected = event["collected"]
            run.collect_s = event["seconds"]
            run.moved = tuple((name, wanted, here) for name, wanted, here in event.get("moved", ()))
        elif "test" in event:
            _add_test(run, event)
            current = ""
        elif "collector" in event:
            _add_outcome(run, event["collector"], event)
            current = ""
        elif "reached" in event:
            run.reached += ((event["reached"], event["call"]),)
        elif "behaviour" in event:
            run.behaviour = event["behaviour"]
        elif "done" in event:
            _add_last_words(run, event["done"])
    run.reached += tuple((path, how) for path, how in end.changed)
    if end.how != "done":
        _add_abort(run, end, current)
    return run


def read_attempts(end: RunEnd) -> list[Run]:
    """The runs of a process that took several candidates; the last one may have no end."""
    runs: list[Run] = []
    events: list[Event] = []
    for event in end.messages:
        if "tried" in event:
            attempt = event["tried"]
            run = read_run(RunEnd("done", 0, events, attempt["seconds"]))
            _add_attempt(run, attempt)
            runs.append(run)
            events = []
        else:
            events.append(event)
    if end.how != "done":
        runs.append(read_run(replace(end, messages=events, changed=[])))
    # Which of them did it is not known; the pool runs them one at a time then.
    for run in runs:
        run.reached += tuple((path, how) for path, how in end.changed)
    return runs


def _add_test(run: Run, event: TestEnd) -> None:
    nodeid = event["test"]
    _add_outcome(run, nodeid, event)
    run.durations[nodeid] = event["seconds"]
    if "lines" in event:
        lines = run.lines_again if nodeid in run.lines else run.lines
        lines[nodeid] = event["lines"]


def _add_outcome(run: Run, nodeid: str, event: TestEnd | CollectorEnd) -> None:
    # A test whose end has no outcome did not pass.
    run.outcomes[nodeid] = event["outcome"] or "failed"
    run.stacks += event["stacks"]


def _add_last_words(run: Run, last_words: LastWords) -> None:
    outcomes = last_words["outcomes"]
    run.outcomes.update((n, o) for n, o in outcomes.items() if n not in run.outcomes)
    run.stacks += last_words["stacks"]
    run.imported = frozenset(last_words["imported"])
    run.modules = tuple(last_words.get("modules", ()))
    run.origins = last_words.get("origins", {})
    run.aborted = last_words["aborted"]
    status = last_words["status"]
    has_errors = any(outcome == "error" for outcome in run.outcomes.values())
    if not run.aborted and status in (_INTERNAL_ERROR, _USAGE_ERROR) and not has_errors:
        run.aborted = f"pytest could not run the tests (exit status {status})"


def _add_attempt(run: Run, attempt: AttemptEnd) -> None:
    _add_last_words(run, attempt)
    run.loose = attempt["loose"]
    if attempt["over"]:
        run.over_limit = True
        run.aborted = run.aborted or f"no end after {attempt['seconds']:.1f} s"
    run.refused, run.broken = attempt.get("refused", ""), attempt.get("broken", "")


def _add_abort(run: Run, end: RunEnd, current: str) -> None:
    """Says why the run has no end, and fails the test that was running."""
    where = f" in {current}" if current else " before the first test" if not run.collected else ""
    if end.how == "timeout":
        run.aborted = f"no end after {end.seconds:.1f} s{where}"
    elif end.how == "output":
        run.aborted = f"too many or broken messages{where}"
    elif os.name == "posix" and os.WIFSIGNALED(end.status):
        run.aborted = f"ended by {_signal_name(os.WTERMSIG(end.status))}{where}"
        run.crashed = True
    else:
        status = os.waitstatus_to_exitcode(end.status)
        run.aborted = f"the interpreter exited with status {status}{where}"
    run.over_limit = end.how in ("timeout", "output")
    if current:
        run.outcomes[current] = "failed"
        run.durations[current] = end.seconds
        run.stacks.append(_abort_stack(current, run.aborted, end))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _abort_stack(nodeid: str, message: str, end: RunEnd) -> PlainStack:
    if end.how == "timeout":
        return bare_stack(nodeid, "Timeout", message, kind="timeout")
    return bare_stack(nodeid, "SystemExit", message)
