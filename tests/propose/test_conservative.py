"""What is not tried, and what is believed less, where nothing but a run decides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from pytest_gemmadev.propose.conservative import Careful
from pytest_gemmadev.types import Candidate, Edit, ErrorKind, ErrorStack, Frame, RepairTask, Role

SOURCE = """\
def half(n):
    for x in [n]:
        if x % 2:
            raise ValueError(n)
    assert n < 9, n
    return n // 2
"""


@dataclass
class Fixed:
    candidate: Candidate
    name: str = "fixed"

    def propose(self, _task: RepairTask) -> Iterator[Candidate]:
        yield self.candidate


def priors(old: str, new: str, *, origin: str = "rule:x", line: int = 6) -> list[float]:
    frame = Frame("m.py", line, "half", Role.SOURCE)
    stack = ErrorStack("m.py", "run", ErrorKind.VALUE, "ValueError", "", (frame,))
    task = RepairTask((stack,), ("m.py",), frozenset(), {"m.py": SOURCE}, {})
    at = SOURCE.index(old)
    candidate = Candidate((Edit("m.py", at, at + len(old), new),), origin, 0.0)
    return [each.prior for each in Careful(Fixed(candidate)).propose(task)]


@pytest.mark.parametrize(
    ("old", "new", "origin", "left"),
    [
        pytest.param("n // 2", "n / 2", "rule:x", [0.0], id="a rule"),
        pytest.param("n // 2", "n / 2", "pattern:x", [-1.5], id="a guess"),
        pytest.param("n // 2", "n // 2 if n else 0", "rule:x", [-1.0], id="a guard"),
        pytest.param("return n // 2", "pass", "rule:x", [0.0], id="one way out for another"),
        pytest.param("    return n // 2\n", "", "rule:x", [-3.0], id="code left out"),
        pytest.param("x % ", "", "rule:x", [-3.0], id="part of an expression left out"),
        pytest.param("l", "", "rule:x", [0.0], id="a letter of a name left out"),
        pytest.param("rn", "", "rule:x", [0.0], id="letters at the end of a name"),
        pytest.param("for x", "return 0\n    for x", "rule:x", [-3.0], id="code skipped"),
        pytest.param("return n", "try:\n  n\nexcept E: n", "rule:x", [], id="an error swallowed"),
    ],
)
def test_doubts(old: str, new: str, origin: str, left: list[float]) -> None:
    assert priors(old, new, origin=origin) == left


@pytest.mark.parametrize(
    ("old", "line", "tried"),
    [
        pytest.param("ValueError(n)", 4, False, id="what raises"),
        pytest.param("x % 2", 4, False, id="its condition"),
        pytest.param("[n]", 4, False, id="its loop"),
        pytest.param("n < 9", 5, False, id="an assertion"),
        pytest.param("n // 2", 4, True, id="elsewhere"),
        pytest.param("x % 2", 6, True, id="another error"),
    ],
)
def test_what_refuses_its_input_stays(old: str, line: int, tried: bool) -> None:
    assert bool(priors(old, "n", line=line)) is tried
