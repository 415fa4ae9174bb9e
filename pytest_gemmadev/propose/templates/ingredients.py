"""Where a template takes code from that its before side does not hold: variables, values, conditions.

Each function makes an `Ingredient`: given a match, it yields code with a weight in nats, in the order
in which the edits are offered.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from pytest_gemmadev.propose.patterns.donors import donors
from pytest_gemmadev.propose.patterns.predicates import conditions_of, extra_conditions
from pytest_gemmadev.propose.patterns.results import returned_values
from pytest_gemmadev.propose.patterns.updates import substituted
from pytest_gemmadev.propose.templates.matcher import Match
from pytest_gemmadev.propose.templates.template import Ingredient, Value


def one_of(*codes: str, weight: float = 0.0) -> Ingredient:
    """The same code everywhere."""
    return lambda match: ((code, weight) for code in codes)


def table(of: str, rows: Mapping[str, Mapping[str, float]]) -> Ingredient:
    """What a row of the table has for the operator or name that the hole ``of`` holds."""
    return lambda match: rows.get(str(match.bound[of]), {}).items()
