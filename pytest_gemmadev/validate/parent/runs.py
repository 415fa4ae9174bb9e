"""What a run came to, put together from the messages it sent, whether it reached its end or not."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_gemmadev.validate.process import Ended
from pytest_gemmadev.validate.wire import Message

PASSING = frozenset({"passed", "xfailed", "xpassed"})
_INTERNAL_ERROR, _USAGE_ERROR = 3, 4  # of pytest's exit codes


@dataclass(slots=True)
class Run:
    """Plain results of one run; what did not happen is absent, never passed."""

    outcomes: dict[str, str] = field(default_factory=dict)
    collected: list[str] = field(default_factory=list)
    stacks: list[dict[str, Any]] = field(default_factory=list)
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
    loose: bool = False  # new code of functions that ran while importing: failing says little
    behaviour: dict[str, str] | None = None  # what calls with other arguments gave
    reached: tuple[tuple[str, str], ...] = ()
    # (path, call) of what it was refused outside of its places, and of what it changed in private
    # copies of the user's folders

    @property
    def passing(self) -> set[str]:
        return {nodeid for nodeid, outcome in self.outcomes.items() if outcome in PASSING}

    def plain(self) -> Mapping[str, Any]:
        """As `capture.plain.observation_from_plain` reads it."""
        return {
            "outcomes": self.outcomes,
            "collected": self.collected,
            "stacks": self.stacks,
            "durations": self.durations,
            "aborted": self.aborted,
        }


def read_run(ended: Ended) -> Run:
    """The results that a run reported before it ended."""
    run = Run(seconds=ended.seconds)
    current = ""
    for message in ended.messages:
        if "start" in message:
            current = message["start"]
        elif "collected" in message:
            run.collected = message["collected"]
            run.collect_s = message["seconds"]
        elif "test" in message or "collector" in message:
            _add_outcome(run, message)
            current = ""
        elif "reached" in message:
            run.reached += ((message["reached"], message["call"]),)
        elif "behaviour" in message:
            run.behaviour = message["behaviour"]
        elif "done" in message:
            _add_done(run, message["done"])
    run.reached += tuple((path, how) for path, how in ended.changed)
    if ended.how != "done":
        _add_abort(run, ended, current)
    return run


def read_attempts(ended: Ended) -> list[Run]:
    """The runs of a process that tried several candidates; the last one may have no end."""
    runs: list[Run] = []
    messages: list[Message] = []
    for message in ended.messages:
        if "tried" in message:
            done = message["tried"]
            runs.append(read_run(Ended("done", 0, [*messages, {"done": done}], done["seconds"])))
            messages = []
        else:
            messages.append(message)
    if ended.how != "done":
        runs.append(read_run(replace(ended, messages=messages, changed=[])))
    # Which of them it was is not known; whoever asks tries them one at a time then.
    for run in runs:
        run.reached += tuple((path, how) for path, how in ended.changed)
    return runs


def _add_outcome(run: Run, message: Message) -> None:
    nodeid = message.get("test") or message["collector"]
    # A test that says nothing about its end did not pass.
    run.outcomes[nodeid] = message["outcome"] or "failed"
    run.stacks += message["stacks"]
    if "test" in message:
        run.durations[nodeid] = message["seconds"]
    if "lines" in message:
        lines = run.lines_again if nodeid in run.lines else run.lines
        lines[nodeid] = message["lines"]


def _add_done(run: Run, done: Message) -> None:
    run.outcomes.update((n, o) for n, o in done["outcomes"].items() if n not in run.outcomes)
    run.stacks += done["stacks"]
    run.imported = frozenset(done["imported"])
    run.modules = tuple(done.get("modules", ()))
    run.aborted = done["aborted"]
    run.loose = done.get("loose", False)
    if done.get("over"):
        run.over_limit = True
        run.aborted = run.aborted or f"no end after {done['seconds']:.1f} s"
    run.refused, run.broken = done.get("refused", ""), done.get("broken", "")
    errors = any(outcome == "error" for outcome in run.outcomes.values())
    if not run.aborted and done["status"] in (_INTERNAL_ERROR, _USAGE_ERROR) and not errors:
        run.aborted = f"pytest could not run the tests (exit status {done['status']})"


def _add_abort(run: Run, ended: Ended, current: str) -> None:
    """Says why the run has no end, and fails the test that was running."""
    where = f" in {current}" if current else " before the first test" if not run.collected else ""
    if ended.how == "timeout":
        run.aborted = f"no end after {ended.seconds:.1f} s{where}"
    elif ended.how == "output":
        run.aborted = f"too many or broken messages{where}"
    elif os.name == "posix" and os.WIFSIGNALED(ended.status):
        run.aborted = f"ended by {_signal_name(os.WTERMSIG(ended.status))}{where}"
        run.crashed = True
    else:
        status = os.waitstatus_to_exitcode(ended.status)
        run.aborted = f"the interpreter exited with status {status}{where}"
    run.over_limit = ended.how in ("timeout", "output")
    if current:
        run.outcomes[current] = "failed"
        run.durations[current] = ended.seconds
        run.stacks.append(_abort_stack(current, run.aborted, timeout=ended.how == "timeout"))


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _abort_stack(nodeid: str, message: str, *, timeout: bool) -> dict[str, Any]:
    return {
        "nodeid": nodeid,
        "phase": "call",
        "kind": "timeout" if timeout else "other",
        "error": "Timeout" if timeout else "SystemExit",
        "message": message,
        "frames": [],
        "cause": None,
        "group": [],
    }
