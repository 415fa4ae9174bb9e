"""The example of a rule of one's own, found through its entry point as if it were installed."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from examples_installed import EXAMPLES, install_example, run

EXAMPLE = EXAMPLES / "own_rule"
SETTINGS = """\
NEW_NAMES = {"timeout": "timeout_s"}


def setting(name):
    if name in NEW_NAMES:
        raise KeyError(f"setting '{name}' is now '{NEW_NAMES[name]}'")
    return {"timeout_s": 30, "retries": 2}[name]
"""
CLIENT = """\
from settings import setting


def patience():
    return setting("timeout") * setting("retries")
"""
VALIDATOR = """\
from pytest_gemmadev.api import hookimpl


@hookimpl
def gemmadev_validators():
    def leave_client_alone(task, candidate):
        if any(edit.path == "client.py" for edit in candidate.edits):
            return "client.py is generated"

    return (leave_client_alone,)
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return install_example("own_rule", tmp_path / "installed")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "settings.py").write_text(SETTINGS)
    (root / "client.py").write_text(CLIENT)
    (root / "test_client.py").write_text(
        "from client import patience\n\n\ndef test_patience():\n    assert patience() == 60\n"
    )
    return root


FIX = ("pytest", "-q", "--gemmadev-fix", "--gemmadev-model=none", "--gemmadev-budget=30",
       "--gemmadev-deny=settings.py")  # fmt: skip


def test_it_repairs(project: Path, environ: dict[str, str]) -> None:
    done = run(project, environ, *FIX)
    assert done.returncode == 0, done.stdout
    assert "the setting `timeout` is now `timeout_s` (rule:renamed_setting" in done.stdout
    assert (project / "client.py").read_text() == CLIENT.replace("timeout", "timeout_s")


def test_without_it_the_rule_is_not_there(project: Path) -> None:
    done = run(project, dict(os.environ), *FIX)
    assert "renamed_setting" not in done.stdout


def test_a_validator_rejects_what_passes(
    project: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    installed = tmp_path / "installed"
    (installed / "generated_files.py").write_text(VALIDATOR)
    info = installed / "generated_files-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: generated-files\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gemmadev]\nfiles = generated_files\n")
    done = run(project, environ, *FIX)
    assert done.returncode == 1, done.stdout
    shown = " ".join(done.stdout.split())
    assert re.search(r"plausible patch(es were| was) found and rejected: client.py is gen", shown)
    assert (project / "client.py").read_text() == CLIENT


def test_its_own_tests_pass(tmp_path: Path, environ: dict[str, str]) -> None:
    done = run(tmp_path, environ, "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE))
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.mark.parametrize("name", ["backend", "own_rule"])
def test_only_public_paths_are_imported(name: str) -> None:
    found = {
        module
        for path in (EXAMPLES / name).rglob("*.py")
        for module in re.findall(
            r"^(?:from|import) (pytest_gemmadev[\w.]*)", path.read_text(), re.M
        )
    }
    assert found
    assert found <= {"pytest_gemmadev.api", "pytest_gemmadev.testing"}
