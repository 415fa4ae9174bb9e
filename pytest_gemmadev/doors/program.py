"""``gemmadev fix``: runs a program as the user would, and repairs what it raises.

The tree changes once, when a patch was found with which the program runs; the run that follows is
the user's again, and where that disagrees, everything is put back.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pytest_gemmadev.doors.last_failures import remember
from pytest_gemmadev.doors.session_state import room_for_recursion
from pytest_gemmadev.files import journal
from pytest_gemmadev.files.commit import Change, write
from pytest_gemmadev.files.interrupts import Interrupts
from pytest_gemmadev.files.scope import Scope
from pytest_gemmadev.files.snapshot import Snapshot, parses
from pytest_gemmadev.propose.conservative import Careful
from pytest_gemmadev.registry import model_or_none, proposers
from pytest_gemmadev.search.budget import Budget, Meter
from pytest_gemmadev.search.loop import Repair
from pytest_gemmadev.search.outcomes import numbered
from pytest_gemmadev.search.patches import rebased
from pytest_gemmadev.types import (
    GemmadevError,
    Model,
    Observation,
    Outcome,
    Overlay,
    RepairReport,
    Status,
)
from pytest_gemmadev.validate.confine.places import Level, describe_level, level_for
from pytest_gemmadev.validate.program.program_oracle import ProgramOracle
from pytest_gemmadev.validate.program.program_process import (
    Program,
    ProgramRun,
    find_root,
    run_live,
)
from pytest_gemmadev.validate.program.program_runs import ProgramRuns
from pytest_gemmadev.validate.resources import ProgramLimits

if TYPE_CHECKING:
    from rich.console import Console

INPUT_BYTES = 64 << 20  # of standard input that is kept for trials
LATE_INPUT_S = 1.0  # for input that comes after the program has failed
_NAMING = ("rules", "syntax")  # proposers that follow what an error names
_RULES_SHARE = 0.4  # of the budget for these alone
_NAMED = 5  # files that a line names
_THIN = "plausible, thinly tested: no tests were asked, only whether it runs"


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for beside the program."""

    model: str = "gemmadev"
    adapter: str | None = None
    budget_s: float = 300.0
    trial_s: float = ProgramLimits().run_s
    seed: int = 0
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    propose: bool = False  # leave the tree as it is
    confine: str = "auto"  # or ``strict``, ``off``


def program_of(
    command: Sequence[str], *, root: str | None = None, python: str | None = None
) -> Program:
    """The program that ``FILE [ARGS…]``, ``FOLDER [ARGS…]`` or ``-m MODULE [ARGS…]`` means."""
    cwd = os.path.realpath(os.getcwd())
    is_module = command[:1] == ["-m"]
    target, *args = command[1:] if is_module else command
    place = cwd
    if root is not None and not os.path.isdir(root):
        raise GemmadevError(f"--root {root}: no such folder")
    if python is not None and shutil.which(python) is None:
        raise GemmadevError(f"--python {python}: no such interpreter")
    if not is_module:
        path = Path(target)
        main = path / "__main__.py" if path.is_dir() else path
        if not main.is_file():
            raise GemmadevError(
                f"{main}: no such file; name a program, a folder with a __main__.py, or -m MODULE"
            )
        place = str(path.resolve() if path.is_dir() else path.resolve().parent)
    top = os.path.realpath(root) if root else find_root(place)
    if os.path.isabs(target) and not is_module:
        target = os.path.realpath(target)
    elif not is_module and not (f"{cwd}{os.sep}").startswith(f"{top}{os.sep}"):
        target = os.path.realpath(target)  # run from outside: the copy lies elsewhere
    return Program(target, tuple(args), is_module, cwd, top, python or sys.executable)


def fix(program: Program, options: Options) -> int:
    """The exit status of the program, of the run after the repair where there was one."""
    level = level_for(options.confine)
    journal.recover(program.root)
    with _Streams.opened() as streams, Interrupts() as interrupts:
        ran = run_live(program, stdin=streams.input(), stdout=streams.output())
        if ran.stack is None or not _is_repairable(ran.stack) or interrupts.noted:
            streams.show_output()
            return ran.status
        _say(f"{program.name} raised {ran.stack['error']}; looking for a repair")
        try:
            found = _found(program, options, ran, streams.recorded())
        except GemmadevError as error:  # the program has run, whatever became of its repair
            _say(str(error))
            found = None
        if interrupts.noted:
            raise KeyboardInterrupt
        if found is None or found.change is None:
            if found is not None:
                _tell(program, found.proposed())
            streams.show_output()
            return ran.status
        status = _written(program, level, found, found.change, streams, interrupts)
        return ran.status if status is None else status


@dataclass(frozen=True, slots=True)
class _Found:
    """What the search came to."""

    report: RepairReport  # as if all of it was written
    change: Change | None  # what is to be written

    def proposed(self, why: str = "nothing was written") -> RepairReport:
        outcomes = tuple(
            replace(o, status=Status.PROPOSED, reason=f"{o.reason}; {why}")
            if o.status is Status.REPAIRED
            else o
            for o in self.report.outcomes
        )
        return replace(self.report, outcomes=outcomes, overlay={}, undo_hint="")


