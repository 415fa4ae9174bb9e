"""The vocabulary: the data that the parts of the project hand to one another.

Everything here is plain, frozen data or a Protocol. Paths of files in the project are relative to
the root with forward slashes (``shop/cart.py``); paths outside it are absolute. Lines count from 1,
offsets are code-point indices into the decoded text (`text.edits.SourceFile.text`), newlines as in
the file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NoReturn, Protocol, TypeAlias, runtime_checkable


class GemmadevError(Exception):
    """Misuse or a broken installation: one line that says what happened, where, and what to do."""


class CannotRunHere(GemmadevError):
    """What was asked for does not exist for this platform, whatever is installed."""


def assert_never(value: NoReturn) -> NoReturn:
    """Never returns: a union was not matched to its end (`typing.assert_never` needs 3.11)."""
    raise AssertionError(f"unexpected {value!r}")


# --- what failed ---------------------------------------------------------------------------------


class ErrorKind(str, Enum):
    """Families of errors, as the report names them."""

    SYNTAX = "syntax"
    INDENTATION = "indentation"
    IMPORT = "import"
    NAME = "name"
    ATTRIBUTE = "attribute"
    KEY = "key"
    INDEX = "index"
    TYPE = "type"
    VALUE = "value"
    ASSERTION = "assertion"
    TIMEOUT = "timeout"
    OTHER = "other"


class Role(str, Enum):
    """What may be done with a file."""

    SOURCE = "source"  # project code: may be edited
    TEST = "test"  # tests, conftest, configuration: context only, never edited
    OUTSIDE = "outside"  # installed packages, the standard library, other trees


Phase: TypeAlias = str
"""Where pytest was: ``collect``, ``setup``, ``call``, ``teardown``; ``run`` for a plain program."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One value seen at a frame while it ran."""

    name: str
    value: str  # bounded repr
    type: str  # qualified type name
    is_argument: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """One level of the call stack at the moment of the error."""

    path: str
    line: int  # the line being executed
    function: str  # qualified where known, ``<module>`` at module level
    role: Role
    facts: tuple[Fact, ...] = ()  # values of its local variables

    @property
    def in_project(self) -> bool:
        """Whether the code is the project's own and may be edited."""
        return self.role is Role.SOURCE


@dataclass(frozen=True, slots=True)
class ErrorFacts:
    """What the exception itself knows, beyond its message. Empty where it does not apply."""

    name: str = ""
    # NameError/AttributeError: the missing name; ImportError: the missing name or module;
    # KeyError: repr of the key; TypeError about a call: the callable's name
    owner: str = ""
    # AttributeError: type (or module) name of the object; ImportError: the module asked
    alternatives: tuple[str, ...] = ()
    # what does exist there: attributes of the object, keys of the mapping (repr), names in the
    # module
    left: str = ""  # got, the left side of a failed comparison (repr)
    right: str = ""  # expected, its right side (repr)


@dataclass(frozen=True, slots=True)
class ErrorStack:
    """One failure: the frames from the test down to where it broke."""

    nodeid: str  # of the test, or of the collector that failed
    phase: Phase
    kind: ErrorKind
    error: str  # exception type name, ``ModuleNotFoundError``
    message: str  # bounded
    frames: tuple[Frame, ...]  # outermost first
    facts: ErrorFacts = ErrorFacts()
    cause: ErrorStack | None = None  # __cause__, or __context__ where not suppressed
    group: tuple[ErrorStack, ...] = ()  # members of an exception group

    @property
    def project_frames(self) -> tuple[Frame, ...]:
        return tuple(f for f in self.frames if f.in_project)

    @property
    def signature(self) -> tuple[str, str, tuple[str, int] | None]:
        """Equal for failures with one cause: error, message, innermost project frame."""
        inner = self.project_frames[-1:] or self.frames[-1:]
        return (self.error, self.message, (inner[0].path, inner[0].line) if inner else None)


# --- edits ---------------------------------------------------------------------------------------

