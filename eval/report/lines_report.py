"""The report of a run of ``eval.run lines``: totals and slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eval.report.document import Block, Figure, Table, Text, facts_of
from eval.report.plots import rates_plot
from eval.report.stats import median, wilson

FIRST = 10


@dataclass(frozen=True, slots=True)
class Result:
    """Ranks of the author's repair, from 1; 0 where it is not among them."""

    case: str
    slice: str
    written: int
    by_prior: int
    by_model: int
    candidates: int  # that were ordered
    seconds: float


def report_of(results: Sequence[Result], settings: Mapping[str, Any]) -> dict[str, Any]:
    """``report.json``."""
    names = sorted({result.slice for result in results})
    return {
        "version": 1,
        "settings": dict(settings),
        "totals": totals_of(results),
        "slices": {name: totals_of([r for r in results if r.slice == name]) for name in names},
    }


def totals_of(results: Sequence[Result]) -> dict[str, Any]:
    """How many are early, and of those that the patterns have, the ranks in each order."""
    early = sum(is_early(result.written) for result in results)
    known = [result for result in results if result.by_prior]
    return {
        "cases": len(results),
        "first_ten": early,
        "first_ten_interval": list(wilson(early, len(results))),
        "first": sum(result.written == 1 for result in results),
        "ordered": len(known),
        "by_prior": median([result.by_prior for result in known]),
        "by_model": median([result.by_model for result in known]),
        "at_random": median([(result.candidates + 1) / 2 for result in known]),
        "median_s": median([result.seconds for result in results]),
    }


def is_early(rank: int) -> bool:
    return 0 < rank <= FIRST


def totals_line(totals: Mapping[str, Any]) -> str:
    """The totals in one line, for a terminal."""
    low, high = totals["first_ten_interval"]
    line = (
        f"{totals['cases']} repairs: written among the first {FIRST} in {totals['first_ten']} "
        f"({totals['first_ten'] / max(1, totals['cases']):.1%}, {low:.0%} to {high:.0%}), first in "
        f"{totals['first']}"
    )
    if totals["ordered"]:
        line += (
            f"; of {totals['ordered']} that patterns have, median rank {totals['by_model']:g} with "
            f"the model, {totals['by_prior']:g} by priors, {totals['at_random']:g} at random"
        )
    return line


def document(report: Mapping[str, Any]) -> list[Block]:
    """Totals and slices."""
    heads = ("slice", "repairs", f"in the first {FIRST}", "first", "patterns have", "with the model",
             "by priors", "at random")  # fmt: skip
    keys = ("cases", "first_ten", "first", "ordered", "by_model", "by_prior", "at_random")
    slices = report["slices"]
    rows = tuple(
        (name, *("-" if totals[key] is None else f"{totals[key]:g}" for key in keys))
        for name, totals in slices.items()
    )
    rates = {
        name: (totals["first_ten"] / totals["cases"], *totals["first_ten_interval"])
        for name, totals in slices.items()
    }
    return [
        Text(totals_line(report["totals"])),
        Figure("lines", rates_plot(rates, f"% in the first {FIRST}"), "The author's line"),
        Table(heads, rows),
        facts_of(report["settings"]),
    ]
