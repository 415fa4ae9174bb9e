"""Candidates one after the other, in forks of a process that has collected the tests.

A fork costs 4 microseconds for every page that it writes to, and the first test it runs writes to
thousands: far more than a quick test takes. So one fork tries several candidates as long as these
fail in the ordinary way, puts back what is known to be left behind, and runs the unchanged code at
its end: where that fails otherwise than it did, none of it is believed.
"""

from __future__ import annotations

import contextlib
import gc
import os
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import pytest

from pytest_gemmadev.validate.child.probe import Calls, behaviour
from pytest_gemmadev.validate.child.process_state import Leftovers
from pytest_gemmadev.validate.child.swap import Refused, Swapper
from pytest_gemmadev.validate.process import (
    Ended,
    Watch,
    adopt_orphans,
    children,
    confine,
    die_with_parent,
    fork,
    processes_of_user,
    threads,
)
from pytest_gemmadev.validate.wire import Channel, Message

if TYPE_CHECKING:
    from pytest_gemmadev.validate.child.worker import Runner

_PASSING = ("passed", "xpassed", "xfailed")
# A process in which these were raised may not be what it was.
_GRAVE = ("MemoryError", "SystemExit", "KeyboardInterrupt", "GeneratorExit")


def serve_jobs(runner: Runner, session: pytest.Session, channel: Channel) -> None:
    """Answers each job with how it ended, until the oracle is gone."""
    swapper = Swapper(runner.overlay, runner.ran.codes)
    items = {item.nodeid: item for item in session.items}
    leftovers = Leftovers(runner.overlay)
    problem = "" if runner.ran.complete else "something else traced the collection"
    forks = runner.start == "fork" or (runner.start == "auto" and threads() == 1)
    if not forks and not leftovers.known:
        problem = "too much would have to be put back after each candidate"
    told = {"items": list(items), "problem": problem, "forks": forks, "several": leftovers.known}
    channel.send(told)
    if not forks:
        _serve_in_place(runner, session, swapper, leftovers, items, channel)
        return
    adopt_orphans()
    processes_of_user()  # takes 2 ms, which each fork would need
    confinement = runner.confinement
    confinement.keep()
    gc.freeze()  # else the first collection in each fork copies every page
    before = children()
    while (job := channel.receive()) is not None:
        for path in {path for attempt in job["attempts"] for path in attempt["files"]}:
            swapper.prepare(os.path.realpath(path))
        if "allowed" in job:
            confinement.allow(job["allowed"], job["commands"])
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        pid = fork()
        if pid == 0:
            os.close(ours)
            channel.close()
            _Job(runner, session, swapper, leftovers, items, job).run(theirs)
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
        channel.send(replace(ended, changed=confinement.changes()).plain())


def _serve_in_place(
    runner: Runner,
    session: pytest.Session,
    swapper: Swapper,
    leftovers: Leftovers,
    items: dict[str, pytest.Item],
    channel: Channel,
) -> None:
    """Answers jobs without a fork, which would lose threads, until this process is not what it was.

    Threads of native libraries are such; a fork that holds their locks hangs or crashes.
    """
    confinement = runner.confinement
    confinement.keep()
    confinement.seal()
    while (job := channel.receive()) is not None:
        for path in {path for attempt in job["attempts"] for path in attempt["files"]}:
            swapper.prepare(os.path.realpath(path))
        if "allowed" in job:
            confinement.allow(job["allowed"], job["commands"])
        began_s = time.monotonic()
        messages: list[Message] = []
        runner.speak_into(messages, job["limit_s"])
        confine(**job["confine"])
        task = _Job(runner, session, swapper, leftovers, items, job)
        how = "done"
        try:
            is_spent = not task.attempt_all(in_place=True)
            runner.say({"done": runner.last_words(0)})
        except BaseException:  # the candidate's, an interrupt or an exit among them
            how, is_spent = "died", True
        changed = confinement.seen_changes() if confinement.is_written_to else []
        is_spent = is_spent or confinement.is_written_to
        seconds = time.monotonic() - began_s
        ended = Ended(how, 0, messages, seconds, changed, is_spent)
        channel.send(ended.plain())
        if is_spent:
            return


