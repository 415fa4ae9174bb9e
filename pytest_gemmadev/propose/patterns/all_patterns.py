"""All fix patterns, those that are code and those that are data, in the order of the priors."""

from __future__ import annotations

from pytest_gemmadev.propose.patterns import (
    attribute_edits,
    branches,
    call_edits,
    clones,
    comparisons,
    conditions,
    constants,
    containers,
    exception_edits,
    functions,
    grouping,
    guards,
    moves,
    name_edits,
    offbyone,
    operand_edits,
    returns,
    statements,
    strings,
    subscripts,
    twins,
    unused,
    updates,
    variants,
    wraps,
)
from pytest_gemmadev.propose.patterns.pattern import AnyPattern
from pytest_gemmadev.propose.patterns.priors import PRIORS
from pytest_gemmadev.propose.templates.all_templates import TEMPLATES
from pytest_gemmadev.propose.templates.template_pattern import TemplatePattern

_FOUND: tuple[AnyPattern, ...] = (
    *map(TemplatePattern, TEMPLATES),
    *operand_edits.PATTERNS,
    *grouping.PATTERNS,
    *comparisons.PATTERNS,
    *offbyone.PATTERNS,
    *constants.PATTERNS,
    *name_edits.PATTERNS,
    *attribute_edits.PATTERNS,
    *call_edits.PATTERNS,
    *wraps.PATTERNS,
    *subscripts.PATTERNS,
    *conditions.PATTERNS,
    *containers.PATTERNS,
    *strings.PATTERNS,
    *functions.PATTERNS,
    *exception_edits.PATTERNS,
    *returns.PATTERNS,
    *guards.PATTERNS,
    *moves.PATTERNS,
    *branches.PATTERNS,
    *statements.PATTERNS,
    *updates.PATTERNS,
    *twins.PATTERNS,
    *clones.PATTERNS,
    *unused.PATTERNS,
    *variants.PATTERNS,
)

_PLACES = {name: place for place, name in enumerate(PRIORS)}

PATTERNS: tuple[AnyPattern, ...] = tuple(sorted(_FOUND, key=lambda p: _PLACES[p.name]))
