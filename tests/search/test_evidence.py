"""What is held against plausible patches: lines that no test runs any more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_gemmadev.search.evidence import evidence_against
from pytest_gemmadev.search.limits import DEFAULT
from pytest_gemmadev.types import Edit, ErrorKind, ErrorStack, Frame, RepairTask, Role, Spectrum

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
    return RepairTask(
        (stack,), ("t::long",), frozenset({"t::short"}), {"fee.py": SOURCE}, {}, spectra=BEFORE
    )


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
    assert evidence_against(task(), (change,), after) == 0


@pytest.mark.parametrize("kind", [ErrorKind.NAME, ErrorKind.TIMEOUT])
def test_stepping_around_the_line_that_raised_or_hung_is_doubted(kind: ErrorKind) -> None:
    after = spectra(long=(2, 5), short=(2, 5))
    assert evidence_against(task(kind), (edit(">", "<"),), after) > DEFAULT.evaded


WRAPPING = """\
def fee(days):
    try:
        return days * rte
    except Exception as error:
        raise ValueError("no fee") from error
"""


@pytest.mark.parametrize("how", ["cause", "group"])
def test_a_raise_that_passes_an_error_on_may_be_left_without_a_reason(how: str) -> None:
    inner, outer = (
        ErrorStack("t::long", "call", kind, error, "", (Frame("fee.py", line, "fee", Role.SOURCE),))
        for kind, error, line in (
            (ErrorKind.NAME, "NameError", 3),
            (ErrorKind.VALUE, "ValueError", 5),
        )
    )
    outer = replace(outer, cause=inner) if how == "cause" else replace(outer, group=(inner,))
    wrapped = RepairTask((outer,), ("t::long",), frozenset(), {"fee.py": WRAPPING}, {})
    wrapped = replace(wrapped, spectra=spectra(long=(2, 3, 4, 5)))

    def against(old: str, new: str, *ran: int) -> float:
        at = WRAPPING.index(old)
        change = Edit("fee.py", at, at + len(old), new)
        return evidence_against(wrapped, (change,), spectra(long=ran))

    assert against("rte", "25", 2, 3) < DEFAULT.evaded
    assert against("try:", "return 0", 2) > DEFAULT.evaded


def test_losing_lines_counts_less_where_nothing_was_raised_there() -> None:
    after = spectra(long=(2, 5), short=(2, 5))
    found = evidence_against(task(ErrorKind.ASSERTION), (edit(">", "<"),), after)
    assert 0 < found < evidence_against(task(), (edit(">", "<"),), after)


@pytest.mark.parametrize("replacement", ["", "pass\n"])
def test_taking_out_several_lines_that_were_run_is_doubted(replacement: str) -> None:
    body = SOURCE[SOURCE.index("if days") : SOURCE.index("return 0")].rstrip(" ")
    after = spectra(long=(2, 3), short=(2, 3))
    assert evidence_against(task(), (edit(body, replacement),), after) > DEFAULT.evaded
    one = edit("        total = days * rte\n", "")
    assert evidence_against(task(), (one,), spectra(long=(2, 3), short=(2, 4))) == 0
