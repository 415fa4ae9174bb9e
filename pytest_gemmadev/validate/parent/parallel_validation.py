"""Several validations at a time, each with workers of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from pytest_gemmadev.types import Candidate, Verdict
from pytest_gemmadev.validate.parent.screening import Screening
from pytest_gemmadev.validate.parent.worker_pool import WorkerPool


@dataclass(slots=True)
class ParallelValidation:
    """One stream of candidates for one task; `verdicts` may be called once."""

    screen: Callable[[Sequence[Candidate], WorkerPool], list[Screening]]
    decide: Callable[[Screening], Verdict]
    together: Callable[[], int]  # candidates that one worker is given at once
    idle: list[WorkerPool]  # as many as there may be validations at a time
    _screening: dict[Future[list[Screening]], tuple[int, WorkerPool]] = field(default_factory=dict)
    # with the place of its first candidate
    _deciding: dict[Future[Verdict], tuple[int, WorkerPool]] = field(default_factory=dict)
    _undecided: deque[tuple[int, Screening]] = field(default_factory=deque)
    # each takes a process of its own
    _next: int = 0  # place of the next candidate

    def verdicts(self, candidates: Iterable[Candidate]) -> Iterator[tuple[int, Verdict]]:
        """Verdicts with the candidates' places, as they come."""
        stream = iter(candidates)
        with ThreadPoolExecutor(len(self.idle)) as threads:
            while True:
                # No further ahead than there are processors: the caller may have seen enough.
                self._start(stream, threads)
                pending: list[Future[Any]] = [*self._screening, *self._deciding]
                if not pending:
                    return
                done = wait(pending, return_when=FIRST_COMPLETED).done
                yield from self._take_decisions(done)
                yield from self._take_screenings(done)

    def _start(self, stream: Iterator[Candidate], threads: ThreadPoolExecutor) -> None:
        """Gives idle workers what waits for a decision, and then new candidates."""
        while self.idle and self._undecided:
            place, screening = self._undecided.popleft()
            self._deciding[threads.submit(self.decide, screening)] = (place, self.idle.pop())
        while self.idle and (some := list(islice(stream, self.together()))):
            pool = self.idle.pop()
            self._screening[threads.submit(self.screen, some, pool)] = (self._next, pool)
            self._next += len(some)

    def _take_decisions(self, done: set[Future[Any]]) -> Iterator[tuple[int, Verdict]]:
        for future in [future for future in self._deciding if future in done]:
            place, pool = self._deciding.pop(future)
            self.idle.append(pool)
            yield place, future.result()

    def _take_screenings(self, done: set[Future[Any]]) -> Iterator[tuple[int, Verdict]]:
        for future in [future for future in self._screening if future in done]:
            first, pool = self._screening.pop(future)
            self.idle.append(pool)
            for place, screening in enumerate(future.result(), first):
                if screening.is_final:
                    yield place, self.decide(screening)
                else:
                    self._undecided.append((place, screening))
