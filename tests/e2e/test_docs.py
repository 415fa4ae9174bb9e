"""The examples of the documentation do what they show.

A block titled with a file's name is that file. In a ``console`` block, lines after ``$`` are run in
the folder of the page's files, and the lines below are what comes out; ``...`` stands for anything.
"""

from __future__ import annotations

import fnmatch
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.M | re.S)
PAGES = [page for page in sorted(DOCS.glob("*.md")) if "```console" in page.read_text("utf-8")]
COMMANDS = {"gemmadev": "pytest_gemmadev.doors.cli", "pytest": "pytest", "python": ""}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment in which the commands are those of this interpreter."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, module in COMMANDS.items():
        run = f'exec "{sys.executable}" {f"-m {module} " if module else ""}"$@"\n'
        (programs / name).write_text(f"#!/bin/sh\n{run}")
        (programs / name).chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "GEMMADEV_"))}
    kept["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    return {**kept, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "100"}


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_the_examples_run(page: Path, tmp_path: Path, environ: dict[str, str]) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for language, title, text in BLOCK.findall(page.read_text("utf-8")):
        if title:
            (project / title).parent.mkdir(parents=True, exist_ok=True)
            (project / title).write_text(text)
        elif language == "console":
            for command, expected in transcript(text):
                got = printed(command, project, environ)
                assert matches(got, expected), f"$ {command}\n{got}"


def transcript(text: str) -> list[tuple[str, str]]:
    """(command, what it prints) of a console block."""
    parts = re.split(r"^\$ ", text, flags=re.M)
    assert parts[0] == "", f"a console block begins with a command: {text}"
    pairs = [part.partition("\n") for part in parts[1:]]
    return [(command, expected) for command, _, expected in pairs]


def printed(command: str, folder: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def matches(got: str, expected: str) -> bool:
    pattern = re.sub(r"([\[\]*?])", r"[\1]", expected.rstrip()).replace("...", "*")
    return fnmatch.fnmatchcase(got.rstrip(), pattern)


def test_the_site_builds(tmp_path: Path) -> None:
    """Every page, link and name that is shown from the code; strict, so a warning fails."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    environ = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=DOCS.parent, env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "What was repaired" in (tmp_path / "api" / "index.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("got", "expected", "fits"),
    [
        pytest.param("a\nb\n", "a\nb\n", True, id="the same"),
        pytest.param("a\nx\ny\nb\n", "a\n...\nb\n", True, id="lines left out"),
        pytest.param("a [1] b", "a [1] ...", True, id="brackets"),
        pytest.param("a 1 b", "a [1] ...", False, id="brackets are no class"),
        pytest.param("a\nb\nc\n", "a\nb\n", False, id="more than shown"),
        pytest.param("a\n", "a\n...\nb\n", False, id="less than shown"),
    ],
)
def test_what_matches(got: str, expected: str, fits: bool) -> None:
    assert matches(got, expected) is fits
