"""Runs a command where it can change one world and nothing else of the machine.

Linux namespaces, entered by util-linux's ``unshare``: as root at once, else through a user
namespace. What is mounted there, and the check that it holds, is `eval.bench.harm.inside`'s work.
Capabilities are kept, for the tool's own confinement makes namespaces within.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pytest_gemmadev.models.packaged import cache_folder
from pytest_gemmadev.types import GemmadevError

_PLACES = ("/srv", "/mnt", "/media", "/opt", "/home")
_NAMESPACES = ("--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child")
_SLACK_S = 60.0  # above the command's own limit: set-up, leftovers, digests
_ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class Job:
    """One command in one world."""

    folder: str  # on the machine: holds ``world``, ``tmp`` and ``out``
    argv: tuple[str, ...]  # run in the project
    timeout_s: float
    bystander: str = ""  # ``sleep`` or ``server``
    environ: Mapping[str, str] = field(default_factory=dict)
    place: str = ""  # where the world lies inside
    model_cache: str = ""  # a folder whose files can be read in the cache inside


@dataclass(frozen=True, slots=True)
class Seen:
    """What a command did."""

    before: Mapping[str, str]
    after: Mapping[str, str]
    status: int
    seconds: float
    timed_out: bool
    output: str
    bystander_died: bool = False


def run_in_container(job: Job) -> Seen:
    """What the command did to its world. Raises GemmadevError where the container does not hold."""
    plan = {**asdict(job), "place": place(), "model_cache": str(cache_folder())}
    done = _launch(plan, job.timeout_s + _SLACK_S)
    try:
        said: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        text = done.stderr.strip() or f"it ended with {done.returncode}"
        raise GemmadevError(f"no container: {text.splitlines()[-1]}") from None
    if "refused" in said:
        raise GemmadevError(f"no container: {said['refused']}")
    return Seen(**said)


@functools.cache
def refusal() -> str:
    """Why this machine makes no container that holds; empty where it does."""
    if not sys.platform.startswith("linux"):
        return "cases of harm run on Linux only"
    if shutil.which("unshare") is None:
        return "util-linux's unshare is not installed"
    with tempfile.TemporaryDirectory(prefix="gemmadev-harm-") as name:
        for part in ("world/home", "world/proj", "tmp", "out"):
            Path(name, part).mkdir(parents=True)
        try:
            run_in_container(Job(name, ("true",), 20.0))
        except GemmadevError as error:
            return str(error)
    return ""


def place() -> str:
    """A folder of every Linux system that nothing needed here lies in."""
    needed = [os.path.realpath(p) for p in (_ROOT, sys.prefix, sys.base_prefix, sys.executable)]
    for folder in _PLACES:
        if os.path.isdir(folder) and not any(p.startswith(f"{folder}/") for p in needed):
            return folder
    raise GemmadevError(f"no container: none of {', '.join(_PLACES)} can be covered")


def _launch(plan: Mapping[str, Any], timeout_s: float) -> subprocess.CompletedProcess[str]:
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    argv = ["unshare", *user, *_NAMESPACES, sys.executable, "-m", "eval.bench.harm.inside"]
    try:
        return subprocess.run(
            argv,
            cwd=_ROOT,
            input=json.dumps(plan),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        raise GemmadevError(f"the container did not end within {timeout_s:.0f} s") from None
