"""What each part of a repair is worth: the same cases without it, in one table and one plot."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from eval.report.document import Block, Figure, Table, Text, facts_of, write_document
from eval.report.plots import outcomes_plot
from eval.report.result import Result
from eval.report.stats import mcnemar, median
from eval.report.totals import totals_of
from pytest_gemmadev.doors.ablations import Part

ABLATION = "ablation.json"
WHOLE = "everything"
VARIANTS: Mapping[str, Part | None] = {WHOLE: None} | {
    f"without {part}": part for part in get_args(Part)
}
"""What is run: its name, and the part that it does without."""


def ablation_table(runs: Mapping[str, Sequence[Result]]) -> Table:
    """A row for each variant, the whole first, each against it."""
    heads = ("variant", "runs", "plausible", "correct", "95 % interval", "overfitting of plausible",
             "median s", "of those accepted", "median validations", "against everything")  # fmt: skip
    rows = []
    for name, results in runs.items():
        totals = totals_of(results)
        counts = totals["runs"]
        accepted = [result.seconds for result in results if result.plausible]
        tried = [result.validations for result in results if result.plausible]
        wrong = counts["plausible"] - counts["correct"]
        rows.append(
            (
                name,
                str(counts["runs"]),
                str(counts["plausible"]),
                str(counts["correct"]),
                "{:.0%} to {:.0%}".format(*totals["correct_interval"]),
                f"{wrong / counts['plausible']:.0%}" if counts["plausible"] else "-",
                _number(totals["median_s"]),
                _number(median(accepted)),
                _number(median(tried), 0),
                "-" if name == WHOLE else _against(runs[WHOLE], results),
            )
        )
    return Table(heads, tuple(rows))


def _against(whole: Sequence[Result], less: Sequence[Result]) -> str:
    """Correct runs lost and won without the part, of those that both have run."""
    known = {(result.case, result.seed): result.correct for result in less}
    pairs = [(r.correct, known[r.case, r.seed]) for r in whole if (r.case, r.seed) in known]
    found = mcnemar(pairs)
    return (
        f"{found.only_first} lost, {found.only_second} won, exact McNemar p = {found.p_value:.2g}"
    )


def _number(value: float | None, places: int = 1) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def write_ablation(
    folder: Path, runs: Mapping[str, Sequence[Result]], settings: Mapping[str, Any]
) -> None:
    """Writes ``ablation.json`` and the page beside the folders of the variants."""
    groups = {name: totals_of(results) for name, results in runs.items()}
    by_run = {
        name: {**totals["runs"], "cases": totals["runs"]["runs"]} for name, totals in groups.items()
    }
    table = ablation_table(runs)
    record = {
        "version": 1,
        "settings": dict(settings),
        "variants": groups,
        "table": {"heads": table.heads, "rows": table.rows},
    }
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (folder / ABLATION).write_text(text, encoding="utf-8")
    blocks: list[Block] = [
        Text("The same cases without one part of the repair at a time, correct by hidden tests."),
        table,
        Figure("ablation", outcomes_plot(by_run), "What became of the runs"),
        facts_of(settings),
    ]
    write_document(folder, "What each part is worth", blocks)
