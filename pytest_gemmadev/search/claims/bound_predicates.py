"""What can be true of arguments and a result: True, False, or None where the values do not say."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

Arguments = Mapping[str, object]


def is_within(
    arguments: Arguments, result: object, *, low: str | float | None, high: str | float | None
) -> bool | None:
    """Whether a number lies between two others, each a parameter's name, a number or None."""
    if not _is_number(result):
        return None
    value: Any = result
    bottom, top = _resolve(low, arguments), _resolve(high, arguments)
    if (low is not None and bottom is None) or (high is not None and top is None):
        return None
    if bottom is not None and top is not None and bottom > top:
        return None  # what is stated cannot hold
    return (bottom is None or bottom <= value) and (top is None or value <= top)


def is_ordered(falls: bool, _arguments: Arguments, result: object) -> bool | None:
    """Whether the items of a list rise, or fall; equal ones may follow each other."""
    if not isinstance(result, list | tuple) or not _are_alike(result):
        return None
    items: Any = result
    return all((a >= b) if falls else (a <= b) for a, b in pairwise(items))


def has_case(upper: bool, _arguments: Arguments, result: object) -> bool | None:
    """Whether a string has no letter of the other case."""
    if not isinstance(result, str):
        return None
    return result == (result.upper() if upper else result.lower())


def is_unique(_arguments: Arguments, result: object) -> bool | None:
    """Whether no item of a list equals another one."""
    if not isinstance(result, list | tuple):
        return None
    return all(item not in result[:place] for place, item in enumerate(result))


def has_length_of(parameter: str, arguments: Arguments, result: object) -> bool | None:
    """Whether the result has as many items as an argument."""
    given = arguments.get(parameter)
    if not isinstance(given, _SIZED) or not isinstance(result, _SIZED):
        return None
    return len(given) == len(result)


def is_above(is_strict: bool, _arguments: Arguments, result: object) -> bool | None:
    """Whether a number is positive, or at least not negative."""
    if not _is_number(result):
        return None
    value: Any = result
    return bool(value > 0 if is_strict else value >= 0)


def are_all_of_parity(remainder: int, _arguments: Arguments, result: object) -> bool | None:
    """Whether all items of a list of integers are even (0), or odd (1)."""
    if not isinstance(result, list | tuple | set) or not all(type(i) is int for i in result):
        return None
    items: Any = result
    return all(item % 2 == remainder for item in items)


def is_of(
    kinds: tuple[type, ...], _arguments: Arguments, result: object, *, may_be_none: bool
) -> bool | None:
    """Whether the result is of one of some types; a bool is no number here."""
    if result is None:
        return None if may_be_none else False
    if isinstance(result, bool):
        return bool in kinds
    return isinstance(result, kinds)


def gives_for_empty(
    arguments: Arguments, result: object, *, parameter: str, value: object
) -> bool | None:
    """Whether the result is what is stated for an empty argument; None for another argument."""
    given = arguments.get(parameter)
    if not isinstance(given, _SIZED) or len(given):
        return None
    return result == value and (result is None) == (value is None)


_SIZED = (str, bytes, list, tuple, dict, set, frozenset)


def _resolve(bound: str | float | None, arguments: Arguments) -> Any:
    if isinstance(bound, str):
        given = arguments.get(bound)
        return given if _is_number(given) else None
    return bound


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_alike(items: object) -> bool:
    """Whether the items are numbers all, or strings all."""
    each: Any = items
    return all(map(_is_number, each)) or all(isinstance(item, str) for item in each)
