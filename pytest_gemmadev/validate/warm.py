"""Candidates tried in a process that has collected the tests. It only ever rejects them.

A worker is trusted as far as it shows, with nothing changed, what a new process shows: the
targets fail in it, and of the other tests only those count that pass in it.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_gemmadev.core.types import ErrorKind, Inapplicable, RepairTask
from pytest_gemmadev.validate.launch import Launcher, Worker
from pytest_gemmadev.validate.limits import Limits
from pytest_gemmadev.validate.process import Ended
from pytest_gemmadev.validate.runs import PASSING, Run, read_run
from pytest_gemmadev.validate.timing import Timings
from pytest_gemmadev.validate.wire import Message

_KEPT = 3  # workers for overlays; the search goes back and forth between a few
_CALIBRATION_S = 5.0  # most time for running the tests once with nothing changed
_OTHERS_S = (
    0.5  # of other tests, as measured, that a candidate must pass before a new process tries it
)
_OTHERS = 200
_LOST = 3  # workers lost over one overlay before no more is started


@dataclass(slots=True)
class _Place:
    """What is known about one overlay."""

    worker: Worker | None = None
    lost: int = 0
    problem: str = ""
    fails: set[str] = field(default_factory=set)  # targets that fail in the worker, as they should
    passes: dict[str, float] = field(
        default_factory=dict
    )  # durations of the others that pass in it
    tried: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Warm:
    """The workers of one oracle."""

    launcher: Launcher
    limits: Limits
    timings: Timings
    tally: Counter[str] = field(default_factory=Counter)
    # what came of the candidates: ``decided``, or why a new import was needed
    _places: OrderedDict[tuple[tuple[str, int], ...], _Place] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def try_out(
        self,
        task: RepairTask,
        files: Mapping[str, bytes],
        request: Message,
        touched: frozenset[str],
    ) -> Run | Inapplicable | None:
        """What the tests say with ``files`` (absolute paths) changed; None where it cannot tell.

        ``touched`` names the tests that ran the changed lines.
        """
        with self._lock:
            run = self._run_candidate(task, files, request, touched)
        self.tally[run if isinstance(run, str) else "decided"] += 1
        return None if isinstance(run, str) else run

    def _run_candidate(
        self,
        task: RepairTask,
        files: Mapping[str, bytes],
        request: Message,
        touched: frozenset[str],
    ) -> Run | Inapplicable | str:
        """The run, or why there is none that tells anything."""
        place = self._place(task, request)
        self._calibrate(place, task)
        if place.worker is None:
            return place.problem or "its worker ended"
        if not set(task.targets) <= place.fails:
            return "a target does not fail in a worker"
        others = self._others(place, task, touched)
        ended = self._run(place, task, files, task.targets, others)
        if ended is None:
            return "its worker ended"
        if ended.how == "output":
            return "its messages broke"
        done = ended.messages[-1].get("done", {}) if ended.messages else {}
        if done.get("broken"):
            return Inapplicable(done["broken"])
        return str(done["refused"]) if done.get("refused") else read_run(ended)

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
            if worker.problem:
                _end(place)
        return place

    def _calibrate(self, place: _Place, task: RepairTask) -> None:
        """Runs what was not run in this worker yet with nothing changed."""
        if place.worker is None:
            return
        hung = {s.nodeid for s in task.stacks if s.kind is ErrorKind.TIMEOUT}
        new = [t for t in task.targets if t in place.worker.items and t not in place.tried]
        place.fails.update(t for t in new if t in hung)
        targets = [t for t in new if t not in hung]
        if place.tried and not targets:
            return
        known = sorted(
            (self.timings.passed_s.get(n, 0.0), n)
            for n in task.regression & place.worker.items - place.tried
        )
        others = [n for _, n in known[: 2 * _OTHERS]]
        place.tried.update(new, others)
        ended = self._run(place, task, {}, targets, others, calibrate=True)
        if ended is None:
            return
        run = read_run(ended)
        self.timings.learn(run.durations, run.passing)
        place.fails.update(t for t in targets if run.outcomes.get(t) not in (None, *PASSING))
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

    def _run(
        self,
        place: _Place,
        task: RepairTask,
        files: Mapping[str, bytes],
        targets: tuple[str, ...] | list[str],
        others: list[str],
        *,
        calibrate: bool = False,
    ) -> Ended | None:
        assert place.worker is not None
        limit_s = _CALIBRATION_S if calibrate else self.timings.limit_s(task, [*targets, *others])
        ended = place.worker.run(
            {
                "files": {path: data.decode("latin-1") for path, data in files.items()},
                "targets": list(targets),
                "others": others,
                "all": calibrate,
                "limit_s": limit_s,
                "output_bytes": self.limits.output_bytes,
                "confine": self.limits.confinement(),
            }
        )
        if ended is None:  # the candidate ended its worker, or the worker broke
            _end(place)
            place.lost += 1
            if place.lost >= _LOST:
                place.problem = "its workers end"
        return ended


def _end(place: _Place) -> None:
    if place.worker is not None:
        place.worker.end()
        place.worker = None
