"""Sources that few people write and Python reads: repaired like any other, the rest byte for byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from whole_runs import environment, run, write

pytestmark = pytest.mark.slow

FIX = ("--gemmadev-fix", "--gemmadev-accept=guess", "--gemmadev-model=none")
DOUBLE = "def double(x):\n    return x + 2\n"
TEST = (
    "from shop import double\n\n\ndef test_double():\n    assert double(3) == 6\n"
    "    assert double(5) == 10\n"
)
CHAIN = (
    "def double(x):\n    if x == 0.5:\n        return 1\n"
    + "".join(f"    elif x == {n}:\n        return {2 * n}\n" for n in range(1200))
    + "    return None\n"
)

# text, what is wrong in it, what may stand there afterwards
ODD = {
    "old newlines": (DOUBLE.replace("\n", "\r"), "x + 2", ("x * 2", "x + x")),
    "old newlines, broken": ("def double(x)\r    return x * 2\r", "(x)\r", ("(x):\r",)),
    "form feed before code": (f"import os\n\x0c{DOUBLE}", "x + 2", ("x * 2", "x + x")),
    "form feed before broken code": ("\x0cdef double(x)\n    return x * 2\n", "(x)\n", ("(x):\n",)),
    "form feeds, tabs and a mark": (
        "\ufeffimport os\n\x0c\ndef double(x):\n\x0c\ta = '\x1c\u2028'\n\x0c\treturn y * 2\n",
        "y * 2",
        ("x * 2",),
    ),
    "1200 branches": (f"{CHAIN}\n\ndef name(x):\n    return y\n", "return y", ("return x",)),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_sources_are_repaired(tmp_path: Path, name: str) -> None:
    before, wrong, right = ODD[name]
    further = "\n\ndef test_name():\n    from shop import name\n\n    assert name('n') == 'n'\n"
    test = TEST + (further if "def name" in before else "")
    write(tmp_path, {"shop.py": before, "test_shop.py": test})
    ran = run(tmp_path, *FIX)
    assert "repair failed" not in ran.output
    assert ran.status == 0, ran.output
    after = (tmp_path / "shop.py").read_bytes()
    assert after in [before.replace(wrong, each).encode() for each in right]


def test_a_chain_of_branches_in_which_nothing_is_found(tmp_path: Path) -> None:
    test = "from shop import double\n\n\ndef test_never():\n    assert double(3) == object()\n"
    write(tmp_path, {"shop.py": CHAIN, "test_shop.py": test})
    ran = run(tmp_path, *FIX, "--gemmadev-budget=5")
    assert "repair failed" not in ran.output
    assert "not repaired: " in ran.output
    assert ran.status == 1
    assert (tmp_path / "shop.py").read_bytes() == CHAIN.encode()


def test_the_hook_repairs_what_is_nested_deeply(tmp_path: Path) -> None:
    write(tmp_path, {"shop.py": f"{CHAIN}\n\ndef name(x)\n    return x\n"})
    done = subprocess.run(
        [sys.executable, "-m", "precommit_hooks.gemmadev_repair", "--model=none", "shop.py"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "shop.py:2407: repaired: " in done.stdout, done.stdout + done.stderr
    assert (tmp_path / "shop.py").read_text() == f"{CHAIN}\n\ndef name(x):\n    return x\n"
