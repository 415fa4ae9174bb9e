from __future__ import annotations

import pytest

from pytest_gemmadev.search.limits import DEFAULT
from pytest_gemmadev.search.resemblance import resemblance, words

TEST = "def test_total():\n    assert Cart(1).sum_up() == 3\n\n\ndef test_other():\n    drop()\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("pick_list", {"pick", "list"}, id="snake"),
        pytest.param("visitListComp", {"visit", "list", "comp"}, id="camel"),
        pytest.param("HTMLParser", {"html", "pars"}, id="acronym"),
        pytest.param("test_get_it", {"it"}, id="common words"),
        pytest.param("indented", {"indent"}, id="ending"),
        pytest.param("_", set(), id="none"),
    ],
)
def test_words(name: str, expected: set[str]) -> None:
    assert words(name) == expected


def test_a_function_that_the_test_is_named_after_resembles_it() -> None:
    factors = resemblance(["t.py::test_parse_date[1]"], {}, ["parse_date", "parse_time", "run"])
    assert factors["parse_date"] == 1 + DEFAULT.named_by_test
    assert factors["parse_date"] > factors["parse_time"] > factors["run"] == 1.0


def test_the_beginning_of_a_word_counts_less_than_the_word() -> None:
    factors = resemblance(["t.py::test_comprehension"], {}, ["visit_comp", "comprehension"])
    assert factors["comprehension"] > factors["visit_comp"] > 1.0


def test_what_the_test_calls_is_likelier_and_what_another_test_calls_is_not() -> None:
    called = resemblance(
        ["t.py::test_total"], {"t.py": TEST}, ["Cart.__init__", "Cart.sum_up", "drop"]
    )
    assert called["Cart.sum_up"] == called["Cart.__init__"] == 1 + DEFAULT.called_by_test
    assert called["drop"] == 1.0


def test_a_text_that_does_not_parse_says_nothing() -> None:
    assert resemblance(["t.py::test_x"], {"t.py": "def"}, ["f"]) == {"f": 1.0}
