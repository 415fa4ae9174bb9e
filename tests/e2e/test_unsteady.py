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


def test_a_repair_stays_where_a_node_id_holds_the_time(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(lib=LIB, test_lib=TESTS)
    result = pytester.runpytest_subprocess("--gemmadev-fix", "--gemmadev-model=none")
    assert result.ret == pytest.ExitCode.OK
    assert "return n * 2" in (pytester.path / "lib.py").read_text()
    result.stdout.fnmatch_lines(["*1 of 1 failure repaired*"])
