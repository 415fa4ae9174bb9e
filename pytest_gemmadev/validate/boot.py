"""The first code of every child interpreter. Run as a file, with the number of a socket.

A ``fresh`` child runs the tests once. A ``zygote`` has pytest and its plugins ready and forks a run for
each request; it imports no project code itself. Between the oracle and a run there is a keeper, which
runs no project code either, and ends everything that the run started.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from pytest_gemmadev.validate.wire import Channel, Message

_PACKAGE = "pytest_gemmadev"


def main() -> NoReturn:
    """Serves one oracle until it is gone."""
    _import_package()
    from pytest_gemmadev.validate.wire import Channel

    control = Channel(socket.socket(fileno=int(sys.argv[1])))
    setup = control.receive()
    if setup is None:
        os._exit(0)
    sys.path[:1] = setup["path"]
    sys.argv = ["pytest", *setup["args"]]
    if setup["kind"] == "fresh":
        request = control.receive()
        if request is None:
            os._exit(0)
        pipe = keep(control, request)
        _run(setup, pipe, request)
    _serve(control, setup)


def _import_package() -> None:
    """Imports this package from where this file lies, whatever ``sys.path`` says."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = module
    spec.loader.exec_module(module)


def _run(setup: Message, pipe: int, request: Message) -> NoReturn:
    import pytest

    from pytest_gemmadev._capture import Recorder
    from pytest_gemmadev.validate.overlay import SourceOverlay
    from pytest_gemmadev.validate.quiet import Quiet
    from pytest_gemmadev.validate.worker import Runner

    overlay = SourceOverlay(setup["root"])
    overlay.install()
    quiet, recorder = Quiet(), Recorder()
    runner = Runner(overlay, quiet, recorder)
    runner.begin(request, pipe)
    status = pytest.main(setup["args"], plugins=[quiet, recorder, runner])
    runner.finish(status)
    os._exit(0)


def _serve(control: Channel, setup: Message) -> NoReturn:
    """Forks a keeper for each request; every one of them has a socket of its own."""
    import pytest  # noqa: F401  # so that no run has to

    import pytest_gemmadev.validate.worker  # noqa: F401
    from pytest_gemmadev.validate.process import adopt_orphans, children, end_tree
    from pytest_gemmadev.validate.wire import Channel

    adopt_orphans()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while (request := control.receive()) is not None:
        (fd,) = control.take_fds()
        pid = os.fork()
        if pid == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            pipe = keep(Channel(socket.socket(fileno=fd)), request)
            _run(setup, pipe, request)
        os.close(fd)
    for child in children():
        end_tree(child)
    os._exit(0)


def keep(control: Channel, request: Message) -> int:
    """Forks the run and returns in it, with the pipe it writes to. The keeper itself never returns."""
    from pytest_gemmadev.validate.process import Watch, adopt_orphans, die_with_parent

    adopt_orphans()
    if os.getpid() != os.getsid(0):
        os.setsid()
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        control.close()
        os.setsid()
        die_with_parent()
        return theirs
    os.close(theirs)
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
    if ended.how != "orphaned":
        control.send(
            {
                "how": ended.how,
                "status": ended.status,
                "messages": ended.messages,
                "seconds": ended.seconds,
            }
        )
    os._exit(0)


if __name__ == "__main__":
    main()
