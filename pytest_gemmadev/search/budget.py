"""Limits on one session of repair, checked in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True, slots=True)
class Budget:
    seconds: float
    candidates: int = 100_000  # validations
    asked_s: float = 0.0  # seconds that a person gave, where some are kept for what follows


class Meter:
    """What is left of a budget. A share of it counts against the whole as well."""

    def __init__(
        self, budget: Budget, clock: Callable[[], float], parent: Meter | None = None
    ) -> None:
        self._budget = budget
        self._clock = clock
        self._parent = parent
        self._start_s = clock()
        self.candidates = 0
        self._stopped = False
        self._lock = Lock()  # searches side by side count on one meter

    @property
    def seconds(self) -> float:
        """Wall-clock seconds since this meter started."""
        return self._clock() - self._start_s

    @property
    def limit_s(self) -> float:
        """Seconds that it began with."""
        return self._budget.seconds

    @property
    def asked_s(self) -> float:
        """Seconds of the whole that a person gave."""
        if self._parent is not None:
            return self._parent.asked_s
        return self._budget.asked_s or self._budget.seconds

    @property
    def whole(self) -> Meter:
        """The meter of the session, of which this one has a share."""
        return self if self._parent is None else self._parent.whole

    @property
    def left_s(self) -> float:
        own = self._budget.seconds - self.seconds
        return max(0.0, own if self._parent is None else min(own, self._parent.left_s))

    @property
    def exhausted(self) -> bool:
        if self._stopped or self.left_s <= 0 or self.candidates >= self._budget.candidates:
            return True
        return self._parent is not None and self._parent.exhausted

    def count(self, candidates: int = 1) -> None:
        with self._lock:
            self.candidates += candidates
        if self._parent is not None:
            self._parent.count(candidates)

    def stop(self) -> None:
        """Exhausts it, and all its shares."""
        self._stopped = True

    def share(self, fraction: float, *, candidates: int | None = None) -> Meter:
        """A meter over ``fraction`` of what is left of the time, starting now."""
        left = self._budget.candidates - self.candidates
        limit = left if candidates is None else min(left, candidates)
        return Meter(Budget(self.left_s * fraction, limit), self._clock, parent=self)
