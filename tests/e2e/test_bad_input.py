"""What must not happen: each of these gets a clear line, or no notice at all, and harms nothing."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from whole_runs import Files, Ran, command, contents, environment, processes_below, run, write

pytestmark = pytest.mark.slow

FIX = ("--gemmadev-fix", "--gemmadev-accept=guess", "--gemmadev-model=none")
TEST = "from shop import check\n\n\ndef test_check():\n    assert check(3) == 3\n"
BROKEN: Files = {
    "shop.py": "def check(count):\n    return cuont\n",
    "test_shop.py": TEST,
}


def said(ran: Ran) -> list[str]:
    """The lines that tell of a problem, the header of the run left out."""
    lines = [x for x in ran.output.splitlines() if x.startswith(("gemmadev: ", "ERROR: "))]
    return [x for x in lines if not x.startswith("gemmadev: repair in place")]


def unharmed(folder: Path, files: Files) -> None:
    wanted = {p: t.encode() if isinstance(t, str) else t for p, t in files.items()}
    assert contents(folder) == wanted
    assert processes_below(folder) == []


# --- candidates that misbehave -------------------------------------------------------------------

MISBEHAVIOUR = {
    "hangs": "while True:\n    pass",
    "sleeps": "import time\ntime.sleep(10**6)",
    "exits": "import os\nos._exit(0)",
    "leaves": "import sys\nsys.exit(0)",
    "kills itself": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "interrupts": "raise KeyboardInterrupt",
    "ends the run": "import pytest\npytest.exit('enough', returncode=0)",
    "fills memory": "kept = []\nwhile True:\n    kept.append(bytearray(10**8))",
    "writes without end": "while True:\n    print('x' * 10**5, flush=True)",
    "starts processes": "import subprocess, sys\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])",
    "starts a session of its own": "import subprocess, sys\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
    " start_new_session=True)",
    "recurses": "def deeper(n):\n    return deeper(n + 1) + deeper(n + 2)\n"
    "import sys\nsys.setrecursionlimit(10**9)\ndeeper(0)",
    "closes what it finds": "import os\nfor number in range(3, 64):\n"
    "    try:\n        os.close(number)\n    except OSError:\n        pass",
    "ignores signals": "import signal, time\nfor number in (2, 14, 15):\n"
    "    signal.signal(number, signal.SIG_IGN)\ntime.sleep(10**6)",
}


@pytest.mark.parametrize("name", MISBEHAVIOUR)
def test_candidates_that_misbehave_are_contained(tmp_path: Path, name: str) -> None:
    body = "".join(f"        {line}\n" for line in MISBEHAVIOUR[name].splitlines())
    files = {
        # Every other comparison runs into it.
        "shop.py": f"def check(count):\n    if count < 3:\n{body}    return count - 1\n",
        "test_shop.py": TEST + "    assert check(5) == 5\n",
    }
    write(tmp_path, files)
    ran = run(tmp_path, *FIX, "--gemmadev-budget=60")
    assert ran.status == 0, ran.output
    unharmed(tmp_path, files | {"shop.py": files["shop.py"].replace("count - 1", "count")})


def test_a_test_that_hangs_is_repaired_where_something_ends_it(tmp_path: Path) -> None:
    pytest.importorskip("pytest_timeout")
    files = {
        "shop.py": "def check(count):\n    found = 0\n    while found < count:\n"
        "        found += 0\n    return found\n",
        "test_shop.py": TEST,
    }
    write(tmp_path, files)
    ran = run(tmp_path, *FIX, "--timeout=2", "--gemmadev-budget=60")
    assert ran.status == 0, ran.output
    unharmed(tmp_path, files | {"shop.py": files["shop.py"].replace("+= 0", "+= 1")})


# --- files that may not be changed ---------------------------------------------------------------


def test_a_source_outside_the_rootdir_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, {"lib/shop.py": BROKEN["shop.py"], "project/test_shop.py": TEST})
    before = contents(tmp_path)
    ran = run(tmp_path / "project", *FIX, PYTHONPATH=str(tmp_path / "lib"))
    assert ran.status == 1
    assert "no file that may be edited takes part in it" in ran.output
    assert contents(tmp_path) == before


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_that_leaves_the_rootdir_is_not_followed(tmp_path: Path, what: str) -> None:
    write(tmp_path, {"lib/shop.py": BROKEN["shop.py"], "project/test_shop.py": TEST})
    target = tmp_path / "lib"
    if what == "file":
        (tmp_path / "project" / "shop.py").symlink_to(target / "shop.py")
    else:
        (tmp_path / "project" / "inner").symlink_to(target)
        write(tmp_path, {"project/pytest.ini": "[pytest]\npythonpath = inner\n"})
    before = contents(tmp_path)
    ran = run(tmp_path / "project", *FIX)
    assert ran.status == 1
    assert "no file that may be edited takes part in it" in ran.output
    assert contents(tmp_path) == before


def test_a_link_inside_the_rootdir_stays_one(tmp_path: Path) -> None:
    write(tmp_path, {"src/shop.py": BROKEN["shop.py"], "test_shop.py": TEST})
    (tmp_path / "shop.py").symlink_to("src/shop.py")
    ran = run(tmp_path, *FIX)
    assert ran.status == 0, ran.output
    assert (tmp_path / "shop.py").is_symlink()
    assert "return count" in (tmp_path / "src" / "shop.py").read_text()


def test_a_source_that_may_not_be_written_is_left_alone(tmp_path: Path) -> None:
    write(tmp_path, BROKEN)
    (tmp_path / "shop.py").chmod(0o444)
    ran = run(tmp_path, *FIX)
    assert ran.status == 1, ran.output
    assert "read-only" in ran.output
    assert stat.S_IMODE((tmp_path / "shop.py").stat().st_mode) == 0o444
    unharmed(tmp_path, BROKEN)


def test_tests_and_configuration_are_never_edited(tmp_path: Path) -> None:
    files = {
        "conftest.py": "import pytest\n\n\n@pytest.fixture\ndef three():\n    return tree\n",
        "test_shop.py": "def test_three(three):\n    assert three == 3\n\n\n"
        "def test_itself():\n    assert cuont == 3\n",
        "setup.py": "",
    }
    write(tmp_path, files)
    ran = run(tmp_path, *FIX)
    assert ran.status == 1
    unharmed(tmp_path, files)


def test_an_error_in_collection_that_stays_is_a_failure_that_remains(tmp_path: Path) -> None:
    files = {"shop.py": "x = 1\n", "test_shop.py": "def test_it(:\n    pass\n"}
    write(tmp_path, files)
    assert run(tmp_path).status == 2
    assert run(tmp_path, *FIX).status == 1
    assert run(tmp_path, "--gemmadev-propose=out", "--gemmadev-model=none").status == 2
    assert not list(tmp_path.glob("out/*.patch"))
    shutil.rmtree(tmp_path / "out")
    unharmed(tmp_path, files)


# --- budgets and models --------------------------------------------------------------------------


def test_a_budget_of_nothing_repairs_nothing(tmp_path: Path) -> None:
    write(tmp_path, BROKEN)
    ran = run(tmp_path, *FIX, "--gemmadev-budget=0")
    assert ran.status == 1
    assert "budget" in ran.output.partition(" gemmadev ===")[2]
    unharmed(tmp_path, BROKEN)


@pytest.mark.parametrize(
    ("option", "word"),
    [
        pytest.param("--gemmadev-budget=soon", "--gemmadev-budget", id="a budget in words"),
        pytest.param("--gemmadev-budget=-1", "--gemmadev-budget", id="a budget below nothing"),
        pytest.param("--gemmadev-budget=nan", "--gemmadev-budget", id="a budget that is no number"),
        pytest.param("--gemmadev-model=gguf:none.gguf", "none.gguf", id="no model file"),
        pytest.param("--gemmadev-model=gguf:short.gguf", "short.gguf", id="a truncated model"),
        pytest.param("--gemmadev-model=gguf:text.gguf", "text.gguf", id="a file of another kind"),
        pytest.param("--gemmadev-model=gguf:folder", "folder", id="a folder"),
        pytest.param("--gemmadev-model=gguf:", "gguf:", id="a spec without a path"),
        pytest.param("--gemmadev-model=crystal-ball", "crystal-ball", id="an unknown model"),
        pytest.param("--gemmadev-adapter=absent.gguf", "absent.gguf", id="no adapter there"),
        pytest.param("--gemmadev-seed=x", "--gemmadev-seed", id="a seed that is no number"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(tmp_path: Path, option: str, word: str) -> None:
    write(tmp_path, BROKEN | {"text.gguf": "not a model", "folder/x": ""})
    write(tmp_path, {"short.gguf": b"GGUF\x03\x00\x00\x00" + bytes(range(256))})
    before = contents(tmp_path)
    ran = run(tmp_path, "--gemmadev-fix", option)
    assert ran.status in (1, 4), ran.output
    assert "INTERNALERROR" not in ran.output
    assert "Traceback" not in ran.output
    assert any(word in line for line in said(ran)), ran.output
    assert contents(tmp_path) == before
    assert processes_below(tmp_path) == []


# --- interruption --------------------------------------------------------------------------------


@pytest.mark.parametrize("after_s", [0.3, 0.8, 1.3, 2.0, 3.0, 4.5])
def test_ctrl_c_leaves_the_tree_old_or_new(tmp_path: Path, after_s: float) -> None:
    files = {
        "shop.py": "def check(count):\n    return cuont\n\n\ndef double(count):\n"
        "    return count + 2\n\n\ndef never(count):\n    return count * 0\n",
        "test_shop.py": "from shop import check, double, never\n\n\n"
        "def test_check():\n    assert check(3) == 3\n\n\n"
        "def test_double():\n    assert (double(3), double(5)) == (6, 10)\n\n\n"
        "def test_never():\n    assert hash(str(never(3))) == 12345\n",
    }
    write(tmp_path, files)
    with subprocess.Popen(
        command("--gemmadev-fix", "--gemmadev-budget=60"),
        cwd=tmp_path,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        # A job in the background of a script ignores the signal, and so would all it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        time.sleep(after_s)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it
        output = process.communicate(timeout=30)[0].decode()
    assert process.returncode in (1, 2, -signal.SIGINT), output
    assert "INTERNALERROR" not in output
    unharmed(tmp_path, files)


def test_what_a_killed_repair_left_is_put_back_by_the_next(tmp_path: Path) -> None:
    files = BROKEN | {"other.py": "x = 1\n", "test_fine.py": "def test_fine():\n    pass\n"}
    write(tmp_path, files)
    killed = """
import os, signal
from pytest_gemmadev.files import exchange, journal
swap = exchange.swap
def swapped(fresh, target):
    swap(fresh, target)
    if target.name == "other.py":
        os.kill(os.getpid(), signal.SIGKILL)
exchange.swap = swapped
journal.commit(".", {"other.py": b"half", "shop.py": b"half"}, note="a repair")
"""
    done = subprocess.run([sys.executable, "-c", killed], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "other.py").read_bytes() == b"half"
    ran = run(tmp_path, *FIX, "test_fine.py")
    assert ran.status == 0, ran.output
    assert "an earlier repair had been interrupted; put back: other.py" in ran.output
    unharmed(tmp_path, files)
