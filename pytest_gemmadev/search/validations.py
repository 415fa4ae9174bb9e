"""Candidates on trial: batches of them validated side by side, each text once, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_gemmadev.search.antipatterns import is_antipattern
from pytest_gemmadev.search.budget import Meter
from pytest_gemmadev.text.edits import apply_edits
from pytest_gemmadev.types import Candidate, Inapplicable, Oracle, RepairTask, Verdict

BATCH = 16  # candidates validated side by side where a validation is fast
SLOW_BATCH = 4
PATIENCE_S = 2.0  # from which a batch does not wait to be filled
FAST_SECONDS = 0.2  # of a fast validation, on average
FIRST_ONES = 24  # validations that start processes and say little of the cost


@dataclass(frozen=True, slots=True)
class Step:
    """A candidate that is tried."""

    candidate: Candidate
    score: float
    rank: int  # place in the order of trial, from 1; 0 before
    destroys: str = ""  # what it does to a destructive call, where it does


Applied = tuple[Step, dict[str, str]]
"""A step and the texts that it leaves, by path."""


@dataclass(slots=True)
class Trials:
    """The validations of one search."""

    oracle: Oracle
    clock: Callable[[], float]
    tell: Callable[[str], None] = lambda _message: None
    count: int = 0
    seconds: float = 0.0  # spent in them
    recent_s: float = 0.0  # one of the last batches took
    _seen: set[tuple[tuple[str, int], ...]] = field(default_factory=set)

    @property
    def is_settled(self) -> bool:
        """Whether there were enough to tell what one costs."""
        return self.count >= FIRST_ONES

    def batches(
        self, task: RepairTask, stream: Iterator[Step], *, alone: bool = False
    ) -> Iterator[list[Applied]]:
        """Steps that apply and give a text not seen yet, as many as are validated at once.

        Fewer where they are slow to come, as from a model; what there is must not wait for more.
        With ``alone`` each by itself.
        """
        batch: list[Applied] = []
        start_s = self.clock()
        for step in stream:
            texts = changed_texts(step.candidate, task.sources)
            if texts is None or not self._is_new(task, texts):
                continue
            if is_antipattern(step.candidate, task):
                continue
            batch.append((step, texts))
            size = BATCH if self.recent_s < FAST_SECONDS else SLOW_BATCH
            if alone or len(batch) >= size or self.clock() - start_s > PATIENCE_S:
                yield batch
                batch, start_s = [], self.clock()
        if batch:
            yield batch

    def validated(
        self, task: RepairTask, batch: Sequence[Applied], meter: Meter
    ) -> list[tuple[Step, dict[str, str], Verdict]]:
        """The batch with its verdicts, in its order, as far as the budget reached."""
        start_s = self.clock()
        verdicts: dict[int, Verdict] = {}
        candidates = [step.candidate for step, _ in batch]
        for index, verdict in self.oracle.validate_many(task, candidates):
            verdicts[index] = verdict
            if meter.exhausted:
                break
        spent_s = self.clock() - start_s
        self.seconds += spent_s
        each_s = spent_s / max(1, len(verdicts))
        # One batch says little: some candidates take a new import, a hundred times as long. The
        # first says nothing: it starts the workers.
        self.recent_s = (self.recent_s + each_s) / 2 if self.is_settled else each_s
        self.count += len(verdicts)
        meter.count(len(verdicts))
        self.tell(f"{self.count} candidates validated")
        return [(*batch[index], verdicts[index]) for index in sorted(verdicts)]

    def forget(self, task: RepairTask, applied: Sequence[Applied]) -> None:
        """Lets these be tried again."""
        self._seen.difference_update(_key(task, texts) for _, texts in applied)

    def _is_new(self, task: RepairTask, texts: Mapping[str, str]) -> bool:
        key = _key(task, texts)
        if key in self._seen:
            return False
        self._seen.add(key)
        return True


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


def _key(task: RepairTask, texts: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """What tells a tree from every other that was tried."""
    merged = {path: texts.get(path) or task.sources[path] for path in {*task.overlay, *texts}}
    return tuple(sorted((path, hash(text)) for path, text in merged.items()))
