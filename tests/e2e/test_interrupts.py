"""After Ctrl-C nothing starts and nothing is written, wherever it comes and whoever swallows it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from whole_runs import contents, environment, processes_below, run, undo, write

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

FIX = ("--gemmadev-fix", "--gemmadev-accept=guess", "--gemmadev-model=none", "--gemmadev-budget=40")
FAILING = {
    "shop.py": "def double(count):\n    return cuont * 2\n",
    "test_shop.py": "from shop import double\n\n\ndef test_double():\n    assert double(4) == 8\n",
}
BROKEN = FAILING | {"shop.py": "def double(count:\n    return count * 2\n"}
PRESS = "import os, signal, pytest\n\ndef press():\n    os.kill(os.getpid(), signal.SIGINT)\n\n"
SWALLOWED = "    try:\n        press()\n    except KeyboardInterrupt:\n        pass\n"


@pytest.mark.parametrize(
    ("files", "conftest"),
    [
        pytest.param(
            BROKEN,
            "def pytest_keyboard_interrupt():\n    press()\n",
            id="while pytest formats what ended the collection",
        ),
        pytest.param(
            BROKEN,
            "def pytest_keyboard_interrupt():\n    press()\n    press()\n",
            id="twice while it formats",
        ),
        pytest.param(
            BROKEN,
            "def pytest_keyboard_interrupt():\n    press()\n    raise TypeError('no line')\n",
            id="pytest fails to format it",
        ),
        pytest.param(
            FAILING, f"def pytest_collectstart():\n{SWALLOWED}", id="swallowed in collection"
        ),
        pytest.param(
            FAILING,
            f"def pytest_runtest_logreport():\n{SWALLOWED}",
            id="swallowed while a test is reported",
        ),
        pytest.param(
            FAILING,
            f"@pytest.hookimpl(tryfirst=True)\ndef pytest_sessionfinish():\n{SWALLOWED}",
            id="swallowed at the end of the session",
        ),
        pytest.param(
            FAILING, "def pytest_runtest_call():\n    press()\n", id="in the call of a test"
        ),
    ],
)
def test_an_interrupt_that_pytest_would_lose(
    tmp_path: Path, files: dict[str, str], conftest: str
) -> None:
    write(tmp_path, files | {"conftest.py": PRESS + conftest})
    before = contents(tmp_path)
    ran = run(tmp_path, *FIX)
    assert ran.status == 2, ran.output
    assert contents(tmp_path) == before
    assert "gemmadev: nothing repaired, the run was cut short: interrupted" in ran.output or (
        "gemmadev: interrupted" in ran.output
    )
    assert "INTERNALERROR" not in ran.output
    assert processes_below(tmp_path) == []


def test_a_test_that_interrupts_itself_and_expects_it_is_no_interruption(tmp_path: Path) -> None:
    own = (
        "import os, signal\nimport pytest\n\n\ndef test_it():\n"
        "    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        "    with pytest.raises(KeyboardInterrupt):\n        os.kill(os.getpid(), signal.SIGINT)\n"
    )
    write(tmp_path, FAILING | {"test_own.py": own})
    ran = run(tmp_path, *FIX)
    assert ran.status == 0, ran.output
    assert "return count * 2" in (tmp_path / "shop.py").read_text()


def test_ctrl_c_in_the_final_run_puts_back_and_says_so(tmp_path: Path) -> None:
    files = FAILING | {
        # It waits where the tree is the repaired one, which only the final run sees.
        "test_slow.py": "import pathlib, time\n\n\ndef test_slow():\n"
        "    if 'cuont' not in pathlib.Path(__file__).with_name('shop.py').read_text():\n"
        "        time.sleep(20)\n"
    }
    write(tmp_path, files)
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *FIX],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        deadline = time.monotonic() + 60
        while "cuont" in (tmp_path / "shop.py").read_text() and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGINT)
        output = process.communicate(timeout=40)[0].decode()
    assert process.returncode == 2, output
    assert "gemmadev: repair interrupted; everything was put back" in output
    assert (tmp_path / "shop.py").read_text() == FAILING["shop.py"]
    assert "nothing to undo" in undo(tmp_path).output
    assert processes_below(tmp_path) == []


def test_ctrl_c_after_it_was_written_and_confirmed_says_that_it_is(tmp_path: Path) -> None:
    conftest = (
        PRESS + "@pytest.hookimpl(trylast=True)\ndef pytest_terminal_summary():\n    press()\n"
    )
    write(tmp_path, FAILING | {"conftest.py": conftest})
    ran = run(tmp_path, *FIX)
    assert ran.status == 2, ran.output
    assert "gemmadev: interrupted; the repair had been written and confirmed before" in ran.output
    assert "return count * 2" in (tmp_path / "shop.py").read_text()
    undo(tmp_path)
    assert (tmp_path / "shop.py").read_text() == FAILING["shop.py"]


def test_ctrl_c_while_a_program_is_repaired(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"main.py": "import time\nprint('up', flush=True)\ntime.sleep(1.5)\nprint(undefind)\n"},
    )
    before = contents(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-m", "pytest_gemmadev.doors.cli", "fix", "--model=none", "main.py"],
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        said = b""
        while b"looking for a repair" not in said:
            said += os.read(process.stderr.fileno(), 1000)
        time.sleep(0.7)
        os.killpg(process.pid, signal.SIGINT)
        output = process.communicate(timeout=40)[1].decode()
    assert process.returncode == 130, output
    assert "gemmadev: interrupted" in output
    assert contents(tmp_path) == before
    assert processes_below(tmp_path) == []
