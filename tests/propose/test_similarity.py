"""Names that look alike, and names that do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_gemmadev.propose.similarity import closest, similarity, words

SLIPS = {
    "transposed": ("itmes", "items"),
    "doubled": ("ammount", "amount"),
    "left-out": ("quantty", "quantity"),
    "neighbouring-key": ("totak", "total"),
    "case": ("Total", "total"),
    "underscore": ("user_name", "username"),
    "camel": ("maxSize", "max_size"),
    "plural": ("item", "items"),
    "plural-ies": ("entry", "entries"),
    "words-reordered": ("name_user", "user_name"),
    "abbreviated": ("desc", "description"),
    "consonants": ("qty", "quantity"),
    "abbreviated-word": ("max_cnt", "max_count"),
    "same-meaning": ("add_item", "append_item"),
}


@pytest.mark.parametrize(("left", "right"), SLIPS.values(), ids=SLIPS)
def test_slips_are_alike(left: str, right: str) -> None:
    assert 0.55 <= similarity(left, right) < 1.0


@pytest.mark.parametrize(
    ("left", "right"),
    [("x", "y"), ("total", "name"), ("item1", "item2"), ("get", "tax"), ("a", "amount")],
)
def test_others_are_not(left: str, right: str) -> None:
    assert similarity(left, right) < 0.7


@pytest.mark.parametrize(
    ("wrong", "names", "right"),
    [
        ("itme", ["time", "item", "items", "lime"], "item"),
        ("totl", ["tool", "total", "toll"], "total"),
        ("lenght", ["length", "light", "len"], "length"),
        ("usr", ["us", "user", "use"], "user"),
        ("add_itme", ["add_time", "add_item", "item"], "add_item"),
    ],
)
def test_the_meant_name_comes_first(wrong: str, names: list[str], right: str) -> None:
    assert closest(wrong, names)[0][0] == right


def test_a_name_is_not_close_to_itself() -> None:
    assert closest("item", ["item"]) == []


@pytest.mark.slow
@given(st.text("abcXY_1", max_size=12), st.text("abcXY_1", max_size=12))
def test_symmetric_and_bounded(left: str, right: str) -> None:
    assert 0.0 <= similarity(left, right) <= 1.0
    assert similarity(left, right) == pytest.approx(similarity(right, left))
    assert (similarity(left, right) == 1.0) == (left == right)


def test_words() -> None:
    assert words("parseHTTPReply_2x") == ("parse", "http", "reply", "2", "x")
