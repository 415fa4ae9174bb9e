"""An interpreter that the oracle has started, and the socket to it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass

from pytest_gemmadev.validate.messages import RunEndMessage, RunRequest
from pytest_gemmadev.validate.wire import Channel


@dataclass(slots=True)
class Interpreter:
    """A process that runs ``child/boot.py``."""

    process: subprocess.Popen[bytes]
    control: Channel[RunRequest, RunEndMessage]
    answer_s: float  # that it has to end by itself

    def end(self) -> None:
        """Ends it; its keepers end with their sockets, and their runs with them."""
        self.control.close()
        try:
            self.process.wait(self.answer_s)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
