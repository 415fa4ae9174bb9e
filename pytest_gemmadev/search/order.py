"""The order of validation: proposers' streams merged by score, rescored by the model where that pays."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice

from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.found import Step, highest_score_first
from pytest_gemmadev.search.rank import Places, model_scores, prior_score
from pytest_gemmadev.search.source_statements import function_bodies
from pytest_gemmadev.search.validations import Validations
from pytest_gemmadev.types import Edit, Model, Proposer, RepairTask


@dataclass(slots=True)
class Order:
    """What is validated first, and what it costs to say so."""

    context: SearchContext
    validations: Validations  # whose cost decides whether the model is asked
    scoring_s: float = 0.0  # spent in scores
    score_s: float = 0.1  # the model takes for one candidate; measured at its first use

    def order_proposed(self, task: RepairTask, places: Places) -> Iterator[Step]:
        """Candidates of all proposers, each of which has its likeliest first, the best first."""
        streams = [self._score(proposer, task, places) for proposer in self.context.proposers]
        stream = heapq.merge(*streams, key=highest_score_first)
        later = _put_imports_later(stream, task, self.context.limits.new_import)
        return self._rescore(later, task)

    def take_written(self, task: RepairTask, places: Places) -> Iterator[Step]:
        """What the model writes, as it comes: place by place."""
        writers = self.context.writers
        return chain.from_iterable(self._score(writer, task, places) for writer in writers)

    def _score(self, proposer: Proposer, task: RepairTask, places: Places) -> Iterator[Step]:
        limits = self.context.limits
        for candidate in proposer.propose(task):
            yield Step(candidate, prior_score(candidate, task, places, limits=limits), 0)

    def _rescore(self, stream: Iterator[Step], task: RepairTask) -> Iterator[Step]:
        """The stream, windows of it ordered by the model while a validation costs more."""
        model, limits, clock = self.context.model, self.context.limits, self.context.clock
        while window := list(
            islice(stream, limits.look_ahead if self.scoring_s else limits.first_look)
        ):
            if model is None or not self._pays(model):
                yield from window
                continue
            start_s = clock()
            candidates = [step.candidate for step in window]
            ratios = model_scores(candidates, task, model, limits=limits)
            spent_s = clock() - start_s
            self.scoring_s += spent_s
            self.score_s = max(spent_s / len(window), self.score_s / 2)
            rated = [
                replace(
                    step,
                    score=step.score + limits.model_weight * ratio,
                    candidate=replace(step.candidate, log_likelihood=ratio),
                )
                for step, ratio in zip(window, ratios, strict=True)
            ]
            yield from sorted(rated, key=highest_score_first)

    def _pays(self, model: Model) -> bool:
        """Whether the model's scores cost less than the validations that they may save."""
        limits, validations = self.context.limits, self.validations
        if not model.info.can_score or not validations.is_settled:
            return False
        if self.scoring_s > limits.scoring_share * (validations.seconds + self.scoring_s):
            return False
        return validations.recent_s > limits.score_gain * self.score_s


def _put_imports_later(stream: Iterator[Step], task: RepairTask, nats: float) -> Iterator[Step]:
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
            heapq.heappush(waiting, (nats - step.score, place, step))
    while waiting:
        yield heapq.heappop(waiting)[2]


def _is_inside(edit: Edit, bodies: dict[str, list[tuple[int, int]]], task: RepairTask) -> bool:
    """True for an edit in the body of a function."""
    if edit.path not in bodies:
        bodies[edit.path] = function_bodies(task.sources[edit.path])
    return any(start <= edit.start and edit.end <= end for start, end in bodies[edit.path])
