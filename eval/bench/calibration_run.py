"""``python -m eval.run calibration``: how true the probabilities of patches are.

Reads earlier runs of ``repair`` (``--runs``), or runs cases first (``--cases``, with its options).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from eval.bench import repair_run
from eval.bench.options import say
from eval.report.calibration import (
    document,
    judged_patches,
    totals_line,
    totals_of,
    without_probability,
)
from eval.report.document import write_document
from eval.report.result import Result, result_from_row
from eval.report.runs import new_run_path, open_run, read_rows
from pytest_gemmadev.types import GemmadevError


def add_options(parser: argparse.ArgumentParser) -> None:
    """What is measured; the options of ``repair`` are for ``--cases``."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--runs", type=Path, nargs="+", metavar="DIR", help="earlier repair runs")
    what.add_argument("--cases", type=Path, help="run these first: folder, case or .jsonl file")
    repair_run.add_options(parser)


def run(options: argparse.Namespace) -> int:
    """Writes ``eval.jsonl``, ``report.json``, ``report.html`` and ``report.md``."""
    if options.ablate:
        raise GemmadevError("--ablate makes several runs; give them to --runs one by one")
    output: Path = options.output or new_run_path("calibration")
    if options.runs:
        runs: Sequence[Path] = options.runs
        if output.resolve() in (folder.resolve() for folder in runs):
            raise GemmadevError(f"{output} holds one of the runs; choose another --output")
        results = [result for folder in dict.fromkeys(runs) for result in read_run(folder)]
    else:
        runs = [output / "repair"]
        results = []
        inner = argparse.Namespace(**{**vars(options), "output": runs[0]})
        repair_run.run(inner, results.extend)
    write_calibration(output, runs, results)
    return 0


def read_run(folder: Path) -> list[Result]:
    """The results of a run of ``repair``. Raises GemmadevError where the folder holds none."""
    rows = read_rows(folder)
    if not rows:
        raise GemmadevError(f"{folder}: holds no run of repair")
    try:
        return [result_from_row(row) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise GemmadevError(f"{folder}: holds a run of another benchmark ({error!r})") from error


def write_calibration(output: Path, runs: Sequence[Path], results: Sequence[Result]) -> None:
    """Writes the reports and tells the totals."""
    settings = {"benchmark": "calibration", "runs": [str(folder) for folder in runs]}
    folder = open_run(output, settings)  # refuses a folder of other runs
    patches = judged_patches(results)
    lines = (json.dumps(asdict(patch), ensure_ascii=False) + "\n" for patch in patches)
    (folder.path / "eval.jsonl").write_text("".join(lines), encoding="utf-8")
    totals = {**totals_of(patches), "without_probability": without_probability(results)}
    report = {"version": 1, "settings": settings, "totals": totals}
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    (folder.path / "report.json").write_text(text, encoding="utf-8")
    write_document(folder.path, "How true the probabilities are", document(report))
    missing = totals["without_probability"]
    say(totals_line(totals) + (f"; {missing} patches without one left out" if missing else ""))
    say(f"{folder.path / 'report.html'}")
