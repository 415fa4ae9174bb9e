"""The jobs and configurations that the documentation shows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pytest_gemmadev import plugin
from pytest_gemmadev.hook import command

DOCS = Path(__file__).parents[2] / "docs"
yaml = pytest.importorskip("yaml", reason="needs a YAML reader (pre-commit brings one)")


def blocks(page: str) -> list[Any]:
    text = (DOCS / page).read_text("utf-8")
    return [
        yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", text, re.M | re.S)
    ]


@pytest.mark.parametrize("page", ["ci.md", "pre-commit.md"])
def test_options_are_there(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    parser = pytest.Parser(_ispytest=True)
    plugin.pytest_addoption(parser)
    offered = {name for o in parser.getgroup("gemmadev").options for name in o.names()}
    assert set(re.findall(r"--gemmadev-[a-z-]+", text)) <= offered
    hook = set(re.findall(r"^\| `(--[a-z-]+)", text, re.M))
    known = command._make_parser().format_help()
    assert [option for option in hook if option not in known] == []


def test_the_github_job_may_do_what_its_steps_do_and_no_more() -> None:
    workflow = blocks("ci.md")[0]
    job = workflow["jobs"]["tests"]
    assert workflow["permissions"] == {"contents": "read"}
    assert job["permissions"] == {
        "contents": "read", "pull-requests": "write", "security-events": "write"
    }  # fmt: skip
    assert "pull_request_target" not in workflow[True]  # YAML 1.1 reads ``on`` as true
    used = [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]
    assert "actions/cache" in used
    assert "github/codeql-action/upload-sarif" in used


def test_scripts_are_plain_sh() -> None:
    github, gitlab = blocks("ci.md")
    steps = [step["run"] for step in github["jobs"]["tests"]["steps"] if "run" in step]
    assert steps
    for script in (*steps, *gitlab["tests"]["script"], *gitlab["tests"]["after_script"]):
        done = subprocess.run(["sh", "-n", "-c", script], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_the_hook_is_configured_by_its_name() -> None:
    (config, _with_model) = blocks("pre-commit.md")
    names = [hook["id"] for repo in config["repos"] for hook in repo["hooks"]]
    hooks = yaml.safe_load((DOCS.parent / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert names == [hook["id"] for hook in hooks]
