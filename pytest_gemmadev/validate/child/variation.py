"""Arguments near those of a call: one value of it a little different."""

from __future__ import annotations

import random
import re
from typing import Any

from pytest_gemmadev.validate.resources import ProbeLimits

LIMITS = ProbeLimits()
_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_NESTED = (list, tuple, dict, set, frozenset)


def count_values(value: object) -> int:
    """Values in a nested one; more than `ProbeLimits.values` where some are not plain."""
    if isinstance(value, (str, bytes)):
        return 1 + len(value) // 10
    if isinstance(value, _PLAIN):
        return 1
    if isinstance(value, dict):
        return 1 + sum(count_values(k) + count_values(v) for k, v in value.items())
    if isinstance(value, _NESTED):
        return 1 + sum(map(count_values, value))
    return LIMITS.values + 1


def can_vary(value: object) -> bool:
    """Whether a value may be varied: it is plain, not too large, and does not look like a path."""
    if isinstance(value, (str, bytes)):
        text = value if isinstance(value, str) else value.decode("latin-1")
        return not re.search(r"[/\\]|^~", text)
    return value is not None and count_values(value) <= LIMITS.values


def vary(value: Any, random_: random.Random) -> Any:
    """A value of the same type that differs a little, mostly."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return random_.choice((value + 1, value - 1, 0, 1, -value, 2 * value, value + 10))
    if isinstance(value, (float, complex)):
        return random_.choice((value + 1, value - 1, 0 * value, -value, value / 2, value * 10))
    if isinstance(value, (str, bytes, list, tuple)):
        return _vary_sequence(value, random_)
    if isinstance(value, dict) and value:
        key = random_.choice(list(value))
        if random_.random() < 0.3:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: vary(value[key], random_)}
    if isinstance(value, (set, frozenset)) and value:
        some = random_.choice(sorted(value, key=repr))
        return value - {some} if random_.random() < 0.5 else value | {vary(some, random_)}
    return value


def _vary_sequence(value: Any, random_: random.Random) -> Any:
    """A sequence, or a string, with an item more, fewer, elsewhere or another one."""
    if not value:
        return value
    at, other = random_.randrange(len(value)), random_.randrange(len(value))
    one = value[at : at + 1]
    changed = one
    if isinstance(value, (list, tuple)):
        changed = type(value)([vary(value[at], random_)]) if type(value) in (list, tuple) else one
    elif isinstance(value, str):
        changed = random_.choice((one.swapcase(), value[other], " ", "a", "Z", "0"))
    return random_.choice(
        (
            value[:0],
            value[:at] + value[at + 1 :],
            value[:at] + one + value[at:],
            value[::-1],
            value[:at] + changed + value[at + 1 :],
            value[:at] + changed + value[at + 1 :],
            value[:at] + changed + value[at:],
            value[:other] + one + value[other:],
            value + value,
            one,
        )
    )
