"""Starts child interpreters and runs in them; all of it ends with `Launcher.close`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from pytest_gemmadev.types import GemmadevError
from pytest_gemmadev.validate.child import boot
from pytest_gemmadev.validate.confine.places import Level, fill, private_folders
from pytest_gemmadev.validate.messages import (
    ChildSetup,
    Job,
    RunEndMessage,
    RunPlan,
    RunRequest,
    WorkerMessage,
)
from pytest_gemmadev.validate.parent.interpreter import Interpreter
from pytest_gemmadev.validate.parent.unforked import run_unforked
from pytest_gemmadev.validate.parent.worker import Worker
from pytest_gemmadev.validate.process import RunEnd
from pytest_gemmadev.validate.resources import DEFAULT_POLICY, FOREVER_S, Policy
from pytest_gemmadev.validate.wire import Channel, new_token

Control: TypeAlias = Channel[RunRequest, RunEndMessage]
Kind: TypeAlias = Literal["warm", "fresh", "unforked"]  # of an interpreter

CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds")
_SESSION_VARIABLES = ("PYTEST_CURRENT_TEST", "COV_CORE_", "PYTEST_XDIST_", "PYTEST_VERSION")


@dataclass(slots=True)
class Launcher:
    """Runs of one project's tests in processes of their own."""

    root: Path
    invocation_dir: Path
    args: tuple[str, ...]
    environ: Mapping[str, str]
    import_path: tuple[str, ...]  # in front of sys.path: the folder of ``python -m pytest``
    level: Level = Level.NONE
    before: Mapping[str, bytes | None] = field(default_factory=dict)  # as of `KnownEffects`
    start: str = "auto"  # how the processes of candidates begin: or ``fork``, ``spawn``
    policy: Policy = DEFAULT_POLICY
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="gemmadev-")))
    preload: tuple[str, ...] = ()  # modules that runs need and that are no project code
    origins: Mapping[str, str] = field(default_factory=dict)
    # real paths of modules by name, as the user's run imported them
    is_apart: bool = False  # every run begins as the user's does, for a fork had other modules
    _zygote: Interpreter | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _runs: int = 0

    def __post_init__(self) -> None:
        if self.start == "auto" and sys.platform == "darwin":
            self.start = "spawn"  # its libraries do not bear forks
        # Hypothesis begins with failing examples that it knows; new ones stay out of the tree.
        with contextlib.suppress(OSError, shutil.Error):
            shutil.copytree(self.invocation_dir / ".hypothesis", self.folder / "hypothesis")

    def prepare(self) -> None:
        """Starts the warm interpreter, which is ready a little later."""
        with self._lock:
            if CAN_FORK and self.start != "spawn" and not self.is_apart and self._zygote is None:
                self._zygote = self._start("warm")

    def run_fresh(self, plan: RunPlan) -> RunEnd:
        """One run in an interpreter that was started for it."""
        with self._scratch() as scratch:
            request = _complete(plan, scratch)
            if not CAN_FORK:
                return self._run_unforked(request)
            interpreter = self._start("fresh")
            try:
                interpreter.control.send(request)
                return self._wait_for_end(interpreter.control, request)
            except OSError:  # it is gone
                return RunEnd("died")
            finally:
                interpreter.end()

    def run_forked(self, plan: RunPlan) -> RunEnd:
        """One run forked from a warm interpreter; from a new one where that is not possible."""
        if self.is_apart:
            plan["is_whole"] = True
        if not CAN_FORK or self.start == "spawn" or self.is_apart:
            return self.run_fresh(plan)
        end = self._run_forked(plan)
        if end.how == "died" and not end.messages and self._zygote_is_gone():
            # Not the run's fault; perhaps a module that cannot be imported ahead.
            self.preload = ()
            end = self._run_forked(plan)
        return end

    def _run_forked(self, plan: RunPlan) -> RunEnd:
        with self._scratch() as scratch:
            request = _complete(plan, scratch)
            ours, theirs = socket.socketpair()
            channel: Control = Channel(ours)
            try:
                self._fork(request, theirs.fileno())
                theirs.close()
                return self._wait_for_end(channel, request)
            finally:
                theirs.close()
                channel.close()

    def _wait_for_end(self, control: Control, request: RunRequest) -> RunEnd:
        """What the keeper says about its run; ``died`` when it says nothing."""
        limit_s = request["limit_s"] + request["tests_s"]
        try:
            answer = control.receive(self.policy.patience_s(limit_s))
        except (TimeoutError, OSError):
            return RunEnd("timeout")
        if answer is None:
            return RunEnd("died")
        return RunEnd(**answer)

    def _zygote_is_gone(self) -> bool:
        return self._zygote is None or self._zygote.process.poll() is not None

    def _run_unforked(self, request: RunRequest) -> RunEnd:
        env = self._environment("fresh")
        return run_unforked(
            _command(), self._setup("unforked"), request, cwd=self.invocation_dir, env=env
        )

    def start_worker(self, plan: RunPlan) -> Worker:
        """Starts a process that collects the tests and then takes candidates."""
        control, keeper_end = socket.socketpair()
        jobs, worker_end = socket.socketpair()
        scratch = self._new_scratch()
        request = _complete(plan, scratch)
        request["start"] = self.start
        # It is silent between candidates; that the collection ends is for the other limits.
        request["stall_s"] = FOREVER_S
        interpreter = None
        try:
            if self.start == "spawn" or self.is_apart:
                interpreter = self._start("fresh")
                control.close()
                request["fds"] = 1
                interpreter.control.send(request, [worker_end.fileno()])
            else:
                self._fork(request, keeper_end.fileno(), worker_end.fileno())
        finally:
            keeper_end.close()
            worker_end.close()
        own: Control = Channel(control) if interpreter is None else interpreter.control
        job_channel: Channel[Job, WorkerMessage] = Channel(jobs)
        return Worker(own, job_channel, scratch, request["limit_s"], self.policy, interpreter)

    def _fork(self, request: RunRequest, *fds: int) -> None:
        with self._lock:
            for _ in range(2):
                if self._zygote is None:
                    self._zygote = self._start("warm")
                try:
                    request["fds"] = len(fds)
                    self._zygote.control.send(request, fds)
                    return
                except OSError:  # a run of before ended it
                    self._zygote.end()
                    self._zygote = None
        raise GemmadevError(
            f"the test process ended as soon as it started (in {self.invocation_dir}); "
            "run pytest by itself to see why"
        )

    def _start(self, kind: Kind) -> Interpreter:
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
        return Interpreter(process, Channel(ours), answer_s=self.policy.answer_s)

    def _setup(self, kind: Kind) -> ChildSetup:
        return {
            "kind": kind,
            "root": str(self.root),
            "folder": str(self.folder),
            "args": list(self.args),
            "path": list(self.import_path),
            "preload": list(self.preload),
            "origins": dict(self.origins),
            "confinement": {
                "level": self.level.value,
                "folder": str(self.folder),
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

    def _environment(self, kind: Kind) -> dict[str, str]:
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
            if self.preload or (
                self._zygote is not None and len(new) < self.policy.worthwhile_modules
            ):
                return
            self.preload = tuple(names)
            self._end_zygote()

    def learn_origins(self, origins: Mapping[str, str]) -> None:
        """Lets later runs compare their modules with those of the user's; the first origins count."""
        with self._lock:
            if self.origins or not origins:
                return
            # They are part of a command line. A submodule lies where its package does.
            shallow = sorted(origins, key=lambda name: (name.count("."), name))
            self.origins = {n: origins[n] for n in shallow[: self.policy.compared_modules]}
            self._end_zygote()

    def stay_apart(self) -> None:
        """From now on, every run begins in an interpreter of its own and collects all tests."""
        with self._lock:
            self.is_apart = True
            self._end_zygote()

    def _end_zygote(self) -> None:
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
            self._end_zygote()
        shutil.rmtree(self.folder, ignore_errors=True)


def _command() -> list[str]:
    # -W, -X and the like: private, and what multiprocessing starts its children with
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return [sys.executable, *flags, boot.__file__]


def _complete(plan: RunPlan, scratch: Path) -> RunRequest:
    return {**plan, "token": new_token().hex(), "scratch": str(scratch)}
