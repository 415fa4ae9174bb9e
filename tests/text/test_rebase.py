from __future__ import annotations

import pytest

from pytest_gemmadev.text.rebase import rebase

BASE = "".join(f"line {n}\n" for n in range(1, 13))
FIRST = BASE.replace("line 2\n", "LINE 2\n")


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param(
            FIRST.replace("line 9\n", "LINE 9\n"), BASE.replace("line 9\n", "LINE 9\n"), id="far"
        ),
        pytest.param(FIRST.replace("LINE 2\n", "LINE two\n"), None, id="same line"),
        pytest.param(FIRST.replace("line 4\n", "LINE 4\n"), None, id="within the context"),
        pytest.param(
            FIRST.replace("line 6\n", ""), BASE.replace("line 6\n", ""), id="just outside, deleted"
        ),
        pytest.param(FIRST + "end\n", BASE + "end\n", id="appended"),
        pytest.param(FIRST, BASE, id="nothing changed"),
    ],
)
def test_a_change_is_carried_to_the_base_or_refused(after: str, expected: str | None) -> None:
    assert rebase(BASE, FIRST, after) == expected


def test_without_an_earlier_change_the_result_is_the_change_itself() -> None:
    after = BASE.replace("line 1\n", "first\n").replace("line 12\n", "last\n")
    assert rebase(BASE, BASE, after) == after
