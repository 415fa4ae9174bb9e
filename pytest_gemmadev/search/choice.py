"""Which of the plausible repairs is the likeliest to be right, and how likely that is.

What explains more failures comes first. Then repairs that do the same, in whatever words, are one group,
and each group has a probability (`search.confidence`), learned from repairs that were executed against
far more tests than the search saw.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_gemmadev.search.behaviour import Behaviour
from pytest_gemmadev.search.claims.claim import Checked
from pytest_gemmadev.search.confidence.expected import Asserted, asserted_in, told_by
from pytest_gemmadev.search.confidence.facts import PatchFacts, TaskFacts, changed_share, facts_of
from pytest_gemmadev.search.confidence.features import SETTLED, Groups, features_of, make_groups
from pytest_gemmadev.search.confidence.patch_smells import smells_in
from pytest_gemmadev.search.confidence.probability import Learned, probability, shipped
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.evidence import count_task_assertions
from pytest_gemmadev.search.found import Found
from pytest_gemmadev.search.rank import likelihood_gain, model_scores
from pytest_gemmadev.types import ErrorKind, Expression, Probing, RepairTask

Probe = Callable[[Sequence[Found]], tuple[Behaviour | None, list[Behaviour | None]]]
# what the code gives as it is, and with each repair
Check = Callable[[Sequence[Found], Sequence[Behaviour | None]], Sequence[Checked | None]]
# what of the code's own claims holds with each repair, given what it does


@dataclass(frozen=True, slots=True)
class Ranked:
    """A plausible repair in the order of confidence."""

    found: Found
    ratio: float | None = None  # nats that the model finds it likelier than the code as it is
    behaviour: Behaviour | None = None
    probability: float = 1.0  # in [0, 1], that it or one that does the same is right
    group: int = 0  # the same for those that do the same


def choose(
    context: SearchContext,
    found: Sequence[Found],
    task: RepairTask,
    *,
    probe: Probe,
    check: Check | None = None,
    tried: int = 0,
    learned: Learned | None = None,
) -> list[Ranked]:
    """Plausible repairs, the likeliest one first: the best of each group, then the rest.

    ``tried`` is the number of candidates that were validated; ``learned`` defaults to what is shipped.
    """
    limits = context.limits
    furthest = max(map(_reach, found), default=0)
    order = sorted(range(len(found)), key=lambda i: (-_reach(found[i]), -found[i].score))
    close = [i for i in order if _reach(found[i]) == furthest][: limits.probed]
    some = [found[i] for i in close]
    original, behaviours = probe(some) if some else (None, [])
    paths = {path for each in some for path in each.sources}
    task_facts = _describe_task(context, task, tried, paths=paths)
    facts = [
        replace(facts_of(each, task), changed=changed_share(original, behaviour))
        for each, behaviour in zip(some, behaviours, strict=True)
    ]
    learned = shipped() if learned is None else learned
    groups = _believe(make_groups(facts, behaviours, task_facts), learned)
    if check is not None:
        facts = _check_claims(check, some, facts, behaviours=behaviours, groups=groups)
        groups = _believe(make_groups(facts, behaviours, task_facts), learned)
    asks = any(learned.weights.get(name) for name in ("ratio", "ratio_lead"))
    facts = _look_closer(context, some, task, facts=facts, groups=groups, asks_model=asks)
    groups = _believe(make_groups(facts, behaviours, task_facts), learned)
    judged = _ask_judge(context, some, task, groups=groups, learned=learned)
    ranked = _in_order(judged, some, facts=facts, behaviours=behaviours)
    taken = set(close)
    others = [i for i in order if i not in taken]
    return ranked + [Ranked(found[i], None, None, 0.0, -1) for i in others]


def _describe_task(
    context: SearchContext, task: RepairTask, tried: int, *, paths: Collection[str]
) -> TaskFacts:
    """What is known of the failing set, ``paths`` being the files that repairs change."""
    names = {nodeid.partition("::")[0] for nodeid in (*task.targets, *task.spectra)}
    asserted = [
        each
        for path, text in sorted(task.context.items())
        if path in names
        for each in asserted_in(text)
    ]
    told = told_by(asserted, _results_before(context, task, asserted, paths=paths))
    return TaskFacts(
        task.stacks[0].kind.value if task.stacks else ErrorKind.OTHER.value,
        len(task.targets),
        tried,
        count_task_assertions(task),
        told.calls,
        told.false_before,
        told.bits,
        told.bits_false,
        sum(sum(smells_in(task.sources[path]).values()) for path in paths if path in task.sources),
    )


def _results_before(
    context: SearchContext,
    task: RepairTask,
    asserted: Sequence[Asserted],
    *,
    paths: Collection[str],
) -> dict[str, str]:
    """What asserted calls give with the code as it is, among the names of the files that are repaired."""
    calls = list(dict.fromkeys(each.call for each in asserted))[: context.limits.asserted_calls]
    if not calls or not isinstance(context.oracle, Probing):
        return {}
    asked = [Expression(path, call) for path in sorted(paths) for call in calls]
    (known,) = context.oracle.evaluate(task, [task.overlay], asked)
    found: dict[str, str] = {}
    for each, result in (known or {}).items():
        if result != "raises NameError" or each.text not in found:
            found[each.text] = result
    return found


def rough_chance(found: Sequence[Found], task: RepairTask, *, tried: int) -> float:
    """The probability of the likeliest repair by what costs nothing to know; 0 where there is none."""
    best = sorted(found, key=lambda each: (-_reach(each), -each.score))[:8]
    if not best:
        return 0.0
    learned = shipped()
    asserted = [a for text in task.context.values() for a in asserted_in(text)]
    told = told_by(asserted, {})
    kind = task.stacks[0].kind.value if task.stacks else ErrorKind.OTHER.value
    facts = TaskFacts(kind, len(task.targets), tried, 0, told.calls, 1, told.bits, told.bits / 2)
    groups = make_groups([facts_of(each, task) for each in best], [None] * len(best), facts)
    return _believe(groups, learned)[0][1]


def _in_order(
    groups: Sequence[tuple[tuple[int, ...], float]],
    found: Sequence[Found],
    *,
    facts: Sequence[PatchFacts],
    behaviours: Sequence[Behaviour | None],
) -> list[Ranked]:
    """The best of each group, the likeliest group first; then the other members."""
    rows = [
        (place, number, Ranked(found[i], facts[i].ratio, behaviours[i], chance, number))
        for number, (members, chance) in enumerate(groups)
        for place, i in enumerate(members)
    ]
    rows.sort(key=lambda row: (row[0] > 0, row[1], row[0]))
    return [ranked for _, _, ranked in rows]


def _believe(groups: Groups, learned: Learned) -> list[tuple[tuple[int, ...], float]]:
    """(places of the members, probability) of each group, the likeliest first."""
    groups = replace(groups, habits=learned.habits)
    chances = [_chance(groups, place, learned) for place in range(len(groups.groups))]
    return _share([(g.members, c) for g, c in zip(groups.groups, chances, strict=True)])


def _share(rows: Sequence[tuple[tuple[int, ...], float]]) -> list[tuple[tuple[int, ...], float]]:
    """The likeliest first, with its own probability, the others with what that leaves to them.

    Groups do different things, so at most one of them is right: together they have at most 1.
    """
    ordered = sorted(rows, key=lambda row: -row[1])
    left = 1.0 - ordered[0][1] if ordered else 0.0
    others = sum(chance for _, chance in ordered[1:])
    factor = min(1.0, left / others) if others else 1.0
    return [(m, c if n == 0 else c * factor) for n, (m, c) in enumerate(ordered)]


def _chance(groups: Groups, place: int, learned: Learned) -> float:
    """The probability of one group by itself."""
    chance = probability(features_of(groups, place), learned)
    best = groups.groups[place].best
    if groups.task.error in SETTLED and not best.claims_broken:
        return max(chance, learned.settled.get(best.kind, 0.0))
    return chance


def _ask_judge(
    context: SearchContext,
    found: Sequence[Found],
    task: RepairTask,
    *,
    groups: Sequence[tuple[tuple[int, ...], float]],
    learned: Learned,
) -> Sequence[tuple[tuple[int, ...], float]]:
    """The groups after the model has said how likely it finds the likeliest, where that is open."""
    model, judge = context.model, learned.judge
    if model is None or judge is None or not model.info.can_score or not groups:
        return groups
    if not judge.low <= groups[0][1] <= judge.high:
        return groups
    context.progress("the model judges")
    moved: list[tuple[tuple[int, ...], float]] = []
    for place, (members, chance) in enumerate(groups):
        steps = found[members[0]].steps
        if place < context.limits.judged and len(steps) == 1 and steps[0].candidate.edits:
            candidate = steps[0].candidate
            nats = likelihood_gain(candidate, task, model, per_character=judge.character)
            chance = judge.move(chance, nats)
        moved.append((members, chance))
    return _share(moved)


def _look_closer(
    context: SearchContext,
    found: Sequence[Found],
    task: RepairTask,
    *,
    facts: Sequence[PatchFacts],
    groups: Sequence[tuple[tuple[int, ...], float]],
    asks_model: bool,
) -> list[PatchFacts]:
    """The facts with what takes time to know, of the best of the likeliest groups."""
    limits, better = context.limits, list(facts)
    best = [members[0] for members, _ in groups]
    if asks_model:  # it takes seconds, so only where it counts
        ratios = _model_ratios(context, [found[i] for i in best[: limits.listed]], task)
        for i, ratio in zip(best, ratios, strict=False):
            better[i] = replace(better[i], ratio=ratio)
    is_open = bool(groups) and limits.open_from <= groups[0][1] <= limits.open_to
    for i in best[: limits.examined if is_open else 0]:
        if len(found[i].steps) == 1 and not found[i].destroys:
            against = context.evidence_against(task, found[i].steps[0].candidate)
            better[i] = replace(better[i], against=against)
    return better


def _check_claims(
    check: Check,
    found: Sequence[Found],
    facts: Sequence[PatchFacts],
    *,
    behaviours: Sequence[Behaviour | None],
    groups: Sequence[tuple[tuple[int, ...], float]],
) -> list[PatchFacts]:
    """The facts with how many claims of the code hold with the best of each group."""
    better = list(facts)
    best = [members[0] for members, _ in groups]
    results = check([found[i] for i in best], [behaviours[i] for i in best])
    for i, checked in zip(best, results, strict=True):
        if checked is not None:
            better[i] = replace(better[i], claims_held=checked.held, claims_broken=checked.broken)
    return better


def _model_ratios(
    context: SearchContext, found: Sequence[Found], task: RepairTask
) -> list[float | None]:
    """What the model says of each, where there is a choice."""
    model, limits = context.model, context.limits
    ratios: list[float | None] = [None] * len(found)
    single = [i for i, each in enumerate(found) if len(each.steps) == 1]
    if model is not None and model.info.can_score and len(single) > 1:
        candidates = [found[i].steps[0].candidate for i in single]
        scores = model_scores(candidates, task, model, limits=limits)
        for index, ratio in zip(single, scores, strict=True):
            ratios[index] = ratio
    return ratios


def _reach(found: Found) -> int:
    """Failures that it explains: what explains more comes first, whatever it looks like."""
    return len(found.targets) + found.others


def behaviours_of(ranked: Sequence[Ranked]) -> list[Mapping[str, str]]:
    """What is known of the behaviour of each group, the likeliest first."""
    known: dict[int, Mapping[str, str]] = {}
    for each in ranked:
        if each.behaviour is not None:
            known.setdefault(each.group, each.behaviour)
    return list(known.values())
