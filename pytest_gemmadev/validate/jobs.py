"""Candidates one after the other: each in a fork of a process that has collected the tests."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
from typing import TYPE_CHECKING, NoReturn

import pytest

from pytest_gemmadev.validate.process import (
    Watch,
    adopt_orphans,
    children,
    confine,
    die_with_parent,
    fork,
    processes_of_user,
)
from pytest_gemmadev.validate.swap import Refused, Swapper
from pytest_gemmadev.validate.wire import Channel, Message

if TYPE_CHECKING:
    from pytest_gemmadev.validate.worker import Runner

_PASSING = ("passed", "xpassed", "xfailed")


def serve_jobs(runner: Runner, session: pytest.Session, channel: Channel) -> None:
    """Answers each job with how it ended, until the oracle is gone."""
    swapper = Swapper(runner.overlay, runner.ran.codes)
    items = {item.nodeid: item for item in session.items}
    problem = ""
    if threading.active_count() > 1:
        problem = "a thread was started while the tests were collected, and a fork would lose it"
    elif not runner.ran.complete:
        problem = "something else traced the collection"
    channel.send({"items": list(items), "problem": problem})
    adopt_orphans()
    processes_of_user()  # takes 2 ms, which each fork would need
    gc.freeze()  # else the first collection in each fork copies every page
    before = children()
    while (job := channel.receive()) is not None:
        for path in job["files"]:
            swapper.prepare(os.path.realpath(path))
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        pid = fork()
        if pid == 0:
            os.close(ours)
            channel.close()
            _Job(runner, session, swapper, items, job).run(theirs)
        os.close(theirs)
        watch = Watch(
            pid=pid,
            pipe=ours,
            token=bytes.fromhex(job["token"]),
            limit_s=job["limit_s"],
            tests_s=job["limit_s"],
            stall_s=job["limit_s"] * 10,
            output_bytes=job["output_bytes"],
            control=channel.fileno(),
            spare=before,
        )
        ended = watch.wait()
        os.close(ours)
        channel.send(ended.plain())


class _Job:
    """One candidate, in a process of its own."""

    def __init__(
        self,
        runner: Runner,
        session: pytest.Session,
        swapper: Swapper,
        items: dict[str, pytest.Item],
        job: Message,
    ) -> None:
        self._runner = runner
        self._session = session
        self._swapper = swapper
        self._items = items
        self._job = job

    def run(self, pipe: int) -> NoReturn:
        os.setsid()
        die_with_parent()
        runner, job = self._runner, self._job
        runner.speak_for(bytes.fromhex(job["token"]), pipe)
        try:
            confine(**job["confine"])
            not_swapped = self._swap()
            if not not_swapped:
                self._run_tests()
            runner.say({"done": {**runner.last_words(0), **not_swapped}})
        finally:
            os._exit(0)

    def _swap(self) -> Message:
        """Applies the candidate; says why where it takes a new import, or does not compile."""
        for path, text in self._job["files"].items():
            try:
                self._swapper.swap(os.path.realpath(path), text.encode("latin-1"))
            except Refused as refused:
                return {"refused": str(refused)}
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                return {"broken": f"{path} does not compile: {type(error).__name__}: {error}"}
        return {}

    def _run_tests(self) -> None:
        targets = [self._items[n] for n in self._job["targets"]]
        others = [self._items[n] for n in self._job["others"]]
        plan = [*targets, *others]
        outcomes = self._runner.recorder.outcomes
        for index, item in enumerate(plan):
            following = plan[index + 1] if index + 1 < len(plan) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            passes = outcomes.get(item.nodeid) in _PASSING
            last_target = index == len(targets) - 1
            if self._job["all"]:
                continue
            if index >= len(targets) and not passes:
                break
            if last_target and any(outcomes.get(t.nodeid) not in _PASSING for t in targets):
                break
        # What is still set up, where the plan ended early.
        with contextlib.suppress(BaseException):
            self._session._setupstate.teardown_exact(None)
