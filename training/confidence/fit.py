"""Learns the probability of a plausible patch from what `collect` has written.

    python -m training.confidence.fit rows.jsonl --output pytest_gemmadev/search/confidence/learned.json

Logistic regression on named features (scikit-learn), folds by file; a third of the packages is held back
and looked at once, for the figures at the end. Shipped as numbers.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from pathlib import Path
from typing import Any

from pytest_gemmadev.search.claims.claim import check_bounds, check_examples, claims_of
from pytest_gemmadev.search.confidence.expected import Asserted, told_by
from pytest_gemmadev.search.confidence.facts import PatchFacts, TaskFacts, changed_share
from pytest_gemmadev.search.confidence.features import Groups, features_of, make_groups
from pytest_gemmadev.search.confidence.patch_smells import smell_change, smells_in
from pytest_gemmadev.search.confidence.probability import Learned, probability
from pytest_gemmadev.types import Expression
from training.confidence.in_process import bounded, value_of
from training.data.trial import Late

CUTS = (
    60,
    200,
    100_000,
)  # candidates after the first plausible one: how far a search may have gone
PENALTY = 0.3  # inverse strength of the ridge
FOLDS = 8
SURPLUS = 0.25  # weight of a function that does too much: people's faults are seldom so
_PRIOR = 6.0  # patches of the mean kind that each kind of edit is given besides its own
_FIELDS = tuple(PatchFacts.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Sample:
    """One group of one problem at one cut."""

    problem: str
    origin: str
    features: Mapping[str, float]
    is_right: bool
    habit: str  # kind of edit of its best patch
    cut: int
    weight: float


def is_in_one_place(row: Mapping[str, Any]) -> bool:
    """Whether a function was broken in one place only."""
    return "+" not in row["how"]


def is_held_back(name: str) -> bool:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 3 == 0


def facts_in(row: Mapping[str, Any]) -> PatchFacts:
    known = {name: row[name] for name in _FIELDS if name in row}
    known["signs"] = tuple(row["signs"])
    return PatchFacts(**known)


def groups_at(row: dict[str, Any], cut: int) -> tuple[Groups, list[bool]] | None:
    """The groups that a search would have had, and which are right; None where it had none."""
    found = row["found"]
    if not found:
        return None
    first = min(each["rank"] for each in found)
    found = [each for each in found if each["rank"] <= first + cut]
    reach = max(each["reach"] for each in found)
    found = [each for each in found if each["reach"] == reach]
    known = _extras(row)
    facts = []
    for each in found:
        added, gone = known["smells"][each["text"]]
        fact = replace(facts_in(each), changed=changed_share(row["original"], each["behaviour"]))
        held, broken = known["claims"][each["text"]]
        facts.append(
            replace(
                fact,
                smells_added=added,
                smells_gone=gone,
                claims_held=held,
                claims_broken=broken,
            )
        )
    task = replace(TaskFacts(**row["task"]), **known["task"])
    task = replace(task, tried=min(task.tried, first + cut))
    groups = make_groups(facts, [each["behaviour"] for each in found], task)
    right = [found[g.members[0]]["wrong"] == 0 for g in groups.groups]
    return groups, right


def _extras(row: dict[str, Any]) -> dict[str, Any]:
    """What was not written down and follows from the texts; computed once a row."""
    if "extras" not in row:
        names: dict[str, Any] = {"__name__": "broken"}
        before: dict[str, str] = {}
        try:
            with bounded(1.0):
                exec(compile(row["broken"], "broken", "exec", dont_inherit=True), names)
            before = {
                call: text
                for call, _ in row["asserted"]
                if (text := value_of(call, names)) is not None
            }
        except (Exception, Late, SystemExit):
            pass
        told = told_by([Asserted(call, expected) for call, expected in row["asserted"]], before)
        task = {
            "calls": told.calls,
            "false_before": told.false_before,
            "bits": told.bits,
            "bits_false": told.bits_false,
        }
        task["smells"] = sum(smells_in(row["broken"]).values())
        row["extras"] = {
            "task": task,
            "claims": {each["text"]: _claims(row, each) for each in row["found"]},
            "smells": {
                each["text"]: smell_change(row["broken"], each["text"]) for each in row["found"]
            },
        }
    extras: dict[str, Any] = row["extras"]
    return extras


def _claims(row: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[int, int]:
    """(claims of the code that hold with a patch, those that do not)."""
    claims = claims_of("m.py", row["broken"])
    examples = [example.expression for claim in claims for example in claim.examples]
    values: dict[Expression, str] = {}
    names: dict[str, Any] = {"__name__": "patched"}
    try:
        with bounded(1.0):
            exec(compile(found["text"], "patched", "exec", dont_inherit=True), names)
        values = {e: text for e in examples if (text := value_of(e.text, names)) is not None}
    except (Exception, Late, SystemExit):
        pass
    checked = check_examples(claims, values) + check_bounds(claims, found["behaviour"] or {})
    return checked.held, checked.broken


def samples_of(row: dict[str, Any]) -> list[Sample]:
    made: list[Sample] = []
    seen: set[int] = set()
    for cut in CUTS:
        built = groups_at(row, cut)
        if built is None:
            continue
        groups, right = built
        count = sum(len(g.members) for g in groups.groups)
        if count in seen:
            continue
        seen.add(count)
        for place, group in enumerate(groups.groups):
            made.append(
                Sample(
                    row["id"],
                    row["origin"],
                    features_of(groups, place),
                    right[place],
                    f"{group.best.kind}:{group.best.name}",
                    cut,
                    _weight(row["how"]),
                )
            )
    return made


def _weight(how: str) -> float:
    return SURPLUS if how == "surplus" else 1.0


def habits_of(samples: Sequence[Sample], *, but: frozenset[str] = frozenset()) -> dict[str, float]:
    """Log-odds that a patch of each kind is right against all patches; each problem counts once a kind."""
    right: dict[str, float] = defaultdict(float)
    total: dict[str, float] = defaultdict(float)
    seen: set[tuple[str, str, bool]] = set()
    for each in samples:
        key = (each.problem, each.habit, each.is_right)
        if each.origin in but or key in seen:
            continue
        seen.add(key)
        total[each.habit] += each.weight
        right[each.habit] += each.weight * each.is_right
    mean = sum(right.values()) / max(1.0, sum(total.values()))
    found = {}
    for name, count in total.items():
        share = (right[name] + _PRIOR * mean) / (count + _PRIOR)
        found[name] = round(log(share / (1 - share)) - log(mean / (1 - mean)), 3)
    return found


def with_habits(samples: Sequence[Sample], habits: Mapping[str, float]) -> list[dict[str, float]]:
    return [{**each.features, "habit": habits.get(each.habit, 0.0)} for each in samples]


# --- the model -----------------------------------------------------------------------------------


def matrix(rows: Sequence[Mapping[str, float]], names: Sequence[str]) -> Any:
    import numpy as np

    return np.array([[row.get(name, 0.0) for name in names] for row in rows])


def fit_weights(
    rows: Sequence[Mapping[str, float]],
    labels: Sequence[bool],
    names: Sequence[str],
    *,
    weights: Sequence[float] | None = None,
) -> tuple[float, dict[str, float]]:
    """(base, weight by feature) of a logistic model, in the features' own units."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    data = matrix(rows, names)
    mean, spread = data.mean(axis=0), data.std(axis=0) + 1e-9
    model = LogisticRegression(C=PENALTY, max_iter=3000)
    model.fit((data - mean) / spread, labels, sample_weight=weights)
    found = model.coef_[0] / spread
    found[spread < 1e-6] = 0.0
    base = float(model.intercept_[0] - np.dot(found, mean))
    return round(base, 4), {n: round(float(w), 4) for n, w in zip(names, found, strict=True)}


