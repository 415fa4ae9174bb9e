"""The user's standard input and output while a program runs more than once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

INPUT_BYTES = 64 << 20  # of standard input that is kept for trials
LATE_INPUT_S = 1.0  # for input that comes after the program has failed


@dataclass(slots=True)
class Streams:
    """The user's standard input and output, lent to one run of the program after the other.

    Input from a terminal goes to the program itself, and trials have none. Other input is passed on
    and recorded. Output goes to a terminal at once; elsewhere it is kept, so that what comes out in
    the end is the output of one run.
    """

    folder: Path
    is_terminal: bool = field(default_factory=lambda: sys.stdin is not None and sys.stdin.isatty())
    shows: bool = field(default_factory=lambda: sys.stdout.isatty())
    _recorder: _Recorder | None = None
    _output: IO[bytes] | None = None

    def input(self) -> IO[bytes] | int | None:
        """What the next run reads: the user's own input the first time, the recording after that."""
        if self.is_terminal:
            return None
        if sys.stdin is None:
            return subprocess.DEVNULL
        if self._recorder is None:
            self._recorder = _Recorder(sys.stdin.fileno())
            return self._recorder.start()
        path = self.folder / "stdin"
        path.write_bytes(self._recorder.data)
        return path.open("rb")

    def output(self) -> IO[bytes] | None:
        """What the next run writes to; None for the terminal itself."""
        if self.shows:
            return None
        self._output = (self.folder / "stdout").open("w+b")
        return self._output

    def recorded(self) -> bytes:
        """The input that the first run was given, as far as it was not typed."""
        return b"" if self._recorder is None else self._recorder.finish()

    def show_output(self) -> None:
        """Writes what the last run has written, where that was kept."""
        if self._output is not None:
            self._output.seek(0)
            sys.stdout.flush()
            shutil.copyfileobj(self._output, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            self._output.close()


@contextmanager
def open_streams() -> Iterator[Streams]:
    """Streams with a folder of their own, which goes with them."""
    with tempfile.TemporaryDirectory(prefix="gemmadev-") as name:
        yield Streams(Path(name))


class _Recorder:
    """Passes input on as it comes, and keeps it."""

    def __init__(self, source: int) -> None:
        self._source = source
        self._over = threading.Event()
        self.data = b""

    def start(self) -> IO[bytes]:
        """The end of a pipe that the program reads."""
        ours, theirs = os.pipe()
        self._sink: int | None = theirs
        threading.Thread(target=self._pump, daemon=True).start()
        return os.fdopen(ours, "rb")

    def _pump(self) -> None:
        sink = self._sink
        while len(self.data) < INPUT_BYTES:
            try:
                chunk = os.read(self._source, 1 << 16)
            except OSError:
                break
            if not chunk:
                break
            self.data += chunk
            sink = _pass_on(sink, chunk)
        if sink is not None:
            os.close(sink)
        self._over.set()

    def finish(self) -> bytes:
        """Everything there was to read, as far as it comes soon."""
        self._over.wait(LATE_INPUT_S)
        return self.data


def _pass_on(sink: int | None, chunk: bytes) -> int | None:
    """Writes to the program; None once it reads no more."""
    view = memoryview(chunk)
    while sink is not None and view:
        try:
            view = view[os.write(sink, view) :]
        except OSError:
            os.close(sink)
            sink = None
    return sink
