"""The tables of ``docs/results.md``: records of runs -> one table for each kind of benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eval.report.document import Table
from eval.report.records import Record
from eval.report.stats import wilson

SLICES = 6  # whose names are told
_HEADS = ("run", "commit", "model")
_PLACES = tuple((what, rank) for what in ("function", "line") for rank in ("1", "5", "20"))


def humaneval_table(records: Sequence[Record]) -> Table:
    heads = (*_HEADS, "prompt", "problems", "samples", "pass@1", "interval", "pass@10", "pass@100",
             "pass@1 before the loop", "median s")  # fmt: skip
    paper = ("-", "-", "the GemmaDev paper, Gemma 2B QLoRA", "-", "164", "-", "0.067")
    rows = [(*paper, *("-",) * (len(heads) - len(paper)))]
    for record in records:
        totals, settings = record["totals"], record["settings"]
        rows.append(
            (
                *_run(record),
                "chat" if settings.get("chat") else "base",
                str(totals["cases"]),
                str(totals["samples"]),
                _rate(totals.get("pass@1")),
                _interval(totals.get("pass@1_interval")),
                _rate(totals.get("pass@10")),
                _rate(totals.get("pass@100")),
                _rate(totals.get("pass@1_before_debugging")),
                _number(totals["median_s"]),
            )
        )
    return Table(heads, tuple(rows))


def repair_table(records: Sequence[Record]) -> Table:
    heads = (*_HEADS, "cases of", "budget s", "seeds", "cases", "plausible", "correct", "%",
             "interval", "overfitting of plausible", "median s", "p90 s", "MB")  # fmt: skip
    rows = []
    for record in records:
        totals = record["totals"]
        cases, runs = totals["cases"], totals["runs"]
        wrong = runs["plausible"] - runs["correct"]
        rows.append(
            (
                *_run(record),
                _asked(record),
                f"{record['settings']['budget_s']:g}",
                str(len(record["seeds"])),
                str(cases),
                str(totals["plausible"]),
                str(totals["correct"]),
                f"{totals['correct'] / cases:.0%}" if cases else "-",
                _interval(totals["correct_interval"]),
                f"{wrong / runs['plausible']:.0%}" if runs["plausible"] else "-",
                _number(totals["median_s"]),
                _number(totals["p90_s"]),
                f"{totals['peak_mb']:.0f}",
            )
        )
    return Table(heads, tuple(rows))


def places_table(records: Sequence[Record]) -> Table:
    """How high the place of the fix stood among the suspicions, over all slices of a run."""
    heads = (*_HEADS, "cases of", "results", "function first", "in 5", "interval", "line first",
             "in 5", "in 20")  # fmt: skip
    rows = []
    for record in records:
        slices = record["places"].values()
        results = sum(places["runs"] for places in slices)
        counts = {
            (what, rank): sum(places[what][rank] for places in slices) for what, rank in _PLACES
        }
        rows.append(
            (
                *_run(record),
                _asked(record),
                str(results),
                _share(counts["function", "1"], results),
                _share(counts["function", "5"], results),
                _interval(wilson(counts["function", "5"], results)),
                *(_share(counts["line", rank], results) for rank in ("1", "5", "20")),
            )
        )
    return Table(heads, tuple(rows))


def ablation_rows(records: Sequence[Record]) -> Table:
    """The tables of ablations under one another, each row with its run."""
    rows = [(*_run(record), *row) for record in records for row in record["table"]["rows"]]
    return Table((*_HEADS, *records[0]["table"]["heads"]), tuple(rows))


def syntax_table(records: Sequence[Record]) -> Table:
    heads = (*_HEADS, "slices", "cases", "parse", "same tree", "interval", "correct",
             "left alone", "median s")  # fmt: skip
    rows = []
    for record in records:
        totals = record["totals"]
        rows.append(
            (
                *_run(record),
                str(len(record["slices"])),
                str(totals["cases"]),
                _share(totals["parses"], totals["cases"]),
                _share(totals["same_tree"], totals["cases"]),
                _interval(totals["same_tree_interval"]),
                _share(totals["correct"], totals["scored"]),
                str(totals["left_alone"]),
                f"{totals['median_s']:.3f}" if totals["median_s"] is not None else "-",
            )
        )
    return Table(heads, tuple(rows))


def lines_table(records: Sequence[Record]) -> Table:
    heads = (*_HEADS, "cases of", "repairs", "in the first ten", "%", "interval", "first",
             "patterns have", "median rank with the model", "by priors", "at random", "median s")  # fmt: skip
    rows = []
    for record in records:
        totals = record["totals"]
        rows.append(
            (
                *_run(record),
                _asked(record),
                str(totals["cases"]),
                str(totals["first_ten"]),
                _share(totals["first_ten"], totals["cases"]),
                _interval(totals["first_ten_interval"]),
                str(totals["first"]),
                str(totals["ordered"]),
                *(_number(totals[k]) for k in ("by_model", "by_prior", "at_random", "median_s")),
            )
        )
    return Table(heads, tuple(rows))


def pairs_table(records: Sequence[Record]) -> Table:
    heads = ("first", "second", "cases", "results", "counted", "first has", "second has",
             "only the first", "only the second", "exact McNemar p")  # fmt: skip
    rows = [
        (
            *record["runs"],
            str(record["cases"]),
            str(record["results"]),
            name,
            str(counted["both"] + counted["only_first"]),
            str(counted["both"] + counted["only_second"]),
            str(counted["only_first"]),
            str(counted["only_second"]),
            f"{counted['p_value']:.2g}",
        )
        for record in records
        for name, counted in record["counted"].items()
    ]
    return Table(heads, tuple(rows))


def measures_table(records: Sequence[Record]) -> Table:
    heads = ("first", "second", "measured", "cases", "median of the first", "of the second",
             "Wilcoxon p")  # fmt: skip
    rows = [
        (
            *record["runs"],
            name,
            str(measured["pairs"]),
            f"{measured['first']:.3g}",
            f"{measured['second']:.3g}",
            f"{measured['p_value']:.2g}",
        )
        for record in records
        for name, measured in record.get("measured", {}).items()
    ]
    return Table(heads, tuple(rows))


def runs_table(records: Sequence[Record]) -> Table:
    """What each run can be repeated by, and what its figures depend on."""
    heads = ("run", "commit", "date", "command", "model", "sha256", "seeds", "hardware", "system",
             "versions")  # fmt: skip
    rows = []
    for record in records:
        settings, machine = record["settings"], record["machine"]
        versions = machine.get("versions", {})
        hardware = [f"{machine['cores']} cores", machine.get("cpu", ""), machine.get("memory", "")]
        rows.append(
            (
                record["name"],
                _commit(record),
                machine["started"][:10],
                record["command"],
                settings.get("model_name", settings["model"]),
                (settings.get("model_sha256") or "-")[:12],
                ", ".join(map(str, record["seeds"])),
                ", ".join(filter(None, hardware)),
                f"Python {machine['python']}, {machine['platform']}",
                ", ".join(f"{name} {v}" for name, v in versions.items()) or "-",
            )
        )
    return Table(heads, tuple(rows))


def _run(record: Record) -> tuple[str, str, str]:
    """The columns `_HEADS`."""
    return record["name"], _commit(record), _model(record)


def _commit(record: Record) -> str:
    return str(record["machine"].get("commit") or "-")


def _model(record: Record) -> str:
    settings = record["settings"]
    adapter = settings.get("adapter")
    if adapter:
        return f"{settings['model']} + {Path(adapter).name}"
    alone = settings["model"] == "gemmadev"  # which has one by default
    return f"{settings['model']}{' without adapter' if alone else ''}"


def _asked(record: Record) -> str:
    """The slices of the cases, and how the cases were put."""
    settings, names = record["settings"], list(record["slices"])
    told = ", told how tests failed" if settings.get("facts") else ""
    less = f", without {settings['without']}" if settings.get("without") else ""
    slices = ", ".join(names) if len(names) <= SLICES else f"{len(names)} slices"
    return f"{slices}{told}{less}"


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _share(count: int, total: int) -> str:
    """In per cent; 100 % means all of them, and 0 % none."""
    if not total:
        return "-"
    text = f"{count / total:.0%}"
    exact = (text == "100%") == (count == total) and (text == "0%") == (count == 0)
    return text if exact else f"{count / total:.1%}"


def _interval(bounds: Sequence[float] | None) -> str:
    return "-" if bounds is None else f"{bounds[0]:.0%} to {bounds[1]:.0%}"
