"""Tests that fail by themselves now and then: no candidate is rejected for them."""

from __future__ import annotations

import dataclasses

import pytest
from projects import MakeProject

from pytest_gemmadev.types import Plausible, Regressed
from pytest_gemmadev.validate.confine.places import Level

pytestmark = pytest.mark.slow

LIB = "def double(n):\n    return n * 3\n\n\ndef same(n):\n    return n\n"
# By a file that counts runs the outcome is the same each time that this test runs, and looks random.
TESTS = """
import pathlib
from lib import double, same

PATTERN = "{pattern}"

def test_double():
    assert double(2) == 4
    assert double(5) == 10

def test_now_and_then():
    path = pathlib.Path(__file__).with_name("runs.txt")
    runs = len(path.read_text()) if path.exists() else 0
    path.write_text("x" * (runs + 1))
    assert same(1) == 1
    assert PATTERN[runs % len(PATTERN)] == "p"

def test_same():
    assert same(3) == 3
"""


@pytest.mark.parametrize("pattern", ["ppf", "pppffpfpp"])
def test_a_flaky_test_rejects_no_right_candidate(make_project: MakeProject, pattern: str) -> None:
    files = {"lib.py": LIB, "test_lib.py": TESTS.replace("{pattern}", pattern)}
    project = make_project(files, level=Level.NONE)
    assert project.seen.failing == ("test_lib.py::test_double",)
    for number in range(4):
        again = f"n * 2{' + 0' * number}"  # the same, written otherwise
        assert isinstance(project.try_out("lib.py", "n * 3", again), Plausible)


def test_a_test_that_a_candidate_breaks_is_lost_each_time(make_project: MakeProject) -> None:
    files = {"lib.py": LIB, "test_lib.py": TESTS.replace("{pattern}", "p")}
    project = make_project(files, level=Level.NONE)
    task = project.task("test_lib.py::test_double")
    right = project.candidate("lib.py", "n * 3", "n * 2")
    breaks = project.candidate("lib.py", "return n\n", "return n + 1\n")
    both = dataclasses.replace(right, edits=(*right.edits, *breaks.edits))
    for _ in range(3):
        verdict = project.oracle.validate(task, both)
        assert isinstance(verdict, Regressed)


def test_some_tests_can_be_run_again(make_project: MakeProject) -> None:
    files = {"lib.py": LIB, "test_lib.py": TESTS.replace("{pattern}", "pf")}
    project = make_project(files, level=Level.NONE)
    task, name = project.task(), "test_lib.py::test_now_and_then"
    runs = [project.oracle.repeat(task, [name], is_fresh=bool(n % 2)) for n in range(4)]
    assert [run.outcomes[name].value for run in runs] == ["failed", "passed"] * 2
    assert all(run.collected == {name} for run in runs)
