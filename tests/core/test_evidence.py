"""What is held against plausible patches: lines that no test runs any more."""

from __future__ import annotations

import pytest

from pytest_gemmadev.core.evidence import EVADED, doubt
from pytest_gemmadev.core.types import (
    Edit,
    ErrorKind,
    ErrorStack,
    Frame,
    RepairTask,
    Role,
    Spectrum,
)

SOURCE = """\
def fee(days):
    if days > 27:
        total = days * rte
        return total
    return 0
"""


def task(kind: ErrorKind = ErrorKind.NAME) -> RepairTask:
    frame = Frame("fee.py", 3, "fee", Role.SOURCE)
    stack = ErrorStack("t::long", "call", kind, "NameError", "name 'rte'", (frame,))
    return RepairTask((stack,), ("t::long",), frozenset({"t::short"}), {"fee.py": SOURCE}, {})


def spectra(**lines: tuple[int, ...]) -> dict[str, Spectrum]:
    return {
        f"t::{name}": Spectrum(True, frozenset(("fee.py", n) for n in numbers))
        for name, numbers in lines.items()
    }


BEFORE = spectra(long=(2, 3), short=(2, 5))


def edit(old: str, new: str) -> Edit:
    at = SOURCE.index(old)
    return Edit("fee.py", at, at + len(old), new)


@pytest.mark.parametrize(
    ("change", "after"),
    [
        pytest.param(edit("rte", "25"), spectra(long=(2, 3, 4), short=(2, 5)), id="in the line"),
        pytest.param(
            edit("    if", "    rte = 1\n    if"),
            spectra(long=(2, 3, 4, 5), short=(2, 3, 6)),
            id="a line before it",
        ),
        pytest.param(edit("> 27", "> 30"), spectra(long=(2, 5), short=(2, 3, 4)), id="other test"),
        pytest.param(edit("rte", "25"), {}, id="nothing known"),
    ],
)
def test_what_still_runs_the_same_lines_is_not_doubted(
    change: Edit, after: dict[str, Spectrum]
) -> None:
    assert doubt(task(), (change,), BEFORE, after) == 0


def test_stepping_around_the_line_that_raised_is_doubted() -> None:
    after = spectra(long=(2, 5), short=(2, 5))
    assert doubt(task(), (edit(">", "<"),), BEFORE, after) > EVADED


def test_losing_lines_counts_less_where_nothing_was_raised_there() -> None:
    after = spectra(long=(2, 5), short=(2, 5))
    found = doubt(task(ErrorKind.ASSERTION), (edit(">", "<"),), BEFORE, after)
    assert 0 < found < doubt(task(), (edit(">", "<"),), BEFORE, after)
