"""The one door into the user's files."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_gemmadev.files import journal
from pytest_gemmadev.files.commit import Change, write
from pytest_gemmadev.types import GemmadevError

OLD = {"a.py": b"one\n", "b.py": b"two\n"}
NEW = {"a.py": b"ONE\n", "b.py": b"TWO\n"}


@pytest.fixture
def change(tmp_path: Path) -> Change:
    for name, data in OLD.items():
        (tmp_path / name).write_bytes(data)
    return Change(tmp_path, NEW, OLD, "a test")


def tree(change: Change) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in change.root.glob("*.py")}


def notes(error: BaseException) -> str:
    return "; ".join(getattr(error, "__notes__", ()))


def test_what_is_confirmed_stays(change: Change) -> None:
    assert write(change, confirm=lambda: "" if tree(change) == NEW else "not there") == ""
    assert tree(change) == NEW
    assert journal.undo(change.root).note == "a test"
    assert tree(change) == OLD


def test_what_is_not_confirmed_is_put_back(change: Change) -> None:
    assert write(change, confirm=lambda: "no") == "no; everything was put back"
    assert tree(change) == OLD


def test_a_file_that_was_changed_since_it_was_read_is_left(change: Change) -> None:
    (change.root / "b.py").write_bytes(b"by hand")
    asked = []
    reason = write(change, confirm=lambda: asked.append(1) or "")  # type: ignore[func-returns-value]
    assert reason == "b.py was changed by somebody else meanwhile; nothing was written"
    assert tree(change) == {**OLD, "b.py": b"by hand"}
    assert asked == []


def test_putting_back_that_fails_is_told_and_not_raised(change: Change) -> None:
    def spoil() -> str:
        (change.root / "b.py").write_bytes(b"by hand")
        return "the final run disagreed"

    reason = write(change, confirm=spoil)
    assert reason.startswith("the final run disagreed; it could not be put back: b.py: changed")
    assert "gemmadev undo --force" in reason
    assert tree(change) == {**NEW, "b.py": b"by hand"}


def test_what_was_written_since_by_another_repair_is_not_undone(change: Change) -> None:
    def another() -> str:
        journal.commit(change.root, {"b.py": b"other"}, note="another")
        return "no"

    assert "something else was written since" in write(change, confirm=another)
    assert tree(change) == {**NEW, "b.py": b"other"}


@pytest.mark.parametrize("spoiled", [False, True], ids=["put back", "cannot be put back"])
def test_an_error_of_the_confirmation_survives_with_a_note(change: Change, spoiled: bool) -> None:
    def fail() -> str:
        if spoiled:
            (change.root / "b.py").write_bytes(b"by hand")
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug") as caught:
        write(change, confirm=fail)
    told = "it could not be put back: b.py" if spoiled else "everything was put back"
    assert notes(caught.value).startswith(told)
    assert tree(change) == ({**NEW, "b.py": b"by hand"} if spoiled else OLD)


def test_gemmadev_errors_of_the_confirmation_are_no_refusals(change: Change) -> None:
    def fail() -> str:
        raise GemmadevError("the test process ended")

    with pytest.raises(GemmadevError, match="the test process ended"):
        write(change, confirm=fail)
    assert tree(change) == OLD


# --- interrupted ---------------------------------------------------------------------------------


def test_ctrl_c_in_the_confirmation_puts_back_and_says_so(change: Change) -> None:
    def interrupted() -> str:
        assert tree(change) == NEW
        signal.raise_signal(signal.SIGINT)
        return ""

    with pytest.raises(KeyboardInterrupt) as caught:
        write(change, confirm=interrupted)
    assert notes(caught.value) == "everything was put back"
    assert tree(change) == OLD


def test_ctrl_c_that_nobody_heard_keeps_from_writing(change: Change) -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        write(change, interrupted=lambda: True)
    assert notes(caught.value) == "nothing was written"
    assert tree(change) == OLD


@pytest.mark.parametrize("at", range(1, 7))
def test_ctrl_c_at_any_rename_of_the_writing(
    change: Change, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    sync, calls = journal.sync_folder, []

    def interrupt(folder: Path) -> None:
        sync(folder)
        calls.append(folder)
        if len(calls) == at:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(journal, "sync_folder", interrupt)
    if at > 4:  # a commit syncs so often: the interrupt does not come
        assert write(change) == ""
        assert tree(change) == NEW
        return
    with pytest.raises(KeyboardInterrupt):
        write(change)
    assert tree(change) == OLD
    assert journal.recover(change.root) is None


def test_what_is_saved_while_the_change_is_confirmed_stays_and_is_told(change: Change) -> None:
    with open(change.root / "a.py", "r+b") as handle:

        def late() -> str:
            handle.write(b"late\n")
            handle.flush()
            return ""

        reason = write(change, confirm=late)
    assert reason.startswith("a.py was saved by somebody else in the very moment of writing; ")
    assert "everything was put back; kept a copy in .gemmadev/rescued/000001/a.py" in reason
    assert (change.root / ".gemmadev/rescued/000001/a.py").read_bytes() == b"late\n"
    assert tree(change) == OLD


def test_what_libcst_does_not_give_is_not_written(change: Change) -> None:
    refused = replace(change, overlay={**NEW, "b.py": b"(\n"})
    assert write(refused) == "b.py: Python does not parse it; nothing was written"
    assert tree(change) == OLD
    assert not (change.root / journal.FOLDER).exists()
