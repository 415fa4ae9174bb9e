from __future__ import annotations

import pytest

from pytest_gemmadev.search.behaviour import alike, difference

SUM = {"f([])": "0", "f([1])": "1", "f([1, 2])": "3"}
LAST = {"f([])": "IndexError", "f([1])": "1", "f([1, 2])": "2"}
SHORT = {"f([1])": "1"}


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([], None),
        ([SUM, SHORT], None),
        ([{"g(1)": "2"}], None),  # not asked the same
        ([SUM, LAST], "f([1, 2]) gives 3, with another 2"),
        ([{"f([])": "x" * 99}], f"f([]) gives 0, with another {'x' * 30}…"),
    ],
    ids=["alone", "alike", "asked for other things", "the shortest", "cut"],
)
def test_difference(others: list[dict[str, str]], expected: str | None) -> None:
    found = difference(SUM, others)
    assert (found and str(found)) == expected


def test_what_agrees_gets_one_number() -> None:
    assert alike([SUM, LAST, None, dict(SUM), SHORT, None, dict(LAST)]) == [0, 1, 2, 0, 0, 5, 1]
    assert alike([]) == []
