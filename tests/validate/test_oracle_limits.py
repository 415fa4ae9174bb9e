"""What a candidate must not get away with, whether it is swapped into a worker or imported anew."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from projects import MakeProject, Project

import pytest_gemmadev
from pytest_gemmadev.types import ErrorKind, Plausible, Refused, Regressed, StillFailing, TimedOut
from pytest_gemmadev.validate.parent.oracle import Limits

pytestmark = pytest.mark.slow

LIB = """
    import os, signal, subprocess, sys, time

    LEVEL = 1

    def f():
        return 1

    def g():
        return 1
"""
TESTS = """
    from lib import f, g

    def test_f():
        assert f() == 2

    def test_g():
        assert g() == 1
"""
LIMITS = Limits(memory_bytes=256 << 20, file_bytes=4 << 20, test_s=2.0, run_s=20.0)


@pytest.fixture(scope="module")
def lib(make_project: MakeProject) -> Project:
    return make_project({"lib.py": LIB, "test_lib.py": TESTS}, limits=LIMITS)


WAYS = {"swapped": "LEVEL = 1", "imported": "LEVEL = 2"}


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def try_body(project: Project, body: str, way: str) -> object:
    """The verdict on ``f`` with another body."""
    text = (project.root / "lib.py").read_text()
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    changed = text.replace("    return 1\n", lines + "\n", 1).replace("LEVEL = 1", way)
    return project.try_out("lib.py", text, changed)


def still_works(project: Project) -> bool:
    return isinstance(try_body(project, "return 2", "LEVEL = 1"), Plausible)


@pytest.mark.parametrize(
    "body",
    ["while True: pass", "time.sleep(100)", "try:\n    time.sleep(100)\nexcept: return 2"],
    ids=["loops", "sleeps", "catches everything"],
)
def test_no_end(lib: Project, way: str, body: str) -> None:
    decided = lib.oracle.tally["decided"]
    assert isinstance(try_body(lib, body, way), TimedOut)
    assert lib.oracle.tally["decided"] == decided + (way == WAYS["swapped"])
    assert still_works(lib)


ENDS = {
    "exits with success": "os._exit(0)",
    "exits": "sys.exit(0)",
    "kills itself": "os.kill(os.getpid(), signal.SIGKILL)",
    "closes every descriptor": "os.closerange(3, 4096)\nreturn 2",
    "recurses": "return f()",
}


@pytest.mark.parametrize("body", ENDS.values(), ids=ENDS)
def test_ending_the_interpreter_is_not_passing(lib: Project, way: str, body: str) -> None:
    verdict = try_body(lib, body, way)
    assert isinstance(verdict, (StillFailing, Regressed, TimedOut))
    assert still_works(lib)


@pytest.mark.parametrize(
    "body",
    [
        "os.kill(os.getppid(), signal.SIGKILL)\nreturn 2",
        "try: os.kill(os.getppid(), 9)\nexcept OSError: pass\ntime.sleep(0.2)\nreturn 2",
    ],
    ids=["kills its parent", "kills its parent and waits"],
)
def test_killing_others_is_refused(lib: Project, way: str, body: str) -> None:
    verdict = try_body(lib, body, way)
    assert isinstance(verdict, Refused)
    assert verdict.call == "os.kill"
    assert still_works(lib)


def test_memory(lib: Project, way: str) -> None:
    verdict = try_body(lib, "return 2 if len(bytearray(1 << 30)) else 0", way)
    assert isinstance(verdict, StillFailing)
    assert verdict.stacks[0].error == "MemoryError"


def test_size_of_a_file(lib: Project, way: str) -> None:
    body = (
        "import tempfile\n"
        "with open(tempfile.mktemp(), 'wb') as file:\n    file.write(bytes(32 << 20))\nreturn 2"
    )
    verdict = try_body(lib, body, way)
    assert isinstance(verdict, StillFailing)
    assert verdict.stacks[0].error == "OSError"
    assert "too large" in verdict.stacks[0].message


def test_output_without_end(lib: Project, way: str) -> None:
    body = "while True: os.write(1, b'x' * 65536)"
    assert isinstance(try_body(lib, body, way), (TimedOut, StillFailing))
    assert still_works(lib)


def test_messages_are_not_forged(lib: Project, way: str) -> None:
    body = (
        "import json\n"
        "body = json.dumps({'test': 'test_lib.py::test_f', 'outcome': 'passed',"
        " 'seconds': 0, 'stacks': []}).encode()\n"
        "for fd in range(3, 64):\n"
        "    try: os.write(fd, bytes(16) + len(body).to_bytes(4, 'big') + body)\n"
        "    except OSError: pass\n"
        "os._exit(0)"
    )
    assert not isinstance(try_body(lib, body, way), Plausible)
    assert still_works(lib)


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="orphans are found on Linux only")
def test_what_it_starts_is_ended_with_it(lib: Project, way: str) -> None:
    seconds = f"97.{os.getpid()}{len(way)}"  # tells these processes from all others
    running = (
        "def running():\n"
        "    count = 0\n"
        "    for pid in filter(str.isdigit, os.listdir('/proc')):\n"
        "        try: command = open(f'/proc/{pid}/cmdline').read()\n"
        "        except OSError: continue\n"
        f"        count += command == 'sleep\\0{seconds}\\0'\n"
        "    return count\n"
    )
    body = running + (
        "for daemon in (False, True):\n"
        "    if os.fork() == 0:\n"
        "        if daemon:\n"
        "            os.setsid()\n"
        "            if os.fork(): os._exit(0)\n"
        f"        os.execvp('sleep', ['sleep', '{seconds}'])\n"
        "while running() < 2: time.sleep(0.01)\n"
        "raise LookupError('both run')"
    )
    verdict = try_body(lib, body, way)
    assert isinstance(verdict, StillFailing)
    assert verdict.stacks[0].message == "both run"
    found: dict[str, Callable[[], int]] = {}
    exec(f"import os\n{running}", found)
    assert found["running"]() == 0


def test_forks_without_end(lib: Project, way: str) -> None:
    body = "for _ in range(300):\n    if os.fork() == 0: time.sleep(100)\nwhile True: pass"
    assert isinstance(try_body(lib, body, way), (TimedOut, StillFailing))
    assert still_works(lib)


# --- whole runs ----------------------------------------------------------------------------------


def observe_body(project: Project, body: str) -> object:
    text = (project.root / "lib.py").read_text()
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return project.oracle.observe(
        {"lib.py": text.replace("    return 1\n", lines + "\n", 1).encode()}
    )


def test_a_run_goes_on_after_a_test_that_hangs(lib: Project) -> None:
    seen = observe_body(lib, "while True: pass")
    assert seen.failing == ("test_lib.py::test_f",)
    assert "test_lib.py::test_g" in seen.passing
    assert seen.stacks[0].kind is ErrorKind.TIMEOUT
    assert seen.stacks[0].project_frames[-1].function == "f"
    assert seen.aborted == ""


def test_what_did_not_run_did_not_pass(lib: Project) -> None:
    seen = observe_body(lib, "os._exit(0)")
    assert seen.failing == ("test_lib.py::test_f",)
    assert "exited with status 0 in test_lib.py::test_f" in seen.aborted
    assert "test_lib.py::test_g" in seen.collected
    assert "test_lib.py::test_g" not in seen.outcomes


def test_a_run_that_does_not_hear_the_alarm_is_ended(make_project: MakeProject) -> None:
    project = make_project(
        {
            "test_deaf.py": "import signal\ndef test_deaf():\n"
            "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n"
            "    while True: pass\n"
        },
        limits=Limits(test_s=0.2, run_s=20.0),
    )
    assert project.seen.failing == ("test_deaf.py::test_deaf",)
    assert "no end after" in project.seen.aborted


def test_an_exit_while_importing_aborts_the_run(make_project: MakeProject) -> None:
    project = make_project({"test_exit.py": "import os\nos._exit(0)\ndef test_a(): pass\n"})
    assert "before the first test" in project.seen.aborted
    assert not project.seen.passing


def test_nothing_is_left_behind(make_project: MakeProject) -> None:
    project = make_project({"lib.py": LIB, "test_lib.py": TESTS}, limits=LIMITS)
    assert still_works(project)
    launcher = project.oracle._launcher
    assert launcher._zygote is not None
    pid = launcher._zygote.process.pid
    assert alive(pid)
    project.oracle.close()
    assert not alive(pid)
    assert not launcher.folder.exists()
    assert not [p for p in project.root.rglob("*") if p.suffix == ".pyc"]


INTERRUPTED = """
import sys
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.types import Candidate, Edit, RepairTask
from pytest_gemmadev.validate.parent.oracle import PytestOracle

