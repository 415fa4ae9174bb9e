from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_gemmadev.models.scripted import ScriptedModel
from pytest_gemmadev.search.antipatterns import (
    adds_idle_arithmetic,
    copies_expected_number,
    leaves_undefined,
    silences_check,
)
from pytest_gemmadev.search.limits import DEFAULT
from pytest_gemmadev.search.rank import (
    Places,
    model_scores,
    overfitting_penalty,
    prior_score,
)
from pytest_gemmadev.types import (
    Candidate,
    Edit,
    ErrorKind,
    ErrorStack,
    Frame,
    RepairTask,
    Role,
    Span,
    Suspicion,
)

SOURCE = "LIMIT = 27\n\n\ndef fee(days):\n    return min(days * 25, LIMIT)\n"
TEST = "def test_fee():\n    assert fee(100) == 2500\n    assert fee(28) == 28\n"


def task() -> RepairTask:
    return RepairTask(
        stacks=(),
        targets=("t",),
        regression=frozenset(),
        sources={"fee.py": SOURCE},
        overlay={},
        suspicions=(Suspicion(Span("fee.py", 5, 5), 1.0, "ochiai"),),
        context={"test_fee.py": TEST},
    )


def change(old: str, new: str, prior: float = 0.0) -> Candidate:
    at = SOURCE.index(old)
    return Candidate((Edit("fee.py", at, at + len(old), new),), "test", prior)


@pytest.mark.parametrize(
    ("old", "new", "copies"),
    [
        pytest.param("days * 25", "2500", True, id="the expected value itself"),
        pytest.param("days", "100", True, id="the tested input"),
        pytest.param("27", "28", False, id="one off from what stood there"),
        pytest.param("25", "30", False, id="a number that no test knows"),
        pytest.param("25", "27", False, id="a number of the same file"),
    ],
)
def test_numbers_copied_out_of_a_test_are_recognized(old: str, new: str, copies: bool) -> None:
    assert copies_expected_number(change(old, new), task()) is copies


def test_the_number_of_a_version_is_no_number() -> None:
    versioned = replace(task(), sources={"fee.py": "#: Changed in 3.10.0.\n" + SOURCE})
    start = versioned.sources["fee.py"].index("25")
    edit = Edit("fee.py", start, start + 2, "2500")
    old = Edit("fee.py", 0, 0, "LIMIT = 2500  # since 1.4.0\n")
    assert copies_expected_number(Candidate((edit,), "t", 0.0), versioned)
    assert copies_expected_number(Candidate((old,), "t", 0.0), versioned)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("    return min(days * 25, LIMIT)\n", "", id="a statement deleted"),
        pytest.param("return min(days * 25, LIMIT)", "pass", id="a block emptied"),
        pytest.param("min(days * 25, LIMIT)", "days * 25", id="part of an expression dropped"),
        pytest.param("return min(days * 25, LIMIT)", "return True", id="made constant"),
    ],
)
def test_what_smells_of_overfitting_costs(old: str, new: str) -> None:
    assert overfitting_penalty(change(old, new), task()) > 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("min", "max", id="another word"),
        pytest.param("in(", "(", id="the end of a word"),
        pytest.param("27", "2", id="a digit"),
    ],
)
def test_a_plain_replacement_costs_nothing(old: str, new: str) -> None:
    assert overfitting_penalty(change(old, new), task()) == 0


@pytest.mark.parametrize(
    ("new", "idle"),
    [
        pytest.param("days * 1", True, id="multiplied by one"),
        pytest.param("days + 0", True, id="nothing added"),
        pytest.param("days + 25 - 25", True, id="added and taken off again"),
        pytest.param("days * 10", False, id="multiplied by ten"),
        pytest.param("days + 0.5", False, id="a half added"),
        pytest.param("days + 25 - LIMIT", False, id="added and another taken off"),
    ],
)
def test_arithmetic_that_changes_nothing_is_recognized(new: str, idle: bool) -> None:
    assert adds_idle_arithmetic(change("days * 25", new), task()) is idle


def test_suspicious_places_come_first() -> None:
    places = Places.of(task().suspicions, task().sources)
    near = prior_score(change("25", "26", -3.0), task(), places)
    far = prior_score(change("27", "26", -3.0), task(), places)
    assert near > far


def test_the_model_compares_texts_of_any_length_within_bounds() -> None:
    model = ScriptedModel(scores=lambda _prefix, text: -0.5 * len(text))
    longer = change("days * 25", "max(days, 0) * 25")
    assert model_scores([longer], task(), model) == pytest.approx((0.0,), abs=1e-9)
    certain = ScriptedModel(scores=lambda _prefix, text: 500.0 if "max" in text else 0.0)
    assert model_scores([longer], task(), certain) == (DEFAULT.model_nats,)


