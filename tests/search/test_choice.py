"""The choice among plausible repairs: groups, their probabilities, and the order that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from in_memory import InMemory

from pytest_gemmadev.search.choice import Ranked, behaviours_of, choose, rough_chance
from pytest_gemmadev.search.claims.claim import Checked
from pytest_gemmadev.search.confidence.probability import Learned
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.found import Found, Step
from pytest_gemmadev.search.limits import DEFAULT
from pytest_gemmadev.types import Candidate, Origin, OriginKind, Plausible, RepairTask

CODE = {"f(1)": "1", "f(2)": "2", "f(3)": "3", "f(4)": "4"}
ONE_CALL = CODE | {"f(4)": "0"}
MOST = dict.fromkeys(CODE, "0") | {"f(4)": "4"}
TASK = RepairTask((), ("t::a",), frozenset(), {}, {})
PROJECT = InMemory({}, {})
CONTEXT = SearchContext(
    oracle=PROJECT, proposers=(), writers=(), files=PROJECT, model=None, clock=lambda: 0.0
)
BY_LEAD = Learned(0.0, {"lead": 4.0})  # one nat for each nat that a score leads the others
BY_CHANGE = Learned(0.0, {"changed": -4.0})  # one for each quarter of the calls that changes
CERTAIN = Learned(9.0, {})
Row = tuple[str, float, Mapping[str, str] | None]


def found(name: str, score: float, others: int = 0) -> Found:
    step = Step(Candidate((), Origin(OriginKind.PATTERN, name), 0.0), score, 1)
    return Found((step,), {}, Plausible(1, 0.0), ("t::a",), others)


def name_of(each: Found) -> str:
    return each.steps[0].candidate.origin.name


def ranked(
    rows: Sequence[Row],
    learned: Learned | None,
    *,
    reach: Mapping[str, int] | None = None,
    broken: Sequence[str] = (),
) -> list[Ranked]:
    """The repairs in the order of confidence; ``broken`` are those with which claims do not hold."""
    items = [found(name, score, (reach or {}).get(name, 0)) for name, score, _ in rows]
    given = {name: behaviour for name, _, behaviour in rows}
    return choose(
        CONTEXT,
        items,
        TASK,
        probe=lambda some: (CODE, [given[name_of(each)] for each in some]),
        check=lambda some, _: [Checked(0, int(name_of(each) in broken)) for each in some],
        learned=learned,
    )


def order(some: Sequence[Ranked]) -> str:
    return "".join(name_of(each.found) for each in some)


@pytest.mark.parametrize(
    ("rows", "learned", "expected"),
    [
        ([("a", -2.0, None), ("b", -1.0, None)], BY_LEAD, "ba"),
        ([("a", -5.0, ONE_CALL), ("b", -4.0, MOST)], BY_CHANGE, "ab"),
        ([("a", -5.0, ONE_CALL), ("b", -4.0, MOST)], BY_LEAD, "ba"),
        ([("a", -5.0, ONE_CALL), ("b", -4.6, MOST), ("c", -5.1, ONE_CALL)], BY_CHANGE, "abc"),
        ([("a", -5.2, ONE_CALL), ("b", -9.0, MOST), ("c", -5.1, ONE_CALL)], BY_LEAD, "cba"),
    ],
    ids=["the score", "less is changed", "the score although more is changed",
         "the best of each group first", "the best of a group has the better score"],
)  # fmt: skip
def test_order(rows: Sequence[Row], learned: Learned, expected: str) -> None:
    assert order(ranked(rows, learned)) == expected


def test_a_probability_is_the_logistic_of_the_weighted_features() -> None:
    first, second = ranked([("a", -2.0, None), ("b", -1.0, None)], BY_LEAD)
    assert first.probability == pytest.approx(0.7311, abs=1e-4)  # 1 / (1 + exp(-1))
    assert second.probability == pytest.approx(0.2689, abs=1e-4)


def test_together_groups_have_at_most_one() -> None:
    rows = [("a", -1.0, CODE), ("b", -2.0, ONE_CALL), ("c", -3.0, MOST)]
    first, *others = (r.probability for r in ranked(rows, CERTAIN))
    assert first == pytest.approx(0.9999, abs=1e-4)  # the likeliest keeps its own
    assert others == pytest.approx([(1 - first) / 2] * 2)
    (alone,) = ranked(rows[:1], CERTAIN)
    assert alone.probability == pytest.approx(0.9999, abs=1e-4)


def test_those_that_do_the_same_are_one_group_with_one_probability() -> None:
    rows = [("a", -1.0, ONE_CALL), ("b", -2.0, MOST), ("c", -3.0, ONE_CALL)]
    a, b, c = ranked(rows, BY_LEAD)
    assert (a.group, b.group, c.group) == (0, 1, 0)
    assert a.probability == c.probability > b.probability
    assert behaviours_of([a, b, c]) == [ONE_CALL, MOST]


def test_what_is_not_known_of_stands_alone() -> None:
    rows: list[Row] = [("a", -1.0, None), ("b", -1.0, None)]
    assert [each.group for each in ranked(rows, CERTAIN)] == [0, 1]


def test_what_explains_more_comes_first_and_leaves_the_others_no_probability() -> None:
    rows = [("a", -1.0, ONE_CALL), ("b", -9.0, MOST)]
    b, a = ranked(rows, BY_LEAD, reach={"b": 1})
    assert (name_of(b.found), name_of(a.found)) == ("b", "a")
    assert (b.probability, a.probability, a.group) == (0.5, 0.0, -1)


def test_broken_claims_speak_against_a_group() -> None:
    learned = Learned(0.0, {"lead": 4.0, "claims_broken": -4.0})
    rows = [("a", -1.0, ONE_CALL), ("b", -2.0, MOST)]
    assert order(ranked(rows, learned)) == "ab"
    b, a = ranked(rows, learned, broken=["a"])
    assert (name_of(b.found), name_of(a.found)) == ("b", "a")
    assert a.probability == pytest.approx(0.0474, abs=1e-4)  # 1 / (1 + exp(4 - 1))


def test_only_so_many_are_probed() -> None:
    asked: list[int] = []

    def probe(some: Sequence[Found]) -> tuple[None, list[None]]:
        asked.append(len(some))
        return None, [None] * len(some)

    many = [found(str(n), -float(n)) for n in range(DEFAULT.probed + 6)]
    chosen = choose(CONTEXT, many, TASK, probe=probe, learned=BY_LEAD)
    assert [each.found.score for each in chosen] == [-float(n) for n in range(len(many))]
    assert asked == [DEFAULT.probed] == [24]
    assert [each.probability for each in chosen[24:]] == [0.0] * 6


def test_nothing_is_chosen_of_nothing() -> None:
    assert choose(CONTEXT, [], TASK, probe=lambda _: (None, []), learned=BY_LEAD) == []
    assert rough_chance([], TASK, tried=5) == 0.0


def test_the_weights_that_are_shipped_order_by_the_score_where_all_else_is_the_same() -> None:
    rows: list[Row] = [("a", -6.0, None), ("b", -1.0, None)]
    first, second = ranked(rows, None)
    assert name_of(first.found) == "b"
    assert 0.0 < second.probability < first.probability < 1.0
    rough = rough_chance([first.found, second.found], TASK, tried=5)
    assert 0.0 < rough < 1.0
