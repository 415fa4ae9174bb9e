"""The client's side of the pipe, against stand-ins for the model's process."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from pytest_gemmadev.models.llama import c_api, llama_model
from pytest_gemmadev.models.llama.llama_model import LlamaModel, default_threads
from pytest_gemmadev.types import GemmadevError, ModelInfo, Sampling

ANSWER = """
import json, os, signal, sys, time
def answers():
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "open":
            yield request, {"infill": False, "vocabulary": 1}
        else:
            yield request, None
def say(answer): sys.stdout.write(json.dumps(answer) + chr(10)); sys.stdout.flush()
for request, opened in answers():
    if opened: say({"ok": opened}); continue
"""


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """A function that makes a model whose process runs the given code for each request."""
    models: list[LlamaModel] = []
    monkeypatch.setattr(c_api, "check_runtime", lambda: Path("library"))

    def make(
        code: str, *, timeout_s: float = 30.0, left_s: Callable[[], float] = lambda: math.inf
    ) -> LlamaModel:
        program = ANSWER + "".join(f"    {line}\n" for line in code.splitlines())
        monkeypatch.setattr(llama_model, "_program", lambda: program)
        info = ModelInfo(spec="gguf:x", name="x", path="x.gguf")
        model = LlamaModel(
            info,
            threads=1,
            start_timeout_s=30.0,
            request_timeout_s=timeout_s,
            left_s=left_s,
        )
        models.append(model)
        return model

    yield make
    for model in models:
        model.close()


def test_an_answer(child) -> None:  # type: ignore[no-untyped-def]
    model = child("say({'ok': [float(len(t)) for t in request['continuations']]})")
    assert model.score("p", ["a", "bcd"]) == (1.0, 3.0)
    assert model.score("p", []) == ()


def test_large_questions_and_answers_do_not_block(child) -> None:  # type: ignore[no-untyped-def]
    model = child("say({'ok': [1.0] * len(request['continuations'])})")
    assert len(model.score("p" * 3_000_000, ["x" * 50] * 100_000)) == 100_000


def test_a_refusal_is_an_error_and_the_process_goes_on(child) -> None:  # type: ignore[no-untyped-def]
    model = child("say({'error': 'not that'} if request['prefix'] == 'bad' else {'ok': [0.0]})")
    with pytest.raises(GemmadevError, match="not that"):
        model.score("bad", ["x"])
    assert model.score("good", ["x"]) == (0.0,)
    assert model._starts == 1


def test_the_process_is_told_what_the_budget_has_left(child) -> None:  # type: ignore[no-untyped-def]
    left = [math.inf, 12.5, 0.0]
    one = """{"text": str(request['seconds']), "tokens": 1, "log_likelihood": 0, "ended": "eos"}"""
    code = f"say({{'ok': [{one}]}})"
    model = child(code, left_s=lambda: left.pop(0))
    assert [one.text for one in model.complete("p", Sampling())] == ["None"]
    assert [one.text for one in model.complete("p", Sampling())] == ["12.5"]
    assert model.complete("p", Sampling()) == ()  # nothing is asked any more


PIECES = "say({'piece': 'a'}); say({'piece': 'bc'}); say({'ok': None})"


def test_an_answer_in_pieces(child) -> None:  # type: ignore[no-untyped-def]
    code = f"if request['do'] != 'stream': say({{'ok': [2.0]}})\nelse: {PIECES}"
    model = child(code)
    assert list(model.stream("p", Sampling())) == ["a", "bc"]
    assert model.score("p", ["x"]) == (2.0,)  # nothing is left in between
    assert model._starts == 1


def test_pieces_that_nobody_waits_for(child) -> None:  # type: ignore[no-untyped-def]
    code = f"if request['do'] != 'stream': say({{'ok': [2.0]}})\nelse: {PIECES}"
    model = child(code)
    assert list(islice(model.stream("p", Sampling()), 1)) == ["a"]
    assert model._child is None  # what it may still say would answer the next question
    assert model.score("p", ["x"]) == (2.0,)


def test_a_process_that_dies_between_pieces(child) -> None:  # type: ignore[no-untyped-def]
    model = child("say({'piece': 'a'}); os._exit(3)")
    pieces = model.stream("p", Sampling())
    assert next(pieces) == "a"
    with pytest.raises(GemmadevError, match="exit status 3"):
        next(pieces)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        pytest.param("os.kill(os.getpid(), signal.SIGABRT)", "signal 6", id="abort"),
        pytest.param("os._exit(3)", "exit status 3", id="exit"),
        pytest.param("os.kill(os.getpid(), signal.SIGKILL)", "out of memory", id="killed"),
        pytest.param("sys.exit('error: GGML broke')", "GGML broke", id="last words"),
    ],
)
def test_a_crash_is_one_line(child, code: str, says: str) -> None:  # type: ignore[no-untyped-def]
    model = child(code)
    with pytest.raises(GemmadevError, match=says) as error:
        model.score("p", ["x"])
    assert str(error.value).startswith("model gguf:x: its process died")
    assert "\n" not in str(error.value)


def test_a_process_that_keeps_dying_is_given_up(child) -> None:  # type: ignore[no-untyped-def]
    model = child("os._exit(1)")
    for _ in range(llama_model.STARTS):
        with pytest.raises(GemmadevError, match="exit status 1"):
            model.score("p", ["x"])
    with pytest.raises(GemmadevError, match="died 2 times"):
        model.score("p", ["x"])


def test_silence_ends_the_process(child) -> None:  # type: ignore[no-untyped-def]
    model = child("time.sleep(600)", timeout_s=0.5)
    with pytest.raises(GemmadevError, match=r"no answer to 'score' within 0\.5 s"):
        model.score("p", ["x"])
    assert model._child is None


def test_an_interrupt_ends_the_process_and_passes_on(child) -> None:  # type: ignore[no-untyped-def]
    model = child("time.sleep(600)")
    model._child = model._start()
    process = model._child._process
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.score("p", ["x"])
    assert process.poll() is not None
    assert model._child is None


def test_an_interrupt_leaves_the_process_alone(child) -> None:  # type: ignore[no-untyped-def]
    """It is in a session of its own: what the terminal sends its group does not reach it."""
    model = child("say({'ok': [float(os.getsid(0))]})")
    assert model.score("p", ["x"]) != (float(os.getsid(0)),)


def test_close_ends_the_process_and_a_request_starts_another(child) -> None:  # type: ignore[no-untyped-def]
    model = child("say({'ok': [float(os.getpid())]})")
    (first,) = model.score("p", ["x"])
    model.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(first), 0)
    (second,) = model.score("p", ["x"])
    assert first != second


def test_a_model_that_is_dropped_ends_its_process(child) -> None:  # type: ignore[no-untyped-def]
    code = "say({'ok': [float(os.getpid())]})"
    model = child(code)
    (pid,) = model.score("p", ["x"])
    finalizer = model._child._end  # what runs when the object is collected and at exit
    finalizer()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_fork_of_the_parent_does_not_end_the_process(child) -> None:  # type: ignore[no-untyped-def]
    model = child("say({'ok': [1.0]})")
    model.score("p", ["x"])
    pid = os.fork()
    if pid == 0:
        model._child._end()
        os._exit(0)
    os.waitpid(pid, 0)
    assert model.score("p", ["x"]) == (1.0,)


def test_the_process_sees_nothing_of_the_folder_it_is_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numpy")
    pytest.importorskip("xllamacpp")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "json.py").write_text("raise RuntimeError('the wrong json')\n")
    assert str(tmp_path) not in llama_model._program()
    missing = ModelInfo(spec="gguf:x", name="x", path=str(tmp_path / "absent.gguf"))
    with pytest.raises(GemmadevError, match="cannot load this model") as error:
        LlamaModel(missing).score("p", ["x"])
    assert "\n" not in str(error.value)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_the_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """The child's reader sees the end of its input, even while the main thread computes."""
    pytest.importorskip("numpy")
    pytest.importorskip("xllamacpp")
    import subprocess

    code = (
        "import os, time\n"
        "from pytest_gemmadev.models.llama import llama_model\n"
        "child = llama_model._Child()\n"
        "print(child._process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    root = Path(llama_model.__file__).parents[3]
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=root, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        status = Path(f"/proc/{pid}/stat")
        if status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{pid}").exists()


def test_default_threads_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= default_threads() <= llama_model.MAX_THREADS
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(64)), raising=False)
    assert default_threads() == llama_model.MAX_THREADS
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3}, raising=False)
    assert default_threads() == 1


@pytest.mark.parametrize(
    ("version", "says"),
    [
        pytest.param(None, r"needs its runtime: pip install 'pytest-gemmadev\[local\]'", id="no"),
        pytest.param("2027.1", "2027.1 is installed, the local model needs", id="another"),
    ],
)
def test_the_runtime_is_pinned(
    monkeypatch: pytest.MonkeyPatch, version: str | None, says: str
) -> None:
    def installed(name: str) -> str:
        if version is None:
            raise c_api.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(c_api.metadata, "version", installed)
    with pytest.raises(GemmadevError, match=says):
        c_api.check_runtime()


def test_unknown_defaults_are_refused() -> None:
    params = c_api.ContextParams(**c_api._CONTEXT_DEFAULTS)
    c_api._check_defaults(params, c_api._CONTEXT_DEFAULTS)
    params.n_ubatch += 1
    with pytest.raises(GemmadevError, match=r"ContextParams\.n_ubatch is 513"):
        c_api._check_defaults(params, c_api._CONTEXT_DEFAULTS)