def _written(
    program: Program,
    level: Level,
    found: _Found,
    change: Change,
    streams: _Streams,
    interrupts: Interrupts,
) -> int | None:
    """The status of the program's run on the changed files; None where there was none."""
    again: ProgramRun | None = None

    def disagreement() -> str:
        nonlocal again
        _show(found.report)
        again = _run_repaired(program, level, streams)
        return "" if again.stack is None else f"it raised {again.stack['error']} after all"

    reason = write(change, confirm=disagreement, interrupted=lambda: interrupts.noted)
    if not reason:
        remember(program.root, found.report, f"gemmadev fix {program.name}")
    elif again is None:
        _tell(program, found.proposed(reason))
    else:
        remember(program.root, found.proposed(reason), f"gemmadev fix {program.name}")
    streams.show_output()
    if again is None:
        return None
    if reason:
        _say(reason)
    return again.status


def _run_repaired(program: Program, level: Level, streams: _Streams) -> ProgramRun:
    """The run after the repair, on private copies: nobody has read the patch yet."""
    if level is Level.NONE:
        again = run_live(program, stdin=streams.input(), stdout=streams.output())
        brought: tuple[str, ...] = ()
    else:
        runs = ProgramRuns(program, level=level)
        try:
            again, brought = runs.run_last(stdin=streams.input(), stdout=streams.output())
        finally:
            runs.close()
    if again.stack is None and (brought or again.reached):
        _say(_effects(again, brought))
    return again


def _effects(ran: ProgramRun, brought: Sequence[str]) -> str:
    """What of the effects of the repaired program is there, and what is not."""
    told = []
    if brought:
        told.append(f"it has made {_listed(brought)}")
    if ran.reached:
        paths = dict.fromkeys(path for path, _ in ran.reached)
        told.append(
            f"it would have changed {_listed(tuple(paths))} as well, which it did in a private copy "
            "only: read the patch, then run the program yourself"
        )
    return "; ".join(told)


