"""Where plausible patches differ: what their code gives for arguments that no test passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_gemmadev.text.windows import distinguish

_SHOWN = 60  # characters of a result, about
Behaviour = Mapping[str, str]  # what each call gives


@dataclass(frozen=True, slots=True)
class Difference:
    """A call for which two patches give different results."""

    call: str
    here: str
    there: str

    def __str__(self) -> str:
        here, there = distinguish([self.here, self.there], _SHOWN)
        return f"{self.call} gives {here}, with another {there}"


def difference(here: Behaviour, others: Sequence[Behaviour]) -> Difference | None:
    """The shortest call that tells a patch from one of the others; None where all agree."""
    found = [
        Difference(call, here[call], there[call])
        for there in others
        for call in here.keys() & there.keys()
        if here[call] != there[call]
    ]
    return min(
        found, key=lambda d: (len(d.call) + len(d.here) + len(d.there), str(d)), default=None
    )


def alike(behaviours: Sequence[Behaviour | None]) -> list[int]:
    """A number for each behaviour, the same for those that agree; nothing agrees with None."""
    numbers: list[int] = []
    first: dict[int, Behaviour] = {}
    for place, behaviour in enumerate(behaviours):
        same = None
        if behaviour is not None:
            same = next((n for n, b in first.items() if difference(behaviour, [b]) is None), None)
        if same is None:
            same = place
            if behaviour is not None:
                first[place] = behaviour
        numbers.append(same)
    return numbers
