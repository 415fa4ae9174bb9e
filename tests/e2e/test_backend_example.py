"""The example of a backend, found through its entry point as if it were installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from examples_installed import EXAMPLES, install_example, run

EXAMPLE = EXAMPLES / "backend"
SHOP = "def price(item):\n    return 2\n\n\ndef total(items):\n    return sum(prce(i) for i in items)\n"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return install_example("backend", tmp_path / "installed")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "shop.py").write_text(SHOP)
    (root / "test_shop.py").write_text(
        "from shop import total\n\ndef test_total():\n    assert total('ab') == 4\n"
    )
    return root


def test_it_is_listed(project: Path, environ: dict[str, str]) -> None:
    done = run(project, environ, "pytest_gemmadev.doors.cli", "models")
    assert "bigram:FOLDER\n    pairs of tokens: ranks by" in done.stdout
    without = {**environ, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    assert "bigram" not in run(project, without, "pytest_gemmadev.doors.cli", "models").stdout


def test_it_repairs(project: Path, environ: dict[str, str]) -> None:
    report = project.parent / "report.json"
    options = ("--gemmadev-fix", "--gemmadev-model=bigram:.", f"--gemmadev-report={report}")
    done = run(project, environ, "pytest", "-q", *options)
    assert done.returncode == 0, done.stdout
    assert "pairs of tokens in" in report.read_text()
    assert (project / "shop.py").read_text() == SHOP.replace("prce", "price")


def test_its_refusal_is_one_line(project: Path, environ: dict[str, str]) -> None:
    done = run(
        project, environ, "pytest", "-q", "--gemmadev-fix", "--gemmadev-model=bigram:nowhere"
    )
    assert done.returncode == 4
    assert "gemmadev: model bigram:nowhere: no such folder" in done.stdout
    assert (project / "shop.py").read_text() == SHOP


def test_it_prefers_what_is_written_elsewhere(tmp_path: Path) -> None:
    sys.path.insert(0, str(EXAMPLE))
    try:
        from gemmadev_bigram import BigramModel
    finally:
        sys.path.remove(str(EXAMPLE))
    (tmp_path / "a.py").write_text("for item in items: total += item.price\n" * 9)
    model = BigramModel("bigram:x", tmp_path)
    usual, unusual = model.score("total += item", [".price", ".cost"])
    assert usual > unusual
    assert model.complete("x", None) == ()  # type: ignore[arg-type]
