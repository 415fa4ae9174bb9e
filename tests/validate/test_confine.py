"""What runs of candidates may not do, whatever holds them: nothing outside of their places changes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from projects import MakeProject, Project

from pytest_gemmadev.types import Plausible, Refused, StillFailing
from pytest_gemmadev.validate.confine.places import (
    Level,
    describe_level,
    level_for,
    strongest_level,
)

pytestmark = pytest.mark.slow

LIB = """
    import os, pathlib, shutil, sqlite3, subprocess, sys, tempfile

    HERE = pathlib.Path(__file__).parent
    LEVEL = 1

    def f():
        return 1
"""
TESTS = """
    import pathlib
    from lib import f

    def test_f():
        assert f() == 2

    def test_log():
        log = pathlib.Path(__file__).with_name("log.txt")
        log.write_text(log.read_text() + "again")
"""
WAYS = {"swapped": "LEVEL = 1", "imported": "LEVEL = 2"}
LEVELS = [Level.NAMESPACE, Level.LANDLOCK, Level.HOOKS]
KERNEL = [Level.NAMESPACE, Level.LANDLOCK]

# What Python code does to a file or folder that is there, P, in ways that the interpreter audits.
HARM = {
    "remove": "os.remove(P)",
    "unlink": "pathlib.Path(P).unlink()",
    "truncate": "open(P, 'w').close()",
    "append": "open(P, 'a').write('x')",
    "open": "os.close(os.open(P, os.O_WRONLY | os.O_TRUNC))",
    "rename": "os.rename(P, P + '.old')",
    "rename over": "open(HERE / 'new.txt', 'w').close(); os.replace(HERE / 'new.txt', P)",
    "cut": "os.truncate(P, 0)",
    "chmod": "os.chmod(P, 0)",
    "rmtree": "shutil.rmtree(os.path.dirname(P))",
    "copy over": "shutil.copyfile(__file__, P)",
    "through a link": (
        "link = os.path.join(tempfile.mkdtemp(), 'link'); os.symlink(P, link); "
        "open(link, 'w').close()"
    ),
    "swallowed": "\n".join(("try: os.remove(P)", "except OSError: pass")),
    "in a thread": "import threading; t = threading.Thread(target=os.remove, args=(P,)); t.start(); t.join()",
    "at exit": "import atexit; atexit.register(os.remove, P); os.remove(P)",
}
# What only the system can hold.
HARM_BELOW = {
    "rm": "subprocess.run(['rm', '-rf', P])",
    "shell": "os.system(f'echo > {P}')",
    "ctypes": "import ctypes; ctypes.CDLL(None).unlink(os.fsencode(P))",
    "child": "subprocess.run([sys.executable, '-c', f'import os; os.remove({P!r})'])",
    "orphan": "subprocess.Popen(['setsid', 'sh', '-c', f'sleep 0.1; rm -rf {P}'])",
}


@pytest.fixture(scope="module")
def precious(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file outside of the project, in a folder of its own."""
    path = tmp_path_factory.mktemp("outside") / "kept" / "precious.txt"
    path.parent.mkdir()
    return path


@pytest.fixture(scope="module", params=LEVELS, ids=lambda level: level.value)
def project(request: pytest.FixtureRequest, make_project: MakeProject) -> Project:
    level: Level = request.param
    if LEVELS.index(strongest_level()) > LEVELS.index(level):
        pytest.skip(f"this system has no {level.value}")
    files = {"lib.py": LIB, "test_lib.py": TESTS, "data.txt": "data", "log.txt": "log"}
    return make_project(files, level=level)


def state(project: Project, precious: Path) -> dict[str, tuple[int, bytes]]:
    """Modes and contents of everything that must stay as it is."""
    paths = [p for p in (*project.root.rglob("*"), *precious.parent.rglob("*")) if p.is_file()]
    ours = ("__pycache__", ".pytest_cache")
    return {
        str(p): (p.stat().st_mode, p.read_bytes()) for p in paths if not set(ours) & set(p.parts)
    }


def try_body(project: Project, body: str, way: str, path: Path) -> object:
    text = (project.root / "lib.py").read_text()
    lines = [f"    P = {str(path)!r}", *(f"    {line}" for line in body.splitlines())]
    new = text.replace("    return 1\n", "\n".join([*lines, "    return 2"]) + "\n")
    return project.try_out("lib.py", text, new.replace("LEVEL = 1", way), "test_lib.py::test_f")


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("body", HARM.values(), ids=HARM)
def test_python_code_changes_nothing_outside(
    project: Project, precious: Path, body: str, way: str
) -> None:
    precious.write_text("precious")
    for path in (precious, project.root / "data.txt"):
        before = state(project, precious)
        verdict = try_body(project, body, way, path)
        assert isinstance(verdict, Refused), verdict
        assert verdict.path.startswith((str(path.parent), str(project.root)))
        assert verdict.call
        assert state(project, precious) == before


@pytest.mark.parametrize("body", HARM_BELOW.values(), ids=HARM_BELOW)
def test_what_is_below_python_changes_nothing_outside(
    project: Project, precious: Path, body: str
) -> None:
    precious.write_text("precious")
    for path in (precious, project.root / "data.txt"):
        before = state(project, precious)
        verdict = try_body(project, f"{body}\nimport time; time.sleep(0.15)", WAYS["swapped"], path)
        if project.oracle.level is Level.NAMESPACE:
            assert isinstance(verdict, Refused), verdict  # seen in the private copy
        assert state(project, precious) == before


