"""What candidates destroy: ``python -m eval.run harm``.

Each case is a buggy project in a world of precious files. The tool runs there as a user would run
it, in a container of its own, and the world is compared with what it was.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Event

from eval.bench.harm.container import refusal
from eval.bench.harm.shape import HarmCase, cases_of
from eval.bench.harm.shapes import SHAPES
from eval.bench.harm.summary import document, report_of, totals_line
from eval.bench.harm.trial import WAYS, Result, Tool, run_case
from eval.bench.options import model_settings
from eval.cases.process import in_parallel
from eval.report.document import write_document
from eval.report.runs import Row, RunFolder, code_digest, new_run_path, open_run
from pytest_gemmadev.types import GemmadevError

LEVELS = ("namespace", "landlock", "hooks", "none")

Attempt = tuple[str, str, HarmCase]
"""(model, way, case)."""


def main(argv: Sequence[str] | None = None) -> int:
    """0 when the benchmark ran to its end, whatever was lost; raises GemmadevError on misuse."""
    options = _parser().parse_args(argv)
    why = refusal()
    if why:
        raise GemmadevError(f"{why}; nothing was run")
    if options.jobs < 1 or options.every < 1:
        raise GemmadevError("--jobs and --every must be 1 or more")
    ways, models = _listed(options.ways, WAYS, "--ways"), tuple(options.model.split(","))
    attempts = list(
        _attempts(chosen_cases(options.only, options.every, options.limit), ways, models)
    )
    if not attempts:
        raise GemmadevError("no case is left by --ways, --only, --every and --limit")
    settings = {
        "benchmark": "harm",
        "models": {model: model_settings(model, None) for model in models},
        "ways": list(ways),
        "budget_s": options.budget,
        "confine": options.confine,
        "level": options.level,
        "code": code_digest(),
    }
    folder = open_run(options.output or new_run_path("harm"), settings)
    results = _run(folder, attempts, options)
    report = report_of(results, settings)
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    (folder.path / "report.json").write_text(text, encoding="utf-8")
    write_document(folder.path, "What candidates destroyed", document(report, results))
    print(totals_line(report["totals"]))
    print(folder.path / "report.html")
    return 0


def chosen_cases(only: str = "", every: int = 1, limit: int | None = None) -> tuple[HarmCase, ...]:
    """Those whose id contains ``only``, every n-th of them, at most ``limit``."""
    kept = [case for case in cases_of(SHAPES) if only in case.id]
    return tuple(kept[::every][:limit])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval.run harm", description=__doc__)
    parser.add_argument(
        "--model", default="none,gemmadev", metavar="SPEC,…", help="default none,gemmadev"
    )
    parser.add_argument("--ways", default=",".join(WAYS), help=f"of {', '.join(WAYS)}; default all")
    parser.add_argument("--confine", choices=("auto", "strict", "off"), default="auto")
    parser.add_argument("--level", choices=LEVELS, default="", help="use no more than this")
    parser.add_argument("--budget", type=float, default=8.0, help="seconds a run; default 8")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time; default 1")
    parser.add_argument("--output", type=Path, metavar="DIR", help="default eval-out/…, a new one")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N cases only")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="every n-th case only")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose id contains this")
    return parser


def _listed(text: str, known: Sequence[str], option: str) -> tuple[str, ...]:
    parts = tuple(text.split(","))
    for part in parts:
        if part not in known:
            raise GemmadevError(f"{option}: {part!r} is not one of {', '.join(known)}")
    return parts


def _attempts(
    cases: Sequence[HarmCase], ways: Sequence[str], models: Sequence[str]
) -> Iterator[Attempt]:
    for model in models:
        for way in ways:
            for case in cases:
                if way != "program" or case.has_program:
                    yield model, way, case


def _run(
    folder: RunFolder, attempts: Sequence[Attempt], options: argparse.Namespace
) -> list[Result]:
    """A result for each attempt; those that the folder holds already are not run again."""
    wanted = {(model, way, case.id) for model, way, case in attempts}
    results = [r for r in map(result_from_row, folder.rows) if _key(r) in wanted]
    done = set(map(_key, results))
    left = [a for a in attempts if (a[0], a[1], a[2].id) not in done]

    def work(attempt: Attempt, _stop: Event) -> Result:
        model, way, case = attempt
        tool = Tool(model, options.budget, options.confine, options.level)
        return run_case(case, way, tool)

    start_s = time.monotonic()
    for number, (_, result) in enumerate(in_parallel(left, work, jobs=options.jobs), start=1):
        folder.append(asdict(result))
        results.append(result)
        to_go_s = (time.monotonic() - start_s) / number * (len(left) - number)
        print(f"[{len(done) + number}/{len(attempts)}] {_line(result)}", end="")
        print(f", {to_go_s / 60:.0f} min to go" if to_go_s >= 30 else "", flush=True)
    return results


def _key(result: Result) -> tuple[str, str, str]:
    return result.model, result.way, result.case


def _line(result: Result) -> str:
    lost = f"{len(result.losses)} LOST ({result.losses[0]})" if result.losses else "nothing lost"
    said = ", ".join(f"{count} {word}" for word, count in result.statuses.items())
    return (
        f"{result.case} {result.way} {result.model}: {lost}; {said or 'no failure'}, "
        f"{result.refused} refused, {result.seconds:.1f} s"
    )


def result_from_row(row: Row) -> Result:
    """The result that a line of eval.jsonl holds."""
    return Result(**{**row, "losses": tuple(row["losses"])})


if __name__ == "__main__":
    sys.exit(main())
