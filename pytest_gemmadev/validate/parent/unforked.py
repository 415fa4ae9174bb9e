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

from pytest_gemmadev.validate.messages import ChildSetup, Event, How, RunRequest, UnforkedSetup
from pytest_gemmadev.validate.process import RunEnd
from pytest_gemmadev.validate.wire import Forged, Reader


def run_unforked(
    command: Sequence[str],
    setup: ChildSetup,
    request: RunRequest,
    *,
    cwd: Path,
    env: Mapping[str, str],
) -> RunEnd:
    """How the run ended, and what it wrote into its file of messages until then."""
    output = Path(request["scratch"]) / "messages"
    setup_file = Path(request["scratch"]) / "setup.json"
    unforked: UnforkedSetup = {
        "kind": "unforked",
        "root": setup["root"],
        "folder": setup["folder"],
        "args": setup["args"],
        "path": setup["path"],
        "preload": setup["preload"],
        "origins": setup["origins"],
        "confinement": setup["confinement"],
        "request": request,
        "output": str(output),
    }
    setup_file.write_text(json.dumps(unforked), encoding="ascii")
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
    how: How | None = None
    try:
        process.wait(request["limit_s"] + request["tests_s"])
    except subprocess.TimeoutExpired:
        how = "timeout"
    finally:
        _end(process)
    events = _read_events(output, request)
    if events is None:
        how, events = how or "output", []
    if how is None:
        how = "done" if any("done" in event for event in events) else "died"
    code = process.returncode
    status = -code if code < 0 else code << 8  # as waitpid has it
    return RunEnd(how, status, events, time.monotonic() - began_s)


def _read_events(output: Path, request: RunRequest) -> list[Event] | None:
    """What the run wrote; None where that is no message of its, or too much."""
    reader = Reader(bytes.fromhex(request["token"]), limit_bytes=request["output_bytes"])
    try:
        return reader.feed(output.read_bytes() if output.exists() else b"")
    except Forged:
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        tree = ["taskkill", "/T", "/F", "/PID", str(process.pid)]
        subprocess.run(tree, check=False, capture_output=True)
    else:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
