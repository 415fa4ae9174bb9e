"""The search for patches of one failing set.

Candidates of all proposers are merged by score and validated in that order. Where one fix does not
turn the failing set green but moves the error on, the search goes on from there, so that two faults
behind one test are found one after the other.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from pytest_gemmadev.core.antipatterns import is_antipattern
from pytest_gemmadev.core.budget import Meter
from pytest_gemmadev.core.edits import apply_edits
from pytest_gemmadev.core.evidence import assertions
from pytest_gemmadev.core.localize import function_bodies
from pytest_gemmadev.core.progress import moved_on
from pytest_gemmadev.core.prompt import refuted
from pytest_gemmadev.core.rank import (
    MODEL_WEIGHT,
    Places,
    model_scores,
    prior_score,
)
from pytest_gemmadev.core.types import (
    Candidate,
    Edit,
    Inapplicable,
    Model,
    Oracle,
    Plausible,
    Proposer,
    Refuted,
    Regressed,
    RepairTask,
    Span,
    StillFailing,
    Suspicion,
    TimedOut,
    Verdict,
    assert_never,
)
from pytest_gemmadev.core.window import Window

MAX_DEPTH = 6  # faults behind one another
STEPS_AHEAD = 4  # partial repairs followed at each depth
SURE = -1.5  # prior from which a partial repair is followed before all else is tried
FIRST_CANDIDATES = 40  # tried before that, or as many as FIRST_SECONDS allow
FIRST_SECONDS = 5.0
BATCH = 16  # candidates validated side by side where a validation is fast
SLOW_BATCH = 4
PATIENCE_S = 2.0  # from which a batch does not wait to be filled
FAST_SECONDS = 0.2  # of a fast validation, on average
BEFORE_SCORES = 24  # validations: the first ones start processes and say little of the cost
FIRST_LOOK = 4  # candidates that the model orders to measure what that costs
LOOK_AHEAD = 24  # candidates the model orders at a time where validation is the dearer
SCORING_SHARE = 0.3  # of the time for validations, at most, goes into scores
SCORE_GAIN = 0.7  # a score must cost less than this many validations to go first
DOUBTFUL = 1.5  # nats against a plausible candidate from which the search goes on as before
IMPORT = 1.5  # nats by which what needs a new import is tried later
DOUBTS = 12  # plausible candidates whose runs are looked at
FIRST_PASS = 0.6  # of the time for single edits before the model writes
REST = 0.5  # of the time that is left after that, for further single edits
FIRST_PASS_CHAT = 0.4  # before a model does that can write whole functions, and is slower
ROUNDS = 2  # in which the model writes functions again, told how those before failed
WRITTEN_FUNCTION = "write:function"


@dataclass(frozen=True, slots=True)
class Step:
    """A candidate that was tried."""

    candidate: Candidate
    score: float
    rank: int  # place in the order of trial, from 1


@dataclass(frozen=True, slots=True)
class Found:
    """A plausible repair: one step, or several on top of each other."""

    steps: tuple[Step, ...]
    sources: Mapping[str, str]  # full text of each changed file
    verdict: Plausible
    targets: tuple[str, ...]  # of the failing set, those that it turns green
    others: int = 0  # failing tests outside the set that turn green as well
    doubt: float = 0.0  # nats against it
    assertions: int = 0  # that run what it changes; 0 when unknown

    @property
    def score(self) -> float:
        return sum(step.score for step in self.steps) - self.doubt


_Applied = tuple[Step, dict[str, str]]  # a candidate and the texts that it leaves


@dataclass(slots=True)
class Search:
    """What a search carries along; the random seed is the task's."""

    oracle: Oracle
    proposers: Sequence[Proposer]  # of edits that cost no model time
    writers: Sequence[Proposer]  # those whose edits the model writes
    model: Model | None
    relocate: Callable[[RepairTask], RepairTask]  # the task with its suspicions
    extend: Callable[[RepairTask, Candidate], RepairTask | None]
    # the task on the tree that the candidate leaves
    doubt: Callable[[RepairTask, Candidate], float]  # nats against a plausible candidate
    clock: Callable[[], float]
    tell: Callable[[str], None] = lambda _message: None
    related: Callable[[RepairTask, Candidate], int] = lambda _task, _candidate: 0
    # tests outside the failing set that fail too and run the lines that the candidate changes
    validations: int = 0
    validate_s: float = 0.0  # spent in validations
    recent_s: float = 0.0  # a validation of the last batches took
    scoring_s: float = 0.0  # spent in scores
    score_s: float = 0.1  # the model takes for one candidate; measured at its first use
    suspicions: tuple[Suspicion, ...] = ()  # of the task that was asked about
    localizing_s: float = 0.0  # those took
    seen: set[tuple[tuple[str, int], ...]] = field(default_factory=set)
    _late: list[_Applied] = field(default_factory=list)  # cut short, of the task at hand
    _wrong: list[tuple[Step, StillFailing]] = field(default_factory=list)
    # functions that the model wrote for the task at hand

    def run(self, task: RepairTask, meter: Meter, *, depth: int = 1) -> list[Found]:
        """Plausible repairs of the task, in the order found. Ends with the meter."""
        task = self._located(task, depth)
        self._late, self._wrong = [], []
        places = Places.of(task.suspicions, task.sources)
        found: list[Found] = []
        ahead: list[tuple[Step, StillFailing]] = []
        first_pass = meter.share(self._first_share()) if self.writers else meter
        streams = [self._scored(p, task, places) for p in self.proposers]
        merged = heapq.merge(*streams, key=_best_first)
        ordered = self._reorder(_imported_later(merged, task), task)
        left = self._try(task, ordered, first_pass, found, ahead, depth)
        if not found and self.writers and not meter.exhausted:
            self.tell("the model writes")
            written = [self._scored(p, task, places) for p in self.writers]
            self._try(task, chain.from_iterable(written), meter.share(0.6), found, ahead, depth)
            self._write_again(task, places, meter, found, ahead, depth)
            if not found:
                rest = chain(left, ordered)
                self._try(task, rest, meter.share(REST), found, ahead, depth)
        if not found:
            self._try_again(task, meter.share(0.5), found, ahead, depth)
        if not found:
            self._follow(task, ahead, meter, found, depth)
        return found

    def _first_share(self) -> float:
        chats = self.model is not None and self.model.info.has_chat_template
        return FIRST_PASS_CHAT if chats else FIRST_PASS

    def _located(self, task: RepairTask, depth: int) -> RepairTask:
        start_s = self.clock()
        task = self.relocate(task)
        if depth == 1:
            self.suspicions, self.localizing_s = task.suspicions, self.clock() - start_s
        return task

    def _write_again(
        self,
        task: RepairTask,
        places: Places,
        meter: Meter,
        found: list[Found],
        ahead: list[tuple[Step, StillFailing]],
        depth: int,
    ) -> None:
        """Lets the model write functions again, each told how its best attempt failed."""
        for _ in range(ROUNDS):
            best: dict[Span, Refuted] = {}
            for step, verdict in sorted(self._wrong, key=lambda pair: -pair[1].passed):
                told = refuted(task, step.candidate, verdict.stacks)
                if told is not None:
                    best.setdefault(told.span, told)
            self._wrong = []
            if found or meter.exhausted or not best:
                return
            again = replace(task, refuted=tuple(best.values()))
            written = [self._scored(p, again, places) for p in self.writers]
            self._try(again, chain.from_iterable(written), meter.share(0.5), found, ahead, depth)

    def _try_again(
        self,
        task: RepairTask,
        meter: Meter,
        found: list[Found],
        ahead: list[tuple[Step, StillFailing]],
        depth: int,
    ) -> None:
        """What was cut short, with all the time there is: most of it never ends."""
        late, self._late = self._late, []
        if late and not meter.exhausted:
            for _, texts in late:
                self.seen.discard(_key(task, texts))
            steps = sorted((step for step, _ in late), key=_best_first)
            self._try(replace(task, patient=True), iter(steps), meter, found, ahead, depth)

    # --- one pass over a stream of candidates ----------------------------------------------------

    def _try(
        self,
        task: RepairTask,
        stream: Iterator[Step],
        meter: Meter,
        found: list[Found],
        ahead: list[tuple[Step, StillFailing]],
        depth: int,
    ) -> list[Step]:
        """Tries candidates while there is time; those that it took and did not try."""
        window = Window()
        followed = False
        for batch in self._batches(task, stream):
            first_ones = window.tried >= FIRST_CANDIDATES or meter.seconds > FIRST_SECONDS
            if first_ones and not followed and not found:
                followed = True
                self._follow_sure(task, ahead, meter, found, depth)
                if found:  # one edit alone may do as well
                    window.narrow(meter, explains_all=True)
            if meter.exhausted or window.closed(meter):
                self.seen.difference_update(_key(task, texts) for _, texts in batch)
                return [step for step, _ in batch]
            for step, texts, verdict in self._validated(task, batch, meter):
                window.tried += 1
                step = replace(step, rank=window.tried)
                match verdict:
                    case Plausible():
                        others = self._others_passing(task, step.candidate)
                        doubt = self._doubts(task, step.candidate, found)
                        count = assertions(task, step.candidate.edits)
                        found.append(
                            Found((step,), texts, verdict, task.targets, others, doubt, count)
                        )
                        if doubt < DOUBTFUL:
                            explains_all = others == len(task.others)
                            related = not explains_all and self.related(task, step.candidate)
                            window.narrow(
                                meter, explains_all=explains_all, related_fail=others < related
                            )
                    case StillFailing():
                        if verdict.hasty:
                            self._late.append((step, texts))
                        if step.candidate.origin == WRITTEN_FUNCTION:
                            self._wrong.append((step, verdict))
                        part = None
                        if not meter.exhausted:  # it takes a whole run
                            part = self._repairs_part(task, step.candidate, verdict)
                        if part is not None:
                            found.append(Found((step,), texts, part[1], part[0]))
                            window.narrow(meter, explains_all=False, related_fail=True)
                        elif moved_on(task, step.candidate, verdict):
                            ahead.append((step, verdict))
                    case TimedOut(hasty=True) | Regressed(hasty=True):
                        self._late.append((step, texts))
                    case Regressed() | Inapplicable() | TimedOut():
                        pass
                    case _:
                        assert_never(verdict)
        return []

    def _batches(self, task: RepairTask, stream: Iterator[Step]) -> Iterator[list[_Applied]]:
        """Candidates that apply and give a text not seen yet, as many as are validated at once.

        Fewer where they are slow to come, as from a model; what there is must not wait for more.
        """
        batch: list[_Applied] = []
        start_s = self.clock()
        for step in stream:
            texts = changed_texts(step.candidate, task.sources)
            if texts is None or not self._is_new(task, texts):
                continue
            if is_antipattern(step.candidate, task):
                continue
            batch.append((step, texts))
            full = len(batch) >= (BATCH if self._fast() else SLOW_BATCH)
            if full or self.clock() - start_s > PATIENCE_S:
                yield batch
                batch, start_s = [], self.clock()
        if batch:
            yield batch

    def _fast(self) -> bool:
        return self.recent_s < FAST_SECONDS

    def _validated(
        self, task: RepairTask, batch: Sequence[_Applied], meter: Meter
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
        self.validate_s += spent_s
        each_s = spent_s / max(1, len(verdicts))
        # One batch says little: some candidates take a new import, a hundred times as long. The
        # first says nothing: it starts the workers.
        known = self.validations >= BEFORE_SCORES
        self.recent_s = (self.recent_s + each_s) / 2 if known else each_s
        self.validations += len(verdicts)
        meter.count(len(verdicts))
        self.tell(f"{self.validations} candidates validated")
        return [(*batch[index], verdicts[index]) for index in sorted(verdicts)]

    def _repairs_part(
        self, task: RepairTask, candidate: Candidate, verdict: StillFailing
    ) -> tuple[tuple[str, ...], Plausible] | None:
        """The targets that turn green, where the error is gone from all the others as well.

        Those fail for another reason, which its own repair has to find.
        """
        failing = {stack.nodeid for stack in verdict.stacks}
        passing = tuple(t for t in task.targets if t not in failing)
        if not verdict.passed or len(passing) != verdict.passed or not task.stacks:
            return None
        gone = (task.stacks[0].error, task.stacks[0].message)
        if any((stack.error, stack.message) == gone for stack in verdict.stacks):
            return None
        narrower = replace(task, targets=passing)
        confirmed = self.oracle.validate(narrower, candidate)
        return (passing, confirmed) if isinstance(confirmed, Plausible) else None

    def _doubts(self, task: RepairTask, candidate: Candidate, found: Sequence[Found]) -> float:
        """Nats against a plausible candidate; asked for few, since each takes a run."""
        return self.doubt(task, candidate) if len(found) < DOUBTS else 0.0

    def _others_passing(self, task: RepairTask, candidate: Candidate) -> int:
        if not task.others:
            return 0
        wider = replace(task, targets=task.others, regression=frozenset())
        match self.oracle.validate(wider, candidate):
            case Plausible():
                return len(task.others)
            case StillFailing(passed=passed):
                return passed
            case _:
                return 0

    def _is_new(self, task: RepairTask, texts: Mapping[str, str]) -> bool:
        key = _key(task, texts)
        if key in self.seen:
            return False
        self.seen.add(key)
        return True

    def _scored(self, proposer: Proposer, task: RepairTask, places: Places) -> Iterator[Step]:
        for candidate in proposer.propose(task):
            yield Step(candidate, prior_score(candidate, task, places), 0)

    def _reorder(self, stream: Iterator[Step], task: RepairTask) -> Iterator[Step]:
        """The stream, windows of it ordered by the model while a validation costs more."""
        while window := list(islice(stream, LOOK_AHEAD if self.scoring_s else FIRST_LOOK)):
            if self.model is None or not self._scoring_pays():
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
            yield from sorted(rated, key=_best_first)

    def _scoring_pays(self) -> bool:
        if self.model is None or not self.model.info.can_score or self.validations < BEFORE_SCORES:
            return False
        if self.scoring_s > SCORING_SHARE * (self.validate_s + self.scoring_s):
            return False
        return self.recent_s > SCORE_GAIN * self.score_s

    # --- several faults behind one test ----------------------------------------------------------

    def _follow_sure(
        self,
        task: RepairTask,
        ahead: list[tuple[Step, StillFailing]],
        meter: Meter,
        found: list[Found],
        depth: int,
    ) -> None:
        """Follows the partial repairs that are most likely right, and takes them off the list."""
        sure = [pair for pair in ahead if pair[0].candidate.prior >= SURE]
        if sure:
            ahead[:] = [pair for pair in ahead if pair not in sure]
            self._follow(task, sure, meter.share(0.5), found, depth)

    def _follow(
        self,
        task: RepairTask,
        ahead: Sequence[tuple[Step, StillFailing]],
        meter: Meter,
        found: list[Found],
        depth: int,
    ) -> None:
        """Goes on from partial repairs, the most promising first."""
        if depth >= MAX_DEPTH:
            return
        order = sorted(ahead, key=lambda pair: (-pair[1].passed, -pair[0].score))
        for left, (step, verdict) in enumerate(order[:STEPS_AHEAD]):
            if meter.exhausted:
                return
            further = self.extend(task, step.candidate)
            if further is None:
                continue
            self.tell(f"the error moved on: {_short(verdict)}")
            stacks = verdict.stacks or task.stacks
            share = 1 / min(2, max(1, len(order) - left))
            further = replace(further, stacks=stacks)
            for later in self.run(further, meter.share(share), depth=depth + 1):
                texts = {**(changed_texts(step.candidate, task.sources) or {}), **later.sources}
                steps = (step, *later.steps)
                found.append(replace(later, steps=steps, sources=texts))
            if found:
                return


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


def _rated(candidate: Candidate, ratio: float) -> Candidate:
    return replace(candidate, log_likelihood=ratio)


def _best_first(step: Step) -> float:
    return -step.score


def _short(verdict: StillFailing) -> str:
    if not verdict.stacks:
        return f"{verdict.passed} of {verdict.total} pass"
    stack = verdict.stacks[0]
    return f"{stack.error}: {stack.message.splitlines()[0] if stack.message else ''}"[:80]
