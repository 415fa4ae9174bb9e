"""``gemmadev apply`` with an answer, a new test, or a changed expectation; and what stays shut."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_gemmadev.doors import cli
from pytest_gemmadev.doors.last_failures import recall, remember
from pytest_gemmadev.text.diff import unified_diff
from pytest_gemmadev.types import (
    Answer,
    Candidate,
    Edit,
    ErrorKind,
    ErrorStack,
    Outcome,
    Question,
    RankedPatch,
    RepairReport,
    Status,
    SuspectTest,
)

CODE = b"def total(xs):\n    return sum(xs) + 1\n"
TEST = b"from shop.cart import total\n\n\ndef test_total():\n    assert total([1]) == 1\n"
FILES = {"src/shop/cart.py": CODE, "src/shop/__init__.py": b"", "tests/test_cart.py": TEST}
ZERO = CODE.replace(b"sum(xs) + 1", b"sum(xs)")
NONE = CODE.replace(b"sum(xs) + 1", b"sum(xs) or None")
QUESTION = Question("total([])", (Answer("0", (0,)), Answer("None", (1,))), "src/shop/cart.py")
CHANGED = TEST.replace(b"== 1", b"== 2")
SUSPECT = SuspectTest(
    "tests/test_cart.py", 5, "1", "2", ("it says so",),
    unified_diff("tests/test_cart.py", TEST, CHANGED),
)  # fmt: skip


def outcome(
    status: Status = Status.SUGGESTED,
    *,
    question: Question | None = QUESTION,
    suspect: SuspectTest | None = None,
    patches: bool = True,
    path: str = "src/shop/cart.py",
) -> Outcome:
    nodeid = "tests/test_cart.py::test_total"
    stack = ErrorStack(nodeid, "call", ErrorKind.ASSERTION, "AssertionError", "", ())
    ranked = tuple(
        RankedPatch(
            Candidate((Edit(path, 0, 0, ""),), "pattern:x", 0.0, "less"),
            unified_diff(path, FILES[path], new),
            rank,
            rank == 1,
            probability=0.5,
        )
        for rank, new in enumerate((ZERO, NONE), 1)
    )
    return Outcome(
        nodeid,
        stack,
        status,
        "it passes",
        ranked if patches else (),
        question=question,
        suspect_test=suspect,
    )


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"
    for path, data in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def left(project: Path) -> Callable[..., None]:
    """A function that leaves outcomes behind as the last run does."""

    def leave(*outcomes: Outcome) -> None:
        remember(project, RepairReport("none", "", 0, 1.0, outcomes, {}, ""), "pytest")

    return leave


def tree(project: Path) -> dict[str, bytes]:
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in sorted(project.rglob("*"))
        if path.is_file() and not {".gemmadev", "__pycache__"} & set(path.parts)
    }


def test_what_is_asked_and_suspected_is_remembered(
    project: Path, left: Callable[..., None]
) -> None:
    left(outcome(suspect=SUSPECT))
    last = recall(project)
    assert last is not None
    (failure,) = last.failures
    assert (failure.question, failure.suspect_test) == (QUESTION, SUSPECT)
    assert [patch.confidence.value for patch in failure.patches] == ["guess", "guess"]


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        pytest.param(["apply"], ZERO, id="the likeliest"),
        pytest.param(["apply", "1", "--answer", "1"], ZERO, id="the first answer"),
        pytest.param(["apply", "--answer=2"], NONE, id="the second"),
    ],
)
def test_the_patch_of_an_answer(
    argv: list[str], code: bytes, project: Path, left: Callable[..., None]
) -> None:
    left(outcome())
    assert cli.main(argv) == 0
    assert tree(project) == {**FILES, "src/shop/cart.py": code}
    assert cli.main(["undo"]) == 0
    assert tree(project) == FILES


@pytest.mark.slow
def test_the_answer_as_a_new_test_and_undo_takes_both_back(
    project: Path, left: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    left(outcome())
    assert cli.main(["apply", "1", "--answer", "2", "--test"]) == 0
    new = "tests/test_cart_total_gemmadev.py"
    assert f"made {project / new}\n" in capsys.readouterr().out
    text = (project / new).read_text()
    assert text == (
        "from shop.cart import total\n\n\n"
        "def test_total_answered():\n    assert total([]) is None\n"
    )  # fmt: skip
    assert (project / "src/shop/cart.py").read_bytes() == NONE
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-o", "pythonpath=src", "-p", "no:cacheprovider"],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "2 passed" in ran.stdout, ran.stdout
    assert cli.main(["undo"]) == 0
    out = capsys.readouterr().out
    assert f"removed {project / new}\n" in out
    assert "(gemmadev apply 1 --test)" in out
    assert tree(project) == FILES


def test_a_test_that_is_there_is_never_overwritten(
    project: Path, left: Callable[..., None]
) -> None:
    left(outcome())
    mine = project / "tests/test_cart_total_gemmadev.py"
    mine.write_text("# mine\n")
    assert cli.main(["apply", "--answer", "1", "--test"]) == 0
    assert mine.read_text() == "# mine\n"
    assert "== 0" in (project / "tests/test_cart_total_gemmadev_2.py").read_text()


def test_the_changed_expectation_is_written_when_asked_for(
    project: Path, left: Callable[..., None]
) -> None:
    left(outcome(Status.TEST_SUSPECT, question=None, suspect=SUSPECT, patches=False))
    assert cli.main(["apply", "1", "--test"]) == 0
    assert tree(project) == {**FILES, "tests/test_cart.py": CHANGED}
    assert cli.main(["undo"]) == 0
    assert tree(project) == FILES


@pytest.mark.parametrize(
    ("found", "argv", "message"),
    [
        pytest.param(
            outcome(), ["--test"],
            "`total([])`: 0 or None? Say which is right: --answer 1 for 0, --answer 2 for None",
            id="no answer for the test",
        ),
        pytest.param(outcome(), ["--answer", "3"], "--answer 3: there are 2", id="no such answer"),
        pytest.param(
            outcome(question=None), ["--answer", "1"], "has no question to answer", id="no question"
        ),
        pytest.param(
            outcome(question=None), ["--test"], "has no change of a test to apply", id="no test"
        ),
        pytest.param(
            outcome(question=replace(QUESTION, path="")), ["--answer", "1", "--test"],
            "total([]) cannot be written as a test", id="no file is known",
        ),
        pytest.param(
            outcome(Status.TEST_SUSPECT, question=None, suspect=SUSPECT, patches=False), [],
            "is a change of a test: gemmadev apply 1 --test writes it", id="only the test",
        ),
        pytest.param(
            outcome(path="tests/test_cart.py", question=None), [],
            "tests/test_cart.py is a test or configuration", id="a patch of a test",
        ),
        pytest.param(
            outcome(question=None, suspect=replace(SUSPECT, file="tests/test_other.py")),
            ["--test"], "tests/test_cart.py is a test or configuration", id="another test",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_changes_nothing(
    found: Outcome,
    argv: list[str],
    message: str,
    project: Path,
    left: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    left(found)
    assert cli.main(["apply", "1", *argv]) == 1
    assert message in capsys.readouterr().err
    assert tree(project) == FILES


def test_several_say_what_they_are(
    project: Path, left: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    left(
        outcome(),
        replace(
            outcome(Status.TEST_SUSPECT, question=None, suspect=SUSPECT, patches=False),
            nodeid="tests/test_cart.py::test_other",
        ),
    )
    assert cli.main(["apply"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "1 tests/test_cart.py::test_total: less (guess, 50 %)",
        "  it passes",
        "  which is right? `total([])`: 0 or None?; --answer K says",
        "2 tests/test_cart.py::test_other: is the test at fault?",
        "  tests/test_cart.py:5 expects 1, the code gives 2; --test changes the test",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "status", "code"),
    [
        pytest.param("2\n", 0, NONE, id="a number"),
        pytest.param("what\n1\n", 0, ZERO, id="at the second try"),
        pytest.param("3\n", 1, CODE, id="neither"),
        pytest.param("\n", 1, CODE, id="no answer"),
        pytest.param("", 1, CODE, id="the end of the input"),
    ],
)
def test_a_person_is_asked_on_a_terminal(
    typed: str,
    status: int,
    code: bytes,
    project: Path,
    left: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    left(outcome())
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    assert cli.main(["apply"]) == status
    assert (project / "src/shop/cart.py").read_bytes() == code
    out = capsys.readouterr().out
    assert "gemmadev: `total([])`: 0 or None?\n  1  0\n  2  None\n  3  neither is right\n" in out