class _Job:
    """Some candidates, in a process of their own."""

    def __init__(
        self,
        runner: Runner,
        session: pytest.Session,
        swapper: Swapper,
        leftovers: Leftovers,
        items: dict[str, pytest.Item],
        job: Message,
    ) -> None:
        self._runner = runner
        self._session = session
        self._swapper = swapper
        self._leftovers = leftovers
        self._items = items
        self._job = job
        self._threads = threads()  # in this process, when it began

    def run(self, pipe: int) -> NoReturn:
        os.setsid()
        die_with_parent()
        runner, job = self._runner, self._job
        runner.speak_for(bytes.fromhex(job["token"]), pipe)
        try:
            confine(**job["confine"])
            runner.confinement.seal()
            self.attempt_all()
            runner.say({"done": runner.last_words(0)})
        finally:
            os._exit(0)

    def attempt_all(self, *, in_place: bool = False) -> bool:
        """Tries the candidates up to the first that does not fail as a test usually fails.

        False where this process is of no further use.
        """
        attempts = self._job["attempts"]
        for attempt in attempts:
            if not self._attempt(attempt):
                return False
            if len(attempts) > 1 or in_place:
                self._begin_anew(attempt)
        if len(attempts) > 1:
            unchanged: Message = {"files": {}, "others": []}
            is_alive = self._attempt(unchanged)
            self._begin_anew(unchanged)
            return is_alive
        return True

    def _attempt(self, attempt: Message) -> bool:
        """Runs the tests with one candidate; false where this process is of no further use."""
        began_s = time.monotonic()
        not_swapped = self._swap(attempt["files"])
        if not not_swapped and "probe" in self._job:
            self._probe(attempt["others"], **self._job["probe"])
        elif not not_swapped:
            self._run_tests(attempt["others"])
        last_words = self._runner.last_words(0)
        seconds = time.monotonic() - began_s
        said = {
            **last_words,
            **not_swapped,
            "loose": self._swapper.is_loose,
            "seconds": seconds,
            "over": self._runner.rang,
        }
        self._runner.say({"tried": said})
        return bool(not_swapped) or self._failed_ordinarily()

    def _probe(self, other_ids: list[str], paths: list[str], seed: int) -> None:
        """Runs the tests, and then what they call with other arguments."""
        wanted = frozenset(paths)
        calls = Calls(lambda path: os.path.realpath(path) in wanted)
        calls.start()
        try:
            self._run_tests(other_ids)
        finally:
            calls.stop()
        given = behaviour(list(calls.found.values()), seed)
        self._runner.say({"behaviour": given})

    def _failed_ordinarily(self) -> bool:
        recorder = self._runner.recorder
        return (
            all(recorder.outcomes.get(n) == "failed" for n in self._job["targets"])
            and not any(stack["error"] in _GRAVE for stack in recorder.stacks)
            and threads() == self._threads
        )

    def _begin_anew(self, attempt: Message) -> None:
        self._swapper.restore()
        self._leftovers.put_back()
        self._runner.forget({*self._job["targets"], *attempt["others"]})

    def _swap(self, files: dict[str, str]) -> Message:
        """Applies the candidate; says why where it takes a new import, or does not compile."""
        for path, text in files.items():
            try:
                data = text.encode("latin-1")
                self._swapper.swap(os.path.realpath(path), data, loosely=self._job["loosely"])
            except Refused as refused:
                return {"refused": str(refused)}
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                return {"broken": f"{path} does not compile: {type(error).__name__}: {error}"}
        return {}

    def _run_tests(self, other_ids: list[str]) -> None:
        targets = [self._items[n] for n in self._job["targets"]]
        others = [self._items[n] for n in other_ids]
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
