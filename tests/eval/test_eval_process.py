"""Commands under limits."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from threading import Event, Timer

import pytest

from eval.cases import process
from eval.cases.process import run_command


def run(code: str, folder: Path, timeout_s: float = 20.0, stop: Event | None = None):  # type: ignore[no-untyped-def]
    return run_command([sys.executable, "-c", code], cwd=folder, timeout_s=timeout_s, stop=stop)


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_GRACE_S", 0.2)


def test_status_output_and_folder(tmp_path: Path) -> None:
    done = run("import os, sys; print(os.getcwd()); sys.exit(3)", tmp_path)
    assert (done.status, done.stopped) == (3, "")
    assert done.output.strip() == str(tmp_path)
    assert done.peak_mb > 1


def test_ended_by_a_signal(tmp_path: Path) -> None:
    assert run("import os; os.kill(os.getpid(), 9)", tmp_path).status == -9


def test_only_the_last_part_of_the_output_is_kept(tmp_path: Path) -> None:
    done = run("print('x' * 100_000); print('end')", tmp_path)
    assert done.output.endswith("end\n")
    assert len(done.output) == 20_000


STUBBORN = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path("child").write_text(str(child.pid))
pathlib.Path("ready").touch()
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks processes up in /proc")
def test_what_ignores_the_signal_is_ended_with_its_children(tmp_path: Path) -> None:
    stop = Event()

    def when_ready() -> None:
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        stop.set()

    Timer(0, when_ready).start()
    done = run(STUBBORN, tmp_path, stop=stop)
    assert (done.status, done.stopped) == (-9, "interrupted")
    deadline = time.monotonic() + 5
    while alive(int((tmp_path / "child").read_text())) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(int((tmp_path / "child").read_text()))


def test_time_limit(tmp_path: Path) -> None:
    assert run("import time; time.sleep(60)", tmp_path, timeout_s=0.2).stopped == "timed out"


def test_output_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_MAX_OUTPUT", 10_000)
    done = run("while True: print('x' * 1000, flush=True)", tmp_path)
    assert done.stopped == "wrote too much output"
