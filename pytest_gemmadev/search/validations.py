"""Batches of candidates validated side by side, each text once, and what a validation costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pytest_gemmadev.search.antipatterns import is_antipattern
from pytest_gemmadev.search.budget import Meter
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.found import Applied, Step, Validated, changed_texts
from pytest_gemmadev.types import RepairTask, Verdict


@dataclass(slots=True)
class Validations:
    """The validations of one search."""

    context: SearchContext
    count: int = 0
    seconds: float = 0.0  # spent in them
    recent_s: float = 0.0  # seconds of one in the last batches
    _seen: set[tuple[tuple[str, int], ...]] = field(default_factory=set)

    @property
    def is_settled(self) -> bool:
        """Whether there were enough to tell what one costs."""
        return self.count >= self.context.limits.settling

    def batches(
        self, task: RepairTask, stream: Iterator[Step], *, alone: bool = False
    ) -> Iterator[list[Applied]]:
        """Steps that apply and give a text not seen yet, as many as are validated at once.

        Fewer where they are slow to come, as from a model; what there is must not wait for more.
        With ``alone`` each by itself.
        """
        limits, clock = self.context.limits, self.context.clock
        batch: list[Applied] = []
        start_s = clock()
        for step in stream:
            texts = changed_texts(step.candidate, task.sources)
            if texts is None or not self._is_new(task, texts):
                continue
            if is_antipattern(step.candidate, task):
                continue
            batch.append(Applied(step, texts))
            size = limits.batch if self.recent_s < limits.fast_s else limits.slow_batch
            if alone or len(batch) >= size or clock() - start_s > limits.fill_s:
                yield batch
                batch, start_s = [], clock()
        if batch:
            yield batch

    def validate(self, task: RepairTask, batch: Sequence[Applied], meter: Meter) -> list[Validated]:
        """The batch with its verdicts, in its order, as far as the budget reached."""
        start_s = self.context.clock()
        verdicts: dict[int, Verdict] = {}
        candidates = [step.candidate for step, _ in batch]
        for index, verdict in self.context.oracle.validate_many(task, candidates):
            verdicts[index] = verdict
            if meter.exhausted:
                break
        spent_s = self.context.clock() - start_s
        self.seconds += spent_s
        each_s = spent_s / max(1, len(verdicts))
        # One batch says little: some candidates take a new import, a hundred times as long. The
        # first says nothing: it starts the workers.
        self.recent_s = (self.recent_s + each_s) / 2 if self.is_settled else each_s
        self.count += len(verdicts)
        meter.count(len(verdicts))
        self.context.progress(f"{self.count} candidates validated")
        return [Validated(*batch[index], verdicts[index]) for index in sorted(verdicts)]

    def forget(self, task: RepairTask, applied: Sequence[Applied]) -> None:
        """Lets these be validated again."""
        self._seen.difference_update(_tree_key(task, texts) for _, texts in applied)

    def _is_new(self, task: RepairTask, texts: Mapping[str, str]) -> bool:
        key = _tree_key(task, texts)
        if key in self._seen:
            return False
        self._seen.add(key)
        return True


def _tree_key(task: RepairTask, texts: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """What tells a tree from every other that was validated."""
    merged = {path: texts.get(path) or task.sources[path] for path in {*task.overlay, *texts}}
    return tuple(sorted((path, hash(text)) for path, text in merged.items()))