Overlay: TypeAlias = Mapping[str, bytes]
"""New contents of project files by relative path; what is absent is as on disk."""


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace ``text[start:end]`` of ``path`` with ``replacement``."""

    path: str
    start: int
    end: int
    replacement: str


@dataclass(frozen=True, slots=True)
class Span:
    """Whole lines of one file."""

    path: str
    start_line: int
    end_line: int  # inclusive


@dataclass(frozen=True, slots=True)
class Suspicion:
    """How likely the fault lies in a place, and by which technique that is known."""

    span: Span
    score: float  # in [0, 1]; comparable within one task only
    technique: str  # ``frame``, ``ochiai``, ``rule``, …


class OriginKind(str, Enum):
    """What a candidate comes from."""

    RULE = "rule"  # reads the cause from the error
    PATTERN = "pattern"  # an edit of the syntax tree at a suspicious place
    SYNTAX = "syntax"  # makes a file parse
    WRITE = "write"  # written by the model
    UNCHANGED = "unchanged"  # the code as it is, validated to see whether its tests are flaky
    SEVERAL = "several"  # a repair of several steps, which its name lists
    OTHER = "other"  # a proposer of another package


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a candidate comes from; its string is what reports show: ``rule:misspelt_name``."""

    kind: OriginKind
    name: str = ""

    def __str__(self) -> str:
        if self.kind in (OriginKind.SEVERAL, OriginKind.OTHER):
            return self.name
        return f"{self.kind.value}:{self.name}" if self.name else self.kind.value

    @classmethod
    def parse(cls, text: str) -> Origin:
        """The origin that has this string; of kind OTHER where no other kind fits."""
        kind, _, name = text.partition(":")
        known = {each.value: each for each in OriginKind}
        if kind in known and cls(known[kind], name).__str__() == text:
            return cls(known[kind], name)
        return cls(OriginKind.OTHER, text)

    @classmethod
    def join(cls, origins: Sequence[Origin]) -> Origin:
        """The origin of a repair of several steps; of one step, its own."""
        if len(origins) == 1:
            return origins[0]
        return cls(OriginKind.SEVERAL, " + ".join(map(str, origins)))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A patch proposed, not yet validated. Edits are sorted and do not overlap.

    A proposer of another package may give its origin as a string, which is parsed.
    """

    edits: tuple[Edit, ...]
    origin: Origin
    prior: float  # log-probability in nats that an edit of this origin is right, unnormalized
    explanation: str = ""  # a few words for a person: "`itmes` is not defined; `items` is"
    log_likelihood: float | None = None  # of the model, nats, summed over the tokens that differ

    def __post_init__(self) -> None:
        if isinstance(self.origin, str):
            object.__setattr__(self, "origin", Origin.parse(self.origin))


@dataclass(frozen=True, slots=True)
class Refuted:
    """A function that the model has written and that fails: what it is told when it writes again."""

    span: Span  # that it was to replace
    text: str  # its lines
    outcome: str  # of the failing test with it: ``got 3, expected 4``


# --- what came of it -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plausible:
    """Every target passed, nothing that passed fails, nothing vanished."""

    tests: int  # how many tests carried the verdict
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StillFailing:
    """A target did not pass."""

    passed: int  # targets that do pass now
    total: int
    stacks: tuple[ErrorStack, ...] = ()  # how the others fail now; may be empty on the fast path
    seconds: float = 0.0
    cut_short: bool = False  # a patient `RepairTask` would have had it imported anew


@dataclass(frozen=True, slots=True)
class Regressed:
    """The targets pass, and something that passed before fails or vanished."""

    nodeids: tuple[str, ...]
    seconds: float = 0.0
    cut_short: bool = False  # as of `StillFailing`
    reason: str = ""  # what is lost, where that is no test: ``it runs, but no longer prints 'a'``


@dataclass(frozen=True, slots=True)
class Inapplicable:
    """Edits out of range, overlapping, not allowed there, or the result does not compile."""

    reason: str


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Over a limit: time, memory, output; ``reason`` says which."""

    reason: str
    seconds: float = 0.0
    cut_short: bool = False  # a patient `RepairTask` would have given it more time


@dataclass(frozen=True, slots=True)
class Refused:
    """It tried to change something outside the places of its run; nothing was changed there."""

    path: str  # what it reached for: a file, the address of a connection, the id of a process
    call: str  # how: ``os.remove``, ``open``, ``deleted`` where only the effect was seen
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Inconclusive:
    """The run broke in a way that the unchanged code breaks too: it says nothing of the candidate."""

    reason: str
    seconds: float = 0.0


Verdict: TypeAlias = (
    Plausible | StillFailing | Regressed | Inapplicable | TimedOut | Refused | Inconclusive
)


