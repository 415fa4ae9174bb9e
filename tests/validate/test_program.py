"""Programs run as the interpreter would run them, and runs in copies that touch nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_gemmadev.types import GemmadevError
from pytest_gemmadev.validate.confine.places import Level, level_for
from pytest_gemmadev.validate.program.program_process import (
    Program,
    find_root,
    run_live,
)
from pytest_gemmadev.validate.program.program_runs import ProgramRuns
from pytest_gemmadev.validate.resources import ProgramLimits

TELL = """\
import json, os, sys
import beside
print(json.dumps({
    "argv": sys.argv[1:],
    "name": __name__,
    "file": os.path.basename(__file__),
    "first": os.path.basename(sys.path[0]),
    "input": sys.stdin.read(),
    "main": sys.modules["__main__"].__dict__ is globals(),
}))
sys.exit(7)
"""


def program(root: Path, *command: str, cwd: Path | None = None) -> Program:
    is_module = command[0] == "-m"
    target, *args = command[1:] if is_module else command
    return Program(
        target, tuple(args), is_module, str((cwd or root).resolve()), str(root.resolve())
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "app").mkdir(parents=True)
    for folder in (root, root / "app"):
        (folder / "beside.py").write_text("")
    (root / "tell.py").write_text(TELL)
    (root / "app" / "__main__.py").write_text(TELL)
    (root / "app" / "__init__.py").write_text("")
    return root


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["tell.py", "--a", "b c"], id="file"),
        pytest.param(["app", "1"], id="folder"),
        pytest.param(["-m", "app", "-m", "x"], id="package"),
        pytest.param(["-m", "tell"], id="module"),
    ],
)
def test_a_program_sees_what_python_shows_it(project: Path, command: list[str]) -> None:
    argv = [sys.executable, *command]
    python = subprocess.run(argv, cwd=project, input=b"in", capture_output=True, check=False)
    assert python.returncode == 7
    runs = ProgramRuns(program(project, *command), input_=b"in", level=level_for("auto"))
    ran = runs.run({}, limit_s=30)
    runs.close()
    assert (ran.status, ran.stack, ran.over) == (7, None, "")
    assert json.loads(ran.output) == json.loads(python.stdout)


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("def f(x):\n    return x.y\nf(None)\n", id="exception"),
        pytest.param("x = (\n", id="syntax"),
        pytest.param("import sys\nsys.exit('no')\n", id="exit with a text"),
        pytest.param("try:\n    1/0\nexcept ValueError:\n    pass\n", id="uncaught"),
        pytest.param("import sys\nsys.excepthook = lambda *a: print('hook')\n1/0\n", id="hook"),
        pytest.param("import os\nos.kill(os.getpid(), 9)\n", id="killed"),
    ],
)
def test_a_failure_looks_as_python_shows_it(
    tmp_path: Path, source: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fails.py").write_text(source)
    argv = [sys.executable, "fails.py"]
    python = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    ran = run_live(program(tmp_path, "fails.py"), stdin=subprocess.DEVNULL, stdout=None)
    out, err = capfd.readouterr()
    assert (out, err) == (python.stdout, python.stderr)
    assert ran.status == (137 if python.returncode == -9 else python.returncode)
    assert (ran.stack is None) is ("Error" not in python.stderr and "hook" not in python.stdout)


def test_a_stack_names_the_real_project(project: Path) -> None:
    (project / "beside.py").write_text("def fail(n):\n    raise OSError(__file__)\nfail(3)\n")
    runs = ProgramRuns(program(project, "tell.py"), level=level_for("auto"))
    stack = runs.run({}, limit_s=30).stack
    runs.close()
    assert stack is not None
    assert [Path(frame["path"]).name for frame in stack["frames"]] == ["tell.py"] + [
        "beside.py"
    ] * 2
    assert stack["frames"][-1]["path"] == str((project / "beside.py").resolve())
    assert stack["frames"][-1]["facts"][0]["value"] == "3"
    assert stack["message"] == str((project / "beside.py").resolve())


@pytest.mark.slow
def test_a_run_changes_nothing_in_the_project(project: Path) -> None:
    (project / "tell.py").write_text(
        "import os\nopen('made.txt', 'x').write('1')\nos.remove('beside.py')\n"
        "print(open('data.txt').read(), end='')\n"
    )
    (project / "data.txt").write_text("data")
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    runs = ProgramRuns(program(project, "tell.py"), level=level_for("auto"))
    for _ in range(2):  # and nothing for the next one
        ran = runs.run({}, limit_s=30)
        assert (ran.status, ran.output) == (0, b"data")
    changed = runs.run({"tell.py": b"print('other')\n"}, limit_s=30)
    runs.close()
    assert changed.output == b"other\n"
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


@pytest.mark.slow
def test_a_run_that_hangs_is_ended_with_what_it_started(project: Path) -> None:
    (project / "tell.py").write_text(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\nchild.wait()\n"
    )
    runs = ProgramRuns(program(project, "tell.py"), level=level_for("auto"))
    ran = runs.run({}, limit_s=1.5)
    runs.close()
    assert ran.over == "time"
    state = Path(f"/proc/{int(ran.output)}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_output_without_end_is_cut(project: Path) -> None:
    limits = ProgramLimits(output_bytes=10_000)
    (project / "tell.py").write_text("while True:\n    print('x' * 1000)\n")
    runs = ProgramRuns(program(project, "tell.py"), level=level_for("auto"), limits=limits)
    assert runs.run({}, limit_s=30).over == "output"
    runs.close()


def test_a_folder_too_large_to_copy_is_refused(project: Path) -> None:
    limits = ProgramLimits(copied_files=3)
    with pytest.raises(GemmadevError, match="name the project's own folder with --root"):
        ProgramRuns(program(project, "tell.py"), level=Level.HOOKS, limits=limits)


@pytest.mark.parametrize(
    ("marker", "found"),
    [
        pytest.param("pyproject.toml", ".", id="pyproject"),
        pytest.param(".git", ".", id="git"),
        pytest.param("", "a/b", id="nothing: the folder itself"),
    ],
)
def test_the_project_of_a_folder(
    tmp_path: Path, marker: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path.parent)  # not further up than here
    (tmp_path / "a" / "b").mkdir(parents=True)
    if marker:
        (tmp_path / marker).touch()
    assert find_root(str(tmp_path / "a" / "b")) == str((tmp_path / found).resolve())


@pytest.mark.slow
def test_a_linked_project_is_found_in_the_copy(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an editable install puts it on the path."""
    make: Callable[[str], bytes] = lambda text: f"print({text!r})\n".encode()  # noqa: E731
    (project / "lib").mkdir()
    (project / "lib" / "linked.py").write_bytes(make("old"))
    (project / "tell.py").write_text("import linked\n")
    monkeypatch.setenv("PYTHONPATH", str(project.resolve() / "lib"))
    runs = ProgramRuns(program(project, "tell.py"), level=level_for("auto"))
    assert runs.run({}, limit_s=30).output == b"old\n"
    assert runs.run({"lib/linked.py": make("new")}, limit_s=30).output == b"new\n"
    runs.close()
