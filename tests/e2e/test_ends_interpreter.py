"""Tests that end the interpreter: the run goes on in another process, and what failed is repaired."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from whole_runs import command, contents, environment, processes_below, run, write

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs a child that ends with its parent"),
]

FIX = (
    "--gemmadev-fix",
    "--gemmadev-accept=guess",
    "--gemmadev-model=none",
    "-p",
    "no:cacheprovider",
)
TEST = (
    "from shop import check, double\n\n\ndef test_first():\n    assert double(2) == 4\n\n\n"
    "def test_check():\n    assert check(3) == 3\n    assert check(-1) == -1\n\n\n"
    "def test_last():\n    assert double(3) == 6\n"
)
# No call here can reach another process, whatever a candidate makes of it.
ENDINGS = {
    "exits": ("import os", "os._exit(3)", "exited with status 3"),
    "exits with 0": ("import os", "os._exit(0)", "exited with status 0"),
    "is terminated": ("import signal", "signal.raise_signal(15)", "was ended by SIGTERM"),
    "crashes": ("import ctypes", "ctypes.string_at(0)", "was ended by SIGSEGV"),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_test_that_ends_the_interpreter_is_repaired(tmp_path: Path, name: str) -> None:
    first, call, how = ENDINGS[name]
    shop = (
        f"{first}\n\n\ndef check(n):\n    if n > 2:\n        {call}\n    return n\n\n\n"
        "def double(x):\n    return x * 2\n"
    )
    write(tmp_path, {"shop.py": shop, "test_shop.py": TEST})
    ran = run(tmp_path, *FIX)
    assert f"gemmadev: the run {how} in test_shop.py::test_check; tests now run apart" in ran.output
    assert "after the repair: 3 passed" in ran.output.splitlines(), ran.output
    assert ran.status == 0, ran.output
    assert ran.output.rstrip().splitlines()[-1].strip("= ").startswith("2 passed, 1 repaired in")
    assert processes_below(tmp_path) == []


def test_what_cannot_be_repaired_is_said_and_the_rest_has_run(tmp_path: Path) -> None:
    files = {
        "test_a.py": "import os\n\n\ndef test_it():\n    os._exit(0)\n",
        "test_b.py": "import pytest\n\n\ndef test_it():\n    os_name = 1\n    assert os_name\n\n\n"
        "def test_skip():\n    pytest.skip('no')\n\n\n"
        "@pytest.mark.xfail\ndef test_xfail():\n    assert not 1\n",
    }
    write(tmp_path, files)
    ran = run(tmp_path, *FIX, "--gemmadev-budget=10")
    assert ran.status == 1, ran.output
    last = ran.output.rstrip().splitlines()[-1]
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed" in last
    assert contents(tmp_path) == {name: text.encode() for name, text in files.items()}


def test_without_repair_the_run_ends_as_it_does(tmp_path: Path) -> None:
    write(tmp_path, {"test_a.py": "import os\n\n\ndef test_it():\n    os._exit(7)\n"})
    ran = run(tmp_path)
    assert ran.status == 7
    assert "gemmadev: the run" not in ran.output


@pytest.mark.parametrize("options", [(), ("-x",), ("--nonsense",)])
def test_the_exit_status_is_that_of_the_session(tmp_path: Path, options: tuple[str, ...]) -> None:
    write(tmp_path, {"test_a.py": "def test_it():\n    assert 1\n"})
    ran = run(tmp_path, *FIX, *options)
    assert ran.status == (4 if "--nonsense" in options else 0), ran.output
    assert ran.output.count("test session starts") == ("--nonsense" not in options)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_from_outside_repairs_nothing(tmp_path: Path, number: int) -> None:
    test = (
        "import pathlib, time\n\n\ndef test_it():\n    pathlib.Path('started').touch()\n"
        "    time.sleep(60)\n"
    )
    write(tmp_path, {"test_a.py": test})
    with subprocess.Popen(
        command(*FIX),
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        while not (tmp_path / "started").exists() and process.poll() is None:
            time.sleep(0.05)
        assert len(processes_below(tmp_path)) == 2
        process.send_signal(number)
        rest = process.communicate(timeout=30)[0]
    assert process.returncode == -number
    assert b"run apart" not in rest
    time.sleep(0.2)
    assert processes_below(tmp_path) == []
