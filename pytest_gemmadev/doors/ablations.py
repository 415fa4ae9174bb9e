"""Parts that a repair leaves out, to measure what each is worth.

The environment variable ``GEMMADEV_WITHOUT`` names parts, separated by commas. It is not an option: a
repair without a part is a worse one, and only ``python -m eval.run repair`` asks for it (``--without``,
``--ablate``).
"""

from __future__ import annotations

import os
from typing import Literal, get_args

from pytest_gemmadev.types import GemmadevError

VARIABLE = "GEMMADEV_WITHOUT"

Part = Literal[
    "ranking",  # the model writes, but orders nothing and has no say in the choice
    "patterns",  # neither fix patterns nor rules: only what the model writes
    "writing",  # the model writes nothing
    "localization",  # every statement of the files that the failing tests ran is as suspicious
]


def without() -> frozenset[Part]:
    """The parts that the environment names. Raises GemmadevError for a name that is no part."""
    named = {name.strip() for name in os.environ.get(VARIABLE, "").split(",")} - {""}
    parts: tuple[Part, ...] = get_args(Part)
    unknown = sorted(named - set(parts))
    if unknown:
        known = ", ".join(parts)
        raise GemmadevError(f"{VARIABLE}: {unknown[0]!r} is no part of a repair; known: {known}")
    return frozenset(part for part in parts if part in named)
