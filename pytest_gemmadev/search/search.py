"""The search for patches of one failing set.

Candidates of all proposers are tried in one order. Where one fix does not turn the failing set green
but moves the error on, the search goes on from there, so that two faults behind one test are found one
after the other.

What may destroy something (`search.destructive`) comes after all else, and only where nothing else
was found; there one candidate at a time, until one is plausible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from pytest_gemmadev.prompting.prompt import refuted
from pytest_gemmadev.search.budget import Meter
from pytest_gemmadev.search.destructive.destructive_edits import Hazards
from pytest_gemmadev.search.evidence import assertions
from pytest_gemmadev.search.order import Order, best_first
from pytest_gemmadev.search.progress import moved_on
from pytest_gemmadev.search.rank import Places
from pytest_gemmadev.search.stopping import Window
from pytest_gemmadev.search.validations import Applied, Step, Trials, changed_texts
from pytest_gemmadev.types import (
    Candidate,
    Inapplicable,
    Inconclusive,
    Model,
    Oracle,
    Plausible,
    Proposer,
    Refused,
    Refuted,
    Regressed,
    RepairTask,
    Span,
    StillFailing,
    Suspicion,
    TimedOut,
    assert_never,
)

MAX_DEPTH = 6  # faults behind one another
STEPS_AHEAD = 4  # partial repairs followed at each depth
SURE = -1.5  # prior from which a partial repair is followed before all else is tried
FIRST_CANDIDATES = 40  # tried before that, or as many as FIRST_SECONDS allow
FIRST_SECONDS = 5.0
DOUBTFUL = 1.5  # nats against a plausible candidate from which the search goes on as before
DOUBTS = 12  # plausible candidates whose runs are looked at
FIRST_PASS = 0.6  # of the time for single edits before the model writes
FIRST_PASS_CHAT = 0.4  # before a model does that can write whole functions, and is slower
LAST = 0.2  # of the time is kept for destructive edits, where some wait
REST = 0.5  # of the time that is left after that, for further single edits
ROUNDS = 2  # in which the model writes functions again, told how those before failed
WRITTEN_FUNCTION = "write:function"


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

    @property
    def destroys(self) -> str:
        """What it does to a destructive call; empty where none of its steps does."""
        return next((step.destroys for step in self.steps if step.destroys), "")


_Failed = tuple[Step, StillFailing]


@dataclass(slots=True)
class _Level:
    """One task of the search, and what has come of it."""

    task: RepairTask
    depth: int  # faults that were repaired on the way to it, and this one
    places: Places
    found: list[Found] = field(default_factory=list)
    ahead: list[_Failed] = field(default_factory=list)  # partial repairs
    late: list[Applied] = field(default_factory=list)  # cut short
    wrong: list[_Failed] = field(default_factory=list)  # functions that the model wrote
    held: list[Step] = field(default_factory=list)  # destructive, not tried yet
    before: tuple[Applied, ...] = ()  # partial repairs on the way to the task
    is_last: bool = False  # all else was tried: what was held back has its turn

    @property
    def is_destructive(self) -> bool:
        """Whether what is tried here destroys, by itself or by what led to the task."""
        return self.is_last or any(step.destroys for step, _ in self.before)


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
    suspicions: tuple[Suspicion, ...] = ()  # of the task that was asked about
    localizing_s: float = 0.0  # those took
    refused: int = 0  # candidates that reached for what lies outside the places of their run
    hazards: Hazards = field(default_factory=Hazards)
    held: list[_Level] = field(default_factory=list)  # where destructive candidates wait
    trials: Trials = field(init=False)
    order: Order = field(init=False)
    _kept: tuple[Meter, float] | None = None  # seconds of the whole search for what is held back

    def __post_init__(self) -> None:
        self.trials = Trials(self.oracle, self.clock, self.tell)
        self.order = Order(self.model, self.trials, self.clock)

    def run(self, task: RepairTask, meter: Meter) -> list[Found]:
        """Plausible repairs of the task, in the order found. Ends with the meter."""
        self._kept = (meter, meter.left_s * LAST)
        found = self._search(task, meter)
        while not found and self.held and not meter.exhausted:
            found = self._try_held(self.held.pop(0), meter)
        return found

    def _search(
        self, task: RepairTask, meter: Meter, before: tuple[Applied, ...] = ()
    ) -> list[Found]:
        """The same without what was held back; ``before`` led to the task."""
        depth = len(before) + 1
        task = self._located(task, depth)
        level = _Level(task, depth, Places.of(task.suspicions, task.sources), before=before)
        first_pass = meter.share(self._first_share()) if self.writers else meter
        ordered = self.order.merged(self.proposers, task, level.places)
        left = self._try(level, ordered, first_pass)
        if not level.found and self.writers and not self._is_spent(level, meter):
            self.tell("the model writes")
            written = self.order.written(self.writers, task, level.places)
            self._try(level, written, meter.share(0.6))
            self._write_again(level, meter)
            if not level.found:
                self._try(level, chain(left, ordered), meter.share(REST))
        if not level.found:
            self._try_again(level, meter.share(0.5))
        if not level.found:
            self._follow(level, level.ahead, meter)
        return level.found

    def _try_held(self, level: _Level, meter: Meter) -> list[Found]:
        """The first plausible repair among the destructive candidates of a level."""
        self.tell("trying what may destroy something")
        last = replace(level, is_last=True, found=[], ahead=[], late=[])
        steps = sorted(level.held, key=best_first)
        self._try(last, iter(steps), meter.share(0.7))
        if not last.found:
            self._try_again(last, meter.share(0.5))
        if not last.found:
            self._follow(last, last.ahead, meter)
        return [_behind(found, level) for found in last.found]

    def _is_spent(self, level: _Level, meter: Meter) -> bool:
        """Whether the time for a level is over: some is kept for what is held back."""
        if meter.exhausted:
            return True
        if not self.held or level.is_destructive or self._kept is None:
            return False
        whole, seconds = self._kept
        return whole.left_s < seconds

    def _first_share(self) -> float:
        chats = self.model is not None and self.model.info.has_chat_template
        return FIRST_PASS_CHAT if chats else FIRST_PASS

    def _located(self, task: RepairTask, depth: int) -> RepairTask:
        start_s = self.clock()
        task = self.relocate(task)
        if depth == 1:
            self.suspicions, self.localizing_s = task.suspicions, self.clock() - start_s
        return task

    def _write_again(self, level: _Level, meter: Meter) -> None:
        """Lets the model write functions again, each told how its best attempt failed."""
        for _ in range(ROUNDS):
            best: dict[Span, Refuted] = {}
            for step, verdict in sorted(level.wrong, key=lambda pair: -pair[1].passed):
                told = refuted(level.task, step.candidate, verdict.stacks)
                if told is not None:
                    best.setdefault(told.span, told)
            level.wrong.clear()
            if level.found or self._is_spent(level, meter) or not best:
                return
            again = replace(level.task, refuted=tuple(best.values()))
            written = self.order.written(self.writers, again, level.places)
            self._try(level, written, meter.share(0.5))

    def _try_again(self, level: _Level, meter: Meter) -> None:
        """What was cut short, with all the time there is: most of it never ends."""
        late = level.late[:]
        level.late.clear()
        if late and not self._is_spent(level, meter):
            self.trials.forget(level.task, late)
            steps = sorted((step for step, _ in late), key=best_first)
            patient = replace(level, task=replace(level.task, patient=True))
            self._try(patient, iter(steps), meter)

    # --- one pass over a stream of candidates ----------------------------------------------------

    def _try(self, level: _Level, stream: Iterator[Step], meter: Meter) -> list[Step]:
        """Tries candidates while there is time; those that it took and did not try."""
        task = level.task
        window = Window()
        followed = level.is_destructive
        stream = stream if level.is_last else self._without_destructive(level, stream)
        for batch in self.trials.batches(task, stream, alone=level.is_destructive):
            if level.is_destructive and level.found:
                return []
            first_ones = window.tried >= FIRST_CANDIDATES or meter.seconds > FIRST_SECONDS
            if first_ones and not followed and not level.found:
                followed = True
                self._follow_sure(level, meter)
                if level.found:  # one edit alone may do as well
                    window.narrow(meter, explains_all=True)
            if self._is_spent(level, meter) or window.closed(meter):
                self.trials.forget(task, batch)
                return [step for step, _ in batch]
            for step, texts, verdict in self.trials.validated(task, batch, meter):
                window.tried += 1
                step = replace(step, rank=window.tried)
                match verdict:
                    case Plausible():
                        self._note_plausible(level, step, texts, verdict, window, meter)
                    case StillFailing():
                        self._note_failing(level, step, texts, verdict, window, meter)
                    case TimedOut(hasty=True) | Regressed(hasty=True):
                        level.late.append((step, texts))
                    case Refused():
                        self.refused += 1
                    case Regressed() | Inapplicable() | TimedOut() | Inconclusive():
                        pass
                    case _:
                        assert_never(verdict)
        return []

    def _without_destructive(self, level: _Level, stream: Iterator[Step]) -> Iterator[Step]:
        """The stream; what is destructive in it is held back."""
        for step in stream:
            destroys = self.hazards.of(step.candidate, level.task)
            if not destroys:
                yield step
                continue
            if not any(each.held is level.held for each in self.held):
                self.held.append(level)
            level.held.append(replace(step, destroys=destroys))

    def _note_plausible(
        self,
        level: _Level,
        step: Step,
        texts: Mapping[str, str],
        verdict: Plausible,
        window: Window,
        meter: Meter,
    ) -> None:
        task, candidate = level.task, step.candidate
        others = self._others_passing(task, candidate)
        # Asked for few, since each takes a run.
        doubt = self.doubt(task, candidate) if len(level.found) < DOUBTS else 0.0
        count = assertions(task, candidate.edits)
        level.found.append(Found((step,), texts, verdict, task.targets, others, doubt, count))
        if doubt < DOUBTFUL:
            explains_all = others == len(task.others)
            related = not explains_all and self.related(task, candidate)
            window.narrow(meter, explains_all=explains_all, related_fail=others < related)

    def _note_failing(
        self,
        level: _Level,
        step: Step,
        texts: dict[str, str],
        verdict: StillFailing,
        window: Window,
        meter: Meter,
    ) -> None:
        if verdict.hasty:
            level.late.append((step, texts))
        if step.candidate.origin == WRITTEN_FUNCTION:
            level.wrong.append((step, verdict))
        part = None
        if not meter.exhausted:  # it takes a whole run
            part = self._repairs_part(level.task, step.candidate, verdict)
        if part is not None:
            level.found.append(Found((step,), texts, part[1], part[0]))
            window.narrow(meter, explains_all=False, related_fail=True)
        elif moved_on(level.task, step.candidate, verdict):
            level.ahead.append((step, verdict))

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

    # --- several faults behind one test ----------------------------------------------------------

    def _follow_sure(self, level: _Level, meter: Meter) -> None:
        """Follows the partial repairs that are most likely right, and takes them off the list."""
        sure = [pair for pair in level.ahead if pair[0].candidate.prior >= SURE]
        if sure:
            level.ahead[:] = [pair for pair in level.ahead if pair not in sure]
            self._follow(level, sure, meter.share(0.5))

    def _follow(self, level: _Level, ahead: Sequence[_Failed], meter: Meter) -> None:
        """Goes on from partial repairs, the most promising first."""
        if level.depth >= MAX_DEPTH:
            return
        task = level.task
        order = sorted(ahead, key=lambda pair: (-pair[1].passed, -pair[0].score))
        for left, (step, verdict) in enumerate(order[:STEPS_AHEAD]):
            if self._is_spent(level, meter):
                return
            further = self.extend(task, step.candidate)
            if further is None:
                continue
            self.tell(f"the error moved on: {_short(verdict)}")
            further = replace(further, stacks=verdict.stacks or task.stacks)
            share = 1 / min(2, max(1, len(order) - left))
            texts = changed_texts(step.candidate, task.sources) or {}
            before = (*level.before, (step, texts))
            for later in self._search(further, meter.share(share), before):
                steps = (step, *later.steps)
                sources = {**texts, **later.sources}
                level.found.append(replace(later, steps=steps, sources=sources))
            if level.found:
                return


def _behind(found: Found, level: _Level) -> Found:
    """The repair with the partial ones that led to its task."""
    sources: dict[str, str] = {}
    for _, texts in level.before:
        sources |= texts
    steps = tuple(step for step, _ in level.before)
    return replace(found, steps=(*steps, *found.steps), sources={**sources, **found.sources})


def _short(verdict: StillFailing) -> str:
    if not verdict.stacks:
        return f"{verdict.passed} of {verdict.total} pass"
    stack = verdict.stacks[0]
    return f"{stack.error}: {stack.message.splitlines()[0] if stack.message else ''}"[:80]
