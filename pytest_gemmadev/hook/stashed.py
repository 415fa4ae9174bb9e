"""Whether pre-commit would roll a repair back.

It stashes unstaged changes while hooks run, in ``patchTIME-PID`` in its cache folder, and applies them again
at the end. Where that fails, because a hook has changed the same lines, it takes back what all hooks did.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from pytest_gemmadev.text.diff import files_of

_RECENT_S = 24 * 3600.0  # an older patch is another process's, whose number came up again
_GIT_S = 20.0


def would_be_rolled_back(path: str, after: bytes, environ: Mapping[str, str] = os.environ) -> bool:
    """True where stashed changes of this file do not apply to its repaired bytes.

    ``path`` is relative to the top of the repository, where pre-commit runs hooks.
    """
    patch = _find_stash(environ)
    if patch is None:
        return False
    text = patch.read_bytes().decode("utf-8", "surrogateescape")
    name = path.replace(os.sep, "/").removeprefix("./")
    if f"diff --git a/{name} b/{name}\ndeleted" in text:
        return True
    changed = {file.path for file in files_of(text)}
    return name in changed and not _applies(patch, name, after, environ=environ)


def _find_stash(environ: Mapping[str, str]) -> Path | None:
    """The patch of the pre-commit that runs this process; None where nothing was stashed."""
    if environ.get("PRE_COMMIT") != "1":
        return None
    cache = environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(environ.get("PRE_COMMIT_HOME") or os.path.join(cache, "pre-commit"))
    for process in _list_ancestors():
        found = sorted(folder.glob(f"patch*-{process}"))
        if found and time.time() - found[-1].stat().st_mtime < _RECENT_S:
            return found[-1]
    return None


def _list_ancestors() -> list[int]:
    """Ids of the processes that this one descends from, the parent first, as far as they are known."""
    found = [os.getppid()]
    while len(found) < 8:
        try:
            stat = Path(f"/proc/{found[-1]}/stat").read_bytes()
        except OSError:
            break
        found.append(int(stat.rpartition(b")")[2].split()[1]))
    return found


def _applies(patch: Path, name: str, after: bytes, *, environ: Mapping[str, str]) -> bool:
    """Whether git can apply the file's part of the patch to these bytes, as pre-commit will try to."""
    with tempfile.TemporaryDirectory(prefix="gemmadev-") as folder:
        copy = Path(folder, name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(after)
        only = re.sub(r"([*?\[\\])", r"\\\1", name)
        env = {k: v for k, v in environ.items() if not k.startswith("GIT_")}
        env["GIT_CEILING_DIRECTORIES"] = os.path.dirname(folder)  # no repository around it
        command = ["git", "-c", "core.autocrlf=false", "apply", "--check", "--whitespace=nowarn"]
        try:
            done = subprocess.run(
                [*command, f"--include={only}", str(patch)],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_GIT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):  # Not known: the file is written.
            return True
        return done.returncode == 0
