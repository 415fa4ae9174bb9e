"""How long a candidate may take, and which tests are looked at first."""

from __future__ import annotations

import pytest

from pytest_gemmadev.types import ErrorKind, ErrorStack, RepairTask
from pytest_gemmadev.validate.parent.nodeids import is_test, nearest_tests
from pytest_gemmadev.validate.parent.timing import Timings
from pytest_gemmadev.validate.resources import Limits


def task(*targets: str, kind: ErrorKind = ErrorKind.ASSERTION) -> RepairTask:
    stacks = tuple(ErrorStack(t, "call", kind, "E", "", ()) for t in targets)
    return RepairTask(stacks, targets, frozenset(), {}, {})


def timings(**seconds: float) -> Timings:
    found = Timings(Limits(validation_s=30.0, run_s=600.0))
    found.learn(seconds, {name for name in seconds if not name.startswith("bad")})
    return found


LIMITS = {
    "twenty times and a floor": ({"a": 0.1}, ["a"], ErrorKind.VALUE, 2.3),
    "together": ({"a": 0.1, "b": 0.1}, ["a", "b"], ErrorKind.VALUE, 4.3),
    "a target that fails at once has the time of the usual test": (
        {"a": 0.2, "bad": 0.0},
        ["bad"],
        ErrorKind.NAME,
        4.3,
    ),
    "a target that hung says nothing": ({"a": 0.1, "bad": 30.0}, ["bad"], ErrorKind.TIMEOUT, 2.3),
    "no more than a validation may take": ({"a": 5.0}, ["a"], ErrorKind.VALUE, 30.0),
    "but enough for tests that are slow": ({"a": 100.0}, ["a"], ErrorKind.VALUE, 300.0),
    "never measured": ({"a": 0.1}, ["b"], ErrorKind.VALUE, 600.0),
    "a target never measured": ({"a": 0.1}, ["bad"], ErrorKind.VALUE, 2.3),
    "nothing measured": ({}, ["bad"], ErrorKind.VALUE, 30.0),
}


@pytest.mark.parametrize(("seconds", "wanted", "kind", "limit_s"), LIMITS.values(), ids=LIMITS)
def test_time_for_tests(
    seconds: dict[str, float], wanted: list[str], kind: ErrorKind, limit_s: float
) -> None:
    found = timings(**seconds)
    assert found.limit_s(task("bad", kind=kind), wanted) == pytest.approx(limit_s)


def test_the_longest_time_seen_counts() -> None:
    found = timings(a=0.1)
    found.learn({"a": 0.05}, {"a"})
    assert found.passed_s == {"a": 0.1}


def test_time_for_collecting() -> None:
    found = timings()
    assert found.collection_limit_s() == 60.0
    found.learn_collection(0.2)
    assert found.collection_limit_s() == pytest.approx(3.0)


def test_nearest_tests_first() -> None:
    others = ["x/test_b.py::c", "a/test_a.py::B::d", "a/test_a.py::c", "a/test_b.py::c", "a"]
    assert nearest_tests(["a/test_a.py::B::c"], others) == [
        "a/test_a.py::B::d",
        "a/test_a.py::c",
        "a/test_b.py::c",
        "x/test_b.py::c",
    ]


@pytest.mark.parametrize(
    ("nodeid", "expected"),
    [("a.py::b", True), ("a.py", False), ("a", False), ("r.txt::x", True)],
)
def test_collectors_are_no_tests(nodeid: str, expected: bool) -> None:
    assert is_test(nodeid) is expected
