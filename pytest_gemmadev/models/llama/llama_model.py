"""A GGUF model in a process of its own, behind `types.Model`.

A crash of the native code, or too little memory, must not end the test run, so the runtime
lives in a child process. It is started when first needed, answers each line with a line, and ends with
its parent.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import re
import selectors
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import pytest_gemmadev
from pytest_gemmadev.models.llama import c_api
from pytest_gemmadev.types import Completion, GemmadevError, ModelInfo, Sampling

START_TIMEOUT_S = 120.0
REQUEST_TIMEOUT_S = 300.0
MAX_THREADS = 4  # memory bandwidth, not arithmetic, bounds a small model beyond that
STARTS = 2  # a process that died is started again once
_LOG_TAIL = 4000  # bytes


def default_threads() -> int:
    """Processors that this process may use, at most `MAX_THREADS`."""
    usable = getattr(os, "sched_getaffinity", lambda _pid: range(os.cpu_count() or 1))
    return max(1, min(MAX_THREADS, len(usable(0))))


class LlamaModel:
    """Implements `types.Model` for a local GGUF file. Not safe for threads."""

    def __init__(
        self,
        info: ModelInfo,
        *,
        threads: int | None = None,
        start_timeout_s: float = START_TIMEOUT_S,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
        left_s: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self.info = info
        self._threads = threads or default_threads()
        self._start_timeout_s = start_timeout_s
        self._request_timeout_s = request_timeout_s
        self._left_s = left_s  # of the budget
        self._child: _Child | None = None
        self._starts = 0
        self._loading = False  # the process was told to, and has not answered yet

    def prepare(self) -> None:
        """Has the process begin to load the model; the first request waits for that."""
        if self._child is None:
            self._start()

    def complete(self, prompt: str, sampling: Sampling) -> tuple[Completion, ...]:
        """Continuations of ``prompt``, fewer where the budget ends; the same for the same seed."""
        left_s = self._left_s()
        if left_s <= 0:
            return ()
        found = self._ask(
            "complete",
            prompt=prompt,
            sampling=dataclasses.asdict(sampling),
            seconds=left_s if math.isfinite(left_s) else None,
        )
        return tuple(Completion(**each) for each in found)

    def complete_many(
        self, prompts: Sequence[str], sampling: Sampling
    ) -> tuple[tuple[Completion, ...], ...]:
        """Continuations of each prompt, written side by side: faster than one after the other."""
        if not prompts or sampling.max_tokens < 1 or sampling.samples < 1:
            return tuple(() for _ in prompts)
        asked = dataclasses.asdict(sampling)
        many = self._ask("complete_many", len(prompts), prompts=list(prompts), sampling=asked)
        return tuple(tuple(Completion(**each) for each in found) for found in many)

    def score(self, prefix: str, continuations: Sequence[str]) -> tuple[float, ...]:
        """Log-likelihood in nats of each continuation after ``prefix``, in their order.

        Prefix and continuation are tokenized apart. Of a prefix that is too long the end counts, of
        a continuation the first 512 tokens.
        """
        if not continuations:
            return ()
        return tuple(self._ask("score", prefix=prefix, continuations=list(continuations)))

    def stream(self, prompt: str, sampling: Sampling) -> Iterator[str]:
        """The continuation of ``prompt`` piece by piece, as it is written."""
        request = {"do": "stream", "prompt": prompt, "sampling": dataclasses.asdict(sampling)}
        child = self._ready()
        try:
            yield from child.pieces(request, timeout_s=self._request_timeout_s)
        except _Gone as gone:
            self._child = None
            raise GemmadevError(f"model {self.info.spec}: {gone}") from None
        finally:
            if child.is_busy:  # nobody waits for the rest
                self.close()

    def token_ids(self, text: str, *, chat: bool = False) -> dict[str, Any]:
        """Token ids of ``text`` as prefix, continuation and chat message; tokens evaluated."""
        ids: dict[str, Any] = self._ask("tokens", text=text, chat=chat)
        return ids

    def close(self) -> None:
        """Ends the process. A later request starts another one."""
        if self._child is not None:
            self._child.end()
            self._child = None
            self._starts = 0
            self._loading = False

    def _ask(self, do: str, times: int = 1, **request: Any) -> Any:
        """The answer to a request, which may take ``times`` as long as one."""
        child = self._ready()
        try:
            timeout_s = times * self._request_timeout_s
            return child.ask({"do": do, **request}, timeout_s=timeout_s)
        except _Gone as gone:
            self._child = None
            raise GemmadevError(f"model {self.info.spec}: {gone}") from None
        except BaseException:
            # Interrupted between question and answer: the next answer would be the wrong one.
            if child.is_busy:
                child.end()
                self._child = None
            raise

    def _ready(self) -> _Child:
        """The process, with the model loaded."""
        child = self._child or self._start()
        if self._loading:
            self._wait_for(child)
        return child

    def _start(self) -> _Child:
        c_api.check_runtime()
        if self._starts >= STARTS:
            raise GemmadevError(
                f"model {self.info.spec}: its process died {STARTS} times; giving up"
            )
        self._starts += 1
        child = _Child()
        request = {
            "do": "open",
            "path": os.path.abspath(self.info.path),
            "adapter": os.path.abspath(self.info.adapter) if self.info.adapter else "",
            "threads": self._threads,
        }
        child.tell(request)
        self._child, self._loading = child, True
        return child

    def _wait_for(self, child: _Child) -> None:
        """Returns when the model is loaded; ends the process where it cannot be."""
        self._loading = False
        try:
            child.ask(None, timeout_s=self._start_timeout_s)
        except _Gone as gone:
            self._child = None
            raise GemmadevError(f"model {self.info.spec}: {gone}") from None
        except BaseException as error:
            self._child = None
            said = child.last_words()
            child.end()
            if isinstance(error, GemmadevError):
                raise GemmadevError(
                    f"model {self.info.spec}: {error}{f' ({said})' if said else ''}"
                ) from None
            raise


class _Gone(Exception):
    """The process died, or was ended because it did not answer; the message says why."""


class _Child:
    """The process and its pipes."""

    def __init__(self) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _end
        self._process = subprocess.Popen(
            # Isolated: a ``numpy.py`` in the project under repair must not be what is imported.
            [sys.executable, "-I", "-S", "-c", _program()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "GGML_NO_BACKTRACE": "1"},  # an abort must not start a debugger
            start_new_session=True,  # Ctrl-C is the parent's
        )
        self._buffer = b""
        self.is_busy = False
        self._end = weakref.finalize(self, _end, self._process, self._log, os.getpid())

    def tell(self, request: dict[str, Any]) -> None:
        """Sends a short request, whose answer `ask` takes later."""
        assert self._process.stdin is not None
        # A process that is gone already says so when it is asked.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._process.stdin.fileno(), _line(request))
        self.is_busy = True

    def ask(self, request: dict[str, Any] | None, *, timeout_s: float) -> Any:
        """The answer to a request; for None, to the one that `tell` sent.

        Raises `GemmadevError` for a refusal, `_Gone` where no answer comes.
        """
        (*_, last) = self._answers(request, timeout_s=timeout_s)
        return last["ok"]

    def pieces(self, request: dict[str, Any], *, timeout_s: float) -> Iterator[str]:
        """The answer to a request that is answered piece by piece."""
        for answer in self._answers(request, timeout_s=timeout_s):
            if "piece" in answer:
                yield answer["piece"]

    def _answers(
        self, request: dict[str, Any] | None, *, timeout_s: float
    ) -> Iterator[dict[str, Any]]:
        """The lines of an answer, up to the one that ends it."""
        data = b"" if request is None else _line(request)
        deadline = time.monotonic() + timeout_s
        self.is_busy = True
        while self.is_busy:
            try:
                answer = json.loads(self._exchange(data, deadline))
            except (BrokenPipeError, EOFError):
                said = self._obituary()
                self.end()
                raise _Gone(said) from None
            except TimeoutError:
                self.end()
                asked = "open" if request is None else request["do"]
                raise _Gone(f"no answer to {asked!r} within {timeout_s:g} s") from None
            data = b""
            self.is_busy = "piece" in answer
            if "error" in answer:
                raise GemmadevError(answer["error"])
            yield answer

    def _exchange(self, data: bytes, deadline: float) -> bytes:
        """Writes and reads at the same time, so that neither side waits for a full pipe."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        os.set_blocking(stdin.fileno(), False)
        rest = memoryview(data)
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            if rest:
                selector.register(stdin, selectors.EVENT_WRITE)
            while True:
                line, found, after = self._buffer.partition(b"\n")
                if found and not rest:
                    self._buffer = after
                    return line
                left = deadline - time.monotonic()
                ready = selector.select(left) if left > 0 else []
                if not ready:
                    raise TimeoutError
                for key, _ in ready:
                    if key.fileobj is stdin:
                        rest = rest[os.write(stdin.fileno(), rest[:65536]) :]
                        if not rest:
                            selector.unregister(stdin)
                    else:
                        chunk = os.read(stdout.fileno(), 1 << 16)
                        if not chunk:
                            raise EOFError
                        self._buffer += chunk

    def _obituary(self) -> str:
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            status = None
        said = self.last_words()
        how = f"signal {-status}" if status is not None and status < 0 else f"exit status {status}"
        hint = "; out of memory?" if status == -9 else ""
        return f"its process died ({how}{hint}){f': {said}' if said else ''}"

    def last_words(self) -> str:
        """The last line with any words that the process wrote to standard error."""
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - _LOG_TAIL))
        lines = self._log.read().decode("utf-8", "replace").splitlines()
        telling = [line.strip() for line in lines if line.strip()]
        errors = [line for line in telling if re.search("error|assert", line, re.IGNORECASE)]
        return (errors or telling or [""])[0 if errors else -1][:300]

    def end(self) -> None:
        self._end()


def _line(request: dict[str, Any]) -> bytes:
    return json.dumps(request).encode() + b"\n"


def _program() -> str:
    """Python code for the child: the packages it needs and nothing else on its path."""
    folders = [str(Path(pytest_gemmadev.__file__).resolve().parents[1])]
    for package in ("numpy", c_api.RUNTIME):
        spec = find_spec(package)
        if spec is None or not spec.origin:
            raise GemmadevError(f"the local model needs {package}: {c_api.INSTALL}")
        folders.append(str(Path(spec.origin).parents[1]))
    path = list(dict.fromkeys(folders))
    return f"import sys; sys.path += {path!r}; from {__package__} import serve; serve.main()"


def _end(process: subprocess.Popen[bytes], log: IO[bytes], owner: int) -> None:
    """Kills the process; in a fork of its parent, does nothing."""
    if os.getpid() != owner:
        return
    process.kill()
    for stream in (process.stdin, process.stdout, log):
        if stream is not None:
            stream.close()
    process.wait()
