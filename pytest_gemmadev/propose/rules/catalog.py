"""All rules, by family."""

from __future__ import annotations

from pytest_gemmadev.propose.rules import (
    assertions,
    attributes,
    bounds,
    callables,
    calls,
    imports,
    iterables,
    keys,
    keywords,
    members,
    methods,
    missing_imports,
    names,
    nothing,
    operands,
    recursion,
    smells,
    unbound,
    values,
)
from pytest_gemmadev.propose.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    *names.RULES,
    *missing_imports.RULES,
    *unbound.RULES,
    *attributes.RULES,
    *members.RULES,
    *imports.RULES,
    *keys.RULES,
    *calls.RULES,
    *keywords.RULES,
    *operands.RULES,
    *callables.RULES,
    *nothing.RULES,
    *iterables.RULES,
    *methods.RULES,
    *bounds.RULES,
    *values.RULES,
    *recursion.RULES,
    *assertions.RULES,
    *smells.RULES,
)
