"""The order of trial: streams of proposers merged by score, rescored by the model where that pays."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from pytest_gemmadev.search.localize import function_bodies
from pytest_gemmadev.search.rank import MODEL_WEIGHT, Places, model_scores, prior_score
from pytest_gemmadev.search.validations import Step, Trials
from pytest_gemmadev.types import Candidate, Edit, Model, Proposer, RepairTask

FIRST_LOOK = 4  # candidates that the model orders to measure what that costs
LOOK_AHEAD = 24  # candidates the model orders at a time where validation is the dearer
SCORING_SHARE = 0.3  # of the time for validations, at most, goes into scores
SCORE_GAIN = 0.7  # a score must cost less than this many validations to go first
IMPORT = 1.5  # nats by which what needs a new import is tried later


@dataclass(slots=True)
class Order:
    """What is tried first, and what it costs to say so."""

    model: Model | None
    trials: Trials  # whose cost decides whether the model is asked
    clock: Callable[[], float]
    scoring_s: float = 0.0  # spent in scores
    score_s: float = 0.1  # the model takes for one candidate; measured at its first use

    def merged(
        self, proposers: Sequence[Proposer], task: RepairTask, places: Places
    ) -> Iterator[Step]:
        """Candidates of all proposers, each of which has its likeliest first, the best first."""
        streams = [_scored(proposer, task, places) for proposer in proposers]
        stream = heapq.merge(*streams, key=best_first)
        return self._rescored(_imported_later(stream, task), task)

    def written(
        self, writers: Sequence[Proposer], task: RepairTask, places: Places
    ) -> Iterator[Step]:
        """What the model writes, as it comes: place by place."""
        return chain.from_iterable(_scored(writer, task, places) for writer in writers)

    def _rescored(self, stream: Iterator[Step], task: RepairTask) -> Iterator[Step]:
        """The stream, windows of it ordered by the model while a validation costs more."""
        while window := list(islice(stream, LOOK_AHEAD if self.scoring_s else FIRST_LOOK)):
            if self.model is None or not self._pays(self.model):
                yield from window
                continue
            start_s = self.clock()
            ratios = model_scores([step.candidate for step in window], task, self.model)
            spent_s = self.clock() - start_s
            self.scoring_s += spent_s
            self.score_s = max(spent_s / len(window), self.score_s / 2)
            rated = [
                replace(s, score=s.score + MODEL_WEIGHT * r, candidate=_rated(s.candidate, r))
                for s, r in zip(window, ratios, strict=True)
            ]
            yield from sorted(rated, key=best_first)

    def _pays(self, model: Model) -> bool:
        """Whether the model's scores cost less than the validations that they may save."""
        if not model.info.can_score or not self.trials.is_settled:
            return False
        if self.scoring_s > SCORING_SHARE * (self.trials.seconds + self.scoring_s):
            return False
        return self.trials.recent_s > SCORE_GAIN * self.score_s


def best_first(step: Step) -> float:
    """The key that sorts steps by score, the highest first."""
    return -step.score


def _scored(proposer: Proposer, task: RepairTask, places: Places) -> Iterator[Step]:
    for candidate in proposer.propose(task):
        yield Step(candidate, prior_score(candidate, task, places), 0)


def _rated(candidate: Candidate, ratio: float) -> Candidate:
    return replace(candidate, log_likelihood=ratio)


def _imported_later(stream: Iterator[Step], task: RepairTask) -> Iterator[Step]:
    """The stream, with what only a new import can try behind what costs a hundredth of that."""
    if any(stack.phase == "collect" for stack in task.stacks):
        yield from stream  # nothing can be tried otherwise
        return
    bodies: dict[str, list[tuple[int, int]]] = {}
    waiting: list[tuple[float, int, Step]] = []
    for place, step in enumerate(stream):
        while waiting and -waiting[0][0] >= step.score:
            yield heapq.heappop(waiting)[2]
        if all(_is_inside(edit, bodies, task) for edit in step.candidate.edits):
            yield step
        else:
            heapq.heappush(waiting, (IMPORT - step.score, place, step))
    while waiting:
        yield heapq.heappop(waiting)[2]


def _is_inside(edit: Edit, bodies: dict[str, list[tuple[int, int]]], task: RepairTask) -> bool:
    """True for an edit in the body of a function."""
    if edit.path not in bodies:
        bodies[edit.path] = function_bodies(task.sources[edit.path])
    return any(start <= edit.start and edit.end <= end for start, end in bodies[edit.path])
