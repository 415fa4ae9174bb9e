"""What the oracle and its processes say to one another, and what it hands to a user's program.

    oracle  -- RunRequest -->  keeper    forks a run, watches it, ends it
    run     -- Event ... -->   keeper    over a pipe, packed by `wire.pack` under the run's token
    keeper  -- RunEndMessage -> oracle

    worker  -- WorkerReady --> oracle    once the tests are collected
    oracle  -- Job -->         worker    some candidates, run in a fork, or in the worker itself
    fork    -- Event ... -->   worker
    worker  -- RunEndMessage -> oracle

Every message is JSON, so tuples arrive as lists. Contents of files are latin-1: each character stands
for one byte. Nothing checks the shape of what arrives: the token says that the sender is one of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict, final

from pytest_gemmadev.capture.shapes import PlainStack
from pytest_gemmadev.validate.resources import ProcessLimits

if TYPE_CHECKING:
    from typing_extensions import NotRequired

# --- how a child interpreter is started ----------------------------------------------------------


class ConfinementSetup(TypedDict):
    """Arguments of `confine.confinement.Confinement`."""

    level: str  # a value of `confine.places.Level`
    folder: str  # the oracle's own
    private: list[str]  # folders of which runs get private copies
    filled: str  # a folder with what private copies begin with; empty for nothing
    outside: NotRequired[int]  # a descriptor that an interpreter keeps when it starts anew


class ChildSetup(TypedDict):
    """What ``boot.py`` reads from its command line."""

    kind: Literal["warm", "cold", "fresh", "unforked"]
    root: str  # of the project
    folder: str  # the oracle's own, for files of all its runs
    args: list[str]  # of pytest
    path: list[str]  # in front of ``sys.path``
    preload: list[str]  # modules to import before the first fork
    confinement: ConfinementSetup
    origins: dict[str, str]  # real paths of modules by name, as the user's run imported them
    is_confined: NotRequired[bool]  # it was before this interpreter started anew


class UnforkedSetup(ChildSetup):
    """The same where no process can fork: the request is in it, in a file."""

    request: RunRequest
    output: str  # the file that events are appended to


Moved: TypeAlias = tuple[str, str, str]
"""A module's name, its file in the user's run, its file here."""

# --- runs ----------------------------------------------------------------------------------------


class Permissions(TypedDict):
    """What the unchanged code reaches for, so that a candidate may too."""

    allowed: list[str]  # paths that it changes; ``*`` for all, and each is reported
    commands: list[str]  # commands that it starts; the same


class RunPlan(Permissions):
    """What a run is to do."""

    files: dict[str, str]  # new contents by absolute path
    limit_s: float  # until the tests are collected
    tests_s: float  # from then on
    stall_s: float  # between two events
    test_s: float  # one test; 0 for no limit
    output_bytes: int  # of its events together
    process_limits: ProcessLimits
    must_pass: list[str]  # node ids; the run ends with the first of them that does not pass
    only: NotRequired[list[str]]  # node ids to run; absent for all
    is_whole: NotRequired[bool]  # collect all files, whatever ``only`` names
    trace: NotRequired[list[str]]  # real paths of files whose lines are recorded
    traced_twice: NotRequired[int]  # of ``only``, so many first ones run a second time
    start: NotRequired[str]  # how candidates' processes begin: ``auto``, ``fork``, ``spawn``
    fds: NotRequired[int]  # descriptors that come with the message


class RunRequest(RunPlan):
    """A plan with what belongs to one run alone."""

    token: str  # hexadecimal
    scratch: str  # its folder for temporary files


# --- what a run says -----------------------------------------------------------------------------


@final
class TestStart(TypedDict):
    """A test begins."""

    start: str


@final
class TestEnd(TypedDict):
    """A test has ended; ``outcome`` is empty where no report gave one."""

    test: str
    outcome: str
    seconds: float
    stacks: list[PlainStack]
    lines: NotRequired[dict[str, list[int]]]  # that it executed, by real path


@final
class CollectorEnd(TypedDict):
    """A collector has ended."""

    collector: str
    outcome: str
    seconds: float
    stacks: list[PlainStack]


@final
class Collected(TypedDict):
    """All tests are known."""

    collected: list[str]
    seconds: float
    moved: NotRequired[list[Moved]]  # modules that are others than in the user's run


@final
class Reach(TypedDict):
    """The run was refused a call, or made one that is learned from."""

    reached: str  # path, address or command
    call: str


@final
class Behaviour(TypedDict):
    """What calls gave, by the call as it would be written; what expressions gave, by their places."""

    behaviour: dict[str, str]


class LastWords(TypedDict):
    """What was not said before the end of a run."""

    status: int  # pytest's exit status
    aborted: str
    outcomes: dict[str, str]
    stacks: list[PlainStack]
    imported: list[str]  # real paths of changed files that were imported
    modules: NotRequired[list[str]]  # of neither tests nor project, in order of import
    origins: NotRequired[dict[str, str]]  # as of `origins.project_origins`, of a whole run


class AttemptEnd(LastWords):
    """What came of one candidate."""

    loose: bool  # functions that ran while importing have new code
    over: bool  # a test was over its limit
    seconds: float
    refused: NotRequired[str]  # why it takes a new import
    broken: NotRequired[str]  # why it does not compile


@final
class AttemptEndEvent(TypedDict):
    """The run of one of several candidates has ended."""

    tried: AttemptEnd


@final
class RunEndEvent(TypedDict):
    """The run has come to its end by itself."""

    done: LastWords


Event: TypeAlias = (
    TestStart
    | TestEnd
    | CollectorEnd
    | Collected
    | Reach
    | Behaviour
    | AttemptEndEvent
    | RunEndEvent
)

How: TypeAlias = Literal["done", "died", "timeout", "output", "orphaned"]


@final
class RunEndMessage(TypedDict):
    """Arguments of `process.RunEnd`."""

    how: How
    status: int
    messages: list[Event]
    seconds: float
    changed: list[tuple[str, str]]
    is_spent: bool


# --- candidates for a worker ---------------------------------------------------------------------


@final
class WorkerReady(TypedDict):
    """A worker has collected the tests."""

    items: list[str]  # node ids
    problem: str  # why it takes no candidates; empty where it does
    moved: list[Moved]
    forks: bool  # candidates get processes of their own
    several: bool  # one process may run several


class AttemptPlan(TypedDict):
    """One candidate."""

    files: dict[str, str]  # new contents by absolute path
    others: list[str]  # node ids of tests to run after the targets


class ProbePlan(TypedDict):
    """Calls with other arguments, made after the tests; or expressions, evaluated instead of them."""

    paths: list[str]  # real paths of files whose functions are called
    seed: int
    expressions: NotRequired[list[tuple[str, str]]]  # (real path of a module, text)


class JobPlan(TypedDict):
    """Some candidates for a worker."""

    attempts: list[AttemptPlan]
    targets: list[str]  # node ids
    run_all: bool  # run the others too where a target fails
    loosely: bool  # swap functions that ran while importing
    limit_s: float  # for each candidate
    output_bytes: int
    process_limits: ProcessLimits
    probe: NotRequired[ProbePlan]
    permissions: NotRequired[Permissions]  # where they are others than before


class Job(JobPlan):
    """A plan with the token of its events."""

    token: str  # hexadecimal


WorkerMessage: TypeAlias = WorkerReady | RunEndMessage

# --- a user's program ----------------------------------------------------------------------------


class ProgramConfinement(ConfinementSetup):
    """How a run of a program is confined."""

    scratch: str  # the run's folder
    root: str  # of the project; it may change what lies there, in its copy
    brings: str  # the folder whose new files are copied to the scratch folder; empty for none


class ProgramSetup(TypedDict):
    """What ``program_main.py`` reads from its command line."""

    name: str  # of the program, which becomes the node id of its error
    target: str  # a file, a folder, or a module's name
    args: list[str]
    is_module: bool
    moved: tuple[str, str]  # the project's root, and where its copy lies
    report: str  # the file that an uncaught exception is written to
    lines: str  # the file that the lines which ran are written to; empty where nobody asks
    package: str  # the folder that this package lies in
    process_limits: ProcessLimits | None  # None for no limits
    confinement: ProgramConfinement | None  # None for none
