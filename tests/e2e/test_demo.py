"""The demo: a shop with five bugs, and what repairs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SHOP = Path(__file__).parents[2] / "examples" / "shop"

# The lines as they are shipped, and as they are meant to be.
INTENDED = {
    "shop/cart.py": (
        "            self._lines[product.code] = Line(prodcut, quantity)",
        "            self._lines[product.code] = Line(product, quantity)",
    ),
    "shop/discounts.py": (
        "    return min(bulk(cart), coupon(cart, code))",
        "    return max(bulk(cart), coupon(cart, code))",
    ),
    "shop/orders.py": (
        "from shop.prices import price",
        "from shop.pricing import price",
        '        if order["state"] != "placed":',
        '        if order["status"] != "placed":',
    ),
    "shop/pricing.py": (
        "    return 0 if cents > FREE_SHIPPING_FROM else SHIPPING",
        "    return 0 if cents >= FREE_SHIPPING_FROM else SHIPPING",
    ),
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the demo as it is shipped, whatever was done to this one since."""
    copy = tmp_path / "shop"
    leftovers = shutil.ignore_patterns("__pycache__", ".*cache", ".gemmadev")
    shutil.copytree(SHOP, copy, ignore=leftovers)
    for path, lines in INTENDED.items():
        text = (copy / path).read_text(encoding="utf-8")
        for buggy, fixed in zip(lines[::2], lines[1::2], strict=True):
            assert (buggy in text) is not (fixed in text), f"{path}: {buggy.strip()}"
            text = text.replace(fixed, buggy)
        (copy / path).write_text(text, encoding="utf-8")
    return copy


def run_pytest(folder: Path, *options: str, timeout_s: float = 120) -> tuple[int, str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    # A line of the same length written in the second of the run before would go unseen.
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def source(folder: Path) -> dict[str, list[str]]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8").splitlines()
        for path in sorted(folder.rglob("*.py"))
    }


def changed_lines(
    before: dict[str, list[str]], after: dict[str, list[str]]
) -> dict[str, list[str]]:
    """Old line, new line, and so on, by file; files keep their number of lines."""
    assert before.keys() == after.keys()
    assert {p: len(lines) for p, lines in before.items()} == {p: len(t) for p, t in after.items()}
    return {
        path: [
            part
            for pair in zip(before[path], after[path], strict=True)
            if pair[0] != pair[1]
            for part in pair
        ]
        for path in before
        if before[path] != after[path]
    }


@pytest.mark.slow
def test_the_shop_fails_as_shipped_and_passes_with_the_intended_lines(shop: Path) -> None:
    status, output = run_pytest(shop)
    assert status == 2, output  # a module that cannot be imported ends the run
    for path, lines in INTENDED.items():
        text = (shop / path).read_text(encoding="utf-8")
        for buggy, fixed in zip(lines[::2], lines[1::2], strict=True):
            text = text.replace(buggy, fixed)
        (shop / path).write_text(text, encoding="utf-8")
    status, output = run_pytest(shop)
    assert status == 0, output


@pytest.mark.slow
@pytest.mark.model
def test_the_shop_is_repaired_and_only_the_intended_lines_change(shop: Path) -> None:
    before = source(shop)
    report = shop.parent / "report.json"
    options = ("--gemmadev-fix", f"--gemmadev-report={report}")
    status, output = run_pytest(shop, *options, timeout_s=400)
    assert status == 0, output
    assert changed_lines(before, source(shop)) == {p: list(lines) for p, lines in INTENDED.items()}
    totals = json.loads(report.read_text(encoding="utf-8"))["totals"]
    assert totals["unrepaired"] == 0
    assert totals["repaired"] >= 5
    undone = subprocess.run(
        [sys.executable, "-m", "pytest_gemmadev.doors.cli", "undo"], cwd=shop, capture_output=True
    )
    assert undone.returncode == 0, undone
    assert source(shop) == before
