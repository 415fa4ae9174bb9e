"""The repository's own pre-commit configuration: it is valid, and our hook stands first."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIGURATION = ROOT / ".pre-commit-config.yaml"


def test_it_is_valid() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(CONFIGURATION)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_our_hook_ruff_and_mypy_are_run_in_this_order() -> None:
    text = CONFIGURATION.read_text("utf-8")
    ids = re.findall(r"- id: ([\w-]+)", text)
    assert ids == ["gemmadev-repair", "ruff", "ruff-format", "mypy"]
    assert re.findall(r"- repo: (\w+)", text) == ["local"]


def test_what_is_broken_on_purpose_is_left_out() -> None:
    (pattern,) = re.findall(r"^exclude: (\S+)", CONFIGURATION.read_text("utf-8"), re.MULTILINE)
    assert re.search(pattern, "eval/data/debug/01-inventory-syntax/project/inventory/stock.py")
    assert not re.search(pattern, "eval/cases/case.py")
    assert not re.search(pattern, "pytest_gemmadev/types.py")
