"""Starts child interpreters and asks them for runs; all of it ends with `Launcher.close`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_gemmadev.types import GemmadevError
from pytest_gemmadev.validate.child import boot
from pytest_gemmadev.validate.confine.places import Level, fill, private_folders
from pytest_gemmadev.validate.parent.unforked import run_unforked
from pytest_gemmadev.validate.process import Ended
from pytest_gemmadev.validate.wire import Channel, Message, new_token

CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds")
_WORTH_A_START = 20  # modules that every run would import by itself
_FAREWELL_S = 1.0  # for a worker to end its session
_FOREVER_S = 1e9
_GRACE_S = 5.0  # for a process of ours to answer, beyond what its run may take
_PATIENCE = 5.0  # times its limit that a starved run may take in all, see `process.Watch`
_SESSION_VARIABLES = ("PYTEST_CURRENT_TEST", "COV_CORE_", "PYTEST_XDIST_", "PYTEST_VERSION")


@dataclass(slots=True)
class Child:
    """An interpreter of ours and the socket to it."""

    process: subprocess.Popen[bytes]
    control: Channel

    def end(self) -> None:
        """Ends it; its keepers end with their sockets, and their runs with them."""
        self.control.close()
        try:
            self.process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass(slots=True)
class Worker:
    """A process that has collected the tests over one overlay."""

    control: Channel
    jobs: Channel
    scratch: Path
    limit_s: float  # of the collection
    child: Child | None = None  # the interpreter that was started for it, if one was
    items: frozenset[str] = frozenset()
    forks: bool = True  # each candidate, or several, get a process of their own
    several: bool = False  # may try several candidates in one process
    problem: str = ""  # why it takes no candidates

    def wait_ready(self) -> None:
        """Waits until the tests are collected."""
        try:
            ready = self.jobs.receive(self.limit_s * _PATIENCE + _GRACE_S)
        except (TimeoutError, OSError):
            ready = None
        if ready is None:
            self.problem = "the tests could not be collected"
        else:
            self.items, self.problem = frozenset(ready["items"]), ready["problem"]
            self.forks, self.several = ready["forks"], ready["several"]

    def run(self, job: Message) -> Ended | None:
        """Runs some candidates; None when the worker itself is gone."""
        try:
            self.jobs.send({**job, "token": new_token().hex()})
            limit_s = job["limit_s"] * (len(job["attempts"]) + 1)
            answer = self.jobs.receive(limit_s * _PATIENCE + _GRACE_S)
        except (TimeoutError, OSError):
            return None
        return None if answer is None else Ended(**answer)

    def end(self) -> None:
        """Ends it and what it started, giving it the time to end its session by itself."""
        self.jobs.close()
        with contextlib.suppress(TimeoutError, OSError):
            self.control.receive(_FAREWELL_S)
        self.control.close()
        if self.child is not None:
            self.child.end()
        shutil.rmtree(self.scratch, ignore_errors=True)


@dataclass(slots=True)
class Launcher:
    """Runs of one project's tests in processes of their own."""

    root: Path
    invocation_dir: Path
    args: tuple[str, ...]
    environ: Mapping[str, str]
    import_path: tuple[str, ...]  # in front of sys.path: the folder of ``python -m pytest``
    level: Level = Level.NONE
    before: Mapping[str, bytes | None] = field(default_factory=dict)  # as of `Usual`
    start: str = "auto"  # how the processes of candidates begin: or ``fork``, ``spawn``
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="gemmadev-")))
    preload: tuple[str, ...] = ()  # modules that runs need and that are no project code
    _zygote: Child | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _runs: int = 0

    def __post_init__(self) -> None:
        if self.start == "auto" and sys.platform == "darwin":
            self.start = "spawn"  # its libraries do not bear forks
        # Failing examples that hypothesis knows are tried first; new ones stay out of the tree.
        with contextlib.suppress(OSError, shutil.Error):
            shutil.copytree(self.invocation_dir / ".hypothesis", self.folder / "hypothesis")

    def prepare(self) -> None:
        """Starts the warm interpreter, which is ready a little later."""
        with self._lock:
            if CAN_FORK and self.start != "spawn" and self._zygote is None:
                self._zygote = self._start("warm")

    def run_fresh(self, request: Message) -> Ended:
        """One run in an interpreter that was started for it."""
        with self._scratch() as scratch:
            complete = _complete(request, scratch)
            if not CAN_FORK:
                return self._run_unforked(complete)
            child = self._start("fresh")
            try:
                return _ask(child.control, complete)
            finally:
                child.end()

    def run_forked(self, request: Message) -> Ended:
        """One run forked from a warm interpreter; from a new one where that is not possible."""
        if not CAN_FORK or self.start == "spawn":
            return self.run_fresh(request)
        ended = self._run_forked(request)
        if ended.how == "died" and not ended.messages and self._zygote_is_gone():
            # Not the run's fault; perhaps a module that cannot be imported ahead.
            self.preload = ()
            ended = self._run_forked(request)
        return ended

    def _run_forked(self, request: Message) -> Ended:
        with self._scratch() as scratch:
            complete = _complete(request, scratch)
            ours, theirs = socket.socketpair()
            channel = Channel(ours)
            try:
                self._fork(complete, theirs.fileno())
                theirs.close()
                return _answer(channel, complete)
            finally:
                theirs.close()
                channel.close()

    def _zygote_is_gone(self) -> bool:
        return self._zygote is None or self._zygote.process.poll() is not None

    def _run_unforked(self, request: Message) -> Ended:
        env = self._environment("fresh")
        return run_unforked(
            _command(), self._setup("unforked"), request, cwd=self.invocation_dir, env=env
        )

    def worker(self, request: Message) -> Worker:
        """A process that collects the tests and then takes candidates."""
        control, keeper_end = socket.socketpair()
        jobs, worker_end = socket.socketpair()
        scratch = self._new_scratch()
        # It is silent between candidates; that the collection ends is for the other limits.
        complete = {**_complete(request, scratch), "start": self.start, "stall_s": _FOREVER_S}
        child = None
        try:
            if self.start == "spawn":
                child = self._start("fresh")
                control.close()
                child.control.send({**complete, "fds": 1}, [worker_end.fileno()])
            else:
                self._fork(complete, keeper_end.fileno(), worker_end.fileno())
        finally:
            keeper_end.close()
            worker_end.close()
        own = Channel(control) if child is None else child.control
        return Worker(own, Channel(jobs), scratch, request["limit_s"], child)

    def _fork(self, request: Message, *fds: int) -> None:
        with self._lock:
            for _ in range(2):
                if self._zygote is None:
                    self._zygote = self._start("warm")
                try:
                    self._zygote.control.send({**request, "fds": len(fds)}, fds)
                    return
                except OSError:  # a run of before ended it
                    self._zygote.end()
                    self._zygote = None
        raise GemmadevError(
            f"the test process ended as soon as it started (in {self.invocation_dir}); "
            "run pytest by itself to see why"
        )

    def _start(self, kind: str) -> Child:
        ours, theirs = socket.socketpair()
        command = [*_command(), str(theirs.fileno()), json.dumps(self._setup(kind))]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self.invocation_dir,
                env=self._environment(kind),
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        finally:
            theirs.close()
        return Child(process, Channel(ours))

    def _setup(self, kind: str) -> Message:
        return {
            "kind": kind,
            "root": str(self.root),
            "folder": str(self.folder),
            "args": list(self.args),
            "path": list(self.import_path),
            "preload": list(self.preload),
            "confinement": {
                "level": self.level.value,
                "private": list(private_folders(str(self.root), self.environ)),
                "filled": self._filled(),
            },
        }

    def _filled(self) -> str:
        """Where what the tests have written lies as it was before, for private copies to begin with."""
        if not self.before or self.level is not Level.NAMESPACE:
            return ""
        place = self.folder / "filled"
        if not place.exists():
            fill(place, private_folders(str(self.root), self.environ), self.before)
        return str(place)

    def _environment(self, kind: str) -> dict[str, str]:
        env = {k: v for k, v in self.environ.items() if not k.startswith(_SESSION_VARIABLES)}
        env["PYTHONDONTWRITEBYTECODE"] = "1"
        env.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(self.folder / "hypothesis"))
        if kind == "warm":
            # Equal candidates get equal verdicts; a fresh run keeps the user's, which is random.
            env.setdefault("PYTHONHASHSEED", "0")
        return env

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A folder for one run's temporary files."""
        path = self._new_scratch()
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def learn_modules(self, names: Sequence[str]) -> None:
        """Lets later runs find these modules imported, where starting anew for that pays."""
        with self._lock:
            new = set(names) - set(self.preload)
            if self.preload or (self._zygote is not None and len(new) < _WORTH_A_START):
                return
            self.preload = tuple(names)
            if self._zygote is not None:
                self._zygote.end()
                self._zygote = None

    def _new_scratch(self) -> Path:
        with self._lock:
            self._runs += 1
            path = self.folder / str(self._runs)
        (path / "tmp").mkdir(parents=True)
        return path

    def close(self) -> None:
        """Ends everything that was started and removes its files."""
        with self._lock:
            if self._zygote is not None:
                self._zygote.end()
                self._zygote = None
        shutil.rmtree(self.folder, ignore_errors=True)


def _command() -> list[str]:
    # -W, -X and the like: private, and what multiprocessing starts its children with
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [sys.executable, *flags, boot.__file__]


def _complete(request: Message, scratch: Path) -> Message:
    return {**request, "token": new_token().hex(), "scratch": str(scratch)}


def _ask(control: Channel, request: Message) -> Ended:
    try:
        control.send(request)
    except OSError:
        return Ended("died")
    return _answer(control, request)


def _answer(control: Channel, request: Message) -> Ended:
    """What the keeper says about its run; ``died`` when it says nothing."""
    allowed_s = request["limit_s"] + request["tests_s"]
    try:
        answer = control.receive(allowed_s * _PATIENCE + _GRACE_S)
    except (TimeoutError, OSError):
        return Ended("timeout")
    if answer is None:
        return Ended("died")
    return Ended(**answer)
