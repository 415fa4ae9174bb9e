"""``gemmadev fix``: a program is run, repaired, and run again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

MAIN = """\
import sys
from shop.cart import total

def main():
    print("for", *sys.argv[1:])
    print(total(sys.stdin.read().split(), {"apple": 3, "pear": 5}))

main()
sys.exit(3)
"""
CART = "def total(items, prices):\n    return sum(prices[itm] for item in items)\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "shop").mkdir()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "shop" / "cart.py").write_text(CART)
    return tmp_path


def fix(cwd: Path, *arguments: str, input_: str | None = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest_gemmadev.doors.cli", "fix", "--model=none", *arguments]
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return subprocess.run(
        command, cwd=cwd, input=input_, capture_output=True, text=True, env=environ, check=False
    )


def tree(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*.py"))
    return {path.relative_to(root).as_posix(): path.read_text() for path in files}


def test_a_program_that_runs_is_just_run(project: Path) -> None:
    (project / "shop" / "cart.py").write_text(CART.replace("itm", "item"))
    before = tree(project)
    done = fix(project, "main.py", "a b", "--budget", input_="apple pear")
    assert (done.returncode, done.stdout, done.stderr) == (3, "for a b --budget\n8\n", "")
    assert tree(project) == before


def test_a_program_is_repaired_and_run(project: Path) -> None:
    done = fix(project, "--budget", "60", "main.py", "you", input_="apple pear")
    assert done.stdout == "for you\n8\n"  # of one run
    assert done.returncode == 3
    assert "NameError: name 'itm' is not defined" in done.stderr
    assert "plausible, thinly tested" in done.stderr
    assert tree(project) == {
        "main.py": MAIN,
        "shop/cart.py": CART.replace("itm", "item"),
    }
    undone = [sys.executable, "-m", "pytest_gemmadev.doors.cli", "undo"]
    assert subprocess.run(undone, cwd=project, check=False, capture_output=True).returncode == 0
    assert tree(project)["shop/cart.py"] == CART


def test_errors_in_several_files_one_after_the_other(project: Path) -> None:
    (project / "main.py").write_text(MAIN.replace("def main()", "def main(") + "x = (\n")
    (project / "main.py").write_text(
        "import jsn\nfrom shop import cart\nprint(cart.totl([], {}))\n"
    )
    done = fix(project, "--budget", "90", "-m", "main")
    assert (done.returncode, done.stdout) == (0, "0\n")
    assert tree(project)["main.py"] == (
        "import json\nfrom shop import cart\nprint(cart.total([], {}))\n"
    )


def test_syntax_is_repaired(project: Path) -> None:
    (project / "shop" / "cart.py").write_text("def total(items, prices)\n    return len(items)\n")
    done = fix(project, "--budget", "60", ".", input_="")
    assert done.returncode == 2
    assert "no such file" in done.stderr  # no __main__.py
    (project / "main.py").rename(project / "__main__.py")
    done = fix(project, "--budget", "60", ".", "x", input_="a b")
    assert (done.returncode, done.stdout) == (3, "for x\n2\n")
    assert tree(project)["shop/cart.py"] == "def total(items, prices):\n    return len(items)\n"


def test_only_a_proposal(project: Path) -> None:
    before = tree(project)
    done = fix(project, "--budget", "60", "--propose", "main.py", input_="apple")
    assert (done.returncode, done.stdout) == (1, "for\n")
    assert "+    return sum(prices[item]" in done.stderr
    assert "nothing was written" in done.stderr
    assert tree(project) == before
    assert not (project / ".gemmadev").exists()


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("raise ValueError('no')\n", id="raised on purpose"),
        pytest.param("import sys\nif len(sys.argv) < 2:\n    raise OSError\n", id="refused"),
        pytest.param("import sys\nsys.exit('no')\n", id="an exit"),
        pytest.param("import os\nos.kill(os.getpid(), 15)\n", id="a signal"),
        pytest.param("input()\n", id="no input"),
    ],
)
def test_what_is_no_fault_stays(project: Path, source: str) -> None:
    (project / "main.py").write_text(source)
    before = tree(project)
    done = fix(project, "--budget", "4", "--trial", "2", "main.py")
    assert done.returncode in (1, 143)
    assert tree(project) == before


@pytest.mark.parametrize("name", ["gone", "shop.gone"])
def test_a_module_that_is_not_there(project: Path, name: str) -> None:
    before = tree(project)
    done = fix(project, "-m", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [f"ImportError: No module named {name}"]
    assert tree(project) == before


def test_nothing_outside_the_project_is_edited(project: Path, tmp_path: Path) -> None:
    outside = tmp_path / "shop" / "main.py"
    (project / "shop" / "pyproject.toml").touch()
    outside.write_text("import sys\nsys.path.insert(0, '..')\nimport helper\nhelper.help(1)\n")
    (project / "helper.py").write_text("def help(x):\n    return y\n")
    before = tree(project)
    done = fix(project / "shop", "--budget", "6", "main.py")
    assert "NameError" in done.stderr
    assert tree(project)["helper.py"] == before["helper.py"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param([], "no program named", id="nothing"),
        pytest.param(["-m"], "no program named", id="no module"),
        pytest.param(["gone.py"], "gone.py: no such file", id="no file"),
        pytest.param(["--also", "gone.py", "main.py"], "gone.py: no such file", id="no other file"),
        pytest.param(["--budget", "x", "main.py"], "not a number of seconds", id="budget"),
        pytest.param(["--root", "gone", "main.py"], "--root gone: no such folder", id="no folder"),
        pytest.param(["--python", "py9", "main.py"], "py9: no such interpreter", id="no Python"),
    ],
)
def test_misuse_is_told(project: Path, arguments: list[str], says: str) -> None:
    done = fix(project, *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""  # nothing has run
    assert "Traceback" not in done.stderr
