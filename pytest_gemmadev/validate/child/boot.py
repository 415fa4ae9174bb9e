"""The first code of every child interpreter. Run as a file: ``boot.py SOCKET SETUP``.

A ``fresh`` interpreter runs the tests once. A ``warm`` one calls pytest, stops it where plugins
are loaded and no conftest is, and forks a run there for each request. Where a plugin has already
imported project code by then, it starts again as a ``cold`` one, which forks before it calls
pytest.

Between the oracle and a run there is a keeper, which runs no project code, and ends everything
that the run started. `validate.messages` says what is in the setup and in the requests.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import signal
import socket
import sys
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, TypeAlias

if TYPE_CHECKING:
    from pytest_gemmadev.validate.confine.confinement import Confinement
    from pytest_gemmadev.validate.messages import (
        ChildSetup,
        ConfinementSetup,
        RunEndMessage,
        RunRequest,
        UnforkedSetup,
    )
    from pytest_gemmadev.validate.wire import Channel

    Control: TypeAlias = Channel[RunEndMessage, RunRequest]

_PACKAGE = "pytest_gemmadev"


def main() -> NoReturn:
    """Serves one oracle until it is gone."""
    _import_package()
    if sys.argv[1] == "-":
        _run_unforked(sys.argv[2])
    from pytest_gemmadev.validate.wire import Channel

    setup: ChildSetup = json.loads(sys.argv[2])
    control: Control = Channel(socket.socket(fileno=int(sys.argv[1])))
    confinement = _confine(setup)
    _behave_as_pytest(setup)
    if setup["kind"] == "fresh":
        request = control.receive()
        if request is None:
            os._exit(0)
        jobs = control.take_fds(request.get("fds", 0))
        pipe = _keep(control, request, setup=setup, not_ours=jobs)
        run = _Run(setup, confinement)
        run.begin(request, pipe, jobs[0] if jobs else None)
        run.call_pytest()
    server = _Server(setup, confinement, control)
    if setup["kind"] == "cold":
        server.serve()
    server.call_pytest()


def _run_unforked(setup_file: str) -> NoReturn:
    with open(setup_file, encoding="ascii") as file:
        setup: UnforkedSetup = json.load(file)
    confinement = _confine(setup)
    _behave_as_pytest(setup)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    run = _Run(setup, confinement)
    run.begin(setup["request"], os.open(setup["output"], flags), None)
    run.call_pytest()


def _confine(setup: ChildSetup) -> Confinement:
    """Confines this interpreter, unless it is one already that has started anew."""
    from pytest_gemmadev.validate.confine.confinement import Confinement

    confinement = Confinement(**setup["confinement"])
    if not setup.get("is_confined"):
        confinement.enter()
    return confinement


def _behave_as_pytest(setup: ChildSetup) -> None:
    """Leaves ``sys.path`` and ``sys.argv`` as pytest would find them."""
    here = os.path.dirname(os.path.realpath(__file__))
    if sys.path and os.path.realpath(sys.path[0]) == here:  # it is not there under -P
        del sys.path[0]
    sys.path[:0] = setup["path"]
    sys.argv = ["pytest", *setup["args"]]


def _import_package() -> None:
    """Imports this package from where this file lies, whatever ``sys.path`` says."""
    folder = os.path.abspath(__file__)
    while os.path.basename(folder) != _PACKAGE:
        folder = os.path.dirname(folder)
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} holds no package")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = module
    spec.loader.exec_module(module)
    # pytest warns of plugins that it finds imported, unless they ask to be left as they are.
    module.__doc__ = f"{module.__doc__} PYTEST_DONT_REWRITE"


class _Run:
    """One call of pytest."""

    def __init__(self, setup: ChildSetup, confinement: Confinement) -> None:
        import pytest

        from pytest_gemmadev.capture.hooks import Recorder
        from pytest_gemmadev.validate.child.overlay import SourceOverlay
        from pytest_gemmadev.validate.child.quiet import Quiet
        from pytest_gemmadev.validate.child.runner import Runner

        self._pytest = pytest
        self._setup = setup
        self._overlay = SourceOverlay(setup["root"], os.path.join(setup["folder"], "compiled"))
        self._overlay.install()
        quiet, recorder = Quiet(), Recorder()
        self._runner = Runner(
            self._overlay, quiet, recorder, confinement=confinement, origins=setup["origins"]
        )
        self._plugins: list[object] = [quiet, recorder, self._runner, self._runner.selection]

    def begin(self, request: RunRequest, pipe: int, jobs: int | None) -> None:
        """Prepares for a request; ``jobs`` is the socket over which candidates come."""
        self._runner.begin(request, pipe, jobs)

    def call_pytest(self) -> NoReturn:
        """Runs the tests and ends this process."""
        status = self._pytest.main(self._setup["args"], plugins=self._plugins)
        self._runner.finish(status)
        os._exit(0)


class _Server(_Run):
    """A call of pytest that forks a run for each request on its way."""

    def __init__(self, setup: ChildSetup, confinement: Confinement, control: Control) -> None:
        super().__init__(setup, confinement)
        self._confinement = confinement
        self._control = control
        self._is_run = False  # this process is one of the runs

    def call_pytest(self) -> NoReturn:
        """Runs the tests where this process is a run; else serves at the gate."""
        plugins = self._plugins if self._is_run else [*self._plugins, _gate(self)]
        status = self._pytest.main(self._setup["args"], plugins=plugins)
        if not self._is_run:
            self._start_cold()  # pytest did not get as far as to the gate
        self._runner.finish(status)
        os._exit(0)

    def serve_at_gate(self) -> None:
        """Serves from where plugins are loaded, unless a fork would lose what they started."""
        from pytest_gemmadev.validate.process import count_threads

        # Threads count, those of native libraries too; and project code must be imported anew.
        if self._overlay.modules or self._overlay.rewritten or count_threads() > 1:
            self._start_cold()
        self.serve()

    def serve(self) -> None:
        """Forks a run for each request; returns in the run."""
        from pytest_gemmadev.validate.process import count_threads

        names = self._setup["preload"]
        if (wrong := self._preload(names)) is not None:
            # With it came project code, which every run has to import by itself.
            top = wrong.partition(".")[0]
            self._start_again(
                {**self._setup, "preload": [n for n in names if n.partition(".")[0] != top]}
            )
        if count_threads() > 1 and names:
            self._start_again({**self._setup, "preload": []})  # a fork would lose them
        request, pipe, jobs = _serve(self._control, self._setup, self._confinement)
        self._is_run = True
        self.begin(request, pipe, jobs)

    def _preload(self, names: list[str]) -> str | None:
        """Imports what the tests imported before, so that no run has to.

        Returns the first of them that imports project code: a package that extends the project. Where
        the folder of the project is not on ``sys.path`` yet, that is another copy, an installed one.
        """
        from pytest_gemmadev.validate.child.moved_modules import moved_modules

        origins = self._setup["origins"]
        if moved_modules(origins):
            return None  # by a plugin: what the oracle hears makes it do without forks
        for name in names:
            if name not in sys.modules:
                try:
                    importlib.import_module(name)
                except BaseException:  # whatever it is, the run will meet it too
                    sys.modules.pop(name, None)
            if self._overlay.modules or self._overlay.rewritten or moved_modules(origins):
                return name
        return None

    def _start_cold(self) -> NoReturn:
        self._start_again({**self._setup, "kind": "cold"})

    def _start_again(self, setup: ChildSetup) -> NoReturn:
        """Starts this interpreter anew, confined as it is, with another setup."""
        fd = self._control.fileno()
        os.set_inheritable(fd, True)
        confinement: ConfinementSetup = {
            **self._setup["confinement"],
            "outside": self._confinement.prepare_exec(),
        }
        setup = {**setup, "confinement": confinement, "is_confined": True}
        # Not sys.orig_argv as a whole: its last two are the socket and the old setup.
        os.execv(sys.executable, [*sys.orig_argv[:-2], str(fd), json.dumps(setup)])


def _gate(server: _Server) -> object:
    import pytest

    class Gate:
        """Stops pytest where its plugins are loaded and nothing of the project is."""

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_load_initial_conftests(self) -> Generator[None, object, object]:
            server.serve_at_gate()
            return (yield)

    return Gate()


def _serve(
    control: Control, setup: ChildSetup, confinement: Confinement
) -> tuple[RunRequest, int, int | None]:
    """Forks a keeper for each request; returns in the run that the keeper starts.

    With the request, the pipe to the keeper, and the socket over which candidates come, if they do.
    """
    from pytest_gemmadev.validate.process import adopt_orphans, children, end_tree, fork
    from pytest_gemmadev.validate.wire import Channel

    oracle = os.getppid()
    adopt_orphans()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # pytest collects garbage five times at its end: 1 s on pages that a fork shares, 10 ms without.
    gc.freeze()
    keepers: set[int] = set()
    while (request := control.receive()) is not None:
        fd, *jobs = control.take_fds(request.get("fds", 0))
        keepers &= (now := children())
        for stranger in now - keepers:  # left behind by a keeper that something ended
            end_tree(stranger, spare=keepers)
        pid = fork()
        if pid == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            keeper: Control = Channel(socket.socket(fileno=fd))
            pipe = _keep(keeper, request, setup=setup, not_ours=jobs)
            return request, pipe, jobs[0] if jobs else None
        keepers.add(pid)
        for received in (fd, *jobs):
            os.close(received)
    for child in children():
        end_tree(child)
    if os.getppid() != oracle:  # it was ended and could not clean up itself
        confinement.remove_folder()
    os._exit(0)


def _keep(
    control: Control, request: RunRequest, *, setup: ChildSetup, not_ours: Sequence[int]
) -> int:
    """Forks the run and returns in it, with the pipe it writes to; never returns in the keeper."""
    from pytest_gemmadev.validate.confine.confinement import changes_of_run
    from pytest_gemmadev.validate.process import Watch, adopt_orphans, die_with_parent, fork

    adopt_orphans()
    if os.getpid() != os.getsid(0):
        os.setsid()
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    pid = fork()
    if pid == 0:
        os.close(ours)
        control.close()
        os.setsid()
        die_with_parent()
        return theirs
    for fd in (theirs, *not_ours):
        os.close(fd)
    watch = Watch(
        pid=pid,
        pipe=ours,
        token=bytes.fromhex(request["token"]),
        limit_s=request["limit_s"],
        tests_s=request["tests_s"],
        stall_s=request["stall_s"],
        output_bytes=request["output_bytes"],
        control=control.fileno(),
    )
    end = watch.wait()
    changed = changes_of_run(setup["confinement"], request["scratch"])
    if end.how != "orphaned":
        control.send(replace(end, changed=changed).to_message())
    os._exit(0)


if __name__ == "__main__":
    main()
