"""Where a proposal goes: a folder, and the page of the workflow that runs it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_gemmadev import __version__
from pytest_gemmadev.report.proposal import (
    COMBINED,
    REPORT,
    SUMMARY,
    proposal_files,
    workflow_commands,
)
from pytest_gemmadev.types import GemmadevError, RepairReport

_PATCH = re.compile(r"\d{4}-[a-z0-9-]+\.patch")
_TOPS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")  # set by GitHub and GitLab to where they checked out


def write_proposal(folder: Path, report: RepairReport, *, root: Path) -> list[str]:
    """Writes patches, report and summary; the names of the patches. Those of an earlier run are removed.

    ``root`` is what the report's paths are relative to.
    """
    prefix = path_below_top(root, os.environ)
    files = proposal_files(report, prefix=prefix, version=__version__)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _list_earlier_files(folder):
            (folder / name).unlink(missing_ok=True)
        for name, text in files.items():
            (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise GemmadevError(
            f"{folder}: {error.strerror}; patches need a folder that can be written to"
        ) from error
    return [name for name in files if _PATCH.fullmatch(name)]


def _list_earlier_files(folder: Path) -> list[str]:
    """Files that the report in the folder names: this run may not write all of them again."""
    try:
        data = json.loads((folder / REPORT).read_text(encoding="utf-8"))
        names = [p.get("file", "") for f in data["failures"] for p in f["patches"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []  # none, or not ours
    return [COMBINED, *(n for n in names if isinstance(n, str) and _PATCH.fullmatch(n))]


def path_below_top(root: Path, environ: Mapping[str, str]) -> str:
    """The path of a folder below the top of its repository, with slashes; empty for the top."""
    top = next((Path(environ[name]) for name in _TOPS if environ.get(name)), None)
    if top is None or not root.resolve().is_relative_to(top.resolve()):
        above = (root, *root.parents)
        top = next((folder for folder in above if (folder / ".git").exists()), root)
    below = root.resolve().relative_to(top.resolve()).as_posix()
    return "" if below == "." else below


def tell_workflow(report: RepairReport, folder: Path, *, root: Path) -> Sequence[str]:
    """Adds the summary to the page of the step on GitHub; the lines that mark the failures there.

    Does nothing, and returns no line, anywhere else.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return ()
    page = os.environ.get("GITHUB_STEP_SUMMARY")
    if page:
        try:
            text = (folder / SUMMARY).read_text(encoding="utf-8")
            with open(page, "a", encoding="utf-8") as file:
                file.write(f"{text}\n")
        except OSError:
            pass  # the page of a step is a convenience: what was proposed lies in the folder
    return workflow_commands(report, prefix=path_below_top(root, os.environ))
