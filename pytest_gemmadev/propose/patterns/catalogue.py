"""All fix patterns."""

from __future__ import annotations

from pytest_gemmadev.propose.patterns import (
    attributes,
    calls,
    comparisons,
    conditions,
    constants,
    containers,
    donors,
    exceptions,
    functions,
    guards,
    loops,
    moves,
    names,
    offbyone,
    operators,
    returns,
    slices,
    statements,
    strings,
    twins,
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
    *loops.PATTERNS,
    *containers.PATTERNS,
    *strings.PATTERNS,
    *functions.PATTERNS,
    *exceptions.PATTERNS,
    *returns.PATTERNS,
    *guards.PATTERNS,
    *moves.PATTERNS,
    *statements.PATTERNS,
    *twins.PATTERNS,
    *donors.PATTERNS,
)
