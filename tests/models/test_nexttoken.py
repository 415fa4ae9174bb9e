from collections.abc import Mapping
from itertools import accumulate

import pytest
from standin import likeliest, tokens

from pytest_gemmadev.models.servers.next_token import CALLS, FOLLOWED, score

PROMPT = "def add(a, b):\n    return"


def exact(text: str) -> float:
    starts = ["", *accumulate(tokens(text))]
    return sum(
        likeliest(PROMPT + start)[token] for start, token in zip(starts, tokens(text), strict=False)
    )


def test_a_few_texts_are_read_to_their_end() -> None:
    texts = (" a + b\n", " b\n", " a\n")
    assert score(likeliest, PROMPT, texts) == pytest.approx([exact(text) for text in texts])


def test_many_texts_are_compared_where_they_part() -> None:
    asked: list[str] = []

    def counted(prompt: str) -> Mapping[str, float]:
        asked.append(prompt)
        return likeliest(prompt)

    texts = [f" name{n} + b\n" for n in range(FOLLOWED + 1)]
    assert len(set(score(counted, PROMPT, texts))) == 1
    assert len(asked) == 1


def test_words_that_the_server_does_not_name_are_no_end() -> None:
    first, second = score(likeliest, PROMPT, (" odd + b\n", " odd + a\n"))
    assert first - second == pytest.approx(-0.2 - 0.1 - (-2.2 - 1.5))


def test_the_number_of_questions_is_bounded() -> None:
    asked: list[str] = []

    def counted(prompt: str) -> Mapping[str, float]:
        asked.append(prompt)
        return likeliest(prompt)

    score(counted, PROMPT, (" a + b" * 40, " b + a" * 40))
    assert len(asked) == CALLS
