"""Which files are the project's, and how new text is shown; the oracle's tests serve it."""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from types import CodeType

from pytest_gemmadev.validate.child.overlay import SourceOverlay


def test_own_files_lie_below_the_root(tmp_path: Path) -> None:
    overlay = SourceOverlay(str(tmp_path / "project"))
    assert overlay.own(str(tmp_path / "project" / "a.py"))
    assert overlay.own(str(tmp_path / "project2" / "a.py")) is None
    assert overlay.own(linecache.__file__) is None


def test_links_lead_to_the_real_file(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "project")
    overlay = SourceOverlay(str(tmp_path / "link"))
    real = str((tmp_path / "project" / "a.py").resolve())
    assert overlay.own(str(tmp_path / "link" / "a.py")) == real
    overlay.serve({str(tmp_path / "link" / "a.py"): b"x"})
    assert overlay.files == {real: b"x"}


def test_installed_packages_below_the_root_are_not_own(tmp_path: Path) -> None:
    overlay = SourceOverlay(str(Path(sys.prefix).parent))
    assert overlay.own(str(Path(sys.prefix) / "lib" / "a.py")) is None
    assert overlay.own(str(Path(sys.prefix).parent / "a.py"))


def test_new_text_is_shown_whatever_is_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("old\n")
    overlay = SourceOverlay(str(tmp_path))
    overlay.show(str(path), b"# coding: latin-1\n\xfc")
    linecache.checkcache()
    assert linecache.getline(str(path), 2) == "ü\n"
    linecache.cache.pop(str(path))


def test_what_was_compiled_is_read_by_the_next_run(tmp_path: Path) -> None:
    calls: list[str] = []

    def code(text: str, how: str = "plain", path: str = "a.py", folder: str = "kept") -> object:
        overlay = SourceOverlay(str(tmp_path), str(tmp_path / folder) if folder else "")

        def compiled() -> CodeType:
            calls.append(text)
            return compile(text, path, "exec")

        found = overlay.load_code(path, text.encode(), compiler=how, compile_=compiled)
        names: dict[str, object] = {}
        exec(found, names)
        return names["X"], found.co_filename

    assert code("X = 1") == code("X = 1") == (1, "a.py")
    assert calls == ["X = 1"]
    assert code("X = 2") == (2, "a.py")  # another text, whatever the time and size
    assert code("X = 1", path="b.py") == (1, "b.py")
    assert code("X = 1", how="asserts") == (1, "a.py")
    assert len(calls) == 4
    assert code("X = 1", folder="") == code("X = 1", folder="") == (1, "a.py")
    assert len(calls) == 6
    for file in (tmp_path / "kept").iterdir():
        file.write_bytes(file.read_bytes()[:5])
    assert code("X = 1") == (1, "a.py")  # damaged: compiled again
