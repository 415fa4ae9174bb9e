"""Candidates tried in a process that has collected the tests. It only ever rejects them.

A worker is trusted as far as it shows, with nothing changed, what a new process shows: the
targets fail in it, and of the other tests only those count that pass in it.
"""

from __future__ import annotations

import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from pytest_gemmadev.types import ErrorKind, Inapplicable, RepairTask
from pytest_gemmadev.validate.parent.launch import Launcher, Worker
from pytest_gemmadev.validate.parent.runs import PASSING, Run, read_attempts
from pytest_gemmadev.validate.parent.timing import Timings
from pytest_gemmadev.validate.parent.usual import Usual
from pytest_gemmadev.validate.process import Ended
from pytest_gemmadev.validate.resources import Limits
from pytest_gemmadev.validate.wire import Message

_KEPT = 3  # workers for overlays; the search goes back and forth between a few
_CALIBRATION_S = 5.0  # most time for running the tests once with nothing changed
_OTHERS_S = (
    0.5  # of other tests, as measured, that a candidate must pass before a new process tries it
)
_OTHERS = 200
_QUICK_S = 0.02  # targets that take longer get a process for each candidate
_TOGETHER = 8
_ADDRESS = re.compile(r"0x[0-9A-Fa-f]+")
_Failure: TypeAlias = tuple[tuple[object, ...], ...]
_UNKNOWN: _Failure = ()
_HASTE = 0.35  # of the time it may take that a candidate gets at first
_HASTE_S = 0.1  # at least
_PROBE_S = 2.0  # more than trying other arguments takes
_LOST = 3  # workers lost over one overlay before no more is started


@dataclass(frozen=True, slots=True)
class Attempt:
    """A candidate as a worker takes it."""

    files: Mapping[str, bytes]  # new contents by absolute path
    touched: frozenset[str] = frozenset()  # tests that ran the changed lines


@dataclass(slots=True)
class _Place:
    """What is known about one overlay."""

    worker: Worker | None = None
    lost: int = 0
    problem: str = ""
    fails: dict[str, _Failure] = field(default_factory=dict)
    # targets that fail in the worker, as they should, and how
    passes: dict[str, float] = field(
        default_factory=dict
    )  # durations of the others that pass in it
    tried: set[str] = field(default_factory=set)
    together: int = 1  # candidates that one process tries
    confirmed: bool = False  # a process that had tried several was what it had been
    told: int = -1  # of `Usual.number`


