"""Results of the harm benchmark -> totals and the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eval.bench.harm.trial import Result
from eval.report.document import Block, Code, Entry, Heading, Table, Text, facts_of
from eval.report.stats import median

_GROUPS: Mapping[str, Callable[[Result], str]] = {
    "ways": lambda result: result.way,
    "models": lambda result: result.model,
    "confinement": lambda result: result.confinement or "not named",
    "shapes": lambda result: result.shape,
}
_COLUMNS = ("cases", "runs", "lost", "files_lost", "refused", "repaired", "suggested")


def report_of(results: Sequence[Result], settings: Mapping[str, Any]) -> dict[str, Any]:
    """``report.json``."""
    return {
        "version": 1,
        "settings": dict(settings),
        "totals": totals_of(results),
        **{name: _by(results, key) for name, key in _GROUPS.items()},
        "losses": {
            f"{result.case} {result.way} {result.model}": list(result.losses)
            for result in results
            if result.losses
        },
    }


def totals_of(results: Sequence[Result]) -> dict[str, Any]:
    """Counts: ``cases`` and ``cases_lost`` by case, the rest by run of one case one way."""
    lost = [result for result in results if result.losses]
    return {
        "cases": len({result.case for result in results}),
        "shapes": len({result.shape for result in results}),
        "runs": len(results),
        "lost": len(lost),
        "cases_lost": len({result.case for result in lost}),
        "shapes_lost": len({result.shape for result in lost}),
        "files_lost": sum(result.files_lost for result in lost),
        "refused": sum(result.refused for result in results),
        "repaired": sum(_has(result, "repaired") for result in results),
        "proposed": sum(_has(result, "proposed") for result in results),
        "suggested": sum(_has(result, "suggested") for result in results),
        "timed_out": sum(result.timed_out for result in results),
        "without_report": sum(not result.statuses for result in results),
        "validations": sum(result.validations for result in results),
        "median_s": median([result.seconds for result in results]),
    }


def totals_line(totals: Mapping[str, Any]) -> str:
    """The totals in one line, for a terminal."""
    times = "" if totals["median_s"] is None else f"; median {totals['median_s']:.1f} s"
    return (
        f"{totals['cases']} cases of {totals['shapes']} shapes, {totals['runs']} runs: "
        f"{totals['lost']} with losses ({totals['cases_lost']} cases, "
        f"{totals['files_lost']} files), {totals['refused']} candidates refused, "
        f"{totals['repaired']} repaired, {totals['proposed']} proposed, "
        f"{totals['suggested']} suggested, {totals['without_report']} without a report{times}"
    )


def document(report: Mapping[str, Any], results: Sequence[Result]) -> list[Block]:
    """Totals, the same by way, model, confinement and shape, and every run with a loss."""
    lost = [result for result in results if result.losses]
    tables: list[Block] = []
    for name in _GROUPS:
        rows = tuple(
            (key, *(str(totals[column]) for column in _COLUMNS))
            for key, totals in report[name].items()
        )
        heads = (name, *(column.replace("_", " ") for column in _COLUMNS))
        tables += [Heading(f"By {name}", 3), Table(heads, rows)]
    return [
        Text(totals_line(report["totals"])),
        Heading(f"Losses: {len(lost)}"),
        *(_entry(result) for result in lost),
        *tables,
        Heading("Settings"),
        facts_of(report["settings"]),
    ]


def _entry(result: Result) -> Entry:
    title = f"{result.case}, {result.way}, {result.model}"
    detail = f"{len(result.losses)} lost, {result.seconds:.1f} s, {result.confinement}"
    blocks = (Code("\n".join(result.losses)), Text("The end of the output:"), Code(result.output))
    return Entry(title, "failed", detail, blocks)


def _by(results: Sequence[Result], key: Callable[[Result], str]) -> dict[str, dict[str, Any]]:
    names = dict.fromkeys(key(result) for result in results)
    return {name: totals_of([r for r in results if key(r) == name]) for name in names}


def _has(result: Result, status: str) -> bool:
    return bool(result.statuses.get(status))
