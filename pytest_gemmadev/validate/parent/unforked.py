"""One run in an interpreter of its own, where processes can neither fork nor pass descriptors.

Time is limited, and what the run started is ended with it as far as the system groups processes;
memory, file sizes and processes that leave the group are not.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_gemmadev.validate.process import Ended
from pytest_gemmadev.validate.wire import Forged, Message, Reader


def run_unforked(
    command: Sequence[str], setup: Message, request: Message, *, cwd: Path, env: Mapping[str, str]
) -> Ended:
    """How the run ended, and what it wrote into its file of messages until then."""
    output = Path(request["scratch"]) / "messages"
    setup_file = Path(request["scratch"]) / "setup.json"
    plain = {**setup, "kind": "unforked", "request": request, "output": str(output)}
    setup_file.write_text(json.dumps(plain), encoding="ascii")
    began_s = time.monotonic()
    process = subprocess.Popen(
        [*command, "-", str(setup_file)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=cwd,
        env=env,
        start_new_session=os.name == "posix",
    )
    how = ""
    try:
        process.wait(request["limit_s"] + request["tests_s"])
    except subprocess.TimeoutExpired:
        how = "timeout"
    finally:
        _end(process)
    reader = Reader(bytes.fromhex(request["token"]), limit_bytes=request["output_bytes"])
    messages: list[Message] = []
    try:
        messages = reader.feed(output.read_bytes() if output.exists() else b"")
    except Forged:
        how = how or "output"
    if not how:
        how = "done" if any("done" in message for message in messages) else "died"
    code = process.returncode
    status = -code if code < 0 else code << 8  # as waitpid tells it
    return Ended(how, status, messages, time.monotonic() - began_s)


def _end(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        tree = ["taskkill", "/T", "/F", "/PID", str(process.pid)]
        subprocess.run(tree, check=False, capture_output=True)
    else:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
