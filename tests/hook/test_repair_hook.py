"""The hook ``gemmadev-repair`` on real files: what changes, what must not, what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pytest_gemmadev.hook.command import main

BROKEN, REPAIRED = b"def f(x)\n    return x\n", b"def f(x):\n    return x\n"
AMBIGUOUS = b"x = alpha beta\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return tmp_path


def write(name: str, data: bytes) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def run(*arguments: str) -> int:
    return main(["--model=none", *arguments])


SOUND = {
    "plain": b"x = 1\n",
    "empty": b"",
    "crlf": b"x = 1\r\ny = 2\r\n",
    "bom": b"\xef\xbb\xbfx = '\xc3\xa9'\n",
    "latin-1": b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
    "no-newline": b"x = 1",
    "warns": b"x = '\\d' is 1\n",
}


@pytest.mark.parametrize("data", SOUND.values(), ids=SOUND)
def test_sound_files_are_left_alone_without_a_word(
    data: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("a.py", data)
    before = path.stat()
    assert run("a.py") == 0
    assert path.read_bytes() == data
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert capsys.readouterr() == ("", "")
    assert os.listdir() == ["a.py"]


BYTE_EXACT = {
    "lf": (BROKEN, REPAIRED),
    "crlf": (BROKEN.replace(b"\n", b"\r\n"), REPAIRED.replace(b"\n", b"\r\n")),
    "cr": (BROKEN.replace(b"\n", b"\r"), REPAIRED.replace(b"\n", b"\r")),
    "mixed": (b"x = 1\r\n" + BROKEN + b"y = 2\r\n", b"x = 1\r\n" + REPAIRED + b"y = 2\r\n"),
    "bom": (b"\xef\xbb\xbf" + BROKEN, b"\xef\xbb\xbf" + REPAIRED),
    "utf-8": (b"s = '\xc3\xa9'\n" + BROKEN, b"s = '\xc3\xa9'\n" + REPAIRED),
    "latin-1": (
        b"# -*- coding: latin-1 -*-\ns = '\xe9'\n" + BROKEN,
        b"# -*- coding: latin-1 -*-\ns = '\xe9'\n" + REPAIRED,
    ),
    "no-newline": (b"x = [1, 2", b"x = [1, 2]"),
    "form-feed": (b"\x0c\n" + BROKEN, b"\x0c\n" + REPAIRED),
    "trailing-space": (b"y = 1   \n" + BROKEN, b"y = 1   \n" + REPAIRED),
    "wrong-coding": (b"# coding: utf9\ns = '\xc3\xa9'\n", b"# coding: utf-8\ns = '\xc3\xa9'\n"),
    "no-coding": (b"s = '\xe9'\n", b"# -*- coding: latin-1 -*-\ns = '\xe9'\n"),
    "no-coding-shebang": (
        b"#!/usr/bin/env python\ns = '\xe9'\n",
        b"#!/usr/bin/env python\n# -*- coding: latin-1 -*-\ns = '\xe9'\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), BYTE_EXACT.values(), ids=BYTE_EXACT)
def test_repairs_byte_for_byte(before: bytes, after: bytes) -> None:
    path = write("a.py", before)
    assert run("a.py") == 1
    assert path.read_bytes() == after
    assert run("a.py") == 0


LEFT_ALONE = {
    "nul": (b"x = 1\0\n", "NUL"),
    "utf-16": ("x = 1\n".encode("utf-16"), "UTF-16"),
    "ambiguous": (AMBIGUOUS, "best guess"),
    "conflict": (
        b"<<<<<<< a\nx = 1\n=======\nx = 2\n>>>>>>> b\n",
        "merge conflict",
    ),
}


@pytest.mark.parametrize(("data", "said"), LEFT_ALONE.values(), ids=LEFT_ALONE)
def test_what_is_not_sure_is_left_alone_and_reported(
    data: bytes, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("a.py", data)
    assert run("a.py") == 1
    assert path.read_bytes() == data
    out = capsys.readouterr().out
    assert out.startswith("a.py")
    assert "not repaired" in out
    assert said in out


def test_a_lower_bar_takes_the_best_guess() -> None:
    path = write("a.py", AMBIGUOUS)
    assert run("--min-confidence=0", "a.py") == 1
    assert path.read_bytes() != AMBIGUOUS
    compile(path.read_bytes(), "a.py", "exec")


def test_a_line_for_each_file(capsys: pytest.CaptureFixture[str]) -> None:
    write("a.py", BROKEN)
    write("b.py", b"x = 1\n")
    write("c.py", b"if x = 1:\n    pass\n")
    assert run("a.py", "b.py", "c.py") == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[:2] for line in lines] == [["a.py", "1"], ["c.py", "1"]]
    assert all("repaired: " in line for line in lines)


def test_folders_are_searched_but_not_environments_and_caches() -> None:
    broken = [write(name, BROKEN) for name in ("p/a.py", "p/sub/b.pyi", "p/sub/c.pyw")]
    others = [
        write(name, BROKEN)
        for name in ("p/.hidden/a.py", "p/__pycache__/a.py", "p/env/lib/a.py", "p/notes.txt")
    ]
    write("p/env/pyvenv.cfg", b"")
    assert run("p") == 1
    assert [path.read_bytes() for path in broken] == [REPAIRED] * 3
    assert [path.read_bytes() for path in others] == [BROKEN] * 4


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("gone.py") == 1
    assert capsys.readouterr().out.startswith("gone.py: not there")


@pytest.mark.skipif(os.name == "nt", reason="modes are of POSIX systems")
def test_a_read_only_file_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    path = write("a.py", BROKEN)
    path.chmod(0o444)
    assert run("a.py") == 1
    assert path.read_bytes() == BROKEN
    assert "read-only" in capsys.readouterr().out


def test_the_mode_is_kept() -> None:
    path = write("a.py", b"#!/usr/bin/env python\n" + BROKEN)
    path.chmod(0o755)
    assert run("a.py") == 1
    assert path.stat().st_mode & 0o777 == 0o755


def test_a_link_stays_a_link_and_its_file_is_repaired() -> None:
    target = write("real/a.py", BROKEN)
    Path("a.py").symlink_to(target)
    assert run("a.py") == 1
    assert Path("a.py").is_symlink()
    assert target.read_bytes() == REPAIRED


def test_a_link_that_leaves_the_folder_is_left_alone(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "a.py"
    outside.write_bytes(BROKEN)
    Path("a.py").symlink_to(outside)
    assert run("a.py") == 1
    assert outside.read_bytes() == BROKEN
    assert "link" in capsys.readouterr().out


def test_a_file_that_changes_meanwhile_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import pytest_gemmadev.hook.broken_files as broken

    path = write("a.py", BROKEN)
    real = broken.repair_syntax

    def slow(*args: object, **kwargs: object) -> object:
        path.write_bytes(b"x = 'saved by an editor'\n")
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(broken, "repair_syntax", slow)
    assert run("a.py") == 1
    assert path.read_bytes() == b"x = 'saved by an editor'\n"
    assert "changed meanwhile" in capsys.readouterr().out


def test_a_file_that_is_deleted_meanwhile_is_not_made_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import pytest_gemmadev.hook.broken_files as broken

    path = write("a.py", BROKEN)
    real = broken.repair_syntax

    def slow(*args: object, **kwargs: object) -> object:
        path.unlink()
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(broken, "repair_syntax", slow)
    assert run("a.py") == 1
    assert not path.exists()
    assert "deleted meanwhile" in capsys.readouterr().out


@pytest.mark.parametrize("processors", [1, 3], ids=["alone", "forks"])
def test_many_files_are_told_of_in_their_order(
    processors: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pytest_gemmadev.hook.command._processors", lambda: processors)
    names = [f"m{n:03d}.py" for n in range(200)]
    for number, name in enumerate(names):
        write(name, BROKEN if number % 50 == 7 else b"x = 1\n")
    assert run(*names, "gone.py") == 1
    out = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in out] == [
        "gone.py", "m007.py", "m057.py", "m107.py", "m157.py"
    ]  # fmt: skip
    assert run(*names) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_files_of_a_fork_that_was_ended_are_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import pytest_gemmadev.hook.command as hook

    mine, real = os.getpid(), hook.check

    def ended(path: str, target: hook.Target | None = None) -> str | None:
        if os.getpid() != mine:
            os.kill(os.getpid(), 9)
        return real(path, target)

    monkeypatch.setattr(hook, "check", ended)
    monkeypatch.setattr(hook, "_processors", lambda: 2)
    names = [f"m{n:03d}.py" for n in range(100)]
    for name in names:
        write(name, BROKEN if name in ("m001.py", "m002.py") else b"x = 1\n")
    assert hook.find_broken(names) == [("m001.py", ""), ("m002.py", "")]


def test_two_hooks_at_once_repair_once() -> None:
    path = write("a.py", BROKEN)
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(run("a.py"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == REPAIRED
    assert 1 in statuses


def test_a_repair_can_be_taken_back() -> None:
    from pytest_gemmadev.files.journal import undo

    path = write("a.py", BROKEN)
    assert run("a.py") == 1
    undo(Path())
    assert path.read_bytes() == BROKEN


# --- targets and misuse --------------------------------------------------------------------------


def test_a_target_older_than_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    path = write("a.py", b"def f(x):\n    if (n := len(x)) > 1:\n        return n\n")
    assert run("a.py") == 0
    assert run("--target-version=3.7", "a.py") == 1
    assert path.read_bytes() == b"def f(x):\n    n = len(x)\n    if n > 1:\n        return n\n"
    assert "3.8" in capsys.readouterr().out


MISUSE = {
    "version": ["--target-version=three"],
    "future": ["--target-version=3.99"],
    "confidence": ["--min-confidence=2"],
}


@pytest.mark.parametrize("arguments", MISUSE.values(), ids=MISUSE)
def test_misuse_is_one_line_and_changes_nothing(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write("a.py", BROKEN)
    try:
        status = run(*arguments, "a.py")
    except SystemExit as error:
        status = int(str(error.code))
    assert status == 2
    assert path.read_bytes() == BROKEN
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("gemmadev-repair: ")


def test_an_unknown_model_is_refused_before_anything_is_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write("a.py", AMBIGUOUS)
    assert main(["--model=nonsense", "a.py"]) == 2
    assert path.read_bytes() == AMBIGUOUS
    assert "nonsense" in capsys.readouterr().err


def test_no_model_is_loaded_for_a_clear_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    import pytest_gemmadev.registry as registry

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a model was asked for")

    monkeypatch.setattr(registry, "load_model", refuse)
    path = write("a.py", BROKEN)
    assert main(["a.py"]) == 1
    assert path.read_bytes() == REPAIRED


def test_sound_files_import_nothing_that_repairs() -> None:
    write("a.py", b"x = 1\n")
    code = (
        "import sys\n"
        "from precommit_hooks.gemmadev_repair import main\n"
        "assert main(['a.py']) == 0\n"
        "own = ('pytest_gemmadev.hook', 'pytest_gemmadev.hook.command')\n"
        "print([m for m in sys.modules if m in ('libcst', 'rich', 'pluggy', 'ast', 'json')"
        " or (m.startswith('pytest_gemmadev.') and m not in own)])\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=False
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


# --- propose -------------------------------------------------------------------------------------


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)


def test_propose_writes_patches_that_apply_and_changes_nothing() -> None:
    git("init", "-q")
    first = write("p/a.py", BROKEN.replace(b"\n", b"\r\n"))
    second = write("p/b c.py", b"if x = 1:\n    pass")
    unsure = write("p/d.py", AMBIGUOUS)
    assert run("--propose=out", "p") == 1
    assert first.read_bytes() == BROKEN.replace(b"\n", b"\r\n")
    patches = sorted(Path("out").glob("*.patch"))
    assert [path.name for path in patches] == ["0001-a.patch", "0002-b-c.patch"]
    for patch in patches:
        assert git("apply", "--check", str(patch)).returncode == 0
        assert git("apply", str(patch)).returncode == 0
    assert first.read_bytes() == REPAIRED.replace(b"\n", b"\r\n")
    assert second.read_bytes() == b"if x == 1:\n    pass"
    assert unsure.read_bytes() == AMBIGUOUS


def test_propose_writes_what_machines_and_people_read() -> None:
    write("a.py", BROKEN)
    write("b.py", AMBIGUOUS)
    assert run("--propose=out", "a.py", "b.py") == 1
    report = json.loads(Path("out/report.json").read_text("utf-8"))
    states = {failure["nodeid"]: failure["status"] for failure in report["failures"]}
    assert states == {"a.py": "proposed", "b.py": "unrepaired"}
    assert report["failures"][0]["kind"] == "syntax"
    assert "+def f(x):" in report["failures"][0]["patches"][0]["diff"]
    summary = Path("out/SUMMARY.md").read_text("utf-8")
    assert "a.py" in summary
    assert "+def f(x):" in summary
    sarif = json.loads(Path("out/report.sarif").read_text("utf-8"))
    (run_,) = sarif["runs"]
    fixed, unfixed = run_["results"]
    assert sarif["version"] == "2.1.0"
    assert fixed["locations"][0]["physicalLocation"]["region"]["startLine"] == 1
    replacement = fixed["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert replacement["deletedRegion"]["startLine"] == 1
    assert replacement["insertedContent"]["text"] == "def f(x):\n"
    assert "fixes" not in unfixed


def test_propose_on_sound_files_takes_back_what_was_proposed_before() -> None:
    path = write("a.py", BROKEN)
    assert run("--propose=out", "a.py") == 1
    write("out/0007-mine.patch", b"not of this tool\n")
    path.write_bytes(REPAIRED)
    assert run("--propose=out", "a.py") == 0
    assert sorted(os.listdir("out")) == [
        "0007-mine.patch", "SUMMARY.md", "report.json", "report.sarif"
    ]  # fmt: skip
    sarif = json.loads(Path("out/report.sarif").read_text("utf-8"))
    assert sarif["runs"][0]["results"] == []


def test_annotations_in_github_actions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write("a.py", BROKEN)
    assert run("--propose=out", "a.py") == 1
    assert "::error" not in capsys.readouterr().out
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert run("--propose=out", "a.py") == 1
    assert "::error file=a.py,line=1,title=gemmadev::" in capsys.readouterr().out


# --- the hook's own description ------------------------------------------------------------------


def test_the_hook_file_names_the_command_that_is_installed() -> None:
    root = Path(__file__).parents[2]
    hooks = (root / ".pre-commit-hooks.yaml").read_text("utf-8")
    entry = next(line for line in hooks.splitlines() if line.strip().startswith("entry:"))
    name = entry.split(":")[1].strip()
    assert (
        f'{name} = "precommit_hooks.gemmadev_repair:main"' in (root / "pyproject.toml").read_text()
    )
    for line in ("language: python", "types: [python]", "require_serial: true"):
        assert line in hooks
