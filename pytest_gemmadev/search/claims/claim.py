"""All that the functions of a file state of themselves, and which of it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pytest_gemmadev.search.claims.annotations import fits_annotation
from pytest_gemmadev.search.claims.bound import Bound
from pytest_gemmadev.search.claims.documented import Function, functions_of
from pytest_gemmadev.search.claims.examples import Example, examples_of
from pytest_gemmadev.search.claims.plain_values import (
    UNKNOWN,
    bind,
    call_of,
    called_name,
    exception_name,
    read_value,
    same_result,
    with_defaults,
)
from pytest_gemmadev.search.claims.stated_bounds import bounds_of
from pytest_gemmadev.types import Expression


@dataclass(frozen=True, slots=True)
class Claim:
    """What one function states of itself."""

    function: Function
    examples: tuple[Example, ...]
    bounds: tuple[Bound, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """How many claims hold, and which do not."""

    held: int = 0
    broken: int = 0
    broken_texts: tuple[str, ...] = ()

    def __add__(self, other: Checked) -> Checked:
        texts = (*self.broken_texts, *other.broken_texts)
        return Checked(self.held + other.held, self.broken + other.broken, texts)


@lru_cache(maxsize=64)
def claims_of(path: str, text: str) -> tuple[Claim, ...]:
    """The claims of each function of a file that makes any."""
    claims = (
        Claim(each, tuple(examples_of(each)), tuple(bounds_of(each)))
        for each in functions_of(path, text)
    )
    return tuple(claim for claim in claims if claim.examples or claim.bounds)


def check_examples(claims: Sequence[Claim], values: Mapping[Expression, str]) -> Checked:
    """Which examples hold, by what their expressions give."""
    held, broken = 0, []
    for each in (example for claim in claims for example in claim.examples):
        given = values.get(each.expression)
        same = None if given is None else same_result(given, each.expected)
        if same is False and exception_name(given or "") in _NOT_TOLD:
            same = None  # names that the example does not bring along
        held += same is True
        if same is False:
            broken.append(f"{each.expression.text} gives {given}, documented as {each.expected}")
    return Checked(held, len(broken), tuple(broken))


def _are_meant(function: Function, arguments: Mapping[str, object]) -> bool:
    """Whether the arguments fit their annotations: nothing is stated of others."""
    known = dict(function.annotations)
    return all(
        fits_annotation(known[name], value) is not False
        for name, value in arguments.items()
        if name in known
    )


_NOT_TOLD = ("NameError", "AttributeError", "ImportError", "ModuleNotFoundError")


def check_bounds(claims: Sequence[Claim], results: Mapping[str, str]) -> Checked:
    """Which bounds hold for calls with results, as `search.behaviour` has them.

    A bound counts once: as broken with the first call that breaks it.
    """
    by_name: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims:
        by_name[claim.function.name].append(claim)
    held: set[tuple[str, int]] = set()
    broken: dict[tuple[str, int], str] = {}
    for text, result in results.items():
        call, value = call_of(text), read_value(result)
        if call is None or value is UNKNOWN or exception_name(result):
            continue
        named = by_name.get(called_name(call), ())
        if len(named) != 1:  # several functions have the name
            continue
        arguments = bind(call, named[0].function.parameters)
        if arguments is None or not _are_meant(named[0].function, arguments):
            continue
        arguments = with_defaults(arguments, named[0].function.defaults)
        for place, bound in enumerate(named[0].bounds):
            key = (named[0].function.name, place)
            holds = bound.check(arguments, value)
            if holds is False:
                broken.setdefault(key, f"{text} gives {result}, stated is: {bound.phrase}")
            elif holds:
                held.add(key)
    return Checked(len(held - broken.keys()), len(broken), tuple(broken.values()))
