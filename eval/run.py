"""Benchmarks from the command line: ``python -m eval.run BENCHMARK`` and ``--compare DIR DIR``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import Any, get_args

from eval.ablation import VARIANTS, write_ablation
from eval.cases import Case, load_cases, select
from eval.compare import compare, read_verdicts
from eval.repair import Result, Tool, ToolCommand, repair_case, result_from_row, result_to_row
from eval.report import report_of, totals_line, write_reports, write_samples
from eval.runs import (
    Row,
    RunFolder,
    code_digest,
    in_parallel,
    model_settings,
    new_run_path,
    open_run,
    parse_seeds,
)
from pytest_gemmadev.doors.ablations import Part
from pytest_gemmadev.registry import load_model
from pytest_gemmadev.types import GemmadevError

_MODULES = {"syntax": "eval.syntax", "lines": "eval.lines", "harm": "eval.harm.command"}
"""Benchmarks with a command line of their own."""
DEBUG_CASES = Path(__file__).parent / "cases" / "debug"

Attempt = tuple[int, Case]
"""One case with one seed, the seed first: attempts sort by seed."""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status: 0 when the benchmark ran to its end, whatever the scores; 2 on misuse."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments[:1] == ["--compare"]:
            arguments[0] = "compare"
        if arguments and arguments[0] in _MODULES:
            return int(import_module(_MODULES[arguments[0]]).main(arguments[1:]))
        options = _parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except GemmadevError as error:
        print(f"eval: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("eval: interrupted; the same command continues", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m eval.run", description="Measures repair, syntax repair and the model."
    )
    commands = parser.add_subparsers(required=True, metavar="BENCHMARK")
    repair = commands.add_parser("repair", help="repair whole cases, judge by hidden tests")
    repair.add_argument("--cases", type=Path, required=True, help="folder, case or .jsonl file")
    debug = commands.add_parser("debug-cases", help="the ten cases of this repository")
    debug.set_defaults(cases=DEBUG_CASES)
    for command in (repair, debug):
        add_model_options(command)
        _add_repair_options(command)
        command.set_defaults(run=_repair)
    humaneval = commands.add_parser("humaneval", help="164 problems, pass@k")
    add_model_options(humaneval)
    _add_humaneval_options(humaneval)
    humaneval.set_defaults(run=_humaneval)
    versus = commands.add_parser("compare", help="two runs on the same cases, exact McNemar")
    versus.add_argument("folders", nargs=2, type=Path, metavar="DIR")
    versus.set_defaults(run=_compare)
    commands.add_parser("syntax", help="syntax repair; its own --help says more")
    commands.add_parser("lines", help="the model alone, given the place; its own --help says more")
    commands.add_parser("harm", help="what candidates destroy; its own --help says more")
    return parser


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """The options that every benchmark has."""
    parser.add_argument("--model", default="gemmadev", metavar="SPEC", help="default gemmadev")
    parser.add_argument("--adapter", metavar="PATH", help="LoRA adapter on top of the model")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default eval-out/…, a new one")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N only")
    parser.add_argument("--seeds", default="1", help="how many (3), or which (0,4,9); default 1")


def _add_repair_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--budget", type=float, default=60.0, help="seconds a case; default 60")
    parser.add_argument(
        "--timeout",
        type=float,
        default=60.0,
        help="seconds above the budget after which the tool is ended; default 60",
    )
    parser.add_argument("--jobs", type=int, default=1, help="cases at a time; default 1")
    parser.add_argument("--slice", metavar="NAME", help="cases of this slice only")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every n-th case only")
    parser.add_argument("--only", metavar="TEXT", help="cases whose id contains this only")
    parser.add_argument(
        "--confine", choices=("auto", "strict", "off"), default="", help="handed to the tool"
    )
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument("--without", choices=get_args(Part), help="repair without this part")
    parts.add_argument(
        "--ablate",
        action="store_true",
        help="run them without each of these parts, one at a time, as well as with all",
    )


def _add_humaneval_options(parser: argparse.ArgumentParser) -> None:
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


def _repair(options: argparse.Namespace) -> int:
    for name in ("jobs", "every"):
        if getattr(options, name) < 1:
            raise GemmadevError(f"--{name} must be 1 or more")
    cases = select(
        load_cases(options.cases),
        slice_name=options.slice,
        only=options.only,
        every=options.every,
        limit=options.limit,
    )
    if not cases:
        raise GemmadevError(f"{options.cases}: no case is left by --slice, --only and --limit")
    settings = {
        "benchmark": "repair",
        "cases": str(options.cases.resolve()),
        **model_settings(options.model, options.adapter),
        "budget_s": options.budget,
        "code": code_digest(),
        **({"confine": options.confine} if options.confine else {}),
    }
    output = options.output or new_run_path("ablation" if options.ablate else "repair")
    if not options.ablate:
        _repaired(options, cases, settings, output, options.without)
        return 0
    runs = {}
    for name, part in VARIANTS.items():
        _say(f"{name}:")
        runs[name] = _repaired(options, cases, settings, output / name.replace(" ", "-"), part)
    write_ablation(output, runs, settings)
    print(f"{output / 'report.html'}")
    return 0


def _repaired(
    options: argparse.Namespace,
    cases: Sequence[Case],
    settings: Mapping[str, Any],
    output: Path,
    without: Part | None,
) -> list[Result]:
    """Runs the cases without a part, writes their report and tells the totals."""
    settings = {**settings, "without": without} if without else settings
    adapter = _absolute(options.adapter)
    tool = Tool(options.model, adapter, options.budget, without, options.confine)
    folder = open_run(output, settings)
    results = run_cases(
        folder,
        cases,
        parse_seeds(options.seeds),
        tool.command,
        timeout_s=options.budget + options.timeout,
        jobs=options.jobs,
        tell=_say,
    )
    write_reports(folder.path, results, settings)
    for name, totals in report_of(results, settings)["slices"].items():
        _say(f"{name}: {totals_line(totals)}")
    _say(f"{folder.path / 'report.html'}")
    return results


def run_cases(
    folder: RunFolder,
    cases: Sequence[Case],
    seeds: Sequence[int],
    command: ToolCommand,
    *,
    timeout_s: float,
    jobs: int = 1,
    tell: Callable[[str], None],
) -> list[Result]:
    """Every case with every seed; those that the folder already holds are not run again."""
    attempts = [(seed, case) for seed in seeds for case in cases]
    wanted = {(case.id, seed) for seed, case in attempts}
    results = [r for r in map(result_from_row, folder.rows) if (r.case, r.seed) in wanted]
    done = {(result.case, result.seed) for result in results}
    left = [(seed, case) for seed, case in attempts if (case.id, seed) not in done]
    if done:
        tell(f"{len(done)} of {len(attempts)} are in {folder.path} already")

    def work(attempt: Attempt, stop: Event) -> Result:
        return repair_case(attempt[1], attempt[0], command, timeout_s=timeout_s, stop=stop)

    start = time.monotonic()
    for number, (_, result) in enumerate(in_parallel(left, work, jobs=jobs), start=1):
        folder.append(result_to_row(result))
        results.append(result)
        to_go = (time.monotonic() - start) / number * (len(left) - number)
        tell(_progress(len(done) + number, len(attempts), result, to_go))
    return results


def _humaneval(options: argparse.Namespace) -> int:
    from eval import human_eval, sandbox, self_debug

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
    chat = options.prompt == "chat" if options.prompt else model.info.has_chat_template
    style = human_eval.Style(chat, options.samples, options.max_tokens, options.temperature)
    settings = {
        "benchmark": "humaneval",
        **model_settings(options.model, options.adapter),
        **asdict(style),
        "check_timeout_s": human_eval.CHECK_TIMEOUT_S,
        "self_debug_s": options.self_debug,
        "isolation": sandbox.isolation(),
        "code": code_digest(),
    }
    folder = open_run(options.output or new_run_path("humaneval"), settings)

    def finish(row: Row) -> Row:
        if options.self_debug is None:
            return row
        problem, budget_s = problems[row["task_id"]], options.self_debug
        return self_debug.debugged(problem, row, model=options.model, budget_s=budget_s)

    try:
        human_eval.generate(
            folder,
            model,
            problems,
            style,
            seeds,
            budget_s=options.budget,
            finish=finish,
            tell=_say,
        )
    finally:
        model.close()
    wanted = [row for row in folder.rows if row["task_id"] in problems and row["seed"] in seeds]
    rows = human_eval.score(wanted, jobs=options.jobs, tell=_say)
    totals = human_eval.totals_of(rows)
    if options.self_debug is not None:
        before = [{**row, "completion": row.get("undebugged", row["completion"])} for row in wanted]
        scored = human_eval.score(before, jobs=options.jobs, tell=_say)
        totals["pass@1_before_debugging"] = human_eval.totals_of(scored)["pass@1"]
    write_samples(folder.path, rows, {"version": 1, "settings": settings, "totals": totals})
    for name in (
        "cases",
        "correct",
        "pass@1",
        "pass@1_interval",
        "pass@10",
        "pass@100",
        "pass@1_before_debugging",
    ):
        if name in totals:
            print(f"{name}: {totals[name]}")
    print(f"{folder.path / 'report.html'}")
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _progress(number: int, total: int, result: Result, to_go_s: float) -> str:
    line = (
        f"[{number}/{total}] {result.case} seed {result.seed}: {result.score.value}, "
        f"{result.seconds:.1f} s, {result.validations} validations"
    )
    if result.strays:
        line += f", {len(result.strays)} STRAY FILES ({result.strays[0]})"
    if result.reason:
        line += f" ({result.reason.splitlines()[0][:120]})"
    return line + (f", {to_go_s / 60:.0f} min to go" if to_go_s >= 30 else "")


def _absolute(adapter: str | None) -> str | None:
    """The adapter's path for a command that runs in another folder; ``none`` stays."""
    named = adapter and adapter != "none"
    return str(Path(adapter).expanduser().resolve()) if adapter and named else adapter


def _compare(options: argparse.Namespace) -> int:
    (first, before), (second, after) = map(read_verdicts, options.folders)
    if first != second:
        raise GemmadevError(f"the runs are of two benchmarks, {first} and {second}")
    print(compare(before, after))
    return 0


if __name__ == "__main__":
    sys.exit(main())
