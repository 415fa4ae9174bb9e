"""Main program of a process that runs a user's program and reports how it failed.

To the program everything is as if the interpreter had started it: arguments, ``__main__``,
``sys.path``, standard streams, the traceback that it prints, its exit status. What an uncaught
exception knows is written to a file beside. Needs the standard library only, so that it runs under
any interpreter, whatever is installed there.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import sys
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_gemmadev.validate.messages import ProgramSetup

_INTERRUPTED = 130


def main() -> None:
    setup: ProgramSetup = json.loads(sys.argv[1])
    sys.path[0] = setup["package"]  # what of ours is needed, before anything of theirs is found
    from pytest_gemmadev.capture.stack import capture_stack

    if setup["confinement"] is not None:
        from pytest_gemmadev.validate.confine.confined_program import confine_program

        confine_program(setup["confinement"])
    if setup["process_limits"] is not None:
        from pytest_gemmadev.validate.process import limit_process

        limit_process(**setup["process_limits"])
    # A project that is installed as a link to its sources is found where the copy lies.
    sys.path[1:] = [_path_in_copy(path, *setup["moved"]) for path in sys.path[1:]]
    sys.argv = [setup["target"], *setup["args"]]
    try:
        with _lines_written(setup):
            _run(setup)
    except SystemExit:
        raise
    except BaseException as error:
        trace = _own_part(error.__traceback__)
        with open(setup["report"], "w", encoding="utf-8") as file:
            json.dump(capture_stack(error.with_traceback(trace), setup["name"], "run"), file)
        sys.excepthook(type(error), error, trace)
        sys.exit(_INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1)


def _run(setup: ProgramSetup) -> None:
    if setup["is_module"]:
        sys.path[0] = os.getcwd()
        sys.argv[0] = "-m"  # until the module is found, as the interpreter does it
        runpy.run_module(setup["target"], run_name="__main__", alter_sys=True)
        return
    path = setup["target"]
    if os.path.isdir(path):
        sys.path[0] = path
        path = os.path.join(path, "__main__.py")
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(path))
    path = os.path.abspath(path)
    with io.open_code(path) as file:
        source = file.read()
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=path, __builtins__=__builtins__, __cached__=None)
    sys.modules["__main__"] = module
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)


@contextlib.contextmanager
def _lines_written(setup: ProgramSetup) -> Iterator[None]:
    """Writes the lines of the project that run down, where somebody asks."""
    if not setup["lines"]:
        yield
        return
    from pytest_gemmadev.validate.child.tracing import LineRecorder

    folder = setup["moved"][1] + os.sep
    recorder = LineRecorder(lambda path: path.startswith(folder), lambda _path: False)
    recorder.start()
    try:
        yield
    finally:
        ran = recorder.stop()
        below = sorted((path[len(folder) :].replace(os.sep, "/"), line) for path, line in ran)
        with open(setup["lines"], "w", encoding="utf-8") as file:
            json.dump(below, file)


def _own_part(trace: types.TracebackType | None) -> types.TracebackType | None:
    """The traceback from the program's first frame on."""
    ours = {__file__, contextlib.__file__, runpy.__file__, runpy.run_module.__code__.co_filename}
    while trace is not None and trace.tb_frame.f_code.co_filename in ours:
        trace = trace.tb_next
    return trace


def _path_in_copy(path: str, root: str, copy: str) -> str:
    return copy + path[len(root) :] if path == root or path.startswith(root + os.sep) else path


if __name__ == "__main__":
    main()
