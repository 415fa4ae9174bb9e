"""What a command shows beside a program's own output: lines, a report and progress on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_gemmadev.doors.progress import Progress, spin
from pytest_gemmadev.report.terminal import render_terminal
from pytest_gemmadev.types import RepairReport

if TYPE_CHECKING:
    from rich.console import Console


def say(line: str) -> None:
    """Prints a line, after whatever was printed before."""
    sys.stdout.flush()
    print(f"gemmadev: {line}", file=sys.stderr, flush=True)


def show_report(report: RepairReport) -> None:
    """Prints a report."""
    render_terminal(report, _make_console())


@contextmanager
def show_progress() -> Iterator[Progress]:
    """Gives what shows a message as a line that changes, on a terminal; one that does nothing elsewhere."""
    console = _make_console()
    if not console.is_terminal:
        yield Progress()
        return
    with spin(console) as progress:
        yield progress


def _make_console() -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False, legacy_windows=False)
