"""Learns how the model's likelihood of a patch moves its probability, where the probability leaves it open.

    python -m training.confidence.judge rows.jsonl --model gemmadev --asked asked.jsonl
    python -m training.confidence.judge rows.jsonl --model gemmadev --adapter none --asked base.jsonl
    python -m training.confidence.judge --compare asked.jsonl base.jsonl

Asks about the likeliest group of each problem, its probability from models that did not see the file of
its function; each answer is a line, and the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path
from typing import Any

from pytest_gemmadev.registry import load_model
from pytest_gemmadev.types import Model
from training.confidence.fit import (
    CUTS,
    cross_validated,
    groups_at,
    is_held_back,
    is_in_one_place,
    samples_of,
)

LOW, HIGH = 0.2, 0.97  # probabilities between which the model is asked
CHARACTER, MOST = 0.25, 8.0  # nats: made up for each character; counted at most
SEEDS = 200  # of the bootstrap


def open_questions(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The likeliest patch of each problem where that leaves it open, with what a model is asked."""
    rows = [r for r in rows if r["found"] and is_in_one_place(r) and not is_held_back(r["origin"])]
    samples = [sample for row in rows for sample in samples_of(row)]
    names = sorted({name for sample in samples for name in sample.features})
    chances, order = cross_validated(samples, names)
    at_cut: dict[tuple[str, int], list[float]] = {}
    for chance, sample in zip(chances, order, strict=True):
        at_cut.setdefault((sample.problem, sample.cut), []).append(chance)
    asked = []
    for row in rows:
        cut = next(cut for cut in CUTS if (row["id"], cut) in at_cut)
        of_groups = at_cut[row["id"], cut]
        place = max(range(len(of_groups)), key=of_groups.__getitem__)
        built = groups_at(row, cut)
        assert built is not None
        groups, right = built
        best = _patch_of(row, cut, groups.groups[place].members[0])
        if LOW <= of_groups[place] <= HIGH and best["scoring"]:
            asked.append(
                {
                    "id": row["id"],
                    "chance": of_groups[place],
                    "right": right[place],
                    "scoring": best["scoring"],
                }
            )
    return asked


def _patch_of(row: Mapping[str, Any], cut: int, place: int) -> dict[str, Any]:
    """The patch at a place among those that `groups_at` has looked at."""
    first = min(each["rank"] for each in row["found"])
    found = [each for each in row["found"] if each["rank"] <= first + cut]
    reach = max(each["reach"] for each in found)
    patch: dict[str, Any] = [each for each in found if each["reach"] == reach][place]
    return patch


def nats_of(model: Model, scoring: Sequence[str]) -> float:
    """By how much the model finds the new text likelier than the old one."""
    prefix, old, new = scoring
    before, after = model.score(prefix, (old, new))
    return after - before + CHARACTER * (len(new) - len(old))


def describe(asked: Sequence[Mapping[str, Any]]) -> str:
    """The fit and what it is worth, cross-validated."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import cross_val_predict

    right = np.array([each["right"] for each in asked])
    odds = np.array([log(each["chance"] / (1 - each["chance"])) for each in asked])
    nats = np.clip([each["nats"] for each in asked], -MOST, MOST)
    data = np.c_[odds, nats]
    after = cross_val_predict(LogisticRegression(), data, right, cv=10, method="predict_proba")
    model = LogisticRegression().fit(data, right)
    areas = [roc_auc_score(right, values) for values in (odds, nats, after[:, 1])]
    text = f"{len(asked)} asked, {right.mean():.1%} right; area before {areas[0]:.3f}, "
    text += f"the model alone {areas[1]:.3f}, together {areas[2]:.3f}\n"
    chance, ratio = model.coef_[0]
    return text + (
        f"base {model.intercept_[0]:.3f}, chance {chance:.3f}, ratio {ratio:.4f}; "
        f"character {CHARACTER}, most {MOST}, low {LOW}, high {HIGH}"
    )


def compare(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> str:
    """The difference of two models' areas on what both were asked, with a bootstrap interval."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    other = {each["id"]: each for each in second}
    both = [(each, other[each["id"]]) for each in first if each["id"] in other]
    right = np.array([one["right"] for one, _ in both])
    values = [np.array([pair[n]["nats"] for pair in both]) for n in (0, 1)]
    areas = [roc_auc_score(right, each) for each in values]
    random_ = np.random.default_rng(0)
    drawn: list[float] = []
    while len(drawn) < SEEDS:
        some = random_.integers(0, len(both), len(both))
        if 0 < right[some].sum() < len(both):
            one, two = (roc_auc_score(right[some], each[some]) for each in values)
            drawn.append(one - two)
    low, high = np.percentile(drawn, [2.5, 97.5])
    difference = areas[0] - areas[1]
    return (
        f"{len(both)} asked of both: areas {areas[0]:.3f} and {areas[1]:.3f}, "
        f"difference {difference:+.3f} ({low:+.3f} to {high:+.3f})"
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m training.confidence.judge", description=__doc__
    )
    parser.add_argument("rows", type=Path, nargs="*")
    parser.add_argument("--asked", type=Path, help="answers, a line each")
    parser.add_argument("--model", default="gemmadev")
    parser.add_argument("--adapter")
    parser.add_argument("--compare", type=Path, nargs=2, metavar="FILE")
    options = parser.parse_args(argv)
    if options.compare:
        print(compare(*map(_read, options.compare)))
        return 0
    if not options.rows or options.asked is None:
        parser.error("rows and --asked are needed, or --compare")
    questions = open_questions([row for path in options.rows for row in _read(path)])
    known = {each["id"] for each in _read(options.asked)} if options.asked.exists() else set()
    model = load_model(options.model, adapter=options.adapter, threads=None)
    assert model is not None
    with options.asked.open("a", encoding="utf-8") as file:
        for each in questions:
            if each["id"] not in known:
                answer = {key: each[key] for key in ("id", "chance", "right")}
                file.write(json.dumps(answer | {"nats": nats_of(model, each["scoring"])}) + "\n")
                file.flush()
    model.close()
    print(describe(_read(options.asked)))
    return 0


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    sys.exit(main())