class TestOutcome(str, Enum):
    """What became of one node id. A collector that collected counts as PASSED."""

    __test__ = False  # not a test class, whatever pytest makes of the name

    PASSED = "passed"
    FAILED = "failed"  # in setup, call or teardown
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    ERROR = "error"  # a collector that failed


@dataclass(frozen=True, slots=True)
class Observation:
    """One run of the tests: what ran, what failed and why."""

    outcomes: Mapping[str, TestOutcome]  # by node id; every collected test is in it when it ran
    collected: frozenset[str]  # node ids of tests, whether they ran or not
    stacks: tuple[ErrorStack, ...]  # one for each failure
    durations: Mapping[str, float] = field(default_factory=dict)  # seconds by node id
    aborted: str = ""  # why the run did not end by itself: timeout, crash, usage; empty otherwise
    origins: Mapping[str, str] = field(default_factory=dict)
    # absolute real paths of the project's modules by name, as this run imported them, and of other
    # copies of the project; empty where not known

    @property
    def failing(self) -> tuple[str, ...]:
        bad = (TestOutcome.FAILED, TestOutcome.ERROR)
        return tuple(n for n, o in self.outcomes.items() if o in bad)

    @property
    def passing(self) -> frozenset[str]:
        good = (TestOutcome.PASSED, TestOutcome.XFAILED, TestOutcome.XPASSED)
        return frozenset(n for n, o in self.outcomes.items() if o in good)


@dataclass(frozen=True, slots=True)
class RepairTask:
    """One failure, or several with one cause, on the tree as ``overlay`` leaves it."""

    stacks: tuple[ErrorStack, ...]  # the failing set's errors, the representative one first
    targets: tuple[str, ...]  # failing set: node ids that must turn green
    regression: frozenset[str]  # node ids that pass now and must stay green
    sources: Mapping[str, str]  # decoded text of every editable file, overlay applied
    overlay: Overlay  # edits accepted earlier, not on disk yet
    others: tuple[str, ...] = ()  # tests outside the set that fail too, perhaps for the same fault
    also_failing: tuple[Spectrum, ...] = ()  # lines that some of those run; empty where not known
    suspicions: tuple[Suspicion, ...] = ()  # best first
    context: Mapping[str, str] = field(default_factory=dict)
    # decoded text of files that may be read but not edited: the tests in the stacks
    spectra: Mapping[str, Spectrum] = field(default_factory=dict)  # by node id, once localized
    seed: int = 0
    refuted: tuple[Refuted, ...] = ()  # written and found wrong, of the functions to write again
    patient: bool = False  # give a candidate all the time there is before it is `TimedOut`


# --- models --------------------------------------------------------------------------------------

DEFAULT_MODEL = "gemmadev"  # the spec of the model that is used where none is named


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model is to complete a prompt."""

    max_tokens: int = 64
    temperature: float = 0.0  # 0 is greedy
    top_p: float = 0.95
    samples: int = 1
    stop: tuple[str, ...] = ()  # the text ends before the first of them
    seed: int = 0
    suffix: str = ""  # what follows the completion; read only where ``ModelInfo.can_infill``
    chat: bool = False  # the prompt is a user's message, answered through the chat template
    unlike: str = ""
    # a text that the completions must not be: its likeliest alternatives, each once, best first;
    # a model that cannot search draws samples instead


@dataclass(frozen=True, slots=True)
class Completion:
    """One continuation of a prompt."""

    text: str
    tokens: int
    log_likelihood: float  # nats, summed over the generated tokens
    ended: str  # ``stop``, ``eos``, ``length``; ``loop`` where it would repeat itself on and on


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a model without loading it, and what it can do."""

    spec: str  # as the user named it
    name: str
    path: str = ""
    adapter: str = ""
    sha256: str = ""
    license: str = ""
    size_bytes: int = 0
    context_tokens: int = 0
    can_score: bool = True
    has_chat_template: bool = False
    can_infill: bool = False  # reads `Sampling.suffix`
    is_concurrent: bool = False  # may be asked by several threads at once


class Model(Protocol):
    """A language model. Loads when first used; raises `GemmadevError` where it cannot."""

    @property
    def info(self) -> ModelInfo: ...

    def complete(self, prompt: str, sampling: Sampling) -> tuple[Completion, ...]:
        """Continuations of ``prompt``, ``sampling.samples`` of them, as plain text."""

    def score(self, prefix: str, continuations: Sequence[str]) -> tuple[float, ...]:
        """Log-likelihood in nats of each continuation after ``prefix``, in their order."""

    def close(self) -> None: ...


