"""Bounds on numbers: limits, ranges, signs, and whether they are even."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from pytest_gemmadev.search.claims import bound_predicates
from pytest_gemmadev.search.claims.bound import END, NAME, RETURN, Bound, operand
from pytest_gemmadev.search.claims.documented import Function

_LIMIT = re.compile(
    r"(?:^|[,;(]|\b(?:to|result is|be|and|but|never|always|clamped|limited|capped))\s*"
    r"(?:a value |a number |something )?"
    r"(no more than|at most|not more than|no greater than|at least|no less than|not less than"
    rf"|never more than|never less than|never exceeds?|never below|never above)\s+{NAME}{END}",
    re.I,
)


def limits(function: Function, sentence: str) -> Iterator[Bound]:
    """``no more than high``, ``at least 0``."""
    for match in _LIMIT.finditer(sentence):
        end = operand(match[2], function)
        if end is not None:
            is_lower = bool(re.search(r"least|less|below", match[1], re.I))
            low, high = (end, None) if is_lower else (None, end)
            check = partial(bound_predicates.is_within, low=low, high=high)
            yield Bound(function.name, "limit", f"{match[1]} {match[2]}", check)


_RANGE = re.compile(
    r"\b(?:clamp\w*|limit\w*|restrict\w*|constrain\w*|bound(?:ed)?|cap(?:ped)?|clip\w*|forc\w+|keep\w*"
    r"|returns? (?:a|the) (?:number|value|float|integer|int|score|ratio|fraction|probability)"
    r"|result is|value)\b[^.;]*?"
    r"\b(?:between|to the range|in the range|within|in)\s+"
    rf"[\[(]?{NAME}\s*(?:and|to|,|\.\.\.?)\s*{NAME}[\])]?{END}",
    re.I,
)


def ranges(function: Function, sentence: str) -> Iterator[Bound]:
    """``between low and high``, of the result."""
    for match in _RANGE.finditer(sentence):
        low, high = operand(match[1], function), operand(match[2], function)
        if low is not None and high is not None:
            check = partial(bound_predicates.is_within, low=low, high=high)
            yield Bound(function.name, "limit", f"between {match[1]} and {match[2]}", check)


_SIGN = re.compile(
    r"^\s*(?:an?|the|always)?\s*(non-?negative|positive)\s+(?:integer|int|number|float|value)\b",
    re.I,
)
_PARITY = re.compile(
    r"^\s*(?:an?|the|all|only|list of|of|\s)*\b(even|odd)\s+(?:digits|numbers|integers|elements|values)\b",
    re.I,
)


def signs(function: Function, sentence: str) -> Iterator[Bound]:
    """``returns a positive number``, ``returns the even digits``."""
    told = RETURN.search(sentence)
    if told is None:
        return
    if sign := _SIGN.search(told[1]):
        is_strict = sign[1].lower() == "positive"
        yield Bound(
            function.name, "sign", sign[0].strip(), partial(bound_predicates.is_above, is_strict)
        )
    if parity := _PARITY.search(told[1]):
        remainder = 0 if parity[1].lower() == "even" else 1
        check = partial(bound_predicates.are_all_of_parity, remainder)
        yield Bound(function.name, "parity", parity[0].strip(), check)
