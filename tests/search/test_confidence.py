"""The probability of a plausible patch: its facts, its features, and what tests tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import log2

import pytest

from pytest_gemmadev.search.confidence import probability as probabilities
from pytest_gemmadev.search.confidence.expected import (
    Asserted,
    Told,
    asserted_in,
    bits_of,
    is_met,
    told_by,
)
from pytest_gemmadev.search.confidence.facts import (
    PatchFacts,
    TaskFacts,
    agreement,
    changed_share,
    facts_of,
)
from pytest_gemmadev.search.confidence.features import features_of, make_groups
from pytest_gemmadev.search.confidence.patch_smells import smell_change, smells_in
from pytest_gemmadev.search.confidence.probability import Learned, probability, shipped
from pytest_gemmadev.search.found import Found, Step
from pytest_gemmadev.types import Candidate, Edit, Origin, OriginKind, Plausible, RepairTask

CODE = "def twice(n):\n    return n\n"
TASK = RepairTask((), ("t::a",), frozenset(), {"twice.py": CODE}, {})
NAMED = Candidate((), Origin(OriginKind.PATTERN, "x"), -1.0)
FACTS = PatchFacts(
    kind="pattern",
    name="x",
    steps=1,
    prior=-4.0,
    score=-4.0,
    rank=1,
    suspicion=0.5,
    signs=(),
    chars=1,
    tokens=1,
    lines=1,
    assertions=1,
    tests=1,
)
ASSERTION = TaskFacts("assertion", 1, 7, 1)


# --- facts of one patch --------------------------------------------------------------------------


def facts_with(new: str) -> PatchFacts:
    """Of a patch that writes something else than ``n`` after the ``return``."""
    at = CODE.rindex("n")
    edit = Edit("twice.py", at, at + 1, new)
    step = Step(replace(NAMED, edits=(edit,)), -2.0, 3)
    texts = {"twice.py": CODE[:at] + new + CODE[at + 1 :]}
    return facts_of(Found((step,), texts, Plausible(1), ("t::a",), assertions=2, tests=1), TASK)


def test_facts_are_those_of_the_patch() -> None:
    facts = facts_with("n * 2")
    assert (facts.kind, facts.name, facts.steps, facts.rank) == ("pattern", "x", 1, 3)
    assert (facts.prior, facts.score, facts.chars, facts.tokens) == (-1.0, -2.0, 5, 2)
    assert (facts.assertions, facts.tests, facts.lines) == (2, 1, 1)
    assert facts.signs == ("adds_arithmetic", "adds_number")


@pytest.mark.parametrize(
    ("new", "sign"),
    [
        ("n if n else 2", "adds_condition"),
        ("m", "adds_name"),
        ("n + n", "adds_arithmetic"),
        ("n or True", "adds_condition"),
    ],
)
def test_what_a_patch_puts_in_is_named(new: str, sign: str) -> None:
    assert sign in facts_with(new).signs


def test_several_steps_are_of_a_kind_of_their_own() -> None:
    step = Step(NAMED, -2.0, 3)
    facts = facts_of(Found((step, step), {}, Plausible(1), ("t::a",)), TASK)
    assert (facts.kind, facts.steps, facts.prior, facts.score) == ("several", 2, -2.0, -4.0)


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        ({"f(1)": "1", "f(2)": "2"}, {"f(1)": "1", "f(2)": "0"}, 0.5),
        ({"f(1)": "1"}, {"f(1)": "1"}, 0.0),
        ({"f(1)": "1"}, {"f(2)": "1"}, None),
        (None, {"f(2)": "1"}, None),
        ({"f(1)": "1"}, None, None),
    ],
    ids=["half", "nothing", "nothing in common", "not known before", "not known after"],
)
def test_changed_share(
    before: Mapping[str, str] | None, after: Mapping[str, str] | None, share: float | None
) -> None:
    assert changed_share(before, after) == share


def test_agreement_is_the_mean_over_the_others() -> None:
    here = {"f(1)": "1", "f(2)": "2"}
    assert agreement(here, [{"f(1)": "1", "f(2)": "0"}, {"f(1)": "1"}]) == 0.75
    assert agreement(here, [{"g(1)": "1"}]) is None


# --- features of a group -------------------------------------------------------------------------


def test_features_of_one_alone() -> None:
    groups = make_groups([FACTS], [None], ASSERTION)
    features = features_of(groups, 0)
    some = ("alone", "share", "prior", "early", "suspicion", "rule", "lead", "changed", "probed")
    assert [features[name] for name in some] == [1.0, 1.0, -1.0, 1.0, 0.5, 0.0, 0.0, 0.5, 0.0]
    assert features["luck"] == pytest.approx(0.75)  # log2(1 + 7) bits were tried for, of 4
    assert (features["names_cause"], features["raised"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("error", "names_cause", "raised"),
    [("name", 1.0, 0.0), ("type", 0.0, 1.0), ("assertion", 0.0, 0.0), ("timeout", 0.0, 0.0)],
)
def test_the_error_says_whether_it_names_its_cause(
    error: str, names_cause: float, raised: float
) -> None:
    features = features_of(make_groups([FACTS], [None], replace(ASSERTION, error=error)), 0)
    assert (features["names_cause"], features["raised"]) == (names_cause, raised)


def test_features_of_a_group_against_another() -> None:
    facts = [
        replace(FACTS, score=-6.0, rank=9, changed=1.0, tokens=4),
        replace(FACTS, score=-4.0, rank=2, changed=0.25),
        replace(FACTS, score=-5.0, rank=1, changed=0.25),
    ]
    same = {"f(1)": "1"}
    groups = make_groups(facts, [{"f(1)": "0"}, same, same], ASSERTION)
    assert [group.members for group in groups.groups] == [(0,), (1, 2)]
    first, second = (features_of(groups, place) for place in (0, 1))
    assert (first["lead"], second["lead"]) == (-0.5, 0.5)  # two nats
    assert (first["changed_more"], second["changed_more"]) == (0.75, -0.75)
    assert (first["earlier"], second["earlier"]) == (0.0, 1.0)
    assert (first["smaller"], second["smaller"]) == (0.0, 1.0)
    assert (first["agreement"], first["probed"]) == (0.0, 1.0)
    # masses by half of the nats behind the best: exp(-1), and 1 + exp(-0.5)
    assert first["share"] + second["share"] == pytest.approx(1.0)
    assert second["share"] == pytest.approx(0.8137, abs=1e-4)


def test_habits_are_of_the_kind_of_edit() -> None:
    groups = replace(make_groups([FACTS], [None], ASSERTION), habits={"pattern:x": 0.7})
    assert features_of(groups, 0)["habit"] == 0.7
    other = replace(
        make_groups([replace(FACTS, name="y")], [None], ASSERTION), habits=groups.habits
    )
    assert features_of(other, 0)["habit"] == 0.0


# --- probability ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("features", "expected"),
    [({}, 0.2689), ({"a": 1.0}, 0.7311), ({"a": 1.0, "other": 9.0}, 0.7311), ({"a": 1e9}, 1.0)],
    ids=["the base", "one weight", "what has no weight", "never over one"],
)
def test_probability(features: Mapping[str, float], expected: float) -> None:
    learned = Learned(-1.0, {"a": 2.0})
    assert probability(features, learned) == pytest.approx(expected, abs=1e-4)


def test_what_is_shipped_has_weights_for_known_features_only() -> None:
    learned = shipped()
    known = features_of(make_groups([FACTS], [None], ASSERTION), 0)
    assert learned.weights.keys() <= known.keys()
    assert learned.about["problems"] > 0
    assert probabilities.parse(
        {"base": 1.0, "weights": {}, "habits": {}, "about": {}}
    ) == Learned(1.0, {})  # fmt: skip


# --- smells --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "smell"),
    [
        ("    x = n\n    return n\n", "unread variable"),
        ("    return 1\n", "unread parameter"),
        ("    return n\n    n += 1\n", "never reached"),
        ("    return n < n\n", "compared with itself"),
        ("    return n - n\n", "operation with itself"),
        ("    return n + 0\n", "operation without effect"),
        ("    n = n\n    return n\n", "assigned to itself"),
        ("    return n or n\n", "said twice"),
        ("    n += 1\n    n += 1\n    return n\n", "said twice"),
        ("    if n:\n        return n\n    else:\n        return n\n", "same in both cases"),
        ("    if True:\n        return n\n", "constant condition"),
        ("    while False:\n        n += 1\n    return n\n", "constant condition"),
        ("    n == 1\n    return n\n", "without effect"),
        ("    for i in n:\n        return i\n", "loop that runs once"),
        ("    pass\n    return n\n", "needless pass"),
        ("    return max(n, n)\n", "argument twice"),
    ],
)
def test_smells(body: str, smell: str) -> None:
    assert set(smells_in(f"def f(n):\n{body}")) == {f"f:{smell}"}


@pytest.mark.parametrize(
    "text",
    [
        "def f(n):\n    while True:\n        if n:\n            return n\n        n += 1\n",
        "def f(n):\n    print(n)\n    print(n)\n",
        "def f(_n):\n    return 1\n",
        "def f(n):\n    raise NotImplementedError\n",
        "def f(n):\n    for i in n:\n        if i:\n            return i\n",
        "not python (",
    ],
)
def test_what_is_no_smell(text: str) -> None:
    assert not smells_in(text)


def test_a_patch_adds_smells_and_takes_them_away() -> None:
    unread = "def f(n):\n    x = n\n    return n\n"
    assert smell_change(unread, unread.replace("return n", "return x")) == (0, 1)
    assert smell_change(CODE, CODE.replace("return n", "return n + 0")) == (1, 0)
    assert smell_change(CODE, CODE) == (0, 0)


# --- what tests say ------------------------------------------------------------------------------

TESTS = """\
def test_one():
    assert f(1) == 2
    assert 3 == f(2)
    assert f(3)
    assert not f(4)
    assert f(5) == other
    assert f(6) < 7
    assert n == 7