def calibration_error(
    probabilities: Sequence[float], labels: Sequence[bool], bins: int = 10
) -> float:
    """Expected calibration error over bins of equal width."""
    total = 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        some = [
            i
            for i, p in enumerate(probabilities)
            if low <= p < high or (number == bins - 1 and p == 1)
        ]
        if some:
            mean = sum(probabilities[i] for i in some) / len(some)
            share = sum(labels[i] for i in some) / len(some)
            total += len(some) / len(probabilities) * abs(mean - share)
    return total


def chosen_by_problem(
    samples: Sequence[Sample], probabilities: Sequence[float], cut: int
) -> dict[str, tuple[float, bool, bool]]:
    """The likeliest group of each problem: (probability, is it right, is any right)."""
    best: dict[str, tuple[float, bool]] = {}
    any_right: dict[str, bool] = defaultdict(bool)
    at: dict[str, int] = {}
    for each in samples:
        if each.cut <= cut:
            at[each.problem] = max(at.get(each.problem, 0), each.cut)
    for each, p in zip(samples, probabilities, strict=True):
        if at.get(each.problem) != each.cut:
            continue
        any_right[each.problem] |= each.is_right
        if p > best.get(each.problem, (-1.0, False))[0]:
            best[each.problem] = (p, each.is_right)
    return {k: (p, r, any_right[k]) for k, (p, r) in best.items()}


