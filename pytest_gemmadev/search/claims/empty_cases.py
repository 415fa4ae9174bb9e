"""What a docstring says that a function returns for nothing: ``Return 0 if the list is empty``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from pytest_gemmadev.search.claims import bound_predicates
from pytest_gemmadev.search.claims.bound import RETURN, Bound
from pytest_gemmadev.search.claims.documented import Function
from pytest_gemmadev.search.claims.examples import literal_at
from pytest_gemmadev.search.claims.plain_values import read_value

_SIZED = (
    r"(?:list|array|string|str|text|sequence|iterable|dict|dictionary|input|collection|grid|values"
    r"|numbers)"
)
_IS_EMPTY = r"(?:the |an? |given |input )*[`*'\"]{0,2}(\w+)[`*'\"]{0,2}(?: \w+)? (?:is|are) empty"
_OF_EMPTY = rf"(?:for |given |of )?an empty {_SIZED}"
_AFTER = re.compile(
    rf"(?P<value>.{{1,40}}?),? (?:if|when|for) (?:{_IS_EMPTY}|{_OF_EMPTY})\s*(?:[.,;)]|$)", re.I
)
_BEFORE = re.compile(
    rf"\bif {_IS_EMPTY}\s*,?\s*(?:then )?(?:the function |it )?(?:should |will |must )?"
    r"returns? (?P<value>.{1,40}?)(?:[.;]|$)",
    re.I,
)
_EMPTY_VALUES = {
    "list": "[]",
    "array": "[]",
    "string": "''",
    "str": "''",
    "dict": "{}",
    "dictionary": "{}",
    "tuple": "()",
    "zero": "0",
}


def empty_cases(function: Function, sentence: str) -> Iterator[Bound]:
    """``Return 0 if the list is empty``, ``If the array is empty, return an empty array``."""
    for pattern in (_BEFORE, _AFTER):
        match = pattern.search(sentence)
        if match is None or not function.parameters:
            continue
        value = _stated_value(match["value"], is_last=pattern is _AFTER)
        named = match[1] if pattern is _BEFORE else match[2]
        if named not in function.parameters and len(function.parameters) > 1:
            continue
        if named and named not in function.parameters and not re.fullmatch(_SIZED, named, re.I):
            continue
        parameter = named if named in function.parameters else function.parameters[0]
        if value:
            check = partial(
                bound_predicates.gives_for_empty, parameter=parameter, value=read_value(value)
            )
            yield Bound(function.name, "empty", match[0].strip(), check)


def _stated_value(text: str, *, is_last: bool) -> str:
    """The literal that the words stand for; empty where they stand for none."""
    words = RETURN.search(text)
    if is_last and words is None and not re.search(r"(?:^|, |; |\bor )(?:\S+|an empty \w+)$", text):
        return ""
    text = (words[1] if words and is_last else text).strip().strip("`*")
    if is_last:
        text = re.split(r"(?:, |; |\bor )", text)[-1].strip().strip("`*")
    if empty := re.fullmatch(r"an empty (\w+)", text, re.I):
        return _EMPTY_VALUES.get(empty[1].lower(), "")
    text = re.sub(r"^(?:the )?(?:value |number |boolean |list |string )?", "", text)
    literal = literal_at(text, 0)
    return (
        literal
        if literal == text
        else _EMPTY_VALUES.get(text.lower(), "")
        if text == "zero"
        else ""
    )
