"""Facts of plausible patches -> named numbers for each group that does the same.

The probability that a group is right follows from its numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log1p, log2

from pytest_gemmadev.search.behaviour import Behaviour, alike
from pytest_gemmadev.search.confidence.facts import PatchFacts, TaskFacts, agreement

SIGNS = (
    "copied_literal",
    "constant_condition",
    "deletion",
    "removal",
    "adds_condition",
    "drops_check",
    "turns_comparison",
    "turns_arithmetic",
    "adds_arithmetic",
    "adds_number",
    "adds_return",
    "adds_name",
)
_EXCEPTIONS = ("name", "attribute", "import", "syntax", "indentation")  # that name their own cause
SETTLED = (*_EXCEPTIONS, "key", "index", "value")  # of which rules read the cause
_GAP = 8.0  # nats; a lead that is larger says no more


@dataclass(frozen=True, slots=True)
class Group:
    """Plausible patches that do the same wherever they were compared."""

    members: tuple[int, ...]  # places among the patches, the best score first
    best: PatchFacts  # of the first of them
    first_rank: int  # the least rank of them
    mass: float  # sum of the odds of their scores, relative to the best patch of all
    behaviour: Behaviour | None = None


@dataclass(frozen=True, slots=True)
class Groups:
    """All groups of a failing set."""

    task: TaskFacts
    groups: tuple[Group, ...] = ()
    habits: Mapping[str, float] = field(default_factory=dict)  # log-odds by name of an edit's kind


def make_groups(
    facts: Sequence[PatchFacts], behaviours: Sequence[Behaviour | None], task: TaskFacts
) -> Groups:
    """Patches grouped by what they do; one whose behaviour is not known stands alone."""
    numbers = alike(behaviours)
    top = max((each.score - each.against for each in facts), default=0.0)
    found = []
    for number in dict.fromkeys(numbers):
        members = [i for i, each in enumerate(numbers) if each == number]
        members.sort(key=lambda i: (facts[i].against - facts[i].score, facts[i].rank))
        mass = sum(exp(0.5 * max(-40.0, facts[i].score - facts[i].against - top)) for i in members)
        found.append(
            Group(
                tuple(members),
                facts[members[0]],
                min(facts[i].rank for i in members),
                mass,
                behaviours[members[0]],
            )
        )
    return Groups(task, tuple(found))


def features_of(groups: Groups, place: int) -> dict[str, float]:
    """What is known of one group against the others, as numbers of the order of 1."""
    this, task = groups.groups[place], groups.task
    best = this.best
    others = [g for n, g in enumerate(groups.groups) if n != place]
    total = sum(g.mass for g in groups.groups) or 1.0
    found = {
        "rule": float(best.kind == "rule"),
        "written": float(best.kind == "write"),
        "several": float(best.steps > 1),
        "prior": _clip(best.prior, -12.0, 0.0) / 4,
        "rank": log1p(min(this.first_rank, 3000)) / 4,
        "early": float(this.first_rank <= 10),
        "share": this.mass / total,
        "alone": float(not others),
        "rivals": log1p(len(others)),
        "members": log1p(len(this.members)),
        "tokens": log1p(best.tokens),
        "lines": log1p(max(0, best.lines - 1)),
        "suspicion": best.suspicion,
        "against": min(best.against, 7.0) / 4,
        "assertions": log1p(min(best.assertions, 20)),
        "failing": log1p(task.targets),
        "tried": log1p(task.tried) / 4,
        "names_cause": float(task.error in _EXCEPTIONS),
        "raised": float(task.error not in (*_EXCEPTIONS, "assertion", "timeout")),
        "habit": groups.habits.get(f"{best.kind}:{best.name}", 0.0),
        "claims_broken": float(best.claims_broken > 0),
        "claims_held": log1p(best.claims_held),
        "calls": log1p(min(task.calls, 20)),
        "false_before": log1p(min(task.false_before, 20)),
        "bits": log1p(min(task.bits, 200.0)) / 2,
        "bits_false": log1p(min(task.bits_false, 200.0)) / 2,
        "luck": _clip(log2(1 + task.tried) - task.bits_false, -12.0, 12.0) / 4,
        "smells_added": min(3.0, best.smells_added),
        "smells_gone": min(3.0, best.smells_gone),
        "smells_left": min(4.0, task.smells - best.smells_gone + best.smells_added),
    }
    found |= _rivalry(this, others)
    found |= {sign: float(sign in best.signs) for sign in SIGNS}
    return found


def _rivalry(this: Group, others: Sequence[Group]) -> dict[str, float]:
    """How a group stands against the others: score, the model's word, how much it changes."""
    best = this.best
    lead = _lead(best.score - best.against, [o.best.score - o.best.against for o in others])
    ratios = [o.best.ratio for o in others if o.best.ratio is not None]
    changed = [o.best.changed for o in others if o.best.changed is not None]
    known = this.behaviour is not None
    agreed = (
        agreement(this.behaviour, [o.behaviour for o in others if o.behaviour is not None])
        if this.behaviour is not None
        else None
    )
    return {
        "lead": lead / 4,
        "earlier": float(all(this.first_rank < o.first_rank for o in others)),
        "smaller": float(all(best.tokens < o.best.tokens for o in others)) if others else 0.5,
        "ratio": 0.0 if best.ratio is None else _clip(best.ratio, -8.0, 8.0) / 4,
        "ratio_lead": 0.0 if best.ratio is None or not ratios else _lead(best.ratio, ratios) / 4,
        "documented": 0.0 if best.documented is None else _clip(best.documented, -8.0, 8.0) / 4,
        "changed": 0.5 if best.changed is None else best.changed,
        "changed_more": (
            best.changed - min(changed) if best.changed is not None and changed else 0.0
        ),
        "agreement": 0.5 if agreed is None else agreed,
        "probed": float(known),
    }


def _lead(value: float, others: Sequence[float]) -> float:
    """By how much a value leads the best of the others; 0 where there is none."""
    return _clip(value - max(others), -_GAP, _GAP) if others else 0.0


def _clip(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))
