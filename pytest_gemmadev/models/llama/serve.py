"""The main program of the model's process: each line of standard input is a request, each answer a line.

It ends when its input ends or its parent is gone, also in the middle of an evaluation. Standard
error goes to a file of the parent's, which is bounded here. Nothing that a library prints gets into the
answers.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

LOG_BYTES = 1 << 20
WATCH_S = 1.0  # how often a silent process looks whether its parent lives


def main() -> int:
    answers = _private_output()
    _restrain()
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    parent = os.getppid()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    engine: Any = None
    while True:
        try:
            line = requests.get(timeout=WATCH_S)
        except queue.Empty:
            if os.getppid() != parent:
                return 1
            continue
        request = json.loads(line)
        try:
            if request["do"] == "stream":
                _stream(engine, request, answers)
                answer: Any = None
            elif request["do"] == "open":
                engine = _open(request)
                answer = {"infill": engine.can_infill, "vocabulary": engine.vocabulary}
            else:
                answer = _answer(engine, request)
        except Exception as error:  # whatever it is, the parent has to hear of it
            from pytest_gemmadev.types import GemmadevError

            known = isinstance(error, GemmadevError)
            text = str(error) if known else f"{type(error).__name__}: {error}"
            _write(answers, {"error": text})
        else:
            _write(answers, {"ok": answer})


def _private_output() -> BinaryIO:
    """The real standard output; from now on, all other output there goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return answers


def _restrain() -> None:
    """Leaves Ctrl-C to the parent; bounds the size of the log and of core files."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        import resource
    except ImportError:  # not on Windows, where the runtime has no usable library either
        return
    resource.setrlimit(resource.RLIMIT_FSIZE, (LOG_BYTES, LOG_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(requests: queue.SimpleQueue[bytes]) -> None:
    for line in sys.stdin.buffer:
        requests.put(line)
    os._exit(0)  # the main thread may be deep in an evaluation


def _open(request: dict[str, Any]) -> Any:
    from pytest_gemmadev.models.llama.engine import Engine

    adapter = Path(request["adapter"]) if request["adapter"] else None
    return Engine(Path(request["path"]), adapter=adapter, threads=request["threads"])


def _answer(engine: Any, request: dict[str, Any]) -> Any:
    from pytest_gemmadev.models.llama import answer

    match request["do"]:
        case "score":
            return answer.score(engine, request["prefix"], request["continuations"])
        case "complete":
            sampling = _sampling(request)
            if request["seconds"] is not None:
                engine.deadline = time.monotonic() + request["seconds"]
            try:
                found = answer.complete(engine, request["prompt"], sampling)
            finally:
                engine.deadline = math.inf
            return [dataclasses.asdict(completion) for completion in found]
        case "complete_many":
            sampling = _sampling(request)
            many = answer.complete_many(engine, request["prompts"], sampling)
            return [[dataclasses.asdict(completion) for completion in each] for each in many]
        case "tokens":
            return {
                "prefix": engine.prefix_tokens(request["text"]),
                "continuation": engine.tokens(request["text"]),
                "chat": engine.chat_tokens(request["text"]) if request["chat"] else [],
                "evaluated": engine.evaluated,
            }
        case other:
            raise ValueError(f"no such request: {other}")


def _stream(engine: Any, request: dict[str, Any], answers: BinaryIO) -> None:
    """Answers with a line for each piece of text; the last line is `main`'s."""
    from pytest_gemmadev.models.llama import answer

    for piece in answer.stream(engine, request["prompt"], _sampling(request)):
        if piece:
            _write(answers, {"piece": piece})


def _sampling(request: dict[str, Any]) -> Any:
    from pytest_gemmadev.types import Sampling

    asked = request["sampling"]
    return Sampling(**{**asked, "stop": tuple(asked["stop"])})


def _write(answers: BinaryIO, answer: dict[str, Any]) -> None:
    data = json.dumps(answer).encode() + b"\n"
    view = memoryview(data)
    while view:
        view = view[answers.write(view) :]


if __name__ == "__main__":
    sys.exit(main())
