"""A process that has collected the tests over one tree, seen from the oracle."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from pytest_gemmadev.validate.messages import (
    Job,
    JobPlan,
    RunEndMessage,
    RunRequest,
    WorkerMessage,
)
from pytest_gemmadev.validate.parent.interpreter import Interpreter
from pytest_gemmadev.validate.process import RunEnd
from pytest_gemmadev.validate.resources import Policy
from pytest_gemmadev.validate.wire import Channel, new_token


@dataclass(slots=True)
class Worker:
    """Takes candidates once `wait_ready` has returned, unless ``problem`` says why not."""

    control: Channel[RunRequest, RunEndMessage]
    jobs: Channel[Job, WorkerMessage]
    scratch: Path
    limit_s: float  # of the collection
    policy: Policy
    interpreter: Interpreter | None = None  # that was started for it, if one was
    items: frozenset[str] = frozenset()  # node ids of the tests
    forks: bool = True  # each candidate, or several, get a process of their own
    several: bool = False  # may try several candidates in one process
    problem: str = ""
    moved: bool = False  # it has modules from other files than the user's run had

    def wait_ready(self) -> None:
        """Waits until the tests are collected."""
        try:
            ready = self.jobs.receive(self.policy.patience_s(self.limit_s))
        except (TimeoutError, OSError):
            ready = None
        if ready is None or "items" not in ready:
            self.problem = "the tests could not be collected"
        else:
            self.items, self.problem = frozenset(ready["items"]), ready["problem"]
            self.forks, self.several = ready["forks"], ready["several"]
            self.moved = bool(ready["moved"])

    def run(self, plan: JobPlan) -> RunEnd | None:
        """Runs some candidates; None when the worker itself is gone."""
        try:
            self.jobs.send({**plan, "token": new_token().hex()})
            answer = self.jobs.receive(
                self.policy.patience_s(plan["limit_s"] * (len(plan["attempts"]) + 1))
            )
        except (TimeoutError, OSError):
            return None
        return None if answer is None or "how" not in answer else RunEnd(**answer)

    def end(self) -> None:
        """Ends it and what it started, giving it the time to end its session by itself."""
        self.jobs.close()
        with contextlib.suppress(TimeoutError, OSError):
            self.control.receive(self.policy.farewell_s)
        self.control.close()
        if self.interpreter is not None:
            self.interpreter.end()
        shutil.rmtree(self.scratch, ignore_errors=True)
