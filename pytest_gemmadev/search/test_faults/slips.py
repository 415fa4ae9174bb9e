"""How an expected value and the one that the code gives differ, where a slip of the pen explains it.

Bugs make the same differences, off by one above all; so a slip says little by itself.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

from pytest_gemmadev.search.claims.plain_values import UNKNOWN, read_value

_LONGEST = 300  # characters that are compared


def slip_between(expected: str, got: str) -> str:
    """A few words for a difference that is small; empty for any other one."""
    one, other = read_value(expected), read_value(got)
    if one is UNKNOWN or other is UNKNOWN or one == other:
        return ""
    if isinstance(one, bool) and isinstance(other, bool):
        return "the opposite"
    if _are_numbers(one, other):
        return _between_numbers(one, other)
    if isinstance(one, str) and isinstance(other, str):
        return _between_strings(one, other)
    if isinstance(one, list | tuple) and type(one) is type(other):
        return _between_items(list(one), list(other))
    if isinstance(one, dict) and isinstance(other, dict):
        keys = one.keys() | other.keys()
        changed = [k for k in keys if k not in one or k not in other or one[k] != other[k]]
        return "one entry differs" if len(changed) == 1 and len(keys) > 1 else ""
    return ""


def _are_numbers(*values: object) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def _between_numbers(one: Any, other: Any) -> str:
    if one == -other:
        return "the sign differs"
    if abs(one - other) == 1:
        return "off by one"
    if isinstance(one, float) or isinstance(other, float):
        if abs(one - other) <= 0.5 or _digits_differ(one, other):
            return "rounded otherwise"
        return ""
    return "one digit differs" if abs(one) > 9 and _digits_differ(one, other) else ""


def _digits_differ(one: Any, other: Any) -> bool:
    return _is_one_edit(str(one), str(other))


def _between_strings(one: str, other: str) -> str:
    if one.lower() == other.lower():
        return "the case differs"
    if one.split() == other.split():
        return "white space differs"
    return "one character differs" if _is_one_edit(one, other) else ""


def _between_items(one: list[Any], other: list[Any]) -> str:
    if len(one) == len(other):
        changed = [place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
        if len(changed) == 1 and len(one) > 1:
            return "one item differs"
        if len(changed) == 2 and sorted(map(repr, one)) == sorted(map(repr, other)):
            return "two items are swapped"
        return ""
    if abs(len(one) - len(other)) == 1 and len(max(one, other, key=len)) > 1:
        shorter, longer = sorted((one, other), key=len)
        if any(longer[:at] + longer[at + 1 :] == shorter for at in range(len(longer))):
            return "one item more" if len(one) > len(other) else "one item less"
    return ""


def _is_one_edit(one: str, other: str) -> bool:
    """Whether one character more, less or another one makes the strings equal."""
    if max(len(one), len(other)) > _LONGEST or abs(len(one) - len(other)) > 1:
        return False
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    equal = sum(block.size for block in blocks)
    return max(len(one), len(other)) - equal <= 1 and max(len(one), len(other)) > 1
