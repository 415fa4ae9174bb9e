"""When a pass over candidates ends that has found something plausible: the first is not always right."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_gemmadev.search.budget import Meter
from pytest_gemmadev.search.limits import DEFAULT, Limits


@dataclass(slots=True)
class StoppingRule:
    """How much further a pass goes once something plausible is found."""

    limits: Limits = DEFAULT
    tried: int = 0
    last: int | None = None  # the candidate after which it ends
    last_s: float = 0.0
    settled: bool = False  # something was found that leaves nothing failing which runs its lines

    def ends(self, meter: Meter) -> bool:
        """Whether the pass has gone far enough."""
        return self.last is not None and (self.tried >= self.last or meter.seconds > self.last_s)

    def narrow(
        self,
        meter: Meter,
        *,
        explains_all: bool,
        related_fail: bool = False,
        chance: float = 1.0,
    ) -> None:
        """Called at each plausible candidate. One that explains every failure ends the pass soon.

        One that leaves a test failing which runs what it changes may be wrong, and ends it late; so does
        one that is not likely right. ``chance`` is the probability, in [0, 1], of the likeliest so far.
        """
        limits = self.limits
        doubt = 1.0 + limits.more_in_doubt * (1.0 - chance)
        more = limits.more if explains_all else limits.more_while_others_fail
        more, seconds = round(more * doubt), limits.more_s * min(doubt, limits.longer_in_doubt)
        if related_fail:
            more = limits.more_while_related_fail
            seconds = limits.more_s_while_related_fail
        last = self.tried + max(more, round(limits.more_share * self.tried))
        last_s = meter.seconds * 1.5 + seconds
        if self.last is None or not self.settled:
            self.last = last if self.last is None else min(last, self.last)
            self.last_s = last_s if self.last_s == 0.0 else min(last_s, self.last_s)
        elif explains_all:
            self.last = min(self.last, self.tried + more)
        self.settled = self.settled or not related_fail
