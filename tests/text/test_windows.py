"""Long texts that are cut where they differ."""

from __future__ import annotations

import random

import pytest

from pytest_gemmadev.text.windows import distinguish

LONG = "x" * 300


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(["0", "None"], ["0", "None"], id="short ones stay"),
        pytest.param(
            [f"{LONG}a{LONG}", f"{LONG}b{LONG}"],
            ["xxxxxxxxxx…xxxxxaxxxx…", "xxxxxxxxxx…xxxxxbxxxx…"],
            id="a window round the difference",
        ),
        pytest.param(["abc", f"abc{LONG}"], ["abc", "abcxxxxxxx…"], id="one begins with the other"),
        pytest.param([LONG, LONG], ["xxxxxxxxxxxxxxxxxxxx…"] * 2, id="the same text"),
    ],
)
def test_what_is_shown(texts: list[str], expected: list[str]) -> None:
    assert distinguish(texts, 20) == expected


def test_no_two_texts_look_the_same() -> None:
    random_ = random.Random(3)
    for _ in range(300):
        base = "".join(random_.choice("ab") for _ in range(random_.randrange(1, 400)))
        texts = {base}
        for _ in range(random_.randrange(1, 5)):
            at = random_.randrange(len(base) + 1)
            texts.add(
                base[:at] + random_.choice(("", "c", "ab")) + base[at + random_.randrange(3) :]
            )
        shown = distinguish(sorted(texts), 40)
        assert len(set(shown)) == len(texts), (texts, shown)
        assert max(map(len, shown)) < 140
