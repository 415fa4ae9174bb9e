"""The record of kept and undone patches: only where the user made its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_gemmadev.files import feedback, journal


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_bytes(b"x = 1\r\n")
    return tmp_path


def test_nothing_is_recorded_by_default(project: Path) -> None:
    journal.commit(project, {"a.py": b"x = 2\n"}, note="n")
    journal.undo(project)
    assert not (project / journal.FOLDER / feedback.FILE).exists()


def test_changes_and_undos_are_recorded_where_that_is_on(project: Path) -> None:
    file = project / journal.FOLDER / feedback.FILE
    file.parent.mkdir()
    file.touch()
    for text in (b"x = 2\n", b"x = '\xe9'\n"):
        journal.commit(project, {"a.py": text}, note="n")
        journal.undo(project)
    kept, undone, binary, undone_too = map(json.loads, file.read_text().splitlines())
    assert kept["files"] == {"a.py": ["x = 1\r\n", "x = 2\n"]}
    assert undone == {"entry": kept["entry"], "undone": True}
    assert binary["files"] == {}
    assert undone_too["entry"] == binary["entry"] != kept["entry"]


def test_a_record_that_cannot_be_written_stops_no_repair(project: Path) -> None:
    file = project / journal.FOLDER / feedback.FILE
    file.parent.mkdir()
    file.touch()
    file.chmod(0o400)
    journal.commit(project, {"a.py": b"x = 2\n"}, note="n")
    assert (project / "a.py").read_bytes() == b"x = 2\n"
