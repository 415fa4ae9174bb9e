"""What a search tries and what it finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pytest_gemmadev.text.edits import apply_edits
from pytest_gemmadev.types import (
    Candidate,
    Inapplicable,
    Plausible,
    Spectrum,
    Suspicion,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Step:
    """A candidate in the order of validation."""

    candidate: Candidate
    score: float  # nats; the higher, the earlier
    rank: int  # place in the order in which candidates were validated, from 1; 0 before
    destroys: str = ""  # what it does to a destructive call, where it does


class Applied(NamedTuple):
    """A step and the texts that it leaves."""

    step: Step
    texts: Mapping[str, str]  # full text of each changed file, by path


class Validated(NamedTuple):
    """A step, the texts that it leaves, and what the tests say of them."""

    step: Step
    texts: Mapping[str, str]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Found:
    """A plausible repair: one step, or several on top of each other."""

    steps: tuple[Step, ...]
    sources: Mapping[str, str]  # full text of each changed file
    verdict: Plausible
    targets: tuple[str, ...]  # of the failing set, those that it turns green
    others: int = 0  # failing tests outside the set that turn green as well
    against: float = 0.0  # nats against it, by the code that tests do not run any more
    assertions: int = 0  # that run what it changes; 0 when unknown
    suspicion: float = 0.0  # in [0, 1], of the most suspicious place that its last step changes
    tests: int = 0  # of the task that run what it changes; 0 when unknown

    @property
    def score(self) -> float:
        return sum(step.score for step in self.steps) - self.against

    @property
    def destroys(self) -> str:
        """What it does to a destructive call; empty where none of its steps does."""
        return next((step.destroys for step in self.steps if step.destroys), "")


@dataclass(frozen=True, slots=True)
class Closest:
    """A candidate, with the partial repairs that it stands on, and how far it gets."""

    applied: tuple[Applied, ...]
    passed: int  # targets
    total: int
    moved: int  # errors that it and what it stands on have moved on
    error: str  # what still fails, one line

    @property
    def merit(self) -> tuple[int, int, float]:
        """What orders them: targets that pass, how far the error moved, the scores."""
        return self.passed, self.moved, sum(step.score for step, _ in self.applied)


@dataclass(slots=True)
class Statistics:
    """What one search has cost and where it has looked; it grows while the search goes on."""

    validations: int = 0
    refused: int = 0  # candidates that reached for what lies outside the places of their run
    suspicions: tuple[Suspicion, ...] = ()  # of the task that was asked about, best first
    localizing_s: float = 0.0  # seconds that those took
    spectra: Mapping[str, Spectrum] = field(default_factory=dict)  # of that task, by node id
    closest: Closest | None = None  # of the candidates that fail, the one that gets furthest


@dataclass(frozen=True, slots=True)
class TimeSpent:
    """When a search ended, in seconds since the session of repair began."""

    at_s: float
    limit_s: float  # of all searches together
    asked_s: float  # that the user gave; some are kept for the last run


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Plausible repairs in the order found, and what it took."""

    found: Sequence[Found] = ()
    statistics: Statistics = field(default_factory=Statistics)
    is_out_of_budget: bool = False  # the time that it had is over; it may have had a share only
    has_candidates_left: bool = False  # not all were tried
    time: TimeSpent | None = None  # None where that is not known
    vetoes: Sequence[str] = ()  # why validators rejected plausible repairs; those are not in found


def highest_score_first(step: Step) -> float:
    """The key that sorts steps by score, the highest first."""
    return -step.score


def changed_texts(candidate: Candidate, sources: Mapping[str, str]) -> dict[str, str] | None:
    """Text of each file that the candidate changes; None when it changes none or cannot apply."""
    texts: dict[str, str] = {}
    for path in sorted({e.path for e in candidate.edits}):
        if path not in sources:
            return None
        edits = [e for e in candidate.edits if e.path == path]
        text = apply_edits(sources[path], edits)
        if isinstance(text, Inapplicable):
            return None
        if text != sources[path]:
            texts[path] = text
    return texts or None
