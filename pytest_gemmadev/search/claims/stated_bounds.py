"""Bounds that a docstring states of what a function returns, as predicates on arguments and result.

Only phrases are read whose subject is the result beyond doubt: they stand in a sentence that says
what is returned, or in the first one, and nothing in it makes them conditional. What is left out
costs evidence; what is misread accuses a right test.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from functools import partial

from pytest_gemmadev.search.claims import bound_predicates
from pytest_gemmadev.search.claims.annotations import fits_annotation
from pytest_gemmadev.search.claims.bound import NAME, RETURN, Arguments, Bound, sentences
from pytest_gemmadev.search.claims.documented import Function
from pytest_gemmadev.search.claims.empty_cases import empty_cases
from pytest_gemmadev.search.claims.numeric_bounds import limits, ranges, signs


def bounds_of(function: Function) -> list[Bound]:
    """The bounds that a function's docstring and annotation state of its result."""
    if function.is_lazy or function.is_decorated:
        return []
    found = list(_annotations(function))
    text = inspect.cleandoc(function.docstring).partition(">>>")[0]
    for place, sentence in enumerate(sentences(text)):
        says_result = place == 0 or re.search(r"\b(?:returns?|returned|result)\b", sentence, re.I)
        found += empty_cases(function, sentence)
        if says_result and not _CONDITIONAL.search(sentence):
            for read in (limits, ranges, _orders, _cases, _uniques, _lengths, signs, _types):
                found += read(function, sentence)
    return found


_CONDITIONAL = re.compile(
    r"\b(?:if|when|unless|except|otherwise|whether|where|assum\w+|given that|should be|must be"
    r"|not necessarily|usually|optional\w*|may|might|can)\b",
    re.I,
)


def _annotations(function: Function) -> Iterator[Bound]:
    if function.returns is not None:
        check = partial(_fits, function.returns)
        yield Bound(function.name, "annotation", f"-> {ast.unparse(function.returns)}", check)


def _fits(annotation: ast.expr, _arguments: Arguments, result: object) -> bool | None:
    return fits_annotation(annotation, result)


_SORTED = re.compile(
    r"^(?:\W*\w+){0,4}\W+sorted\b(?! by| according| on| using| with)"
    r"|\bin (?:\w+ )?(ascending|descending|increasing|decreasing) order\b"
    r"|\bin sorted order\b|\bin order from (?:smallest|largest|lowest|highest)\b",
    re.I,
)
_ODD_ORDER = re.compile(
    r"\b(?:by|according|based|using|key|index\w*|position\w*|first|then|respect|column|row|already"
    r"|given|input|strange|otherwise|presort\w*|each|rever\w*|topological\w*|dict\w*|keys|median|not|un\w*sorted"
    r"|nested|tuples?|pairs?|per|group\w*|natural\w*|case|alphabet\w*|lexic\w*|version\w*)\b",
    re.I,
)


def _orders(function: Function, sentence: str) -> Iterator[Bound]:
    told = RETURN.search(sentence)
    if told is None or _ODD_ORDER.search(sentence):
        return
    if any(re.match(r"reverse|key|cmp|order|desc|asc|sort", p) for p in function.parameters):
        return  # the caller says in which order
    for match in _SORTED.finditer(told[1]):
        falls = bool(re.search(r"descending|decreasing|largest|highest", told[1], re.I))
        if falls and re.search(r"ascending|increasing|smallest|lowest", told[1], re.I):
            return
        check = partial(bound_predicates.is_ordered, falls)
        yield Bound(function.name, "order", match[0].strip(), check)
        return


_CASE = re.compile(
    r"\b(?:to|in|as|into|all|convert\w*|return\w*)\s+(?:all\s+)?(lower|upper)[ -]?case(?:d)?\b",
    re.I,
)
_ODD_CASE = re.compile(
    r"\b(?:first|last|only|letters? (?:that|of)|each|every|words?|swap\w*|toggle\w*|keys?|camel\w*"
    r"|snake\w*|from|count\w*|number|compar\w*|ignor\w*|insensitive\w*|title|mixed|and upper"
    r"|and lower|or|start\w*|vowels?)\b",
    re.I,
)


def _cases(function: Function, sentence: str) -> Iterator[Bound]:
    match = _CASE.search(sentence)
    if match is not None and not _ODD_CASE.search(sentence):
        check = partial(bound_predicates.has_case, match[1].lower() == "upper")
        yield Bound(function.name, "case", f"{match[1]}case", check)


_UNIQUE = re.compile(
    r"\b(?:without (?:any )?(?:duplicates|repetitions?)|no duplicates|duplicates removed"
    r"|remov\w+ (?:all |any |the )?duplicates?|de-?duplicated?"
    r"|(?:list|tuple) of (?:the |all )?(?:\w+ )?(?:unique|distinct)\b)",
    re.I,
)
_ODD_UNIQUE = re.compile(
    r"\b(?:consecutive|adjacent|not|by|key|neighbou?r\w*|each|per|pairs?|combin\w*|permut\w*)\b",
    re.I,
)


def _uniques(function: Function, sentence: str) -> Iterator[Bound]:
    if not _ODD_UNIQUE.search(sentence):
        for match in _UNIQUE.finditer(sentence):
            yield Bound(function.name, "unique", match[0], bound_predicates.is_unique)
            return


_LENGTH = re.compile(
    rf"\b(?:of|has|have|with) the same (?:length|size) as\s+(?:the )?(?:input |list |string )?{NAME}",
    re.I,
)


def _lengths(function: Function, sentence: str) -> Iterator[Bound]:
    told = RETURN.search(sentence)
    match = _LENGTH.search(told[1]) if told else None
    if match is not None and match[1] in function.parameters:
        check = partial(bound_predicates.has_length_of, match[1])
        yield Bound(function.name, "length", match[0], check)


_TYPE = re.compile(
    r"^\s*:?\s*(?:an?|the|new|sorted|ordered|single|resulting|\s)*\b"
    r"(lists?|str|string|bool|boolean|dict|dictionary|tuple|int|integer|float|set)"
    r"(?=\s*(?:[.,;:)]|$|\b(?:of|containing|with|that|which|representing|consisting|sorted)\b))",
    re.I,
)
_TYPES: Mapping[str, tuple[type, ...]] = {
    "list": (list,),
    "str": (str,),
    "string": (str,),
    "bool": (bool,),
    "boolean": (bool,),
    "dict": (dict,),
    "dictionary": (dict,),
    "tuple": (tuple,),
    "int": (int,),
    "integer": (int,),
    "float": (float, int),
    "set": (set, frozenset),
}


def _types(function: Function, sentence: str) -> Iterator[Bound]:
    told = RETURN.match(sentence) or re.match(r":rtype:(.*)", sentence)
    match = _TYPE.search(told[1]) if told else None
    if match is not None and match[1].lower() in _TYPES and " or " not in sentence:
        kinds = _TYPES[match[1].lower()]
        may_be_none = bool(re.search(r"\bNone\b", function.docstring))
        check = partial(bound_predicates.is_of, kinds, may_be_none=may_be_none)
        yield Bound(function.name, "type", f"returns {match[0].strip()}", check)
