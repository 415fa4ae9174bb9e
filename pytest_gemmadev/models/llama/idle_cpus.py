"""How many processors are idle right now.

llama.cpp's threads wait for each other after every operation. When one of them has to share its
processor with another program, all wait for it: on two busy cores two threads were six to thirty
times slower than one.
"""

from __future__ import annotations

import os
from pathlib import Path

_LOAD = Path("/proc/loadavg")
_OWN = Path("/proc/self/task")


def free_processors() -> int:
    """Number of processors that no other program computes on, at least 1; all where that is not known."""
    total = os.cpu_count() or 1
    try:
        running = int(_LOAD.read_text().split()[3].partition("/")[0])
        others = running - sum(_is_running(task / "stat") for task in _OWN.iterdir())
    except (OSError, ValueError, IndexError):  # only Linux has these files
        return total
    return max(1, total - max(0, others))


def _is_running(stat: Path) -> bool:
    """Whether a thread of this process is computing, or waiting for a processor to do so."""
    return stat.read_text().rpartition(")")[2].split()[0] == "R"
