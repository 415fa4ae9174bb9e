"""Two runs on the same cases: ``python -m eval.run --compare DIR DIR``, exact McNemar."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.repair import Score
from eval.runs import Row, read_rows
from eval.stats import Comparison, mcnemar
from pytest_gemmadev.core.types import GemmadevError


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one case with one seed."""

    state: str  # in a word
    passed: Mapping[str, bool]  # by what is counted


Verdicts = Mapping[tuple[str, str], Verdict]
"""By (case, which run of it)."""


def compare(first: Verdicts, second: Verdicts) -> str:
    """Lines that compare two runs on the cases and seeds that both scored."""
    common, counted = comparisons(first, second)
    lines = [f"{len(common)} results in both runs"]
    for name, c in counted.items():
        lines.append(
            f"{name}: {c.both + c.only_first} and {c.both + c.only_second}; only the first "
            f"{c.only_first}, only the second {c.only_second}; exact McNemar p = {c.p_value:.3g}"
        )
    for key in common:
        before, after = first[key].state, second[key].state
        if before != after:
            lines.append(f"  {' '.join(filter(None, key))}: {before} -> {after}")
    return "\n".join(lines)


def comparisons(
    first: Verdicts, second: Verdicts
) -> tuple[list[tuple[str, str]], dict[str, Comparison]]:
    """The cases and seeds in both runs, and what is counted of them. Raises where there are none."""
    common = sorted(first.keys() & second.keys())
    if not common:
        raise GemmadevError("the two runs share no case and seed")
    return common, {
        name: mcnemar(
            [(first[key].passed[name], second[key].passed.get(name, False)) for key in common]
        )
        for name in first[common[0]].passed
    }


def read_verdicts(folder: Path) -> tuple[str, Verdicts]:
    """The benchmark that a run's folder holds, and its verdicts."""
    try:
        settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise GemmadevError(f"{folder}: holds no run ({error})") from error
    benchmark = settings.get("benchmark", "repair")
    if benchmark == "humaneval":
        return benchmark, of_samples(read_rows(folder, name="eval.jsonl_results.jsonl"))
    rows = read_rows(folder)
    read = {"syntax": of_syntax, "lines": of_lines}.get(benchmark, of_repair)
    return benchmark, read(rows)


def of_repair(rows: Sequence[Row]) -> Verdicts:
    return {
        (row["case"], f"seed {row['seed']}"): Verdict(
            row["score"], {"plausible": row["plausible"], "correct": row["correct"]}
        )
        for row in rows
        if row["score"] != Score.NOT_SCORED.value
    }


def of_samples(rows: Sequence[Row]) -> Verdicts:
    return {
        (row["task_id"], f"seed {row['seed']} sample {row['sample']}"): Verdict(
            "passed" if row["passed"] else "failed", {"passed": row["passed"]}
        )
        for row in rows
    }


def of_syntax(rows: Sequence[Row]) -> Verdicts:
    return {
        (row["case"], ""): Verdict(
            "same tree" if row["same_tree"] else "parses" if row["parses"] else "broken",
            {"parses": row["parses"], "same tree": row["same_tree"]},
        )
        for row in rows
    }


def of_lines(rows: Sequence[Row]) -> Verdicts:
    return {
        (row["case"], ""): Verdict(
            f"rank {row['written']}" if row["written"] else "not written",
            {
                "in the first ten": 0 < row["written"] <= 10,
                "first": row["written"] == 1,
            },
        )
        for row in rows
    }
