"""A question at the terminal: inside of pytest's capture, beside its spinner, and off the clock."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from pytest_gemmadev.doors.ask import WorkingClock, ask_person
from pytest_gemmadev.doors.progress import Progress, spin
from pytest_gemmadev.types import NEITHER, Answer, Question

QUESTION = Question("total([])", (Answer("0", (0,)), Answer("None", (1,)), Answer("[]", (2,))))


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        pytest.param("1\n", "0", id="the first"),
        pytest.param(" 3 \n", "[]", id="the last"),
        pytest.param("4\n", NEITHER, id="none of them"),
        pytest.param("\n", None, id="nothing"),
        pytest.param("", None, id="the end"),
        pytest.param("9\nx\n0\n1\n", None, id="no number, three times"),
        pytest.param("x\n2\n", "None", id="the second try"),
    ],
)
def test_answers(typed: str, answer: str | None) -> None:
    lines: list[str] = []
    assert ask_person(QUESTION, io.StringIO(typed).readline, lines.append) == answer
    assert lines[1:6] == [
        "gemmadev: `total([])`: 0, None or []?",
        "  1  0",
        "  2  None",
        "  3  []",
        "  4  none of them is right",
    ]


def test_the_clock_stands_still_while_a_person_thinks() -> None:
    clock = WorkingClock()
    assert clock.around(None) is None

    def think(_question: Question) -> str | None:
        time.sleep(0.3)
        return "0"

    asked = clock.around(think)
    assert asked is not None
    start_s, real_s = clock(), time.monotonic()
    assert asked(QUESTION) == "0"
    assert clock() - start_s < 0.2 < time.monotonic() - real_s


def test_the_spinner_gives_way() -> None:
    out = io.StringIO()
    with spin(Console(file=out, force_terminal=True, width=60)) as progress:
        progress("at [work]")
        assert progress.spinner is not None
        with progress.pause():
            out.truncate(0)
            time.sleep(0.3)
            assert "work" not in out.getvalue()
        time.sleep(0.3)
        assert "at [work]" in out.getvalue()
    with Progress().pause():
        Progress()("nothing is shown")


CONFTEST = """
from functools import partial
import pytest
from pytest_gemmadev.doors.ask import ask_in_session
from pytest_gemmadev.doors.progress import Progress
from pytest_gemmadev.types import Answer, Question

QUESTION = Question("total([])", (Answer("0", (0,)), Answer("None", (1,))))

@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    said = ask_in_session(session.config, QUESTION, progress=Progress())
    session.config.get_terminal_writer().line(f"said {said!r}")
    try:
        input()
    except (OSError, EOFError) as error:
        session.config.get_terminal_writer().line(f"then {type(error).__name__}")
"""


@pytest.mark.slow
@pytest.mark.parametrize("capture", ["fd", "sys", "no"])
def test_pytest_hands_over_its_terminal_meanwhile(tmp_path: Path, capture: str) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_a.py").write_text("def test_a(): print('noise')\n")
    command = [
        *(sys.executable, "-m", "pytest", "-q", f"--capture={capture}"),
        *("-p", "no:cacheprovider", "-p", "no:xdist"),
    ]
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = _read_until(ours, b"which is right?")
    os.write(ours, b"2\n")
    seen += _read_until(ours, b"passed" if capture != "no" else b"said")
    if capture == "no":
        os.write(ours, b"\n")
        seen += _read_until(ours, b"passed")
    assert process.wait(30) == 0
    os.close(ours)
    text = seen.decode().replace("\r\n", "\n")
    assert "gemmadev: `total([])`: 0 or None?\n  1  0\n  2  None\n" in text
    assert "said 'None'" in text
    assert ("then OSError" in text) is (capture != "no")  # captured again


@pytest.mark.slow
def test_nobody_is_asked_where_nobody_is_there(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_a.py").write_text("def test_a(): pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        command, cwd=tmp_path, input="1\n", capture_output=True, text=True, check=False
    )
    assert "said None" in done.stdout
    assert "which is right" not in done.stdout


def _read_until(terminal: int, word: bytes) -> bytes:
    """What comes out up to a word; raises where it does not come."""
    seen = b""
    end_s = time.monotonic() + 30
    while word not in seen:
        assert time.monotonic() < end_s, seen
        try:
            seen += os.read(terminal, 4096)
        except OSError:  # the other end was closed
            raise AssertionError(seen) from None
    return seen
