"""``pytest --gemmadev-propose`` as a whole: the tree stays, and what is written applies to it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from whole_runs import contents, run, write

CART = """\
def total(prices):
    return sum(prics)


def label(name):
    # nothing of the sort above
    #
    #
    #
    return name.uper()
"""
TESTS = """\
from shop.cart import label, total


def test_total():
    assert total([1, 2]) == 3


def test_label():
    assert label("a") == "A"
"""
NONE = "--gemmadev-model=none"


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("newline", "below"), [("\n", "."), ("\r\n", "my pröject")], ids=["top", "below, crlf"]
)
def test_patches_of_two_failures_apply_together(tmp_path: Path, newline: str, below: str) -> None:
    git(tmp_path, "init", "-q")
    root = tmp_path / below
    files = {"shop/__init__.py": "", "shop/cart.py": CART.replace("\n", newline), "pytest.ini": ""}
    write(root, {**files, "test_cart.py": TESTS})
    before = contents(root)
    page = tmp_path.parent / f"{tmp_path.name}-page.md"
    done = run(
        root, "--gemmadev-propose=../out" if below != "." else "--gemmadev-propose=out", NONE,
        GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(page), GITHUB_WORKSPACE=str(tmp_path),
    )  # fmt: skip
    assert done.status == 1, done.output
    out = tmp_path / "out"
    after = {path: data for path, data in contents(root).items() if not path.startswith("out/")}
    assert after == before
    data = json.loads((out / "report.json").read_text("utf-8"))
    assert [f["status"] for f in data["failures"]] == ["proposed", "proposed"]
    assert len(data["together"]) == 2
    for name in reversed(data["together"]):
        assert git(root, "apply", "--check", str(out / name)) == ""
        assert git(root, "apply", str(out / name)) == ""
    cart = (root / "shop/cart.py").read_bytes().decode()
    assert cart == CART.replace("prics", "prices").replace("uper", "upper").replace("\n", newline)
    assert page.read_text("utf-8") == (out / "SUMMARY.md").read_text("utf-8") + "\n"
    prefix = "" if below == "." else "my pröject/"
    marks = [line for line in done.output.splitlines() if line.startswith("::error ")]
    assert [mark.split(",title")[0] for mark in marks] == [
        f"::error file={prefix}shop/cart.py,line=2",
        f"::error file={prefix}shop/cart.py,line=10",
    ]


@pytest.mark.slow
def test_a_run_in_which_nothing_fails_takes_old_patches_back(tmp_path: Path) -> None:
    write(tmp_path, {"shop/__init__.py": "", "shop/cart.py": CART, "test_cart.py": TESTS})
    assert run(tmp_path, "--gemmadev-propose=out", NONE).status == 1
    assert len(list((tmp_path / "out").glob("*.patch"))) == 2
    write(tmp_path, {"shop/cart.py": CART.replace("prics", "prices").replace("uper", "upper")})
    done = run(tmp_path, "--gemmadev-propose=out", NONE, GITHUB_ACTIONS="true")
    assert done.status == 0, done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "SUMMARY.md", "report.json", "report.sarif"
    ]  # fmt: skip
    assert "::error" not in done.output