def _listed(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more


def _tell(program: Program, report: RepairReport) -> None:
    remember(program.root, report, f"gemmadev fix {program.name}")
    _show(report)


@room_for_recursion()
def _found(program: Program, options: Options, ran: ProgramRun, input_: bytes) -> _Found | None:
    """What became of the program's errors; None where they do not come again in a trial."""
    meter = Meter(Budget(options.budget_s), time.monotonic)
    scope = Scope(program.root, options.allow, options.deny)
    model = model_or_none(
        options.model, adapter=options.adapter, left_s=lambda: meter.left_s, tell=_say
    )
    oracle: ProgramOracle | None = None
    try:
        oracle = ProgramOracle(
            program,
            scope,
            input_=input_,
            program_limits=ProgramLimits(run_s=options.trial_s),
            level=level_for(options.confine),
        )
        baseline = oracle.observe({})
        if not _is_the_same(ran, baseline):
            found = baseline.stacks[0].error if baseline.stacks else "nothing"
            refused = oracle.known_effects.describe()
            why = f", where it was kept from {refused}" if refused else ""
            _say(f"run again with the same input it raised {found}{why}; left alone")
            return None
        snapshot = Snapshot(scope)
        with _progress() as tell:
            outcomes, overlay = _searched(snapshot, oracle, model, options.seed, meter, tell)
        asked = (oracle.runs, oracle.exits)
        seen = oracle.observe(overlay)
        runs = bool(overlay) and not seen.stacks and not seen.aborted
    finally:
        if oracle is not None:
            oracle.close()
        if model is not None:
            model.close()
    told = [_told(o) for o in outcomes if o.nodeid not in asked]
    if runs and not options.propose:
        told = [rebased(outcome, overlay, snapshot.read) for outcome in told]
    report = RepairReport(
        model=model.info.name if model is not None else "none",
        adapter=model.info.adapter if model is not None else "",
        seed=options.seed,
        seconds=meter.seconds,
        outcomes=numbered(told),
        overlay=overlay,
        diff=snapshot.diff(overlay),
        undo_hint=f"gemmadev undo --root {program.root}",
        confinement=describe_level(oracle.level),
    )
    before = {path: snapshot.read(path) for path in overlay}
    change = Change(Path(program.root), overlay, before, f"gemmadev fix {program.name}")
    return _Found(report, change if runs and not options.propose else None)


def _searched(
    snapshot: Snapshot,
    oracle: ProgramOracle,
    model: Model | None,
    seed: int,
    meter: Meter,
    tell: Callable[[str], None],
) -> tuple[tuple[Outcome, ...], Overlay]:
    """What rules find, which read the cause from the error; where that is not enough, all of it."""
    first, writers = proposers(model)
    rules = [proposer for proposer in first if proposer.name in _NAMING]
    outcomes: tuple[Outcome, ...] = ()
    overlay: Overlay = {}
    for some, more, share in ((rules, (), _RULES_SHARE), (first, writers, 1.0)):
        repair = Repair(
            files=snapshot,
            oracle=oracle,
            proposers=tuple(Careful(p) for p in some),
            writers=tuple(Careful(p) for p in more),
            model=model,
            clock=time.monotonic,
            seed=seed,
            tell=tell,
            parses=parses,
        )
        found, changed = repair.run(oracle.observe({}), meter.share(share))
        runs = bool(changed) and not oracle.observe(changed).stacks
        if runs or not outcomes or len(found) > len(outcomes):
            outcomes, overlay = found, changed
        if runs or meter.exhausted:
            break
    return outcomes, overlay


def _is_repairable(stack: Mapping[str, Any]) -> bool:
    """Whether code may be to blame. A module that is not there raises without a frame."""
    return bool(stack["frames"]) and stack["error"] not in ("KeyboardInterrupt", "MemoryError")


def _is_the_same(ran: ProgramRun, baseline: Observation) -> bool:
    """Whether a trial raises what the user's own run did."""
    assert ran.stack is not None
    return bool(baseline.stacks) and baseline.stacks[0].error == ran.stack["error"]


def _told(outcome: Outcome) -> Outcome:
    """The outcome in the words that fit a program."""
    if outcome.status is not Status.REPAIRED:
        return outcome
    others = sum(not patch.chosen for patch in outcome.patches)
    further = f"; {others} other plausible" if others else ""
    return replace(outcome, reason=f"{_THIN}{further}")


# --- streams -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Streams:
    """The user's standard input and output, lent to one run of the program after the other.

    Input from a terminal goes to the program itself, and trials have none. Other input is passed on
    and recorded. Output goes to a terminal at once; elsewhere it is kept, so that what comes out in
    the end is the output of one run.
    """

    folder: Path
    is_terminal: bool = field(default_factory=lambda: sys.stdin is not None and sys.stdin.isatty())
    shows: bool = field(default_factory=lambda: sys.stdout.isatty())
    _recorder: _Recorder | None = None
    _output: IO[bytes] | None = None

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator[_Streams]:
        with tempfile.TemporaryDirectory(prefix="gemmadev-") as name:
            yield cls(Path(name))

    def input(self) -> IO[bytes] | int | None:
        """What the next run reads: the user's own input the first time, the recording after that."""
        if self.is_terminal:
            return None
        if sys.stdin is None:
            return subprocess.DEVNULL
        if self._recorder is None:
            self._recorder = _Recorder(sys.stdin.fileno())
            return self._recorder.start()
        path = self.folder / "stdin"
        path.write_bytes(self._recorder.data)
        return path.open("rb")

    def output(self) -> IO[bytes] | None:
        if self.shows:
            return None
        self._output = (self.folder / "stdout").open("w+b")
        return self._output

    def recorded(self) -> bytes:
        return b"" if self._recorder is None else self._recorder.finish()

    def show_output(self) -> None:
        """Writes what the last run has written, where that was kept."""
        if self._output is not None:
            self._output.seek(0)
            sys.stdout.flush()
            shutil.copyfileobj(self._output, sys.stdout.buffer)
            sys.stdout.buffer.flush()
            self._output.close()


class _Recorder:
    """Passes input on as it comes, and keeps it."""

    def __init__(self, source: int) -> None:
        self._source = source
        self._over = threading.Event()
        self.data = b""

    def start(self) -> IO[bytes]:
        """The end of a pipe that the program reads."""
        ours, theirs = os.pipe()
        self._sink: int | None = theirs
        threading.Thread(target=self._pump, daemon=True).start()
        return os.fdopen(ours, "rb")

    def _pump(self) -> None:
        sink = self._sink
        while len(self.data) < INPUT_BYTES:
            try:
                chunk = os.read(self._source, 1 << 16)
            except OSError:
                break
            if not chunk:
                break
            self.data += chunk
            sink = _passed_on(sink, chunk)
        if sink is not None:
            os.close(sink)
        self._over.set()

    def finish(self) -> bytes:
        """Everything there was to read, as far as it comes soon."""
        self._over.wait(LATE_INPUT_S)
        return self.data


def _passed_on(sink: int | None, chunk: bytes) -> int | None:
    """Writes to the program; None once it reads no more."""
    view = memoryview(chunk)
    while sink is not None and view:
        try:
            view = view[os.write(sink, view) :]
        except OSError:
            os.close(sink)
            sink = None
    return sink


# --- what is shown -------------------------------------------------------------------------------


def _say(line: str) -> None:
    sys.stdout.flush()
    print(f"gemmadev: {line}", file=sys.stderr, flush=True)


def _console() -> Console:
    from rich.console import Console

    return Console(stderr=True, highlight=False, legacy_windows=False)


def _show(report: RepairReport) -> None:
    from pytest_gemmadev.report.report import render_terminal

    render_terminal(report, _console())


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A line that tells what is being done, on a terminal; silence anywhere else."""
    console = _console()
    if not console.is_terminal:
        yield lambda _message: None
        return
    from rich.markup import escape
    from rich.status import Status as Spinner

    with Spinner("gemmadev", console=console) as spinner:
        yield lambda message: spinner.update(f"gemmadev: {escape(message)}")
