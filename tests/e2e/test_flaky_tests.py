"""Whole runs on projects with tests whose names are others in each run."""

from __future__ import annotations

import pytest

LIB = "def double(n):\n    return n * 3\n\n\ndef same(n):\n    return n\n"
TESTS = """
import time
import pytest
from lib import double, same

def test_double():
    assert double(2) == 4
    assert double(5) == 10

@pytest.mark.parametrize("n", [time.time_ns(), 1])
def test_same(n):
    assert same(n) == n
"""


@pytest.mark.slow
def test_a_repair_stays_where_a_node_id_holds_the_time(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(lib=LIB, test_lib=TESTS)
    result = pytester.runpytest_subprocess("--gemmadev-fix", "--gemmadev-model=none")
    assert result.ret == pytest.ExitCode.OK
    assert "return n * 2" in (pytester.path / "lib.py").read_text()
    result.stdout.fnmatch_lines(["*1 of 1 failure repaired*"])


CHAINED = """
from lib import double, same

STATE = []

def test_first():
    STATE.append(same(3))

def test_second():
    assert STATE == [3]

def test_double():
    assert double(2) == 4
    assert double(5) == 10
"""
SHARED = """FACTOR = 3

def double(n):
    return n * FACTOR

def same(n):
    return n * FACTOR // 3
"""


@pytest.mark.slow
def test_a_test_that_fails_alone_is_lost_all_the_same(pytester: pytest.Pytester) -> None:
    """Another constant would turn the failing test green, and the chained one red."""
    pytester.makepyfile(lib=SHARED, test_lib=CHAINED)
    pytester.runpytest_subprocess("--gemmadev-fix", "--gemmadev-model=none")
    assert (pytester.path / "lib.py").read_text().startswith("FACTOR = 3\n")
    result = pytester.runpytest_subprocess("-p", "no:gemmadev")
    result.stdout.no_fnmatch_line("FAILED*test_second*")
    result.stdout.fnmatch_lines(["* passed*"])
