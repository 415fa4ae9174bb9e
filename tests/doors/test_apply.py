"""``gemmadev apply``: what was suggested and not written, written when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_gemmadev.doors import cli
from pytest_gemmadev.doors.last_failures import FAILURES, recall, remember
from pytest_gemmadev.text.diff import unified_diff
from pytest_gemmadev.types import (
    Candidate,
    Edit,
    ErrorKind,
    ErrorStack,
    Outcome,
    RankedPatch,
    RepairReport,
    Status,
)

OLD = {"a.py": b"import os\r\nos.remove(a)\r\n", "b.py": b"import os\nos.remove(b)\n"}
NEW = {"a.py": b"import os\r\nos.remove(x)\r\n", "b.py": b"import os\nos.remove(y)\n"}


def outcome(path: str, status: Status, reason: str = "it may destroy something") -> Outcome:
    nodeid = f"test_{path}::test"
    stack = ErrorStack(nodeid, "call", ErrorKind.NAME, "NameError", "", ())
    edit = Edit(path, 0, 0, "")
    patches = [
        RankedPatch(Candidate((edit,), "rule:other", 0.0), "", 2, False),
        RankedPatch(
            Candidate((edit,), "rule:x", 0.0, f"another name in {path}"),
            unified_diff(path, OLD[path], NEW[path]),
            1,
            True,
            probability=0.9,
        ),
    ]
    found = tuple(patches) if status is not Status.UNREPAIRED else ()
    return Outcome(nodeid, stack, status, reason, found)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"
    (root / "deep").mkdir(parents=True)
    for path, data in OLD.items():
        (root / path).write_bytes(data)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def left(project: Path) -> Callable[..., None]:
    """A function that leaves outcomes behind as the last run does."""

    def leave(*outcomes: Outcome) -> None:
        report = RepairReport("none", "", 0, 1.0, outcomes, {}, "")
        remember(project, report, "pytest --gemmadev-fix")

    return leave


def files(project: Path) -> dict[str, bytes]:
    return {path: (project / path).read_bytes() for path in OLD}


def test_the_only_suggestion_is_written_and_undone(
    project: Path,
    left: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    left(outcome("b.py", Status.REPAIRED), outcome("a.py", Status.SUGGESTED))
    monkeypatch.chdir(project / "deep")
    assert cli.main(["apply"]) == 0
    assert files(project) == {**OLD, "a.py": NEW["a.py"]}
    assert f"changed {project / 'a.py'}\n" in capsys.readouterr().out
    assert cli.main(["undo"]) == 0
    assert files(project) == OLD
    assert "(gemmadev apply 1)" in capsys.readouterr().out


def test_several_are_listed_and_one_is_chosen(
    project: Path, left: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    left(outcome("a.py", Status.SUGGESTED), outcome("b.py", Status.SUGGESTED, "it removes b"))
    assert cli.main(["apply"]) == 1
    assert files(project) == OLD
    assert capsys.readouterr().out.splitlines() == [
        "1 test_a.py::test: another name in a.py (likely, 90 %)",
        "  it may destroy something",
        "2 test_b.py::test: another name in b.py (likely, 90 %)",
        "  it removes b",
    ]
    assert cli.main(["apply", "2"]) == 0
    assert files(project) == {**OLD, "b.py": NEW["b.py"]}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param(["apply", "2"], "no suggestion 2: there is 1", id="no such number"),
        pytest.param(["apply", "0"], "no suggestion 0: there is 1", id="zero"),
        pytest.param(["apply", "--test"], "no change of a test to apply", id="a test"),
        pytest.param(["apply", "--root", "nowhere"], "no such folder", id="no such project"),
    ],
)
def test_what_cannot_be_applied(
    argv: list[str],
    message: str,
    project: Path,
    left: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    left(outcome("a.py", Status.SUGGESTED))
    assert cli.main(argv) == 1
    assert message in capsys.readouterr().err
    assert files(project) == OLD
    assert not (project / ".gemmadev").exists()


@pytest.mark.parametrize(
    ("now", "message"),
    [
        pytest.param(OLD["a.py"] + b"# mine\r\n", "", id="further down"),
        pytest.param(b"# mine\r\n" + OLD["a.py"], "a.py is not what it was", id="lines before"),
        pytest.param(NEW["a.py"], "in the files already; gemmadev undo", id="applied before"),
    ],
)
def test_a_file_that_has_changed(
    now: bytes,
    message: str,
    project: Path,
    left: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    left(outcome("a.py", Status.SUGGESTED))
    (project / "a.py").write_bytes(now)
    status = cli.main(["apply"])
    if not message:
        assert status == 0, capsys.readouterr().err
        assert (project / "a.py").read_bytes() == now.replace(b"(a)", b"(x)")
        return
    assert status == 1
    assert message in capsys.readouterr().err
    assert (project / "a.py").read_bytes() == now


def test_nothing_was_suggested(
    project: Path, left: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["apply"]) == 1
    assert "no run that looked for repairs is known of" in capsys.readouterr().err
    left(outcome("a.py", Status.REPAIRED), outcome("b.py", Status.UNREPAIRED))
    assert cli.main(["apply"]) == 1
    assert "has suggested nothing that it did not write" in capsys.readouterr().err
    assert files(project) == OLD


def test_suggestions_are_remembered_however_many_failures_there_are(
    project: Path, left: Callable[..., None]
) -> None:
    many = [outcome("b.py", Status.UNREPAIRED)] * (FAILURES + 5)
    left(*many, outcome("a.py", Status.SUGGESTED))
    last = recall(project)
    assert last is not None
    assert [f.status for f in last.failures] == [*["unrepaired"] * FAILURES, "suggested"]