@runtime_checkable
class Streaming(Protocol):
    """A model that can also tell what it writes while it writes."""

    def stream(self, prompt: str, sampling: Sampling) -> Iterator[str]:
        """One continuation of ``prompt``, piece by piece."""


# --- search --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Expression:
    """An expression that is evaluated among the names of a module of the project."""

    path: str  # of the module
    text: str  # ``slug("Hello World")``


class Proposer(Protocol):
    """Writes candidate patches for a task, best first; lazily, for the budget may end any time."""

    name: str

    def propose(self, task: RepairTask) -> Iterator[Candidate]: ...


Validator: TypeAlias = Callable[[RepairTask, Candidate], "str | None"]
"""Says why a plausible patch must not be accepted, in a few words, or None where it may be.

It is called with the task on the tree that the candidate is applied to, for each patch that passes the
tests, before one of them is chosen. It can only reject.
"""


class Oracle(Protocol):
    """Decides by running tests, away from the user's tree (``pytest_gemmadev.validate``)."""

    def observe(self, overlay: Overlay) -> Observation:
        """One full run in a fresh process over ``overlay``."""

    def validate(self, task: RepairTask, candidate: Candidate) -> Verdict:
        """The cheapest run that decides: targets first, then what passed before."""

    def validate_many(
        self, task: RepairTask, candidates: Iterable[Candidate]
    ) -> Iterator[tuple[int, Verdict]]:
        """Verdicts with the candidates' places, as they come; several at a time where that pays."""

    def spectrum(self, task: RepairTask) -> Mapping[str, Spectrum]:
        """Lines that each target and a bounded number of passing tests execute, by node id."""

    def learn_spectrum(self, task: RepairTask) -> Mapping[str, Spectrum]:
        """The same; later validations run those tests first that reach a candidate's lines."""

    def close(self) -> None: ...


@runtime_checkable
class Probing(Protocol):
    """An oracle that can also tell what code gives for arguments that no test passes."""

    def behaviours(
        self, task: RepairTask, overlays: Sequence[Overlay]
    ) -> list[Mapping[str, str] | None]:
        """What each call gives, by the call, on each overlay; None where it cannot be told.

        That is the ``repr`` of its value, or ``raises ValueError``.
        """

    def evaluate(
        self, task: RepairTask, overlays: Sequence[Overlay], expressions: Sequence[Expression]
    ) -> list[Mapping[Expression, str] | None]:
        """What each expression gives on each overlay: the ``repr`` of its value, or the name of the
        exception that it ends with. One that had to be stopped is left out; None where nothing can
        be told.
        """


@runtime_checkable
class Rechecking(Protocol):
    """An oracle that can also find what no candidate is to blame for."""

    def learn_flaky(self, overlay: Overlay, nodeids: Collection[str]) -> frozenset[str]:
        """Those of the tests that do not pass over ``overlay`` either, though they did.

        Random failures are among them, and node ids that hold a time and are others in each run.
        Later validations leave them out.
        """


@runtime_checkable
class Repeating(Protocol):
    """An oracle that can also run some tests again, with nothing changed."""

    @property
    def unlike(self) -> str:
        """Why its runs are not the user's own, in a few words; empty where they are."""

    def repeat(
        self, task: RepairTask, nodeids: Sequence[str], *, is_fresh: bool = False
    ) -> Observation:
        """One run of the tests named over the task's tree, in their usual order, and of no others.

        ``is_fresh`` has it begin as the user's own run does, where it else may be a fork.
        """

    def stay_fresh(self) -> None:
        """To be called where other than fresh runs give outcomes that these do not."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Lines of editable files that one test executed."""

    passed: bool
    lines: frozenset[tuple[str, int]]  # (path, line)


# --- outcome of a failure ------------------------------------------------------------------------