@pytest.mark.parametrize(
    ("old", "new", "leaves"),
    [
        pytest.param("LIMIT)", "25)", False, id="the name replaced"),
        pytest.param("def ", "LIMIT = 27\n\n\ndef ", False, id="the name bound"),
        pytest.param("min(", "max(", True, id="something else"),
        pytest.param("    return", "        return", False, id="the name moved"),
    ],
)
def test_edits_that_leave_a_name_undefined_are_recognized(old: str, new: str, leaves: bool) -> None:
    said = "name 'LIMIT' is not defined"
    frame = Frame("fee.py", 5, "fee", Role.SOURCE)
    stack = ErrorStack("t", "call", ErrorKind.NAME, "NameError", said, (frame,))
    assert leaves_undefined(change(old, new), replace(task(), stacks=(stack,))) is leaves
    assert not leaves_undefined(change(old, new), task())
    # Raised in code that the project has made: the name stands in none of its lines.
    for elsewhere in (replace(frame, line=99), replace(frame, path="<template>"), None):
        frames = (elsewhere,) if elsewhere else ()
        generated = replace(task(), stacks=(replace(stack, frames=frames),))
        assert not leaves_undefined(change(old, new), generated)


CHECKED = (
    "def check(text):\n"
    "    if text:\n"
    "        assert text.isupper(), text\n"
    "    return text\n"
    "\n\n"
    "def shout(text):\n"
    "    return check(text.lower())\n"
)


@pytest.mark.parametrize(
    ("old", "new", "silences"),
    [
        ("        assert text.isupper(), text\n", "        pass\n", True),
        ("    if text:\n        assert text.isupper(), text\n", "", True),
        ("assert text.isupper(), text", "text.isupper()", True),
        ("isupper", "islower", False),
        ("if text", "if not text", False),
        ("text.lower()", "text.upper()", False),
    ],
)
def test_what_takes_out_the_assertion_that_failed(old: str, new: str, *, silences: bool) -> None:
    at = CHECKED.index(old)
    candidate = Candidate((Edit("shout.py", at, at + len(old), new),), "test", 0.0)
    frame = Frame("shout.py", 3, "check", Role.SOURCE)
    stack = ErrorStack("t", "call", ErrorKind.ASSERTION, "AssertionError", "hello", (frame,))
    asked = replace(task(), sources={"shout.py": CHECKED}, stacks=(stack,))
    assert silences_check(candidate, asked) is silences
    in_test = replace(frame, path="test_shout.py", role=Role.TEST)
    assert not silences_check(
        candidate, replace(asked, stacks=(replace(stack, frames=(frame, in_test)),))
    )


@pytest.mark.parametrize(
    ("path", "silences"),
    [
        ("shop/testing/checks.py", True),
        ("shop/_testing.py", True),
        ("shop/test_utils.py", True),
        ("shop/assertions.py", True),
        ("shop/attesting.py", False),
        ("shop/tools.py", False),
    ],
)
def test_a_helper_of_tests_that_complains_is_left_as_it_is(path: str, *, silences: bool) -> None:
    at = CHECKED.index("return text")
    candidate = Candidate((Edit(path, at, at + len("return text"), "return"),), "test", 0.0)
    frame = Frame(path, 3, "check", Role.SOURCE)
    stack = ErrorStack("t", "call", ErrorKind.ASSERTION, "AssertionError", "hello", (frame,))
    asked = replace(task(), sources={path: CHECKED}, stacks=(stack,))
    assert silences_check(candidate, asked) is silences
    elsewhere = replace(stack, frames=(replace(frame, path="shop/cart.py"),))
    other = replace(asked, sources={path: CHECKED, "shop/cart.py": CHECKED}, stacks=(elsewhere,))
    assert not silences_check(candidate, other)


BRANCHES = """def f(a, b):
    if a:
        for i in a:
            t = i
    else:
        t = 0
    if b:
        t += b[i]
    return t
"""


@pytest.mark.parametrize(
    ("old", "new", "leaves"),
    [
        pytest.param("if b", "if not b", True, id="the branch is not taken"),
        pytest.param("if a", "if not a", False, id="another branch binds it"),
        pytest.param(
            "        t += b[i]", "        for i in b:\n            t += i", False, id="bound"
        ),
        pytest.param("b[i]", "b[0]", False, id="not read"),
        pytest.param("t = 0", "return 0", False, id="left before it is read"),
    ],
)
def test_what_steps_around_a_local_that_is_not_bound(old: str, new: str, *, leaves: bool) -> None:
    at = BRANCHES.index(old)
    candidate = Candidate((Edit("f.py", at, at + len(old), new),), "test", 0.0)
    said = "cannot access local variable 'i' where it is not associated with a value"
    frame = Frame("f.py", 8, "f", Role.SOURCE)
    for message in (said, "local variable 'i' referenced before assignment"):
        stack = ErrorStack("t", "call", ErrorKind.NAME, "UnboundLocalError", message, (frame,))
        asked = replace(task(), sources={"f.py": BRANCHES}, stacks=(stack,))
        assert leaves_undefined(candidate, asked) is leaves
