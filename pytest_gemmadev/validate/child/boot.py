"""The first code of every child interpreter. Run as a file: ``boot.py SOCKET SETUP``.

A ``fresh`` interpreter runs the tests once. A ``warm`` one calls pytest, stops it where plugins
are loaded and no conftest is, and forks a run there for each request. Where a plugin has already
imported project code by then, it starts again as a ``cold`` one, which forks before it calls
pytest.

Between the oracle and a run there is a keeper, which runs no project code, and ends everything
that the run started.
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
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from pytest_gemmadev.validate.confine.confinement import Confinement
    from pytest_gemmadev.validate.wire import Channel, Message

_PACKAGE = "pytest_gemmadev"


def main() -> NoReturn:
    """Serves one oracle until it is gone."""
    _import_package()
    if sys.argv[1] == "-":
        _run_unforked(sys.argv[2])
    from pytest_gemmadev.validate.wire import Channel

    setup = json.loads(sys.argv[2])
    control = Channel(socket.socket(fileno=int(sys.argv[1])))
    confinement = _confine(setup)
    _behave_as_pytest(setup)
    if setup["kind"] == "fresh":
        request = control.receive()
        if request is None:
            os._exit(0)
        jobs = control.take_fds(request.get("fds", 0))
        pipe = _keep(control, request, setup, not_ours=jobs)
        run = _Run(setup, None, confinement)
        run.begin(request, pipe, jobs[0] if jobs else None)
    else:
        run = _Run(setup, control, confinement)
        if setup["kind"] == "cold":
            run.serve()
    run.to_the_end()


def _run_unforked(setup_file: str) -> NoReturn:
    with open(setup_file, encoding="ascii") as file:
        setup = json.load(file)
    confinement = _confine(setup)
    _behave_as_pytest(setup)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    run = _Run(setup, None, confinement)
    run.begin(setup["request"], os.open(setup["output"], flags), None)
    run.to_the_end()


def _confine(setup: Message) -> Confinement:
    """Confines this interpreter, unless it is one already that has started anew."""
    from pytest_gemmadev.validate.confine.confinement import Confinement

    confinement = Confinement(folder=setup["folder"], **setup["confinement"])
    if not setup.get("is_confined"):
        confinement.enter()
    return confinement


def _behave_as_pytest(setup: Message) -> None:
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
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = module
    spec.loader.exec_module(module)
    # pytest warns of plugins that it finds imported, unless they ask to be left as they are.
    module.__doc__ = f"{module.__doc__} PYTEST_DONT_REWRITE"


class _Run:
    """One call of pytest, which may fork on its way."""

    def __init__(self, setup: Message, control: Channel | None, confinement: Confinement) -> None:
        import pytest

        from pytest_gemmadev.capture.hooks import Recorder
        from pytest_gemmadev.validate.child.overlay import SourceOverlay
        from pytest_gemmadev.validate.child.quiet import Quiet
        from pytest_gemmadev.validate.child.worker import Runner

        self._pytest = pytest
        self._setup = setup
        self._control = control  # None in a run
        self._confinement = confinement
        self._overlay = SourceOverlay(setup["root"], os.path.join(setup["folder"], "compiled"))
        self._overlay.install()
        self._quiet = Quiet()
        self._recorder = Recorder()
        self._runner = Runner(self._overlay, self._quiet, self._recorder, confinement)

    def begin(self, request: Message, pipe: int, jobs: int | None) -> None:
        self._runner.begin(request, pipe, jobs)

    def serve(self) -> None:
        """Forks a run for each request; returns in the run."""
        from pytest_gemmadev.validate.process import threads

        assert self._control is not None
        names = self._setup["preload"]
        if (wrong := self._preload(names)) is not None:
            # With it came project code, which every run has to import by itself.
            top = wrong.partition(".")[0]
            self._again(preload=[name for name in names if name.partition(".")[0] != top])
        if threads() > 1 and names:
            self._again(preload=[])  # a fork would lose them
        request, pipe, jobs = _serve(self._control, self._setup, self._confinement)
        self._control = None
        self.begin(request, pipe, jobs)

    def _preload(self, names: list[str]) -> str | None:
        """Imports what the tests imported before, so that no run has to.

        Returns the first of them that imports project code: a package that extends the project.
        """
        for name in names:
            if name not in sys.modules:
                try:
                    importlib.import_module(name)
                except BaseException:  # whatever it is, the run will meet it too
                    sys.modules.pop(name, None)
            if self._overlay.modules or self._overlay.rewritten:
                return name
        return None

    def to_the_end(self) -> NoReturn:
        plugins: list[Any] = [self._quiet, self._recorder, self._runner]
        if self._control is not None:
            plugins.append(_gate(self))
        status = self._pytest.main(self._setup["args"], plugins=plugins)
        if self._control is not None:
            self._again(kind="cold")  # pytest did not get as far as to the gate
        self._runner.finish(status)
        os._exit(0)

    def at_gate(self) -> None:
        from pytest_gemmadev.validate.process import threads

        # What was started with plugins, threads of native libraries too, a fork would lose.
        if self._overlay.modules or self._overlay.rewritten or threads() > 1:
            self._again(kind="cold")
        self.serve()

    def _again(self, **change: Any) -> NoReturn:
        """Starts this interpreter anew with another setup."""
        assert self._control is not None
        fd = self._control.fileno()
        os.set_inheritable(fd, True)
        confinement = {**self._setup["confinement"], **self._confinement.prepare_exec()}
        setup = {**self._setup, **change, "confinement": confinement, "is_confined": True}
        # Not sys.orig_argv as a whole: its last two are the socket and the old setup.
        os.execv(sys.executable, [*sys.orig_argv[:-2], str(fd), json.dumps(setup)])


def _gate(run: _Run) -> object:
    import pytest

    class Gate:
        """Stops pytest where its plugins are loaded and nothing of the project is."""

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_load_initial_conftests(self) -> Generator[None, object, object]:
            run.at_gate()
            return (yield)

    return Gate()


def _serve(
    control: Channel, setup: Message, confinement: Confinement
) -> tuple[Message, int, int | None]:
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
        fd, *jobs = control.take_fds(request["fds"])
        keepers &= (now := children())
        for stranger in now - keepers:  # left behind by a keeper that something ended
            end_tree(stranger, spare=keepers)
        pid = fork()
        if pid == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            keeper = Channel(socket.socket(fileno=fd))
            pipe = _keep(keeper, request, setup, not_ours=jobs)
            return request, pipe, jobs[0] if jobs else None
        keepers.add(pid)
        for received in (fd, *jobs):
            os.close(received)
    for child in children():
        end_tree(child)
    if os.getppid() != oracle:  # it was ended and could not clean up itself
        confinement.remove_folder()
    os._exit(0)


def _keep(control: Channel, request: Message, setup: Message, not_ours: Sequence[int] = ()) -> int:
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
    ended = watch.wait()
    changed = changes_of_run(setup["confinement"], setup["folder"], request["scratch"])
    if ended.how != "orphaned":
        control.send(replace(ended, changed=changed).plain())
    os._exit(0)


if __name__ == "__main__":
    main()
