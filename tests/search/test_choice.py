"""The choice among plausible repairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from in_memory import InMemory

from pytest_gemmadev.search.choice import choose
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.found import Found, Step
from pytest_gemmadev.types import Candidate, Plausible, RepairTask

CODE = {"f(1)": "1", "f(2)": "2", "f(3)": "3", "f(4)": "4"}
ONE_CALL = CODE | {"f(4)": "0"}
MOST = dict.fromkeys(CODE, "0") | {"f(4)": "4"}
TASK = RepairTask((), ("t::a",), frozenset(), {}, {})
PROJECT = InMemory({}, {})
CONTEXT = SearchContext(
    oracle=PROJECT, proposers=(), writers=(), files=PROJECT, model=None, clock=lambda: 0.0
)
Row = tuple[str, float, Mapping[str, str] | None]


def found(name: str, score: float, others: int = 0) -> Found:
    step = Step(Candidate((), name, 0.0), score, 1)
    return Found((step,), {}, Plausible(1, 0.0), ("t::a",), others)


def order(
    rows: Sequence[Row], *, reach: Mapping[str, int] | None = None, code: bool = True
) -> list[str]:
    """Names in the order of belief."""
    items = [found(name, score, (reach or {}).get(name, 0)) for name, score, _ in rows]
    given = {name: behaviour for name, _, behaviour in rows}
    probe = lambda some: (  # noqa: E731
        CODE if code else None,
        [given[str(each.steps[0].candidate.origin)] for each in some],
    )
    return [
        str(each.found.steps[0].candidate.origin)
        for each in choose(CONTEXT, items, TASK, probe=probe)
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("a", -2.0, None), ("b", -1.0, None)], "ba"),
        ([("a", -5.0, ONE_CALL), ("b", -4.0, MOST)], "ab"),
        ([("a", -7.0, ONE_CALL), ("b", -4.0, MOST)], "ba"),
        ([("a", -5.0, ONE_CALL), ("b", -5.5, MOST), ("c", -5.6, MOST)], "abc"),
        ([("a", -5.0, ONE_CALL), ("b", -4.6, CODE | {"f(1)": "0"}), ("c", -5.1, ONE_CALL)], "acb"),
    ],
    ids=["the score alone", "less is changed", "much likelier", "together, not enough",
         "those that do the same"],
)  # fmt: skip
def test_order(rows: Sequence[Row], expected: str) -> None:
    assert "".join(order(rows)) == expected


def test_what_explains_more_comes_first() -> None:
    rows = [("a", -1.0, ONE_CALL), ("b", -9.0, MOST)]
    assert order(rows, reach={"b": 1}) == ["b", "a"]


def test_without_knowledge_of_the_code_nothing_is_taken_off() -> None:
    rows = [("a", -5.0, ONE_CALL), ("b", -4.0, MOST)]
    assert order(rows, code=False) == ["b", "a"]


def test_one_alone_is_not_asked() -> None:
    asked: list[int] = []

    def probe(some: Sequence[Found]) -> tuple[None, list[None]]:
        asked.append(len(some))
        return None, [None] * len(some)

    (only,) = choose(CONTEXT, [found("a", -1.0)], TASK, probe=probe)
    assert (only.behaviour, only.ratio, asked) == (None, None, [])
    many = choose(CONTEXT, [found(str(n), -float(n)) for n in range(20)], TASK, probe=probe)
    assert [each.found.score for each in many] == [-float(n) for n in range(20)]
    assert asked == [8]
