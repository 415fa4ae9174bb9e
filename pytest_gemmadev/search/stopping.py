"""How much further a search goes once something plausible is found: the first is not always right."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_gemmadev.search.budget import Meter

MORE = 40  # further candidates tried after the first plausible one, at least
MORE_WHILE_OTHERS_FAIL = 160  # instead, while other tests fail that one patch may explain
MORE_WHILE_RELATED_FAIL = 800  # instead, while what runs the changed lines still fails
MORE_SHARE = 0.5  # of the candidates it took to find it
MORE_SECONDS = 6.0
MORE_SECONDS_WHILE_RELATED_FAIL = 12.0


@dataclass(slots=True)
class Window:
    """How much further a pass goes once something plausible is found."""

    tried: int = 0
    last: int | None = None  # the candidate after which it ends
    last_s: float = 0.0
    settled: bool = False  # something was found that leaves nothing failing which runs its lines

    def closed(self, meter: Meter) -> bool:
        return self.last is not None and (self.tried >= self.last or meter.seconds > self.last_s)

    def narrow(self, meter: Meter, *, explains_all: bool, related_fail: bool = False) -> None:
        """At each plausible candidate; one that explains every failure ends the pass soon.

        One that leaves a test failing which runs what it changes may be none, and ends it late.
        """
        more = MORE if explains_all else MORE_WHILE_OTHERS_FAIL
        seconds = MORE_SECONDS
        if related_fail:
            more, seconds = MORE_WHILE_RELATED_FAIL, MORE_SECONDS_WHILE_RELATED_FAIL
        last = self.tried + max(more, round(MORE_SHARE * self.tried))
        last_s = meter.seconds * 1.5 + seconds
        if self.last is None or not self.settled:
            self.last = last if self.last is None else min(last, self.last)
            self.last_s = last_s if self.last_s == 0.0 else min(last_s, self.last_s)
        elif explains_all:
            self.last = min(self.last, self.tried + MORE)
        self.settled = self.settled or not related_fail
