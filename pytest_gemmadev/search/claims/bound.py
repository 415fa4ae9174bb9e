"""A bound on what a function returns, and the words that phrases of bounds are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pytest_gemmadev.search.claims.documented import Function
from pytest_gemmadev.search.claims.plain_values import read_value

Arguments = Mapping[str, object]
Check = Callable[[Arguments, object], "bool | None"]

RETURN = re.compile(r"\breturn(?:s|ed|ing)?\b(.*)", re.I | re.S)
NUMBER = r"-?\d+(?:\.\d+)?(?![\w.]*\w)"
NAME = r"[`*'\"]{0,2}([A-Za-z_]\w*|" + NUMBER + r")[`*'\"]{0,2}"
END = r"(?=\s*(?:[.,;:)]|$|\b(?:and|or|but|inclusive)\b))"  # no further word belongs to the name


@dataclass(frozen=True, slots=True)
class Bound:
    """Something that holds of every result of a function."""

    function: str
    kind: str  # ``order``, ``limit``, ``type``, …
    phrase: str  # as the docstring has it
    check: Check  # None where it does not say


def sentences(text: str) -> list[str]:
    """Sentences on one line each; blank lines, items of lists and fields end one as well."""
    parts = re.split(r"(?<=[.!?])\s+|\n\s*\n|\n(?=\s*(?::\w+|@\w+|[-*•]|\w+\s*:))", text)
    return [" ".join(part.split()) for part in parts if part.strip()]


def operand(name: str, function: Function) -> str | float | None:
    """A parameter's name or a number; None for any other word."""
    if name in function.parameters:
        return name
    value = read_value(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
