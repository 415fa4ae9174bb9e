"""The search for patches of one failing set.

Candidates of all proposers are validated in one order. Where one edit does not turn the failing set green
but moves the error on, the search goes on from there, so that two faults behind one test are found one
after the other.

What may destroy something (`search.destructive`) comes after all else, and only where nothing else
was found; there one candidate at a time, until one is plausible.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from pytest_gemmadev.prompting.prompt import describe_refuted
from pytest_gemmadev.search.budget import Meter
from pytest_gemmadev.search.candidate_pass import CandidatePass, Failed, Level
from pytest_gemmadev.search.context import SearchContext
from pytest_gemmadev.search.found import (
    Applied,
    Found,
    SearchResult,
    Statistics,
    Step,
    TimeSpent,
    changed_texts,
    highest_score_first,
)
from pytest_gemmadev.search.needless import drop_needless_steps
from pytest_gemmadev.search.order import Order
from pytest_gemmadev.search.rank import Places
from pytest_gemmadev.search.validations import Validations
from pytest_gemmadev.types import Refuted, RepairTask, Span, StillFailing


def search(context: SearchContext, task: RepairTask, meter: Meter) -> SearchResult:
    """Plausible repairs of the task, in the order found. Ends with the meter."""
    return _Search(context, meter).run(task)


@dataclass(slots=True)
class _Search:
    """What one search carries along; the random seed is the task's."""

    context: SearchContext
    whole: Meter  # of the whole search; each part of it has a share
    statistics: Statistics = field(default_factory=Statistics)
    waiting: list[Level] = field(default_factory=list)  # where destructive candidates wait
    validations: Validations = field(init=False)
    order: Order = field(init=False)
    has_candidates_left: bool = False  # of those for the task that was asked about
    kept_s: float = field(init=False)  # seconds of the whole for what is held back

    def __post_init__(self) -> None:
        self.validations = Validations(self.context)
        self.order = Order(self.context, self.validations)
        self.kept_s = self.whole.left_s * self.context.limits.kept_for_destructive

    def run(self, task: RepairTask) -> SearchResult:
        found = self._search(task, self.whole)
        while not found and self.waiting and not self.whole.exhausted:
            found = self._validate_held_back(self.waiting.pop(0), self.whole)
        found = self._without_needless_steps(found, task)
        self.statistics.validations = self.validations.count
        session = self.whole.whole
        time = TimeSpent(session.seconds, session.limit_s, session.asked_s)
        return SearchResult(
            found, self.statistics, self.whole.exhausted, self.has_candidates_left, time
        )

    def _search(
        self, task: RepairTask, meter: Meter, before: tuple[Applied, ...] = ()
    ) -> list[Found]:
        """Plausible repairs without what is held back; ``before`` led to the task."""
        limits, writes = self.context.limits, bool(self.context.writers)
        task = self._locate(task, is_first=not before)
        places = Places.of(task.suspicions, task.sources, limits=limits)
        level = Level(task, places, before)
        ordered = self.order.order_proposed(task, places)
        left = self._validate(level, ordered, self._first_pass(meter) if writes else meter)
        if not level.found and writes and not self._is_spent(level, meter):
            self.context.progress("the model writes")
            written = self.order.take_written(task, places)
            self._validate(level, written, meter.share(limits.writing))
            self._write_again(level, meter)
            if not level.found:
                left = self._validate(level, chain(left, ordered), meter.share(limits.rest))
        elif level.found and writes and not self._is_spent(level, meter):
            self._seek_second_opinion(level, meter)
        if not before:
            self.has_candidates_left = bool(left)
        if not level.found:
            self._validate_patiently(level, meter.share(limits.patience))
        if not level.found:
            self._follow(level, level.partial, meter)
        return level.found

    def _without_needless_steps(self, found: Sequence[Found], task: RepairTask) -> list[Found]:
        """The repairs, the first that have several steps without those that nothing needs."""
        several = [each for each in found if len(each.steps) > 1][: self.context.limits.thinned]
        fewer = list(found)
        for each in several:
            if not self.whole.exhausted:
                place = next(n for n, one in enumerate(fewer) if one is each)
                fewer[place] = drop_needless_steps(self.context, each, task)
        return fewer

    def _locate(self, task: RepairTask, *, is_first: bool) -> RepairTask:
        start_s = self.context.clock()
        task = self.context.locate(task)
        if is_first:
            self.statistics.suspicions = task.suspicions
            self.statistics.spectra = task.spectra
            self.statistics.localizing_s = self.context.clock() - start_s
        return task

    def _first_pass(self, meter: Meter) -> Meter:
        model, limits = self.context.model, self.context.limits
        chats = model is not None and model.info.has_chat_template
        return meter.share(limits.first_pass_chat if chats else limits.first_pass)

    def _is_spent(self, level: Level, meter: Meter) -> bool:
        """Whether the time for a level is over: some is kept for what is held back."""
        if meter.exhausted:
            return True
        if not self.waiting or level.is_destructive:
            return False
        return self.whole.left_s < self.kept_s

    # --- passes over candidates ------------------------------------------------------------------

    def _validate(self, level: Level, stream: Iterator[Step], meter: Meter) -> list[Step]:
        """Validates candidates while there is time; those that it took and did not validate."""
        this = CandidatePass(self.context, level, meter)
        followed = level.is_destructive
        stream = stream if level.is_last else self._hold_back_destructive(level, stream)
        for batch in self.validations.batches(level.task, stream, alone=level.is_destructive):
            if level.is_destructive and level.found:
                return []
            if this.is_past_first and not followed and not level.found:
                followed = True
                self._follow_surest(level, meter)
                if level.found:
                    this.narrow()
            if self._is_spent(level, meter) or this.is_over:
                self.validations.forget(level.task, batch)
                return [step for step, _ in batch]
            for validated in self.validations.validate(level.task, batch, meter):
                this.note(validated, self.statistics)
        return []

    def _seek_second_opinion(self, level: Level, meter: Meter) -> None:
        """Lets the model write as well, for a while, where what was found is likelier wrong."""
        limits = self.context.limits
        if level.chance(self.validations.count) >= limits.second_opinion:
            return
        self.context.progress("the model writes")
        share = min(1.0, limits.second_opinion_s / max(meter.left_s, limits.second_opinion_s))
        written = self.order.take_written(level.task, level.places)
        self._validate(level, written, meter.share(share))

    def _write_again(self, level: Level, meter: Meter) -> None:
        """Lets the model write functions again, each told how its best attempt failed."""
        for _ in range(self.context.limits.rewriting_rounds):
            best: dict[Span, Refuted] = {}
            for step, verdict in sorted(level.wrong_functions, key=lambda pair: -pair[1].passed):
                attempt = describe_refuted(level.task, step.candidate, verdict.stacks)
                if attempt is not None:
                    best.setdefault(attempt.span, attempt)
            level.wrong_functions.clear()
            if level.found or self._is_spent(level, meter) or not best:
                return
            again = replace(level.task, refuted=tuple(best.values()))
            written = self.order.take_written(again, level.places)
            self._validate(level, written, meter.share(self.context.limits.rewriting))

    def _validate_patiently(self, level: Level, meter: Meter) -> None:
        """Validates what was cut short with all the time there is: most of it never ends."""
        late = level.cut_short[:]
        level.cut_short.clear()
        if late and not self._is_spent(level, meter):
            self.validations.forget(level.task, late)
            steps = sorted((step for step, _ in late), key=highest_score_first)
            patient = replace(level, task=replace(level.task, patient=True))
            self._validate(patient, iter(steps), meter)

    # --- destructive candidates ------------------------------------------------------------------

    def _hold_back_destructive(self, level: Level, stream: Iterator[Step]) -> Iterator[Step]:
        """The stream without what is destructive, which waits for its turn."""
        for step in stream:
            destroys = self.context.hazards.of(step.candidate, level.task)
            if not destroys:
                yield step
                continue
            if not any(each.held_back is level.held_back for each in self.waiting):
                self.waiting.append(level)
            level.held_back.append(replace(step, destroys=destroys))

    def _validate_held_back(self, level: Level, meter: Meter) -> list[Found]:
        """The first plausible repair among the destructive candidates of a level."""
        limits = self.context.limits
        self.context.progress("trying what may destroy something")
        last = replace(level, is_last=True, found=[], partial=[], cut_short=[])
        steps = sorted(level.held_back, key=highest_score_first)
        self._validate(last, iter(steps), meter.share(limits.destructive))
        if not last.found:
            self._validate_patiently(last, meter.share(limits.patience))
        if not last.found:
            self._follow(last, last.partial, meter)
        return [_on_top(level.before, found) for found in last.found]

    # --- several faults behind one test ----------------------------------------------------------

    def _follow_surest(self, level: Level, meter: Meter) -> None:
        """Follows the partial repairs that are most likely right, and takes them off the list."""
        limits = self.context.limits
        surest = [pair for pair in level.partial if pair[0].candidate.prior >= limits.sure_prior]
        if surest:
            level.partial[:] = [pair for pair in level.partial if pair not in surest]
            self._follow(level, surest, meter.share(limits.sure_partial))

    def _follow(self, level: Level, partial: Sequence[Failed], meter: Meter) -> None:
        """Goes on from partial repairs, the most promising first."""
        context, task = self.context, level.task
        if level.depth >= context.limits.depth:
            return
        order = sorted(partial, key=lambda pair: (-pair[1].passed, -pair[0].score))
        for place, (step, verdict) in enumerate(order[: context.limits.partial_repairs]):
            if self._is_spent(level, meter):
                return
            further = context.extend(task, step.candidate)
            if further is None:
                continue
            context.progress(f"the error moved on: {_describe(verdict)}")
            further = replace(further, stacks=verdict.stacks or task.stacks)
            share = 1 / min(2, max(1, len(order) - place))
            applied = Applied(step, changed_texts(step.candidate, task.sources) or {})
            for later in self._search(further, meter.share(share), (*level.before, applied)):
                level.found.append(_on_top((applied,), later))
            if level.found:
                return


def _on_top(before: Sequence[Applied], found: Found) -> Found:
    """The repair with the partial ones that led to its task."""
    sources: dict[str, str] = {}
    for _, texts in before:
        sources |= texts
    steps = tuple(step for step, _ in before)
    return replace(found, steps=(*steps, *found.steps), sources={**sources, **found.sources})


def _describe(verdict: StillFailing) -> str:
    if not verdict.stacks:
        return f"{verdict.passed} of {verdict.total} pass"
    stack = verdict.stacks[0]
    return f"{stack.error}: {stack.message.splitlines()[0] if stack.message else ''}"[:80]