@dataclass(slots=True)
class Warm:
    """The workers of one oracle."""

    launcher: Launcher
    limits: Limits
    timings: Timings
    usual: Usual
    tally: Counter[str] = field(default_factory=Counter)
    # what came of the candidates: ``decided``, or why a new import was needed
    forks: bool = True  # the last worker gives candidates processes of their own
    _places: OrderedDict[tuple[tuple[str, int], ...], _Place] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def together(self, task: RepairTask) -> int:
        """Candidates that are worth handing over at once."""
        quick = self.timings.expected_s(task, task.targets) <= _QUICK_S
        return _TOGETHER if quick else 1

    def try_out(
        self, task: RepairTask, attempts: Sequence[Attempt], request: Message
    ) -> list[Run | Inapplicable | None]:
        """What the tests say to each of the first attempts, one at least; None: cannot tell.

        It ends with the first whose targets pass, so that this can be looked at at once.
        """
        with self._lock:
            runs = self._run_attempts(task, attempts, request)
        self.tally.update(run if isinstance(run, str) else "decided" for run in runs)
        return [None if isinstance(run, str) else run for run in runs]

    def behaviour(
        self, task: RepairTask, attempt: Attempt, paths: Sequence[str], request: Message
    ) -> dict[str, str] | None:
        """What the calls of the targets give with other arguments; None where it cannot be told."""
        with self._lock:
            place = self._place(task, request)
            self._calibrate(place, task)
            if place.worker is None or not place.fails.keys() >= set(task.targets):
                return None
            if not attempt.files and all(place.fails[t] == _UNKNOWN for t in task.targets):
                return None  # it never ends
            probe = {"paths": list(paths), "seed": task.seed}
            ended = self._run(place, task, [attempt], [[]], probe=probe)
        runs = [] if ended is None or ended.how == "output" else read_attempts(ended)
        return runs[0].behaviour if runs else None

    def _run_attempts(
        self, task: RepairTask, attempts: Sequence[Attempt], request: Message
    ) -> list[Run | Inapplicable | str]:
        """The runs, or why one tells nothing."""
        place = self._place(task, request)
        self._calibrate(place, task)
        if place.worker is None:
            return [place.problem or "its worker ended"]
        if not place.fails.keys() >= set(task.targets):
            return ["a target does not fail in a worker"]
        together = attempts[: self._together(place, task)]
        others = [self._others(place, task, attempt.touched) for attempt in together]
        ended = self._run(place, task, together, others)
        if ended is None and len(together) == 1:
            return ["its worker ended"]
        runs = [] if ended is None or ended.how == "output" else read_attempts(ended)
        if len(together) > 1 and ended is not None and ended.changed:
            place.together = 1  # one of them wrote where the next ones would have found it
            return self._run_attempts(task, attempts[:1], request)
        if len(together) > 1 and not self._believed(place, task, runs, len(together)):
            # Where one broke off, those before it show whether the process stayed what it was.
            ended_early = len(runs) <= len(together)
            again = attempts[: max(1, len(runs) - 1)] if ended_early else attempts[:1]
            return self._run_attempts(task, again, request)
        if not runs:
            return ["its messages broke"]
        return [_told(run) for run in runs[: len(together)]]

    def _together(self, place: _Place, task: RepairTask) -> int:
        """Candidates for one process: what a fork costs matters where the tests cost little."""
        ordinary = all(place.fails[target] != _UNKNOWN for target in task.targets)
        return min(place.together, self.together(task)) if ordinary else 1

    def _believed(self, place: _Place, task: RepairTask, runs: Sequence[Run], count: int) -> bool:
        """Whether a process that tried several candidates still was what it had been.

        One that ended before it could show that is believed where another one has shown it, or
        where it was at its first.
        """
        if len(runs) <= count:
            return len(runs) == 1 or (bool(runs) and place.confirmed)
        unchanged = _failures(runs[count], task.targets)
        place.confirmed = all(unchanged.get(t) == place.fails[t] for t in task.targets)
        if not place.confirmed:
            place.together = 1
        return place.confirmed

    def end(self) -> None:
        """Ends all workers."""
        with self._lock:
            for place in self._places.values():
                _end(place)
            self._places.clear()

    # --- one overlay -----------------------------------------------------------------------------

    def _place(self, task: RepairTask, request: Message) -> _Place:
        key = tuple(sorted((path, hash(data)) for path, data in task.overlay.items()))
        place = self._places.setdefault(key, _Place())
        self._places.move_to_end(key)
        while len(self._places) > _KEPT:
            _end(self._places.popitem(last=False)[1])
        if place.worker is None and not place.problem:
            worker = self.launcher.worker(request)
            worker.wait_ready()
            place.worker, place.problem = worker, worker.problem
            place.together = _TOGETHER if worker.several else 1
            self.forks = worker.forks
            if worker.problem:
                _end(place)
        return place

    def _calibrate(self, place: _Place, task: RepairTask) -> None:
        """Runs what was not run in this worker yet with nothing changed."""
        if place.worker is None:
            return
        hung = {s.nodeid for s in task.stacks if s.kind is ErrorKind.TIMEOUT}
        new = [t for t in task.targets if t in place.worker.items and t not in place.tried]
        place.fails.update((t, _UNKNOWN) for t in new if t in hung)
        targets = [t for t in new if t not in hung]
        if place.tried and not targets:
            return
        known = sorted(
            (self.timings.passed_s.get(n, 0.0), n)
            for n in task.regression & place.worker.items - place.tried
        )
        others = [n for _, n in known[: 2 * _OTHERS]]
        place.tried.update(new, others)
        ended = self._run(
            place, replace(task, targets=tuple(targets)), [Attempt({})], [others], calibrate=True
        )
        if ended is None:
            return
        run = read_attempts(ended)[0]
        if not task.overlay:
            self.usual.learn(run)
        self.timings.learn(run.durations, run.passing)
        failures = _failures(run, targets)
        for nodeid in targets:
            if run.outcomes.get(nodeid) not in (None, *PASSING):
                place.fails[nodeid] = failures.get(nodeid, _UNKNOWN)
        for nodeid in others:
            if run.outcomes.get(nodeid) in PASSING:
                place.passes[nodeid] = run.durations[nodeid]

    def _others(self, place: _Place, task: RepairTask, touched: frozenset[str]) -> list[str]:
        """Tests that a candidate must pass here as well, those first that it is likely to break."""
        usable = task.regression & place.passes.keys()
        chosen: list[str] = []
        spent_s = 0.0
        for nodeid in sorted(usable, key=lambda n: (n not in touched, place.passes[n], n)):
            spent_s += place.passes[nodeid]
            if spent_s > _OTHERS_S or len(chosen) == _OTHERS:
                break
            chosen.append(nodeid)
        return chosen

    def _news(self, place: _Place, *, trusted: bool) -> Message:
        """What the unchanged code has been seen to reach for since this worker was told last."""
        if trusted:
            place.told = -1
            return dict(self.usual.plain(trusted=True))
        if place.told == self.usual.number:
            return {}
        place.told = self.usual.number
        return dict(self.usual.plain())

    def _limit_s(self, task: RepairTask, wanted: Collection[str]) -> float:
        """Time for these tests: most candidates that take long never end, so they wait their turn."""
        limit_s = self.timings.limit_s(task, wanted)
        return limit_s if task.patient else min(limit_s, max(_HASTE_S, _HASTE * limit_s))

    def _run(
        self,
        place: _Place,
        task: RepairTask,
        attempts: Sequence[Attempt],
        others: Sequence[list[str]],
        *,
        calibrate: bool = False,
        probe: Message | None = None,
    ) -> Ended | None:
        assert place.worker is not None
        wanted = [*task.targets, *max(others, key=lambda o: self.timings.expected_s(task, o))]
        limit_s = _CALIBRATION_S if calibrate else self._limit_s(task, wanted)
        ended = place.worker.run(
            {
                **({} if probe is None else {"probe": probe}),
                "attempts": [
                    {"files": _as_text(attempt.files), "others": chosen}
                    for attempt, chosen in zip(attempts, others, strict=True)
                ],
                "targets": list(task.targets),
                "all": calibrate,
                "loosely": probe is None and not task.patient,
                "limit_s": limit_s if probe is None else limit_s + _PROBE_S,
                "output_bytes": self.limits.output_bytes,
                "confine": self.limits.confinement(),
                **self._news(place, trusted=calibrate and not task.overlay),
            }
        )
        if ended is not None and ended.is_spent:
            _end(place)
        if ended is None:  # the candidate ended its worker, or the worker broke
            _end(place)
            place.lost += 1
            if place.lost >= _LOST:
                place.problem = "its workers end"
        return ended


def _told(run: Run) -> Run | Inapplicable | str:
    if run.broken:
        return Inapplicable(run.broken)
    return run.refused or run


def _failures(run: Run, targets: Collection[str]) -> dict[str, _Failure]:
    """How each target failed, without addresses, which differ from run to run."""
    found: dict[str, _Failure] = {}
    for stack in run.stacks:
        if stack["nodeid"] in targets:
            places = tuple((f["path"], f["line"]) for f in stack["frames"])
            said = (stack["error"], _ADDRESS.sub("", stack["message"]), places)
            found[stack["nodeid"]] = (*found.get(stack["nodeid"], ()), said)
    return found


def _as_text(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: data.decode("latin-1") for path, data in files.items()}


def _end(place: _Place) -> None:
    if place.worker is not None:
        place.worker.end()
        place.worker = None
