"""Where two values first differ, by their ``repr``; long ones look alike when they are cut."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

_AROUND = 12  # characters shown before the place at which two texts part
_BEHIND = 24  # and after it
_MISSING = "nothing"


def describe_difference(left: str, right: str) -> str:
    """Where ``left`` (got) first differs from ``right`` (expected), in a sentence; empty where it is plain.

    Both are strings as of ``repr``, which may have been cut; those that do not parse are compared as
    text.
    """
    if left == right or not left or not right:
        return ""
    try:
        got, expected = ast.literal_eval(left), ast.literal_eval(right)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return _describe_texts(left, right) if max(len(left), len(right)) > _BEHIND else ""
    if type(got) is not type(expected):
        return f"got {_article(got)}, expected {_article(expected)}"
    return _describe(got, expected, "")


def _describe(got: object, expected: object, where: str) -> str:
    if isinstance(got, str) and isinstance(expected, str):
        if max(len(got), len(expected)) <= _BEHIND and not where:
            return ""
        return _describe_texts(got, expected, where)
    if isinstance(got, (list, tuple)) and isinstance(expected, (list, tuple)):
        return _describe_sequences(got, expected, where)
    if isinstance(got, dict) and isinstance(expected, dict):
        return _describe_mappings(got, expected, where)
    if isinstance(got, (set, frozenset)) and isinstance(expected, (set, frozenset)):
        more, less = sorted(map(repr, got - expected)), sorted(map(repr, expected - got))
        parts = [f"got {more[0]} too" if more else "", f"{less[0]} is missing" if less else ""]
        return " and ".join(part for part in parts if part)
    return f"they differ {where}: got {got!r}, expected {expected!r}" if where else ""


def _describe_sequences(got: Sequence[object], expected: Sequence[object], where: str) -> str:
    for place, (one, other) in enumerate(zip(got, expected, strict=False)):
        if one != other or type(one) is not type(other):
            return _describe(one, other, f"{where}[{place}]" if where else f"at [{place}]") or (
                f"they differ {where or 'at'}[{place}]: got {one!r}, expected {other!r}"
            )
    if len(got) == len(expected):
        return ""
    return f"they differ {where or 'in length'}: got {len(got)} items, expected {len(expected)}"


def _describe_mappings(
    got: Mapping[object, object], expected: Mapping[object, object], where: str
) -> str:
    for key in [*expected, *(key for key in got if key not in expected)]:
        place = f"{where}[{key!r}]" if where else f"at [{key!r}]"
        if key not in got or key not in expected:
            one = repr(got[key]) if key in got else _MISSING
            other = repr(expected[key]) if key in expected else _MISSING
            return f"they differ {place}: got {one}, expected {other}"
        if got[key] != expected[key]:
            return _describe(got[key], expected[key], place)
    return ""


def _describe_texts(got: str, expected: str, where: str = "") -> str:
    place = next(
        (n for n, (a, b) in enumerate(zip(got, expected, strict=False)) if a != b),
        min(len(got), len(expected)),
    )
    first = max(0, place - _AROUND)
    dots = "..." if first else ""
    one, other = (repr(f"{dots}{text[first : place + _BEHIND]}") for text in (got, expected))
    at = f"{where}, character {place}" if where else f"at character {place}"
    return f"they differ {at}: got {one}, expected {other}"


def _article(value: object) -> str:
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