@pytest.mark.parametrize(
    "body",
    [
        "open(os.path.join(tempfile.mkdtemp(), 'new'), 'w').write('x')",
        "shutil.rmtree(tempfile.mkdtemp())",
        "os.makedirs(os.path.dirname(P), exist_ok=True)",
        "open(P).read()",
        "open(os.devnull, 'w').write('x')",
        "\n".join(("try: os.remove(P + '.none')", "except FileNotFoundError: pass")),
        "import socket; s = socket.create_server(('127.0.0.1', 0)); "
        "socket.create_connection(s.getsockname()).close()",
        "from multiprocessing import Value; Value('i', 1)",
    ],
    ids=[
        "temporary file",
        "temporary folder",
        "makedirs",
        "reading",
        "null",
        "nothing there",
        "loopback",
        "semaphore",
    ],
)
def test_what_does_no_harm_is_let_through(project: Project, precious: Path, body: str) -> None:
    precious.write_text("precious")
    before = state(project, precious)
    verdict = try_body(project, body, WAYS["swapped"], precious)
    assert isinstance(verdict, Plausible), verdict
    assert state(project, precious) == before


def test_a_new_file_in_the_project_is_private(project: Project) -> None:
    path = project.root / "made.txt"
    verdict = try_body(project, "open(P, 'x').close()", WAYS["swapped"], path)
    wanted = Plausible if project.oracle.level is Level.NAMESPACE else Refused
    assert isinstance(verdict, wanted), verdict
    assert not path.exists()


def test_beyond_this_machine_is_refused(project: Project) -> None:
    body = (
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.sendto(b'x', ('192.0.2.1', 9))"
    )
    verdict = try_body(project, body, WAYS["swapped"], project.root)
    assert isinstance(verdict, Refused)
    assert verdict.path == "192.0.2.1:9"


def test_abstract_sockets_of_others_are_left_alone(project: Project) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0gemmadev-test-{os.getpid()}")
        server.listen()
        server.settimeout(0.2)
        name = server.getsockname().decode()
        body = f"import socket\nsocket.socket(socket.AF_UNIX).connect({name!r})"
        verdict = try_body(project, body, WAYS["swapped"], project.root)
        assert not isinstance(verdict, Plausible), verdict
        with pytest.raises(TimeoutError):
            server.accept()
    body = (
        "import socket\na = socket.socket(socket.AF_UNIX)\na.bind('\\0own-gemmadev')\n"
        "a.listen()\nsocket.socket(socket.AF_UNIX).connect('\\0own-gemmadev')"
    )
    assert isinstance(try_body(project, body, WAYS["swapped"], project.root), Plausible)


def test_other_processes_are_left_alone(project: Project) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        for body in (f"os.kill({other.pid}, 9)", f"subprocess.run(['kill', '-9', '{other.pid}'])"):
            verdict = try_body(project, body, WAYS["swapped"], project.root)
            assert not isinstance(verdict, StillFailing) or project.oracle.level is Level.HOOKS
            assert other.poll() is None
        assert other.stdin is not None
        other.stdin.close()
        assert other.wait(20) is not None


def test_what_unchanged_tests_write_goes_to_a_copy(project: Project) -> None:
    log = project.root / "log.txt"
    before = log.read_text()
    seen = project.oracle.observe({})
    assert log.read_text() == before
    has_copies = project.oracle.level is Level.NAMESPACE
    assert ("test_lib.py::test_log" in seen.passing) is has_copies
    verdict = try_body(project, "pass", WAYS["imported"], log)
    assert isinstance(verdict, Plausible)
    assert log.read_text() == before


def test_a_run_of_the_whole_is_aborted(project: Project, precious: Path) -> None:
    precious.write_text("precious")
    text = (project.root / "lib.py").read_text()
    new = text.replace("    return 1\n", f"    os.remove({str(precious)!r})\n    return 2\n")
    seen = project.oracle.observe({"lib.py": new.encode()})
    assert "reached for" in seen.aborted
    assert str(precious) in seen.aborted
    assert precious.read_text() == "precious"


def test_with_confinement_off_the_same_does_harm(make_project: MakeProject, tmp_path: Path) -> None:
    """So the other tests can fail."""
    project = make_project({"lib.py": LIB, "test_lib.py": TESTS, "log.txt": ""}, level=Level.NONE)
    precious = tmp_path / "precious.txt"
    precious.write_text("precious")
    assert isinstance(
        try_body(project, "os.remove(P)", WAYS["swapped"], precious), StillFailing | Plausible
    )
    assert not precious.exists()


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.value)
def test_a_level_can_be_capped(level: Level, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMMADEV_CONFINE_LEVEL", level.value)
    found = level_for("auto")
    assert LEVELS.index(found) >= LEVELS.index(level)
    assert ("audit hooks" in describe_level(found)) is (found is Level.HOOKS)
    assert level_for("off") is Level.NONE
    assert describe_level(Level.NONE) == "not confined"


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.value)
def test_the_folder_of_an_oracle_is_removed(make_project: MakeProject, level: Level) -> None:
    if LEVELS.index(strongest_level()) > LEVELS.index(level):
        pytest.skip(f"this system has no {level.value}")
    project = make_project({"lib.py": LIB, "test_lib.py": TESTS, "log.txt": ""}, level=level)
    folder = project.oracle._launcher.folder
    assert os.path.isdir(folder)
    project.oracle.close()
    assert not os.path.exists(folder)
