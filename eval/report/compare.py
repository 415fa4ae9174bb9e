"""Two runs on the same cases: ``python -m eval.run --compare DIR DIR``.

What passes is compared by the exact McNemar test, what is measured by Wilcoxon's signed ranks.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eval.report.result import Score
from eval.report.runs import Row, read_rows
from eval.report.stats import Comparison, Difference, mcnemar, median, signed_ranks
from pytest_gemmadev.types import GemmadevError


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one case with one seed."""

    state: str  # in a word
    passed: Mapping[str, bool]  # by what is counted
    measured: Mapping[str, float] = field(default_factory=dict)  # by what is measured


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
    for name, d in differences(first, second).items():
        lines.append(
            f"{name}: median {d.first:g} and {d.second:g} of {d.pairs} cases; "
            f"Wilcoxon p = {d.p_value:.3g}"
        )
    for key in common:
        before, after = first[key].state, second[key].state
        if before != after:
            lines.append(f"  {' '.join(filter(None, key))}: {before} -> {after}")
    return "\n".join(lines)


def comparisons(
    first: Verdicts, second: Verdicts
) -> tuple[list[tuple[str, str]], dict[str, Comparison]]:
    """The cases and seeds in both runs, and what is counted of them. Raises where there are none.

    Where cases have several seeds, they are counted again as wholes: passed with every seed.
    """
    common = sorted(first.keys() & second.keys())
    if not common:
        raise GemmadevError("the two runs share no case and seed")
    names = first[common[0]].passed
    found = {name: mcnemar([_both(name, first, second, [key]) for key in common]) for name in names}
    cases = _by_case(common)
    if len(cases) < len(common):
        for name in names:
            pairs = [_both(name, first, second, keys) for keys in cases.values()]
            found[f"{name} with every seed"] = mcnemar(pairs)
    return common, found


def _both(
    name: str, first: Verdicts, second: Verdicts, keys: Sequence[tuple[str, str]]
) -> tuple[bool, bool]:
    passed = [all(run[key].passed.get(name, False) for key in keys) for run in (first, second)]
    return passed[0], passed[1]


def _by_case(common: Sequence[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    cases: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for key in common:
        cases[key[0]].append(key)
    return cases


def differences(first: Verdicts, second: Verdicts) -> dict[str, Difference]:
    """What was measured in both runs, by cases: of several seeds the median."""
    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for keys in _by_case(sorted(first.keys() & second.keys())).values():
        for name in first[keys[0]].measured:
            sides = [
                median([run[key].measured[name] for key in keys if name in run[key].measured])
                for run in (first, second)
            ]
            if sides[0] is not None and sides[1] is not None:
                pairs[name].append((sides[0], sides[1]))
    return {name: signed_ranks(some) for name, some in pairs.items()}


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
            row["score"],
            {"plausible": row["plausible"], "correct": row["correct"]},
            _until_plausible(row),
        )
        for row in rows
        if row["score"] != Score.NOT_SCORED.value
    }


def _until_plausible(row: Row) -> dict[str, float]:
    """What it took to come to a plausible patch, where it was come to."""
    if not row["plausible"]:
        return {}
    return {
        "validations until plausible": float(row["validations"]),
        "seconds until plausible": float(row["seconds"]),
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
            {"rank of what patterns have": float(row["by_model"])} if row["by_model"] else {},
        )
        for row in rows
    }
