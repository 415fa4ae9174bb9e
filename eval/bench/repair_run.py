"""``python -m eval.run repair`` and ``debug-cases``: runs cases with every seed, writes the reports."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any, get_args

from eval.bench.options import model_settings, parse_seeds, say
from eval.bench.repair import Tool, ToolCommand, repair_case
from eval.cases.case import Case, load_cases, select
from eval.cases.process import in_parallel
from eval.report.ablation import VARIANTS, write_ablation
from eval.report.reports import write_reports
from eval.report.result import Result, result_from_row, result_to_row
from eval.report.runs import RunFolder, code_digest, new_run_path, open_run
from eval.report.totals import report_of, totals_line
from pytest_gemmadev.doors.ablations import Part
from pytest_gemmadev.types import GemmadevError

Attempt = tuple[int, Case]
"""One case with one seed, the seed first: attempts sort by seed."""


def add_options(parser: argparse.ArgumentParser) -> None:
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


def run(
    options: argparse.Namespace, summarize: Callable[[Sequence[Result]], None] | None = None
) -> int:
    """Runs the benchmark; ``summarize`` is told the results as well."""
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
        results = _run_without(options, cases, settings, output, options.without)
        if summarize is not None:
            summarize(results)
        return 0
    runs = {}
    for name, part in VARIANTS.items():
        say(f"{name}:")
        runs[name] = _run_without(options, cases, settings, output / name.replace(" ", "-"), part)
    write_ablation(output, runs, settings)
    print(f"{output / 'report.html'}")
    return 0


def _run_without(
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
        tell=say,
    )
    write_reports(folder.path, results, settings)
    for name, totals in report_of(results, settings)["slices"].items():
        say(f"{name}: {totals_line(totals)}")
    say(f"{folder.path / 'report.html'}")
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
