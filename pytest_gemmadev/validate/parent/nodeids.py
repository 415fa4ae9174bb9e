"""What node ids say: tests or collectors, and which lie close to one another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile


def is_test(nodeid: str) -> bool:
    """False for collectors: their tests stand for them, and vanish where one fails."""
    return "::" in nodeid


def nearest_tests(targets: Sequence[str], others: Iterable[str]) -> list[str]:
    """The other tests, those first that lie closest to a target: same class, file, folder."""
    parts = [_split(target) for target in targets]

    def closeness(nodeid: str) -> int:
        mine = _split(nodeid)
        return max((_common_length(mine, theirs) for theirs in parts), default=0)

    return sorted(filter(is_test, others), key=lambda n: (-closeness(n), n))


def _split(nodeid: str) -> list[str]:
    path, _, inside = nodeid.partition("::")
    return [*path.split("/"), *inside.split("::")]


def _common_length(first: list[str], second: list[str]) -> int:
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
