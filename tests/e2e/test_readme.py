"""What the README and the documentation promise is there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from pytest_gemmadev import plugin

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = [
    line for line in README.splitlines() if line.startswith("python3 -m venv") and "&&" in line
]


def test_two_commands_do_all_the_set_up() -> None:
    demo, tests = COMMANDS
    assert "'.[local]'" in demo
    assert "examples/shop" in demo
    assert "--gemmadev-fix" in demo
    assert "'.[dev]'" in tests
    assert tests.endswith(".venv/bin/python -m pytest")


@pytest.mark.parametrize("command", COMMANDS, ids=["demo", "tests"])
def test_the_commands_are_plain_sh(command: str) -> None:
    done = subprocess.run(["sh", "-n", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_ci_runs_the_second_command_in_a_fresh_environment() -> None:
    script = ROOT / ".ci" / "run"
    *before, last = script.read_text(encoding="utf-8").splitlines()
    assert last == COMMANDS[1]
    assert "set -euo pipefail" in before
    assert "rm -rf .venv" in before
    assert os.access(script, os.X_OK)


def test_the_options_are_those_of_the_plugin() -> None:
    parser = pytest.Parser(_ispytest=True)
    plugin.pytest_addoption(parser)
    group = parser.getgroup("gemmadev")
    offered = {name for option in group.options for name in option.names()}
    shown = set(re.findall(r"--gemmadev-[a-z]+", README))
    assert shown == offered - {"--gemmadev-mode"}  # that one is internal


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    local = [link for link in links if not link.startswith("https://")]
    assert [link for link in local if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_files_that_are_named_exist(page: Path) -> None:
    """Each `name.py` is somewhere in the repository, each `folder/name.py` under that path."""
    named = set(re.findall(r"`([\w/.-]+\.py)`", page.read_text(encoding="utf-8")))
    folders = ("pytest_gemmadev", "precommit_hooks", "eval", "tests", "training", "benchmarks")
    files = [path.as_posix() for folder in folders for path in (ROOT / folder).rglob("*.py")]
    missing = [name for name in named if not any(f.endswith(f"/{name}") for f in files)]
    assert missing == []


def test_the_licenses_are_there() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    assert "ai.google.dev/gemma/terms" in notice
    assert "prohibited_use_policy" in notice
