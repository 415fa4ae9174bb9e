"""Runs a program that nobody has read, kept away from the rest of the machine.

Where the system lets a user have namespaces of their own (most of Linux) the program sees no
network, no processes but its own, and a file system that is read-only but for a scratch folder in
memory. Limits on time, memory and output hold everywhere. What that leaves open: reading files that
this user may read, and faults of the kernel. Where namespaces are refused only the limits are left;
`isolation` says so, and reports record it.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from eval.cases.process import Finished, run_command

_NAMESPACES = ("--user", "--map-root-user", "--mount", "--net", "--pid", "--ipc")
# Run inside the new namespaces: every file read-only, a folder of memory in place of the scratch.
_SET_UP = (
    'mount -o remount,bind,ro / && mount -t tmpfs -o size="$2" none "$1" && cd "$1" && '
    'shift 2 && ulimit -c 0 && exec "$@"'
)
_SCRATCH = "64m"
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "HOME")


@functools.cache
def isolation() -> str:
    """``namespaces`` or ``limits only``: what this machine permits."""
    if shutil.which("unshare") is None or shutil.which("mount") is None:
        return "limits only"
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            _isolated(["true"], Path(scratch)), capture_output=True, timeout=20, check=False
        )
    return "namespaces" if done.returncode == 0 else "limits only"


def run_isolated(argv: Sequence[str], *, timeout_s: float, stop: Event | None = None) -> Finished:
    """Runs ``argv`` in an empty scratch folder, which is also its ``TMPDIR``."""
    with tempfile.TemporaryDirectory(prefix="gemmadev-eval-") as name:
        scratch = Path(name)
        kept = {key: os.environ[key] for key in _KEPT_VARIABLES if key in os.environ}
        return run_command(
            _isolated(argv, scratch) if isolation() == "namespaces" else argv,
            cwd=scratch,
            timeout_s=timeout_s,
            environ={**kept, "TMPDIR": name, "PYTHONDONTWRITEBYTECODE": "1"},
            stop=stop,
        )


def _isolated(argv: Sequence[str], scratch: Path) -> list[str]:
    unshare = ["unshare", *_NAMESPACES, "--fork", "--kill-child", "--mount-proc"]
    return [*unshare, "sh", "-c", _SET_UP, "sh", str(scratch), _SCRATCH, *argv]
