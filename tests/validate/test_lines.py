"""Which code and which lines ran."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from pytest_gemmadev.validate.child.tracing import CodeRecorder, LineRecorder

SOURCE = """\
def f(x):
    if x:
        return 1
    return 2
def never():
    return 3
"""


def load(path: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(SOURCE, path, "exec"), names)
    return names


def traced(wanted: Callable[[str], bool], *calls: tuple[Any, int]) -> list[set[tuple[str, int]]]:
    tracer = LineRecorder(wanted, lambda path: path == "/x/reporter.py")
    found = []
    for function, argument in calls:
        tracer.start()
        function(argument)
        found.append(set(tracer.stop()))
    return found


def test_lines_of_each_run_by_themselves() -> None:
    f = load("/x/wanted.py")["f"]
    assert traced(lambda path: path == "/x/wanted.py", (f, 1), (f, 0), (f, 1)) == [
        {("/x/wanted.py", 2), ("/x/wanted.py", 3)},
        {("/x/wanted.py", 2), ("/x/wanted.py", 4)},
        {("/x/wanted.py", 2), ("/x/wanted.py", 3)},
    ]


def test_other_files_are_not_traced() -> None:
    assert traced(lambda path: False, (load("/x/other.py")["f"], 1)) == [set()]


REPORTER = """\
def plainly(f):
    return f(1)
def by_an_error(f):
    f(1)
    raise ValueError
def piecewise(f):
    yield f(1)
    yield f(1)
"""


@pytest.mark.parametrize("name", ["plainly", "by_an_error", "piecewise"])
def test_what_runs_for_a_reporter_is_not_counted(name: str) -> None:
    f = load("/x/wanted.py")["f"]
    names: dict[str, Any] = {}
    exec(compile(REPORTER, "/x/reporter.py", "exec"), names)

    def report_and_go_on(argument: int) -> None:
        with suppress(ValueError):
            values = names[name](f)
            if name == "piecewise":
                next(values)
                f(argument)
                next(values)
        f(argument)

    places = traced(lambda path: path == "/x/wanted.py", (report_and_go_on, 0))
    assert places == [{("/x/wanted.py", 2), ("/x/wanted.py", 4)}]


def test_code_that_ran() -> None:
    names = load("/x/ran.py")
    ran = CodeRecorder()
    ran.start()
    names["f"](1)
    ran.stop()
    names["never"]()
    assert ran.is_complete
    assert id(names["f"].__code__) in ran.codes
    assert id(names["never"].__code__) not in ran.codes
