"""Changes that make a file: all of it or nothing, and undone, the file is gone."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_gemmadev.files import exchange, journal
from pytest_gemmadev.files.commit import Change, write
from pytest_gemmadev.types import GemmadevError

OLD = {"a.py": b"one\n"}
NEW = {"a.py": b"ONE\n", "tests/test_new.py": b"def test():\n    pass\n"}
EXPECTED = {"a.py": OLD["a.py"], "tests/test_new.py": None}
TOUCHING = {"open", "os.rename", "os.remove", "os.link", "os.mkdir", "os.chmod", "os.utime"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "fsync", lambda _handle: None)
    (tmp_path / "tests").mkdir()
    (tmp_path / "a.py").write_bytes(OLD["a.py"])
    return tmp_path


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and journal.FOLDER not in path.parts
    }


def commit(root: Path) -> str:
    return journal.commit(root, NEW, note="x", expected=EXPECTED)


def test_a_file_is_made_and_undo_removes_it(root: Path) -> None:
    commit(root)
    assert tree(root) == NEW
    mask = os.umask(0)
    os.umask(mask)
    assert (root / "tests/test_new.py").stat().st_mode & 0o777 == 0o666 & ~mask
    result = journal.undo(root)
    assert (result.restored, result.removed) == (("a.py", "tests/test_new.py"),
                                                 ("tests/test_new.py",))  # fmt: skip
    assert tree(root) == OLD
    assert result.rescued == ()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        pytest.param("tests/test_there.py", "is there already", id="a file is there"),
        pytest.param("tests/dangling.py", "is there already", id="a link to nothing"),
        pytest.param("nowhere/test_new.py", "its folder is not there", id="no folder"),
        pytest.param("../test_new.py", "lies outside", id="outside"),
        pytest.param(".gemmadev/test_new.py", "is no file of the project", id="the journal"),
    ],
)
def test_what_is_not_made(root: Path, path: str, message: str) -> None:
    (root / "tests/test_there.py").write_bytes(b"mine\n")
    (root / "tests/dangling.py").symlink_to(root / "nothing.py")
    before = tree(root)
    changes = {"a.py": NEW["a.py"], path: b"x = 1\n"}
    with pytest.raises(GemmadevError, match=message):
        journal.commit(root, changes, note="", expected={"a.py": OLD["a.py"], path: None})
    assert tree(root) == before


def test_a_file_that_somebody_makes_in_the_very_moment_stays(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = exchange.place

    def beaten(fresh: Path, target: Path) -> None:
        target.write_bytes(b"theirs\n")
        place(fresh, target)

    monkeypatch.setattr(exchange, "place", beaten)
    with pytest.raises(GemmadevError, match="saved by somebody else in the very moment"):
        commit(root)
    assert tree(root) == {**OLD, "tests/test_new.py": b"theirs\n"}


def test_what_was_written_into_it_since_is_kept(root: Path) -> None:
    commit(root)
    (root / "tests/test_new.py").write_bytes(b"def test_mine():\n    pass\n")
    with pytest.raises(GemmadevError, match=r"tests/test_new.py: changed since the repair"):
        journal.undo(root)
    result = journal.undo(root, force=True)
    assert tree(root) == OLD
    assert [(root / copy).read_bytes() for copy in result.rescued] == [
        b"def test_mine():\n    pass\n"
    ]


def test_one_that_was_removed_by_hand_is_no_obstacle(root: Path) -> None:
    commit(root)
    (root / "tests/test_new.py").unlink()
    assert journal.undo(root).restored == ("a.py",)
    assert tree(root) == OLD


def test_it_goes_through_the_door_of_all_changes(root: Path) -> None:
    assert write(Change(root, NEW, EXPECTED, "x"), confirm=lambda: "no") == (
        "no; everything was put back"
    )
    assert tree(root) == OLD
    assert write(Change(root, NEW, EXPECTED, "x")) == ""
    assert tree(root) == NEW
    assert "is there already" in write(Change(root, NEW, EXPECTED, "x"))


def test_what_is_made_is_no_repair_for_the_record(root: Path) -> None:
    (root / ".gemmadev").mkdir()
    (root / ".gemmadev/record.jsonl").touch()
    commit(root)
    assert "test_new" not in (root / ".gemmadev/record.jsonl").read_text()
    assert "ONE" in (root / ".gemmadev/record.jsonl").read_text()


def killed(action: Callable[[], object], step: int) -> bool:
    """Runs ``action`` in a child that is killed at its ``step``-th system call on a file."""
    pid = os.fork()
    if pid == 0:
        calls = itertools.count(1)

        def kill(event: str, _arguments: tuple[object, ...]) -> None:
            if event in TOUCHING and next(calls) == step:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(kill)
            action()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


@pytest.mark.slow
def test_a_kill_at_any_step_leaves_the_old_tree_or_the_new_one(root: Path) -> None:
    seen = set()
    for step in itertools.count(1):
        if not killed(lambda: commit(root), step):
            break
        torn = tree(root) not in (OLD, NEW)
        journal.recover(root)
        assert tree(root) in (OLD, NEW)
        seen.add((torn, tree(root) == NEW))
        if tree(root) == NEW:
            journal.undo(root)
        assert tree(root) == OLD
    assert tree(root) == NEW
    assert {(True, False), (False, True)} <= seen


@pytest.mark.slow
def test_an_undo_killed_at_any_step_is_finished_or_did_not_begin(root: Path) -> None:
    torn = 0
    for step in itertools.count(1):
        if tree(root) == OLD:
            commit(root)
        if not killed(lambda: journal.undo(root), step):
            break
        torn += tree(root) not in (OLD, NEW)
        journal.recover(root)
        assert tree(root) in (OLD, NEW)
    assert tree(root) == OLD
    assert torn