class Confidence(str, Enum):
    """How sure a plausible patch is: what share of patches that are called so is right."""

    SURE = "sure"  # 95 % or more
    LIKELY = "likely"  # 80 % or more
    GUESS = "guess"

    @classmethod
    def of(cls, probability: float) -> Confidence:
        """The name of a probability in [0, 1].

        The cuts are where, of all patches called so, the share that is right still is the name's:
        cross-validated, 97 % of those from 0.92 on and 82 % of those from 0.6 on (``dev/LOG.md``).
        """
        if probability >= 0.92:
            return cls.SURE
        return cls.LIKELY if probability >= 0.6 else cls.GUESS

    def is_at_least(self, other: Confidence) -> bool:
        order = (Confidence.GUESS, Confidence.LIKELY, Confidence.SURE)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class RankedPatch:
    """A plausible patch: the one chosen, or one of the others."""

    candidate: Candidate
    diff: str
    rank: int  # place in the order in which candidates were tried, from 1
    chosen: bool
    score: float = 0.0  # nats; what orders the plausible patches, the model's part left out
    probability: float = 0.0  # in [0, 1], that it is right: it or one that does the same
    group: int = 0  # the same for patches that do the same wherever they were compared

    @property
    def confidence(self) -> Confidence:
        return Confidence.of(self.probability)


@dataclass(frozen=True, slots=True)
class Answer:
    """One result of a question's call, and the patches that give it."""

    result: str  # repr of the value, or ``raises ValueError``
    patches: tuple[int, ...]  # places among the outcome's patches


@dataclass(frozen=True, slots=True)
class Question:
    """A call for which plausible patches give different results: a person can say which is right."""

    call: str  # as it would be written: ``total([])``
    answers: tuple[Answer, ...]  # the likeliest first; at least two
    path: str = ""  # of the file that defines what is called; empty where the call cannot be a test


NEITHER = ""  # the answer that none of a question's results is right


@dataclass(frozen=True, slots=True)
class SuspectTest:
    """An expectation of a test that is likelier wrong than the code."""

    file: str
    line: int
    expected: str  # as the test has it
    got: str  # what the code gives, repr
    evidence: tuple[str, ...]  # sentences, the strongest first
    diff: str = ""  # that changes the expectation; empty where none can be written
    probability: float = 0.0  # in [0, 1], that the test is at fault


class Status(str, Enum):
    """What became of a failure, as reports name it."""

    REPAIRED = "repaired"  # a patch was written
    PROPOSED = "proposed"  # a patch would have been, in a run that writes nothing
    SUGGESTED = "suggested"  # plausible, and not to be written without being asked for
    TEST_SUSPECT = "test_suspect"  # the test is likelier wrong than the code: nothing was written
    UNREPAIRED = "unrepaired"  # no patch was found that the tests accept
    FLAKY = "flaky"  # the test passes when it is simply run again
    SKIPPED = "skipped"  # not searched: nothing to edit, or no budget left


@dataclass(frozen=True, slots=True)
class FailingCandidate:
    """The candidate that came nearest to a repair, and fails. It is no patch, and never applied."""

    diff: str  # against the files on disk
    passed: int  # targets that pass with it
    total: int
    error: str  # what still fails with it, one line


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one failure."""

    nodeid: str
    stack: ErrorStack
    status: Status
    reason: str  # what speaks for the patch, or why there is none; one sentence
    patches: tuple[RankedPatch, ...] = ()
    validations: int = 0
    seconds: float = 0.0
    suspicions: tuple[Suspicion, ...] = ()  # where the fault was looked for, best first
    localizing_s: float = 0.0  # of the seconds, those that finding the places took
    refused: int = 0  # candidates that reached for what lies outside the places of their run
    question: Question | None = None  # that tells plausible patches apart
    suspect_test: SuspectTest | None = None  # where the test may be at fault, whatever the status
    advice: tuple[str, ...] = ()  # of what was not repaired: what is known of it, and what to try
    best_failing: FailingCandidate | None = None

    @property
    def is_offer(self) -> bool:
        """Whether it holds something that was not written and may be asked for."""
        return is_offer(self.status, bool(self.patches), self.suspect_test)


def is_offer(status: Status, has_patches: bool, suspect: SuspectTest | None) -> bool:
    """Whether a failure has a patch, or a change of its test, that was not written."""
    if status in (Status.REPAIRED, Status.PROPOSED, Status.FLAKY):
        return False
    suggested = status in (Status.SUGGESTED, Status.TEST_SUSPECT) and has_patches
    return suggested or (suspect is not None and bool(suspect.diff))


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What one session of repair did."""

    model: str
    adapter: str
    seed: int
    seconds: float
    outcomes: tuple[Outcome, ...]
    overlay: Overlay  # all accepted edits together
    diff: str  # of all accepted edits
    undo_hint: str = ""  # how to take it back; empty when nothing was changed
    confinement: str = ""  # what kept candidates from doing harm: ``confined: Landlock 7``
