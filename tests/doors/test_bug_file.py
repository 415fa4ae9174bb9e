"""The file for tracebacks of the plugin's own bugs."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_gemmadev.capture.bug_log import LOGGER, log_bug
from pytest_gemmadev.doors import bug_file
from pytest_gemmadev.doors.bug_file import BugFile


@pytest.fixture
def file(tmp_path: Path) -> Iterator[BugFile]:
    file = BugFile(tmp_path / "log" / "20260101-000000-1.log")
    LOGGER.addHandler(file)
    yield file
    file.stop()


def fail(message: str = "a bug") -> None:
    try:
        raise ZeroDivisionError(message)
    except ZeroDivisionError as error:
        log_bug("doing something", error)


def test_it_is_made_with_the_first_bug_for_its_user_alone(file: BugFile) -> None:
    assert not file.is_written
    assert not file.path.parent.exists()
    fail()
    assert file.is_written
    assert file.path.stat().st_mode & 0o777 == 0o600


def test_it_says_what_runs_and_then_each_bug(file: BugFile) -> None:
    fail("one")
    fail("another")
    head, *lines = file.path.read_text("utf-8").splitlines()
    assert head.startswith("pytest-gemmadev ")
    assert sum(line.endswith(" doing something") for line in lines) == 2
    assert lines.count("Traceback (most recent call last):") == 2
    assert lines[-1] == "ZeroDivisionError: another"


def test_what_is_no_utf_8_is_escaped(file: BugFile) -> None:
    record = LOGGER.makeRecord("x", logging.ERROR, "", 0, "told \udc80", (), None)
    file.handle(record)  # not through the logger: pytest would send it along with the report
    assert file.path.read_text("utf-8").endswith("told \\udc80\n")


def test_a_project_that_switches_logging_off_does_not_switch_this_off(file: BugFile) -> None:
    logging.disable(logging.CRITICAL)
    LOGGER.disabled = True  # as `logging.config.dictConfig` leaves it
    try:
        fail()
    finally:
        logging.disable(logging.NOTSET)
    assert file.is_written


def test_the_projects_handlers_do_not_hear_of_it(file: BugFile) -> None:
    heard: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = heard.append  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        fail()
    finally:
        logging.getLogger().removeHandler(handler)
    assert heard == []


def test_after_the_end_nothing_is_logged(file: BugFile) -> None:
    file.stop()
    fail()
    assert not file.is_written


def test_where_it_cannot_be_written_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file in the place of the folder")
    file = BugFile(tmp_path / "log" / "1.log")
    LOGGER.addHandler(file)
    fail()
    file.stop()
    assert not file.is_written


def test_the_files_of_the_last_runs_are_kept(
    file: BugFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bug_file, "KEPT", 2)
    file.path.parent.mkdir()
    for year in (2023, 2024, 2025):
        (file.path.parent / f"{year}0101-000000-1.log").touch()
    fail()
    file.stop()
    assert sorted(path.name for path in file.path.parent.iterdir()) == [
        "20250101-000000-1.log",
        file.path.name,
    ]


def test_a_run_without_bugs_removes_nothing(file: BugFile) -> None:
    file.path.parent.mkdir()
    for number in range(bug_file.KEPT + 5):
        (file.path.parent / f"2020-{number:03d}.log").touch()
    file.stop()
    assert len(os.listdir(file.path.parent)) == bug_file.KEPT + 5
