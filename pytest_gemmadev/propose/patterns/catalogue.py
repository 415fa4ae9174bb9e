"""All fix patterns."""

from __future__ import annotations

from pytest_gemmadev.propose.patterns import (
    attributes,
    calls,
    comparisons,
    conditions,
    constants,
    names,
    offbyone,
    operators,
    slices,
)
from pytest_gemmadev.propose.patterns.pattern import AnyPattern

PATTERNS: tuple[AnyPattern, ...] = (
    *operators.PATTERNS,
    *comparisons.PATTERNS,
    *offbyone.PATTERNS,
    *constants.PATTERNS,
    *names.PATTERNS,
    *attributes.PATTERNS,
    *calls.PATTERNS,
    *slices.PATTERNS,
    *conditions.PATTERNS,
)
