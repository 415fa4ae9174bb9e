"""The question that tells plausible repairs apart, and what an answer makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from in_memory import InMemory

from pytest_gemmadev.search.choice import Ranked
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.found import Found, Step
from pytest_gemmadev.search.limits import Limits
from pytest_gemmadev.search.questions import find_question, put_questions
from pytest_gemmadev.types import NEITHER, Candidate, Plausible, Question, RepairTask

SOURCES = {"cart.py": "def total(xs):\n    return 0\n\n\nclass Cart:\n    pass\n"}
TASK = RepairTask((), ("t::a",), frozenset(), SOURCES, {})
PROJECT = InMemory({}, {})
LIMITS = Limits()


def ranked(
    probability: float, behaviour: Mapping[str, str] | None, *, group: int = 0, name: str = "x"
) -> Ranked:
    step = Step(Candidate((), name, 0.0), 0.0, 1)
    found = Found((step,), {}, Plausible(1, 0.0), ("t::a",))
    return Ranked(found, None, behaviour, probability, group)


def asked(
    *repairs: Ranked, answers: tuple[str | None, ...]
) -> tuple[list[float], str, bool, list[str]]:
    """Probabilities of what is left, the note, whether it is refused, and the calls asked about."""
    calls: list[str] = []

    def answer(question: Question) -> str | None:
        calls.append(question.call)
        return answers[len(calls) - 1]

    context = SearchContext(
        oracle=PROJECT, proposers=(), writers=(), files=PROJECT, model=None,
        clock=lambda: 0.0, ask=answer,
    )  # fmt: skip
    done = put_questions(context, repairs, TASK)
    return [round(r.probability, 3) for r in done.ranked], done.note, done.is_refused, calls


EMPTY = {"total([])": "0", "total([1, 2])": "3"}
NONE = {"total([])": "None", "total([1, 2])": "3"}
LONG = {"total([])": "0", "total([1, 2])": "4"}


def test_the_question_names_the_call_its_results_and_its_file() -> None:
    question = find_question(
        [ranked(0.6, EMPTY, group=0), ranked(0.3, NONE, group=1), ranked(0.0, None, group=2)],
        TASK,
        limits=LIMITS,
    )
    assert question is not None
    assert (question.call, question.path) == ("total([])", "cart.py")
    assert [(a.result, a.patches) for a in question.answers] == [("0", (0,)), ("None", (1,))]


def test_the_likeliest_answer_comes_first() -> None:
    question = find_question(
        [ranked(0.3, EMPTY, group=0), ranked(0.5, NONE, group=1), ranked(0.5, NONE, group=1)],
        TASK,
        limits=LIMITS,
    )
    assert question is not None
    assert [a.patches for a in question.answers] == [(1, 2), (0,)]


def test_a_call_that_parts_the_probable_ones_goes_before_a_shorter_one() -> None:
    first = {"f(1)": "1", "total([1, 2])": "3"}
    unlikely = {"f(1)": "2", "total([1, 2])": "3"}
    rival = {"f(1)": "1", "total([1, 2])": "4"}
    question = find_question(
        [
            ranked(0.5, first, group=0),
            ranked(0.45, rival, group=1),
            ranked(0.01, unlikely, group=2),
        ],
        TASK,
        limits=LIMITS,
    )
    assert question is not None
    assert question.call == "total([1, 2])"


def test_of_calls_that_tell_as_much_one_that_can_be_a_test_is_taken() -> None:
    one = {"<Cart>.a(1)": "1", "total([1, 2, 3])": "3"}
    other = {"<Cart>.a(1)": "2", "total([1, 2, 3])": "4"}
    question = find_question(
        [ranked(0.5, one, group=0), ranked(0.4, other, group=1)], TASK, limits=LIMITS
    )
    assert question is not None
    assert question.call == "total([1, 2, 3])"


@pytest.mark.parametrize(
    "repairs",
    [
        pytest.param([ranked(0.5, EMPTY)], id="one alone"),
        pytest.param([ranked(0.5, EMPTY), ranked(0.5, dict(EMPTY))], id="they agree"),
        pytest.param([ranked(0.5, None), ranked(0.5, NONE)], id="the first is not known"),
        pytest.param([ranked(0.98, EMPTY, group=0), ranked(0.01, NONE, group=1)], id="it is sure"),
        pytest.param(
            [
                ranked(0.5, {"f()": "0.30000000000000004"}, group=0),
                ranked(0.4, {"f()": "0.3000000000000001"}, group=1),
            ],
            id="nobody sees the difference",
        ),
    ],
)
def test_nothing_is_asked(repairs: list[Ranked]) -> None:
    assert find_question(repairs, TASK, limits=LIMITS) is None


@pytest.mark.parametrize(
    ("sources", "call", "path"),
    [
        pytest.param(SOURCES, "Cart(items=[1]).add(2)", "cart.py", id="a method of a class"),
        pytest.param(
            {**SOURCES, "b.py": "def total():\n    pass\n"}, "total([])", "", id="two of the name"
        ),
        pytest.param({"cart.py": "if 1:\n    def total(): pass\n"}, "total([])", "", id="nested"),
        pytest.param(SOURCES, "total(nan)", "", id="a name that is not there"),
    ],
)
def test_where_the_call_is_defined(sources: dict[str, str], call: str, path: str) -> None:
    task = replace(TASK, sources=sources)
    question = find_question(
        [ranked(0.5, {call: "1"}, group=0), ranked(0.4, {call: "2"}, group=1)],
        task,
        limits=LIMITS,
    )
    assert question is not None
    assert question.path == path


# --- answers -------------------------------------------------------------------------------------

THREE = (ranked(0.5, EMPTY, group=0), ranked(0.3, NONE, group=1), ranked(0.1, LONG, group=2))


@pytest.mark.parametrize(
    ("answers", "left", "calls"),
    [
        pytest.param(("None",), [0.95], 1, id="one is left"),
        pytest.param(("0", "4"), [0.95], 2, id="a further question"),
        pytest.param(("0", None), [0.792, 0.158], 2, id="left unanswered, they share it"),
        pytest.param((None,), [0.5, 0.3, 0.1], 1, id="no answer"),
    ],
)
def test_what_agrees_with_the_answer_is_left(
    answers: tuple[str | None, ...], left: list[float], calls: int
) -> None:
    probabilities, note, is_refused, asked_calls = asked(*THREE, answers=answers)
    assert (probabilities, is_refused, len(asked_calls)) == (left, False, calls)
    assert note.startswith("you said total([]): ") is (answers[0] is not None)


def test_where_none_is_right_nothing_is_to_be_written() -> None:
    probabilities, note, is_refused, calls = asked(*THREE, answers=(NEITHER,))
    assert (probabilities, is_refused, calls) == ([0.0, 0.0, 0.0], True, ["total([])"])
    assert note == "you said that none of the results of total([]) is right"


def test_there_are_three_questions_at_most() -> None:
    many = [
        ranked(0.2, {f"f({n})": str(int(n == place)) for n in range(6)}, group=place)
        for place in range(6)
    ]
    *_, calls = asked(*many, answers=("0", "0", "0", "0", "0"))
    assert len(calls) == 3


def test_what_was_surer_before_stays_so() -> None:
    (left,), *_ = asked(
        ranked(0.97, EMPTY, group=0), ranked(0.2, NONE, group=1), answers=("0",)
    )  # fmt: skip
    assert left == 0.97
