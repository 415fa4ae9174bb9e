"""Ways to break a source: each breaks something that is there, and leaves the rest alone."""

from __future__ import annotations

import random
import warnings

import pytest

from eval.cases.implant import BREAKERS, Source
from eval.cases.slips import SLIPS

RICH = '''\
"""A module
of everything.
"""
import os
import sys
from os import path
from typing import List, Dict

# A comment of more than five plain words in one line
TABLE = {
    "first": 1,
    "second": [1, 2, 3],
    "third": (
        4,
        5,
    ),
}


@other(1)
@decorator
def long_function(first: int, second: str = "a value", third=None) -> int:
    """Says
    what.
    """
    my_name = 0o755
    total = [each for each in first if not each]
    print("x", my_name)
    values: List[int] = sorted(total, key=lambda a: a.name)
    if my_name != 1 and \\
            total:
        my_name += 1
    elif first and second and third and total and values:
        raise ValueError("a message of some length", third)
    else:
        pass
    text = f"{first}" + f"a {second['key']} b"
    path = "home/user/"
    match total:
        case [1]:
            path = call((1, 2))
        case _:
            path = call(long_function(1, my_name))
    if (n := len(text)) > 1:
        return path
    try:
        return n
    except ValueError as error:
        return error


async def waiting(a):
    await a
'''


@pytest.mark.slow
@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_breaks_a_source_and_nothing_where_there_is_no_place(name: str) -> None:
    texts = {SLIPS[name](Source.of(RICH), random.Random(seed)) for seed in range(12)}
    made = {text for text in texts if text is not None and text != RICH}
    assert made, "no place found"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert any(not _parses(text) for text in made)
    assert SLIPS[name](Source.of(""), random.Random(1)) in (None, "")


def test_the_same_seed_breaks_alike() -> None:
    for name, slip in {**BREAKERS, **SLIPS}.items():
        one, other = (slip(Source.of(RICH), random.Random(5)) for _ in range(2))
        assert one == other, name


def _parses(text: str) -> bool:
    try:
        compile(text, "<text>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True
