"""The file that tracebacks of this plugin's own bugs go to, in the user's cache folder."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import time
from pathlib import Path
from typing import Any

import pytest

from pytest_gemmadev import __version__
from pytest_gemmadev.capture.bug_log import LOGGER
from pytest_gemmadev.models.packaged import cache_folder

KEPT = 20  # files of earlier runs
_KEY = "gemmadev_bug_file"  # key of what a controller of pytest-xdist tells its workers


class BugFile(logging.Handler):
    """Appends to a file that is made when the first bug is logged.

    Nothing stays open between two bugs: tests close file descriptors. Where the file cannot be written,
    the bug is in no file, and the run goes on.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.setFormatter(logging.Formatter("%(asctime)s %(process)d %(message)s"))

    @property
    def is_written(self) -> bool:
        """Whether a bug was logged, by this process or by a worker of it."""
        return self.path.is_file()

    @property
    def line(self) -> str:
        """What tells the user of it."""
        return f"gemmadev: a bug in pytest-gemmadev; its traceback is in {self.path}"

    def emit(self, record: logging.LogRecord) -> None:
        """Appends the record with its traceback."""
        with contextlib.suppress(OSError):
            head = "" if self.is_written else f"{_describe_versions()}\n"
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            # A traceback quotes messages, which may hold what only the user should read.
            with open(os.open(self.path, flags, 0o600), "a", encoding="utf-8",
                      errors="backslashreplace") as file:  # fmt: skip
                file.write(f"{head}{self.format(record)}\n")

    def stop(self) -> None:
        """Logs nothing here any more, and removes the files of all runs but the last `KEPT`."""
        LOGGER.removeHandler(self)
        if self.is_written:
            for old in sorted(self.path.parent.glob("*.log"))[:-KEPT]:
                with contextlib.suppress(OSError):
                    old.unlink()


BUG_FILE = pytest.StashKey[BugFile]()


def start_bug_file(config: pytest.Config) -> BugFile | None:
    """The file that bugs go to until pytest is done; None where the user has no home folder."""
    if BUG_FILE not in config.stash:
        given: dict[str, Any] = getattr(config, "workerinput", {})
        try:
            bug_file = BugFile(Path(given[_KEY]) if _KEY in given else _new_path())
        except RuntimeError:  # of `Path.home`
            return None
        LOGGER.addHandler(bug_file)
        config.add_cleanup(bug_file.stop)
        config.stash[BUG_FILE] = bug_file
    return config.stash[BUG_FILE]


def tell_worker(node: Any, bug_file: BugFile) -> None:
    """Has a worker of pytest-xdist, a process of its own, log its bugs to the same file."""
    node.workerinput[_KEY] = str(bug_file.path)


def _new_path() -> Path:
    """Where the bugs of this run go; the name sorts by time."""
    return cache_folder() / "log" / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"


def _describe_versions() -> str:
    python = f"Python {platform.python_version()} on {platform.platform()}"
    return f"pytest-gemmadev {__version__}, pytest {pytest.__version__}, {python}"
