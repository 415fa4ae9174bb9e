"""The report of a run of ``eval.run syntax``: totals, slices, and cases with another tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
)
from eval.report.plots import rates_plot
from eval.report.stats import median, percentile, wilson


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one case."""

    case: str
    slice: str
    message: str  # the compiler's
    parses: bool = False
    same_tree: bool = False
    rank: int | None = None  # of the candidate with the reference's tree, from 0
    correct: bool | None = (
        None  # None where the case has no hidden tests, or they were not asked for
    )
    left_alone: bool = False  # by the hook, for want of confidence
    strays: bool = False  # changed something on a line that it did not report
    used_model: bool = False
    confidence: float = 0.0
    names: tuple[str, ...] = ()
    seconds: float = 0.0
    diff: str = ""
    reference: str = ""  # the author's diff; kept where the tree is another


def result_from_row(row: Mapping[str, Any]) -> Result:
    return Result(**{**row, "names": tuple(row["names"])})


def report_of(results: Sequence[Result], settings: Mapping[str, Any]) -> dict[str, Any]:
    """``report.json``."""
    slices = sorted({result.slice for result in results})
    return {
        "version": 1,
        "settings": dict(settings),
        "totals": totals_of(results),
        "slices": {name: totals_of([r for r in results if r.slice == name]) for name in slices},
    }


def totals_of(results: Sequence[Result]) -> dict[str, Any]:
    """Counts, and seconds of those that asked no model and of those that did."""
    seconds = [result.seconds for result in results]
    plain = [result.seconds for result in results if not result.used_model]
    asked = [result.seconds for result in results if result.used_model]
    sure = [result for result in results if not result.left_alone]
    return {
        "cases": len(results),
        "plausible": sum(result.parses for result in results),
        "parses": sum(result.parses for result in results),
        "same_tree": sum(result.same_tree for result in results),
        "among_candidates": sum(result.rank is not None for result in results),
        "correct": sum(bool(result.correct) for result in results),
        "scored": sum(result.correct is not None for result in results),
        "left_alone": len(results) - len(sure),
        "same_tree_of_those_written": sum(result.same_tree for result in sure),
        "same_tree_interval": list(wilson(sum(r.same_tree for r in results), len(results))),
        "strays": sum(result.strays for result in results),
        "median_s": median(seconds),
        "p90_s": percentile(seconds, 90),
        "median_without_model_s": median(plain),
        "median_with_model_s": median(asked),
        "asked_model": len(asked),
    }


def totals_line(totals: Mapping[str, Any]) -> str:
    """The totals in one line, for a terminal."""
    cases = max(1, totals["cases"])
    tests = f", {totals['correct']} of {totals['scored']} correct" if totals["scored"] else ""
    times = ""
    if totals["median_s"] is not None:
        times = f"; median {totals['median_s']:.3f} s, p90 {totals['p90_s']:.3f} s"
    return (
        f"{totals['cases']} cases: {totals['parses']} parse ({totals['parses'] / cases:.1%}), "
        f"{totals['same_tree']} with the same tree ({totals['same_tree'] / cases:.1%}){tests}; "
        f"{totals['left_alone']} left alone by the hook, "
        f"{totals['strays']} changed beyond what they report{times}"
    )


def document(report: Mapping[str, Any], results: Sequence[Result]) -> list[Block]:
    """Totals, slices, every case whose tree is not the reference's."""
    heads = ("slice", "cases", "parse", "same tree", "correct", "left alone")
    keys = ("cases", "parses", "same_tree", "correct", "left_alone")
    slices = report["slices"]
    rows = tuple((name, *(str(totals[key]) for key in keys)) for name, totals in slices.items())
    rates = {
        name: (totals["same_tree"] / totals["cases"], *totals["same_tree_interval"])
        for name, totals in slices.items()
    }
    other = [result for result in results if not result.same_tree]
    return [
        Text(totals_line(report["totals"])),
        Figure("trees", rates_plot(rates, "% with the reference's tree"), "The same tree"),
        Table(heads, rows),
        Heading(f"Another tree: {len(other)}"),
        *map(_entry, other),
        Heading("Settings"),
        facts_of(report["settings"]),
    ]


def _entry(result: Result) -> Entry:
    detail = f"{result.message}; confidence {result.confidence:.0%}, {result.seconds:.2f} s"
    blocks = (
        Text("Repaired:"),
        Code(result.diff, "diff"),
        Text("The author:"),
        Code(result.reference, "diff"),
    )
    state = "correct" if result.correct else "failed" if not result.parses else "overfitting"
    return Entry(result.case, state, detail, blocks)