class TestTwo:
    def test_two(self):
        self.assertEqual(f(8), [9])
        self.assertIsNone(f(9))
"""


def test_asserted_calls_are_read() -> None:
    read = asserted_in(TESTS)
    assert sorted((each.call, each.expected) for each in read) == [
        ("f(1)", "2"),
        ("f(2)", "3"),
        ("f(3)", "True"),
        ("f(4)", "False"),
        ("f(8)", "[9]"),
        ("f(9)", "None"),
    ]
    assert [each.call for each in asserted_in(TESTS, ["test_two"])] == ["f(8)", "f(9)"]
    assert asserted_in("def broken(") == []


@pytest.mark.parametrize(
    ("literal", "bits"),
    [
        ("True", 1.0),
        ("None", 1.0),
        ("0", 2.0),
        ("-7", 5.0),
        ("1.5", 8.0),
        ("'abc'", 7.0),
        ("[0, True]", 5.0),
        ("{0: True}", 5.0),
        ("'" + "a" * 50 + "'", 24.0),
        ("name", 2.0),
    ],
)
def test_bits_of(literal: str, bits: float) -> None:
    assert bits_of(literal) == bits


@pytest.mark.parametrize(
    ("result", "expected", "met"),
    [("2", "2", True), ("2.0", "2", True), ("3", "2", False), (None, "2", False),
     ("raises KeyError", "2", False)],
)  # fmt: skip
def test_is_met(result: str | None, expected: str, met: bool) -> None:
    assert is_met(result, expected) is met


def test_what_was_false_before_is_told_apart() -> None:
    asserted = [Asserted("f(1)", "2"), Asserted("f(2)", "True"), Asserted("f(3)", "None")]
    told = told_by(asserted, {"f(1)": "2", "f(2)": "False"})
    assert told == Told(3, 2, 2 + log2(3) + 2, 2.0)
