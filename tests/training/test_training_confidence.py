"""What the probability of a patch is learned from: functions that stand alone, broken and judged."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_gemmadev.types import (
    Candidate,
    Edit,
    Expression,
    Inapplicable,
    Origin,
    OriginKind,
    Plausible,
    RepairTask,
    StillFailing,
    TestOutcome,
    TimedOut,
    Verdict,
)
from training.confidence import in_process, problems
from training.confidence.closures import Program, programs_of
from training.confidence.fit import (
    Sample,
    calibration_error,
    chosen_by_problem,
    fit_weights,
    habits_of,
    samples_of,
    with_habits,
)
from training.confidence.in_process import Case, InProcessOracle, value_of
from training.data.functions import SourceText

FILE = '''\
import math
import os

LIMIT = 10


def clipped(n, limit=LIMIT):
    """At most the limit."""
    return helper(n) if n < limit else limit


def helper(n):
    whole = math.floor(n)
    return whole


def listed(path):
    names = os.listdir(path)
    return sorted(names)


def unknown(n):
    more = n + nowhere
    return more


def counted():
    global LIMIT
    LIMIT += 1
    return LIMIT
'''
TWICE = "def twice(n):\n    return n * 3\n"
CASES = (
    Case("test_twice", (("twice(0)", "0"), ("twice(2)", "4"))),
    Case("test_none", (("twice(0)", "0"),)),
)


# --- functions that stand alone ------------------------------------------------------------------


def test_a_function_takes_along_what_it_needs_and_no_more() -> None:
    source = SourceText("pkg/_clip.py", FILE, "pkg==1.0", "MIT", "pkg._clip")
    made = {program.function: program for program in programs_of(source)}
    assert set(made) == {"clipped", "helper"}  # the others reach for more than they may
    clipped = made["clipped"]
    assert (clipped.id, clipped.origin, clipped.module) == (
        "pkg==1.0:pkg/_clip.py:clipped",
        "pkg",
        "clip",
    )
    names: dict[str, Any] = {}
    exec(clipped.text, names)
    assert (names["clipped"](3.7), names["clipped"](12)) == (3, 10)
    assert "LIMIT" not in made["helper"].text
    assert "os" not in names


def test_what_does_not_parse_gives_no_programs() -> None:
    assert list(programs_of(SourceText("a.py", "def f(:", "p", "MIT"))) == []


# --- the oracle in this process ------------------------------------------------------------------


def oracle() -> InProcessOracle:
    return InProcessOracle("twice", "twice", TWICE, CASES)


def validated(new: str) -> Verdict:
    """The verdict on something else in the place of ``n * 3``."""
    asked = oracle()
    seen = asked.observe({})
    at = TWICE.index("n * 3")
    edit = Edit("twice.py", at, at + len("n * 3"), new)
    candidate = Candidate((edit,), Origin(OriginKind.PATTERN, "x"), 0.0)
    first, second = asked.nodeids
    task = RepairTask(seen.stacks, (first,), frozenset({second}), {"twice.py": TWICE}, {})
    return asked.validate(task, candidate)


def test_a_run_says_what_fails_and_what_was_expected() -> None:
    asked = oracle()
    seen = asked.observe({})
    first, second = asked.nodeids
    assert first == "tests/test_twice.py::test_twice"
    assert seen.outcomes == {first: TestOutcome.FAILED, second: TestOutcome.PASSED}
    (stack,) = seen.stacks
    assert (stack.facts.left, stack.facts.right) == ("6", "4")
    assert asked.observe({"twice.py": TWICE.replace("3", "2").encode()}).stacks == ()


@pytest.mark.parametrize(
    ("new", "kind"),
    [
        ("n * 2", Plausible),
        ("n * 4", StillFailing),
        ("n * (", Inapplicable),
        ("[0 for _ in iter(int, 1)]", TimedOut),
    ],
)
def test_a_candidate_gets_its_verdict(new: str, kind: type) -> None:
    assert isinstance(validated(new), kind)


def test_lines_and_behaviours_are_those_of_each_tree() -> None:
    asked = oracle()
    seen = asked.observe({})
    first, second = asked.nodeids
    task = RepairTask(seen.stacks, (first,), frozenset({second}), {"twice.py": TWICE}, {})
    spectra = asked.spectrum(task)
    assert [spectra[n].passed for n in (first, second)] == [False, True]
    assert spectra[first].lines == {("twice.py", 2)}
    right = {"twice.py": TWICE.replace("3", "2").encode()}
    call = Expression("twice.py", "twice(5)")
    assert asked.evaluate(task, [{}, right], [call]) == [{call: "15"}, {call: "10"}]


@pytest.mark.parametrize(
    ("text", "value"),
    [("twice(2)", "4"), ("twice(None)", "raises TypeError"), ("1 / 0", "raises ZeroDivisionError"),
     ("[0 for _ in iter(int, 1)]", None)],
)  # fmt: skip
def test_value_of(text: str, value: str | None) -> None:
    assert value_of(text, {"twice": lambda n: n * 2}) == value


# --- problems ------------------------------------------------------------------------------------

SPAN = '''\
def span(low, high):
    """How far apart they are."""
    if low > high:
        return low - high
    return high - low
'''
PROGRAM = Program("p:m.py:span", "p", "m", SPAN, "span", "package")


def test_a_problem_is_broken_and_its_calls_say_so() -> None:
    names = problems.load(SPAN, PROGRAM)
    assert names is not None
    made = list(problems.problems_of(PROGRAM, names, seed=1, most=2))
    assert made
    for problem in made:
        assert problem.broken != SPAN
        visible = [pair for case in problem.cases for pair in case.asserted]
        assert visible
        assert not {call for call, _ in visible} & {call for call, _ in problem.hidden}
        assert all(value_of(call, names) == result for call, result in (*visible, *problem.hidden))
        broken = problems.load(problem.broken, PROGRAM)
        assert broken is not None
        assert any(value_of(call, broken) != result for call, result in visible)
    assert made == list(problems.problems_of(PROGRAM, names, seed=1, most=2))


def test_a_function_that_always_gives_the_same_makes_no_problem() -> None:
    program = Program("p:m.py:one", "p", "m", "def one(n):\n    return 1\n", "one", "package")
    names = problems.load(program.text, program)
    assert names is not None
    assert list(problems.problems_of(program, names, seed=1, most=2)) == []
    assert problems.load("raise ValueError\n", program) is None


# --- the fit -------------------------------------------------------------------------------------


def sample(number: int, *, x: float, is_right: bool, habit: str = "pattern:x") -> Sample:
    return Sample(f"p{number}", "pkg", {"x": x, "always": 1.0}, is_right, habit, 60, 1.0)


@pytest.mark.slow
def test_weights_say_which_way_a_feature_speaks() -> None:
    pytest.importorskip("sklearn", reason="needs [training]")
    random_ = random.Random(1)
    rows = [random_.gauss(0, 1) for _ in range(200)]
    samples = [sample(n, x=x, is_right=x + random_.gauss(0, 0.5) > 0) for n, x in enumerate(rows)]
    labels = [each.is_right for each in samples]
    _base, weights = fit_weights([each.features for each in samples], labels, ["x", "always"])
    assert weights["x"] > 0.5
    assert weights["always"] == 0.0  # what never varies says nothing


def test_habits_are_log_odds_against_all_patches() -> None:
    good = [sample(n, x=0.0, is_right=True, habit="good") for n in range(6)]
    bad = [sample(n, x=0.0, is_right=False, habit="bad") for n in range(6)]
    habits = habits_of([*good, *bad])
    assert habits == {"good": 1.099, "bad": -1.099}  # (6 + 3) of 12, in log-odds against a half
    assert with_habits(good[:1], habits) == [{"x": 0.0, "always": 1.0, "habit": 1.099}]
    assert habits_of([*good, *bad], but=frozenset({"pkg"})) == {}


def test_one_problem_counts_once_for_each_kind() -> None:
    twice = [sample(1, x=0.0, is_right=True, habit="good")] * 5
    assert habits_of([*twice, sample(1, x=0.0, is_right=False, habit="bad")]) == habits_of(
        [twice[0], sample(1, x=0.0, is_right=False, habit="bad")]
    )


def test_calibration_error_is_the_mean_gap() -> None:
    assert calibration_error([0.75] * 4, [True, True, True, False]) == 0.0
    assert calibration_error([1.0, 0.05], [False, False]) == pytest.approx(0.525)


def test_the_likeliest_group_of_a_problem_is_chosen() -> None:
    samples = [sample(1, x=0.0, is_right=r) for r in (True, False)]
    assert chosen_by_problem(samples, [0.2, 0.7], 60) == {"p1": (0.7, False, True)}
    assert chosen_by_problem(samples, [0.9, 0.1], 60) == {"p1": (0.9, True, True)}


def patch(text: str, rank: int, behaviour: Mapping[str, str], *, wrong: int) -> dict[str, Any]:
    """What is written down of one plausible patch."""
    facts = {
        "kind": "pattern",
        "name": "x",
        "steps": 1,
        "prior": -1.0,
        "score": -1.0,
        "suspicion": 1.0,
        "signs": [],
        "chars": 1,
        "tokens": 1,
        "lines": 1,
        "assertions": 1,
        "tests": 1,
    }
    return {**facts, "rank": rank, "text": text, "behaviour": behaviour, "reach": 1, "wrong": wrong}


def test_a_row_becomes_a_sample_for_each_group_and_cut() -> None:
    right, wrong = TWICE.replace("3", "2"), TWICE.replace("n * 3", "4")
    row: dict[str, Any] = {
        "id": "p1",
        "origin": "pkg",
        "how": "one",
        "broken": TWICE,
        "asserted": [("twice(2)", "4"), ("twice(0)", "0")],
        "original": {"twice(5)": "15"},
        "task": {"error": "assertion", "targets": 1, "tried": 500, "assertions": 2},
        "found": [
            patch(right, 5, {"twice(5)": "10"}, wrong=0),
            patch(wrong, 100, {"twice(5)": "4"}, wrong=3),
        ],
    }
    made = samples_of(row)
    assert [(each.cut, each.is_right) for each in made] == [(60, True), (200, True), (200, False)]
    first, *_, last = made
    assert (first.features["alone"], last.features["alone"]) == (1.0, 0.0)
    assert last.features["smells_added"] == 1.0  # a parameter that it does not read
    assert samples_of({**row, "found": []}) == []


def test_the_tests_read_as_people_write_them() -> None:
    text = in_process.test_text("twice", "twice", [Case("test_it", (("twice(0)", "None"),))])
    assert text == ("from twice import twice\n\n\ndef test_it():\n    assert twice(0) is None\n")