def describe(chosen: Mapping[str, tuple[float, bool, bool]]) -> str:
    rows = list(chosen.values())
    right = sum(r for _, r, _ in rows)
    possible = sum(a for _, _, a in rows)
    text = f"{len(rows)} problems: first right {right} ({right / len(rows):.1%}), some right {possible}"
    for limit in (0.8, 0.95):
        some = [r for p, r, _ in rows if p >= limit]
        if some:
            good = sum(some)
            text += f"; p>={limit}: {good} of {len(some)} right ({good / len(some):.1%})"
            text += f", keeps {good / max(1, right):.1%}"
    error = calibration_error([p for p, _, _ in rows], [r for _, r, _ in rows])
    from sklearn.metrics import roc_auc_score

    area = roc_auc_score([r for _, r, _ in rows], [p for p, _, _ in rows])
    return f"{text}; area {area:.3f}, calibration error {error:.3f}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.confidence.fit", description=__doc__)
    parser.add_argument("rows", type=Path, nargs="+")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--without", nargs="*", default=[], help="features to do without")
    parser.add_argument("--final", action="store_true", help="look at what is held back")
    options = parser.parse_args(argv)
    rows = [json.loads(line) for path in options.rows for line in path.open(encoding="utf-8")]
    # Of two faults the tests may show only one, whose right repair would count as wrong.
    rows = [row for row in rows if is_in_one_place(row)]
    samples = [sample for row in rows for sample in samples_of(row)]
    open_ = [s for s in samples if not is_held_back(s.origin)]
    names = sorted({n for s in open_ for n in s.features} - set(options.without))
    print(
        f"{len(rows)} problems, {sum(bool(r['found']) for r in rows)} with patches, {len(open_)} groups open"
    )
    chances, order = cross_validated(open_, names)
    for cut in CUTS:
        print(f"cut {cut}:", describe(chosen_by_problem(order, chances, cut)))
    habits = habits_of(open_)
    base, weights = fit_weights(
        with_habits(open_, habits),
        [s.is_right for s in open_],
        names,
        weights=[s.weight for s in open_],
    )
    print(", ".join(f"{n} {w:+.2f}" for n, w in sorted(weights.items(), key=lambda p: -abs(p[1]))))
    if options.final:
        learned = Learned(base, weights, habits)
        held = [s for s in samples if is_held_back(s.origin)]
        held_p = [probability(row, learned) for row in with_habits(held, habits)]
        for cut in CUTS:
            print(f"held back, cut {cut}:", describe(chosen_by_problem(held, held_p, cut)))
    if options.output:
        about = {"problems": len({s.problem for s in open_}), "groups": len(open_)}
        data = {"about": about, "base": base, "weights": weights, "habits": habits}
        if (
            options.output.exists()
        ):  # what `training.confidence.judge` and people have put there stays
            known = json.loads(options.output.read_text(encoding="utf-8"))
            data = {key: known[key] for key in ("judge", "settled") if key in known} | data
        text = json.dumps(data, indent=1, sort_keys=True) + "\n"
        options.output.write_text(text, encoding="utf-8")
    return 0


def cross_validated(
    samples: Sequence[Sample], names: Sequence[str]
) -> tuple[list[float], list[Sample]]:
    """Probabilities of samples by models that saw no function of their file or drill."""
    folds: dict[int, list[Sample]] = defaultdict(list)
    for each in samples:
        key = each.origin if each.origin.startswith("drills") else each.problem.rpartition(":")[0]
        folds[int(hashlib.md5(key.encode()).hexdigest(), 16) % FOLDS].append(each)
    chances: list[float] = []
    order: list[Sample] = []
    for number, part in sorted(folds.items()):
        rest = [(n, some) for n, some in sorted(folds.items()) if n != number]
        # Habits of the folds beside, so that no patch speaks for its own kind.
        rows: list[dict[str, float]] = []
        for n, some in rest:
            rows += with_habits(some, habits_of([s for m, more in rest if m != n for s in more]))
        flat = [s for _, some in rest for s in some]
        base, weights = fit_weights(
            rows, [s.is_right for s in flat], names, weights=[s.weight for s in flat]
        )
        learned = Learned(base, weights)
        chances += [probability(row, learned) for row in with_habits(part, habits_of(flat))]
        order += part
    return chances, order


if __name__ == "__main__":
    sys.exit(main())
