"""All rules, by family."""

from __future__ import annotations

from pytest_gemmadev.propose.rules import (
    attributes,
    callables,
    calls,
    imports,
    keys,
    members,
    missing_imports,
    names,
    operands,
    unbound,
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
    *operands.RULES,
    *callables.RULES,
)
