"""What is known of plausible patches, as plain numbers and words: what their probability is made of.

The same facts are collected where the probability is learned (``training/confidence``), so nothing here
may ask more than the search knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_gemmadev.search.confidence.patch_smells import smell_change
from pytest_gemmadev.search.found import Found
from pytest_gemmadev.search.rank import overfitting_signs, tokens_changed
from pytest_gemmadev.types import Candidate, RepairTask

_CONDITION = frozenset({"if", "elif", "while", "and", "or", "not"})
_CHECK = frozenset({"if", "elif", "raise", "assert", "except", "and", "or"})
_COMPARE = frozenset({"<", ">", "<=", ">=", "==", "!=", "in", "is"})
_ARITHMETIC = frozenset({"+", "-", "*", "/", "//", "%", "**"})


@dataclass(frozen=True, slots=True)
class PatchFacts:
    """One plausible patch."""

    kind: str  # of its origin: ``rule``, ``pattern``, ``write``, ``syntax``, ``several``, ``other``
    name: str  # of its origin: which pattern
    steps: int
    prior: float  # nats
    score: float  # nats, by which it was ordered
    rank: int  # place in the order of validation, from 1
    suspicion: float  # in [0, 1], of its place
    signs: tuple[str, ...]  # what it does, by name: see `signs_of`
    chars: int  # taken out and put in
    tokens: int  # taken out and put in
    lines: int  # it touches, after it
    assertions: int  # that run what it changes; 0 when unknown
    tests: int  # that run what it changes; 0 when unknown
    against: float = 0.0  # nats, by the code that tests do not run any more
    ratio: float | None = None  # nats that the model finds it likelier than the old code
    changed: float | None = None  # share of probed calls that give something else than before
    claims_held: int = 0  # of what the docstring states, seen to hold with it
    claims_broken: int = 0
    smells_added: int = 0  # names never read, code never reached, …
    smells_gone: int = 0
    documented: float | None = None
    # nats that the model finds its results likelier, after the docstring, than those of the others


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """The failing set and the search."""

    error: str  # kind of error
    targets: int  # failing tests
    tried: int  # candidates
    assertions: int  # of the failing tests
    calls: int = 0  # whose results are asserted, where they can be read
    false_before: int = 0  # of them with the code as it is
    bits: float = 0.0  # that their expected results tell
    bits_false: float = 0.0  # that those tell which were false before
    smells: int = 0  # in the code as it is


def signs_of(found: Found, task: RepairTask) -> tuple[str, ...]:
    """What a patch does, by name: how it may overfit, and which kinds of tokens it puts in and takes out."""
    signs: set[str] = set()
    for step in found.steps:
        if any(edit.path not in task.sources for edit in step.candidate.edits):
            continue
        try:
            signs.update(overfitting_signs(step.candidate, task))
            out, into = tokens_changed(step.candidate, task)
        except (IndexError, ValueError):  # a later step's offsets are of the text before it
            continue
        signs.update(_token_signs(set(out), set(into)))
    return tuple(sorted(signs))


def _token_signs(out: set[str], into: set[str]) -> set[str]:
    signs: set[str] = set()
    if into & _CONDITION - out:
        signs.add("adds_condition")
    if out & _CHECK - into:
        signs.add("drops_check")
    if into & _COMPARE and out & _COMPARE:
        signs.add("turns_comparison")
    if into & _ARITHMETIC and out & _ARITHMETIC:
        signs.add("turns_arithmetic")
    elif into & _ARITHMETIC:
        signs.add("adds_arithmetic")
    if any(token.isdigit() for token in into):
        signs.add("adds_number")
    if "return" in into and "return" not in out:
        signs.add("adds_return")
    if any(token.isidentifier() for token in into):
        signs.add("adds_name")
    return signs


def facts_of(found: Found, task: RepairTask) -> PatchFacts:
    """The facts of a patch that cost nothing; the others are filled in for the few that matter."""
    last = found.steps[-1]
    candidates = [step.candidate for step in found.steps]
    edits = [edit for candidate in candidates for edit in candidate.edits]
    origin = last.candidate.origin
    return PatchFacts(
        kind=_kind_of(candidates),
        name=origin.name,
        steps=len(found.steps),
        prior=sum(candidate.prior for candidate in candidates),
        score=found.score + found.against,
        rank=last.rank,
        suspicion=found.suspicion,
        signs=signs_of(found, task),
        chars=sum(max(e.end - e.start, len(e.replacement)) for e in edits),
        tokens=_count_tokens(found, task),
        lines=sum(1 + e.replacement.count("\n") for e in edits),
        assertions=found.assertions,
        tests=found.tests,
        against=found.against,
        **_smells(found, task),
    )


def _smells(found: Found, task: RepairTask) -> dict[str, int]:
    added = gone = 0
    for path, text in found.sources.items():
        more, less = smell_change(task.sources.get(path, ""), text)
        added, gone = added + more, gone + less
    return {"smells_added": added, "smells_gone": gone}


def _kind_of(candidates: Sequence[Candidate]) -> str:
    """The kind of one step; of several, ``rule`` or ``syntax`` where no step is anything else."""
    kinds = {candidate.origin.kind.value for candidate in candidates}
    if len(candidates) == 1 or kinds == {"rule"}:
        return min(kinds)
    return "syntax" if kinds <= {"rule", "syntax"} else "several"


def _count_tokens(found: Found, task: RepairTask) -> int:
    total = 0
    for step in found.steps:
        try:
            out, into = tokens_changed(step.candidate, task)
        except (IndexError, ValueError, KeyError):
            continue
        total += sum(out.values()) + sum(into.values())
    return total


def changed_share(
    original: Mapping[str, str] | None, behaviour: Mapping[str, str] | None
) -> float | None:
    """Share of the calls that give something else than before; None where nothing can be compared."""
    both = behaviour.keys() & original.keys() if behaviour and original else set[str]()
    if not behaviour or not original or not both:
        return None
    return sum(behaviour[call] != original[call] for call in both) / len(both)


def agreement(behaviour: Mapping[str, str], others: Sequence[Mapping[str, str]]) -> float | None:
    """Mean share of the calls on which a behaviour agrees with each of the others; in [0, 1]."""
    shares = []
    for other in others:
        both = behaviour.keys() & other.keys()
        if both:
            shares.append(sum(behaviour[call] == other[call] for call in both) / len(both))
    return sum(shares) / len(shares) if shares else None
