"""``python -m eval.run humaneval``: samples problems, scores the samples, writes the reports."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from eval.bench import human_eval, sandbox, self_debug
from eval.bench.options import model_settings, parse_seeds, say
from eval.report.reports import write_samples
from eval.report.runs import Row, RunFolder, code_digest, new_run_path, open_run
from pytest_gemmadev.registry import load_model
from pytest_gemmadev.types import GemmadevError, Model

Problems = Mapping[str, Mapping[str, str]]
"""The problems of human-eval by their task id."""
_PRINTED = (
    "cases",
    "correct",
    "pass@1",
    "pass@1_interval",
    "pass@10",
    "pass@100",
    "pass@1_before_debugging",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--samples", type=int, default=1, help="of each problem and seed; default 1"
    )
    parser.add_argument("--temperature", type=float, default=0.0, help="default 0, greedy")
    parser.add_argument("--max-tokens", type=int, default=256, help="of a sample; default 256")
    parser.add_argument("--budget", type=float, help="seconds for sampling; default: no limit")
    parser.add_argument("--jobs", type=int, default=2, help="samples scored at a time; default 2")
    parser.add_argument(
        "--self-debug",
        type=float,
        nargs="?",
        const=10.0,
        metavar="SECONDS",
        help="let the loop repair each sample against the docstring's examples; default 10 s each",
    )
    parser.add_argument(
        "--prompt",
        choices=("base", "chat"),
        help="continue the function's head, or ask for it; default: chat where the model can",
    )


def run(options: argparse.Namespace) -> int:
    """0 when every sample was drawn and scored; raises GemmadevError on misuse."""
    for name in ("jobs", "samples", "max_tokens"):
        if getattr(options, name) < 1:
            raise GemmadevError(f"--{name.replace('_', '-')} must be 1 or more")
    problems = dict(list(human_eval.read_problems().items())[: options.limit])
    seeds = parse_seeds(options.seeds)
    if options.temperature <= 0 and (options.samples > 1 or len(seeds) > 1):
        raise GemmadevError("greedy samples are all the same: give a --temperature, 0.8 say")
    model = load_model(options.model, adapter=options.adapter, threads=None)
    if model is None:
        raise GemmadevError("--model none writes nothing: name a model")
    try:
        chat = options.prompt == "chat" if options.prompt else model.info.has_chat_template
        style = human_eval.Style(chat, options.samples, options.max_tokens, options.temperature)
        settings = _settings(options, style)
        folder = open_run(options.output or new_run_path("humaneval"), settings)
        _sample(folder, model, problems, style, options=options)
    finally:
        model.close()
    wanted = [row for row in folder.rows if row["task_id"] in problems and row["seed"] in seeds]
    rows = human_eval.score(wanted, jobs=options.jobs, tell=say)
    totals = human_eval.totals_of(rows)
    if options.self_debug is not None:
        totals["pass@1_before_debugging"] = _before_debugging(wanted, jobs=options.jobs)
    write_samples(folder.path, rows, {"version": 1, "settings": settings, "totals": totals})
    for name in _PRINTED:
        if name in totals:
            print(f"{name}: {totals[name]}")
    print(f"{folder.path / 'report.html'}")
    return 0


def _settings(options: argparse.Namespace, style: human_eval.Style) -> dict[str, Any]:
    """What two runs must have alike to be one run that was interrupted."""
    return {
        "benchmark": "humaneval",
        **model_settings(options.model, options.adapter),
        **asdict(style),
        "check_timeout_s": human_eval.CHECK_TIMEOUT_S,
        "self_debug_s": options.self_debug,
        "isolation": sandbox.isolation(),
        "code": code_digest(),
    }


def _sample(
    folder: RunFolder,
    model: Model,
    problems: Problems,
    style: human_eval.Style,
    *,
    options: argparse.Namespace,
) -> None:
    """Adds the samples that the folder lacks, each through the repair loop where that is wanted."""

    def finish(row: Row) -> Row:
        if options.self_debug is None:
            return row
        problem, budget_s = problems[row["task_id"]], options.self_debug
        return self_debug.debugged(problem, row, model=options.model, budget_s=budget_s)

    seeds = parse_seeds(options.seeds)
    human_eval.generate(
        folder, model, problems, style, seeds, budget_s=options.budget, finish=finish, tell=say
    )


def _before_debugging(rows: Sequence[Row], *, jobs: int) -> Any:
    """pass@1 of the samples as the model wrote them."""
    before = [{**row, "completion": row.get("undebugged", row["completion"])} for row in rows]
    return human_eval.totals_of(human_eval.score(before, jobs=jobs, tell=say))["pass@1"]
