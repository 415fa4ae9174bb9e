"""The call for which plausible patches give different results, and what a person's answer makes of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log

from pytest_gemmadev.report.ready_test import names_of
from pytest_gemmadev.search.behaviour import alike
from pytest_gemmadev.search.choice import Ranked
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.limits import Limits
from pytest_gemmadev.text.windows import distinguish
from pytest_gemmadev.types import NEITHER, Answer, Question, RepairTask

_SHOWN = 60  # characters of a result in words, about
_LONG_FRACTION = re.compile(r"\d+\.\d{10,}(?:e[-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Answered:
    """Repairs after a person was asked."""

    ranked: Sequence[Ranked]  # that agree with every answer, in their order
    note: str = ""  # what was answered, in words; empty where nothing was
    is_refused: bool = False  # none of the results was right: nothing is to be written


def put_questions(context: SearchContext, ranked: Sequence[Ranked], task: RepairTask) -> Answered:
    """The repairs that agree with what a person says, who is asked while they differ."""
    notes: list[str] = []
    left = ranked
    for _ in range(context.limits.questions if context.ask is not None else 0):
        question = find_question(left, task, limits=context.limits)
        if question is None or context.ask is None:
            break
        said = context.ask(question)
        chosen = next((a for a in question.answers if a.result == said), None)
        if said == NEITHER:
            notes.append(f"you said that none of the results of {question.call} is right")
            return Answered(_doubt(left, question), "; ".join(notes), True)
        if chosen is None:
            break
        shown = distinguish([a.result for a in question.answers], _SHOWN)
        notes.append(f"you said {question.call}: {shown[question.answers.index(chosen)]}")
        left = _believe([left[place] for place in chosen.patches], context.limits)
    return Answered(left, "; ".join(notes))


def find_question(ranked: Sequence[Ranked], task: RepairTask, *, limits: Limits) -> Question | None:
    """The call that tells the repairs apart best, and of calls that do so as well the one that is
    read soonest; None where they agree, or nothing notable speaks for any but the first.

    The places in its answers are those of ``ranked``.
    """
    if len(ranked) < 2 or not _is_open(ranked, limits):
        return None
    masses = _masses(ranked)
    found = [
        (_information(answers, masses), call, answers)
        for call in sorted({call for each in ranked for call in each.behaviour or ()})
        if len(answers := _answers(ranked, call, masses)) > 1
        and any(0 in answer.patches for answer in answers)
    ]
    if not found:
        return None
    best = max(information for information, _, _ in found)
    paths: dict[str, str] = {}
    close = []
    for information, call, answers in found:
        if information >= limits.question_information * best:
            path = _find_definition(names_of(call), task.sources, paths)
            effort = len(call) + sum(len(answer.result) for answer in answers)
            close.append((not path, effort, call, answers, path))
    _, _, call, answers, path = min(close)
    return Question(call, tuple(answers), path)


# --- how the repairs part ------------------------------------------------------------------------


def _masses(ranked: Sequence[Ranked]) -> list[float]:
    """What speaks for each: the probability of its group, shared among those in it."""
    sizes: dict[int, int] = {}
    for each in ranked:
        sizes[each.group] = sizes.get(each.group, 0) + 1
    masses = [each.probability / sizes[each.group] for each in ranked]
    return masses if sum(masses) > 0 else [1 / len(ranked)] * len(ranked)


def _is_open(ranked: Sequence[Ranked], limits: Limits) -> bool:
    """Whether the first is not sure, or enough speaks for one that does something else."""
    kinds = alike([each.behaviour for each in ranked])
    masses = _masses(ranked)
    rivals = sum(m for m, kind in zip(masses, kinds, strict=True) if kind != kinds[0])
    return ranked[0].probability < limits.answered or rivals >= limits.notable_rivals * sum(masses)


def _answers(ranked: Sequence[Ranked], call: str, masses: Sequence[float]) -> list[Answer]:
    """The results of a call with the places of the repairs that give them, the likeliest first."""
    places: dict[str, list[int]] = {}
    results: dict[str, str] = {}
    for place, each in enumerate(ranked):
        if each.behaviour is not None and call in each.behaviour:
            result = each.behaviour[call]
            seen = _LONG_FRACTION.sub(_round, result)  # as a person would tell it from others
            results.setdefault(seen, result)
            places.setdefault(seen, []).append(place)
    answers = [Answer(results[seen], tuple(some)) for seen, some in places.items()]
    return sorted(answers, key=lambda a: (-sum(masses[p] for p in a.patches), a.patches))


def _round(number: re.Match[str]) -> str:
    return f"{float(number[0]):.9g}"


def _information(answers: Sequence[Answer], masses: Sequence[float]) -> float:
    """Nats that an answer tells, on average, less where it says nothing of some repairs."""
    shares = [sum(masses[place] for place in answer.patches) for answer in answers]
    total = sum(shares)
    entropy = -sum(s / total * log(s / total) for s in shares if s > 0) if total else 0.0
    return entropy * total / sum(masses)


def _find_definition(
    names: Sequence[str], sources: Mapping[str, str], known: dict[str, str]
) -> str:
    """The one file that defines all names; empty where it is none or not the only one."""
    paths = set()
    for name in names:
        if name not in known:
            known[name] = _find_name(name, sources)
        paths.add(known[name])
    return paths.pop() if len(paths) == 1 else ""


def _find_name(name: str, sources: Mapping[str, str]) -> str:
    """The only file with a function or class of this name at its top; else empty."""
    begins = re.compile(rf"^(?:async def|def|class) {re.escape(name)}\b", re.MULTILINE)
    found = [path for path, text in sources.items() if begins.search(text)]
    if len(found) != 1:
        return ""
    try:
        tree = ast.parse(sources[found[0]])
    except (SyntaxError, ValueError):
        return ""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    is_there = any(isinstance(node, kinds) and node.name == name for node in tree.body)
    return found[0] if is_there else ""


# --- what an answer makes of them ----------------------------------------------------------------


def _believe(survivors: Sequence[Ranked], limits: Limits) -> list[Ranked]:
    """Repairs that a person's answer has left, with new probabilities.

    A person has said what is right for a call that no test makes and for which the repairs differ;
    of such answers one in twenty is taken to be wrong. Where those left still differ elsewhere, they
    share what that leaves.
    """
    masses = _masses(survivors)
    kinds = alike([each.behaviour for each in survivors])
    believed = []
    for each, kind in zip(survivors, kinds, strict=True):
        share = sum(m for m, k in zip(masses, kinds, strict=True) if k == kind) / sum(masses)
        likely = max(limits.answered * share, each.probability if share == 1.0 else 0.0)
        believed.append(replace(each, probability=likely, group=kind))
    return believed


def _doubt(ranked: Sequence[Ranked], question: Question) -> list[Ranked]:
    """The same where none of the results of the question is right."""
    wrong = {place for answer in question.answers for place in answer.patches}
    return [
        replace(each, probability=0.0) if place in wrong else each
        for place, each in enumerate(ranked)
    ]
