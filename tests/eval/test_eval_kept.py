"""What becomes of the files that tests write, told apart from what a repair may change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from eval.bench.kept import strays, without_outputs
from eval.bench.repair import judge
from eval.cases.case import Case, load_cases
from eval.cases.tests import run_tests, visible_command
from eval.report.result import Score

WRITERS = load_cases(Path(__file__).parents[2] / "eval" / "data" / "writers")
CASE = Case(
    id="log/one",
    slice="log",
    kinds=(),
    project={"m.py": b"old", "log": b"0", "data": b"1"},
    hidden={},
    reference={"m.py": b"new"},
    buggy_files=("m.py",),
    visible_tests=("test_m.py",),
    hidden_tests=(),
    command=(),
    writes=("log", "out"),
)


def tests(folder: Path, argv: Sequence[str], stop: Event | None) -> None:
    """Tests that log what the module is, and how often they ran."""
    old = (folder / "log").read_bytes()
    (folder / "log").write_bytes(old + (folder / "m.py").read_bytes())


tests.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("after", "found"),
    [
        pytest.param({}, (), id="as it was"),
        pytest.param({"m.py": b"new"}, (), id="a source is not meant"),
        pytest.param({"m.py": b"new", "log": b"0old"}, (), id="one plain run"),
        pytest.param({"m.py": b"new", "log": b"0oldnew"}, (), id="and one of the repair"),
        pytest.param({"m.py": b"new", "log": b"0oldoldnew"}, ("log",), id="a candidate wrote"),
        pytest.param({"data": b"2"}, ("data",), id="what no test writes"),
        pytest.param({"out/a": b""}, ("out/a",), id="a new one"),
    ],
)
def test_strays(after: dict[str, bytes], found: tuple[str, ...]) -> None:
    assert strays(CASE, {**CASE.project, **after}, (), tests) == found


def test_a_file_that_is_gone_is_a_stray() -> None:
    assert strays(CASE, {"m.py": b"old", "log": b"0"}, (), tests) == ("data",)
    assert strays(replace(CASE, writes=()), {"m.py": b"old", "log": b"0"}, (), tests) == ("data",)


def test_what_tests_write_is_no_part_of_a_repair() -> None:
    after = {"m.py": b"new", "log": b"9", "out/a": b"1", "data": b"2"}
    assert without_outputs(CASE, after) == {"m.py": b"new", "log": b"0", "data": b"2"}
    assert without_outputs(replace(CASE, writes=()), after) == after


def test_there_are_cases_whose_tests_write() -> None:
    assert len(WRITERS) >= 16
    assert sum(bool(case.writes) for case in WRITERS) >= 8
    assert all(case.is_output(path) for case in WRITERS for path in case.writes)


@pytest.mark.slow
@pytest.mark.parametrize("case", WRITERS[::3], ids=lambda case: case.id)
def test_they_are_sound(case: Case) -> None:
    missing = case.missing_deps()
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    assert run_tests(case.project, visible_command(case)).status == 1
    assert judge(case, case.fixed) == (Score.CORRECT, "")
