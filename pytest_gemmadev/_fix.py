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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pytest_gemmadev._careful import Careful
from pytest_gemmadev._last import remember
from pytest_gemmadev._process_state import room_for_recursion
from pytest_gemmadev._tree import Snapshot, parses
from pytest_gemmadev.core import journal
from pytest_gemmadev.core.budget import Budget, Meter
from pytest_gemmadev.core.repair import Repair
from pytest_gemmadev.core.scope import Scope
from pytest_gemmadev.core.types import (
    GemmadevError,
    Model,
    Observation,
    Outcome,
    Overlay,
    RepairReport,
    Status,
)
from pytest_gemmadev.registry import load_model, proposers
from pytest_gemmadev.validate.program import Program, Ran, project_of, run_live
from pytest_gemmadev.validate.program_oracle import TRIAL_S, ProgramOracle

if TYPE_CHECKING:
    from rich.console import Console

INPUT_BYTES = 64 << 20  # of standard input that is kept for trials
LATE_INPUT_S = 1.0  # for input that comes after the program has failed
_NAMING = ("rules", "syntax")  # proposers that follow what an error names
_RULES_SHARE = 0.4  # of the budget for these alone
_THIN = "plausible, thinly tested: no tests were asked, only whether it runs"


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for beside the program."""

    model: str = "gemmadev"
    adapter: str | None = None
    budget_s: float = 300.0
    trial_s: float = TRIAL_S
    seed: int = 0
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    propose: bool = False  # leave the tree as it is


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
    top = os.path.realpath(root) if root else project_of(place)
    if os.path.isabs(target) and not is_module:
        target = os.path.realpath(target)
    elif not is_module and not (f"{cwd}{os.sep}").startswith(f"{top}{os.sep}"):
        target = os.path.realpath(target)  # run from outside: the copy lies elsewhere
    return Program(target, tuple(args), is_module, cwd, top, python or sys.executable)


def fix(program: Program, options: Options) -> int:
    """The exit status of the program, of the run after the repair where there was one."""
    journal.recover(program.root)
    with ExitStack() as stack:
        streams = stack.enter_context(_Streams.opened())
        ran = run_live(program, stdin=streams.input(), stdout=streams.output())
        if ran.stack is None or not _is_repairable(ran.stack):
            streams.show_output()
            return ran.status
        _say(f"{program.name} raised {ran.stack['error']}; looking for a repair")
        try:
            report = _repaired(program, options, ran, streams.recorded())
        except GemmadevError as error:  # the program has run, whatever became of its repair
            _say(str(error))
            report = None
        if report is None or not report.undo_hint:
            streams.show_output()
            return ran.status
        again = run_live(program, stdin=streams.input(), stdout=streams.output())
        streams.show_output()
        if again.stack is not None:
            journal.undo(program.root)
            _say(f"it raised {again.stack['error']} after all; everything was put back")
        return again.status


@room_for_recursion()
def _repaired(program: Program, options: Options, ran: Ran, input_: bytes) -> RepairReport | None:
    """What became of the program's errors; None where they do not come again in a trial."""
    meter = Meter(Budget(options.budget_s), time.monotonic)
    scope = Scope(program.root, options.allow, options.deny)
    model = load_model(
        options.model, adapter=options.adapter, threads=None, left_s=lambda: meter.left_s
    )
    oracle: ProgramOracle | None = None
    try:
        oracle = ProgramOracle(program, scope, input_=input_, trial_s=options.trial_s)
        baseline = oracle.observe({})
        if not _is_the_same(ran, baseline):
            found = baseline.stacks[0].error if baseline.stacks else "nothing"
            _say(f"run again with the same input it raised {found}; left alone")
            return None
        snapshot = Snapshot(scope)
        with _progress() as tell:
            outcomes, overlay = _searched(snapshot, oracle, model, options.seed, meter, tell)
        asked = (oracle.runs, oracle.exits)
        runs = bool(overlay) and not oracle.observe(overlay).stacks
        written = runs and not options.propose and _written(program, snapshot, overlay)
    finally:
        if oracle is not None:
            oracle.close()
        if model is not None:
            model.close()
    report = RepairReport(
        model=model.info.name if model is not None else "none",
        adapter=model.info.adapter if model is not None else "",
        seed=options.seed,
        seconds=meter.seconds,
        outcomes=tuple(_told(o, written=written) for o in outcomes if o.nodeid not in asked),
        overlay=overlay if written else {},
        diff=snapshot.diff(overlay),
        undo_hint=f"gemmadev undo --root {program.root}" if written else "",
    )
    remember(program.root, report, f"gemmadev fix {program.name}")
    _show(report)
    return report


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


def _is_the_same(ran: Ran, baseline: Observation) -> bool:
    """Whether a trial raises what the user's own run did."""
    assert ran.stack is not None
    return bool(baseline.stacks) and baseline.stacks[0].error == ran.stack["error"]


def _written(program: Program, snapshot: Snapshot, overlay: Overlay) -> bool:
    changed = snapshot.changed_since(overlay)
    if changed:
        _say(f"{changed[0]} was changed by somebody else meanwhile; nothing was written")
        return False
    journal.commit(program.root, overlay, note=f"gemmadev fix {program.name}")
    return True


def _told(outcome: Outcome, *, written: bool) -> Outcome:
    """The outcome in the words that fit a program."""
    if outcome.status is not Status.REPAIRED:
        return outcome
    others = sum(not patch.chosen for patch in outcome.patches)
    further = f"; {others} other plausible" if others else ""
    if written:
        return replace(outcome, reason=f"{_THIN}{further}")
    return replace(outcome, status=Status.PROPOSED, reason=f"{_THIN}{further}; nothing was written")


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
    from pytest_gemmadev.core.report import render_terminal

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