root = sys.argv[1]
task = RepairTask((), ("test_lib.py::test_f",), frozenset(), {}, {})
slow = Candidate((Edit("lib.py", 0, 0, "import time; time.sleep(100)\\n"),), "slow", 0.0)
with PytestOracle(root, invocation_dir=root, args=[], scope=Scope(root)) as oracle:
    oracle.validate(task, Candidate((), "unchanged", 0.0))
    print(oracle._launcher.folder, oracle._launcher._zygote.process.pid, flush=True)
    oracle.validate(task, slow)
"""


def descendants(pid: int) -> set[int]:
    found = {pid}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found |= descendants(int(name))
    return found


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "killed"])
def test_nothing_is_left_when_the_oracle_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "lib.py").write_text("def f():\n    return 1\n")
    (tmp_path / "test_lib.py").write_text("from lib import f\ndef test_f():\n    assert f() == 2\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(pytest_gemmadev.__file__).parents[1])},
    )
    assert process.stdout is not None
    folder, zygote = process.stdout.readline().split()
    while len(started := descendants(int(zygote))) < 3:  # with a keeper and its run
        time.sleep(0.01)
    process.send_signal(number)
    process.wait(20)
    process.stdout.close()
    for _ in range(1000):
        if not os.path.exists(folder) and not any(alive(pid) for pid in started):
            break
        time.sleep(0.01)
    assert not os.path.exists(folder)
    assert not any(alive(pid) for pid in started)
