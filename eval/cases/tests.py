"""The commands that run a case's tests, and runs of them on files in a fresh folder."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from eval.cases.case import Case, Files, write_tree
from eval.cases.process import Finished, run_command

CHECK_TIMEOUT_S = 120.0  # for one run of the visible or the hidden tests


def visible_command(case: Case) -> list[str]:
    """The argv that runs the visible tests, under this interpreter."""
    if not case.command:
        return [sys.executable, "-m", "pytest", "-q", *case.visible_tests]
    first, *rest = case.command
    return [sys.executable if re.fullmatch(r"python3?", first) else first, *rest]


def hidden_command(case: Case) -> list[str]:
    """The argv that runs the hidden tests, with the options of the case's own command."""
    options = [part for part in visible_command(case) if part not in case.visible_tests]
    return [*options, *case.hidden_tests]


def run_tests(
    files: Files,
    argv: Sequence[str],
    *,
    timeout_s: float = CHECK_TIMEOUT_S,
    stop: Event | None = None,
) -> Finished:
    """Runs a test command on the files in a fresh folder."""
    with tempfile.TemporaryDirectory(prefix="gemmadev-eval-") as name:
        write_tree(Path(name), files)
        return run_tests_in(Path(name), argv, stop, timeout_s=timeout_s)


def run_tests_in(
    folder: Path, argv: Sequence[str], stop: Event | None, *, timeout_s: float = CHECK_TIMEOUT_S
) -> Finished:
    environ = clean_environment(PYTHONDONTWRITEBYTECODE="1")
    return run_command(argv, cwd=folder, timeout_s=timeout_s, environ=environ, stop=stop)


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without what would reach into the case's own pytest."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {**kept, **more}
