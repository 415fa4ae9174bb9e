"""A process that calls sound and broken functions side by side and tells what differs.

Reads a request a line from standard input and answers a line; `training.data.execute` starts and ends it.
The failing call becomes a test, which is run with the broken function in place and whose failure is
captured as it is in a user's pytest.

Covered: time a call, memory, size of files, and through audit events writing files, starting
processes, the network and signals. It is no security boundary.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import itertools
import json
import os
import random
import signal
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from pytest_gemmadev.capture.exceptions import Comparison
from pytest_gemmadev.capture.stack import capture_stack
from training.data import inputs

ROOT = "/training-project"  # where broken files and their tests seem to lie
CALL_S = 0.1
TRIES = 120  # calls of a sound function in search of inputs
INPUTS = 10  # that are kept
_ITEMS = 20  # taken from a generator
_RESULT_CHARS = 200
_MEMORY = 1 << 30
_FORBIDDEN = (  # audit events that begin so
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "os.chown",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.kill",
    "os.chdir",
    "os.putenv",
    "os.unsetenv",
    "os.utime",
    "shutil.",
    "subprocess.",
    "socket.",
    "ctypes.",
    "webbrowser.",
    "pty.",
    "ftplib.",
    "smtplib.",
    "poplib.",
    "imaplib.",
    "urllib.",
    "http.",
    "sqlite3.",
    "tempfile.",
    "signal.",
    "winreg.",
)


class Late(BaseException):
    """A call took too long."""


class Refused(BaseException):
    """A call wanted to do something that reaches out of the process."""


_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def forbid() -> None:
    """From here on, what reaches out of this process raises."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            mode, flags = arguments[1], arguments[2]
            if (isinstance(mode, str) and set(mode) & set("wax+")) or (flags or 0) & _WRITING:
                raise Refused(event)
        elif event.startswith(_FORBIDDEN):
            raise Refused(event)

    sys.addaudithook(hook)


def limit() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    signal.signal(signal.SIGALRM, _ring)


def _ring(signum: int, frame: types.FrameType | None) -> None:
    raise Late


@contextlib.contextmanager
def bounded(seconds: float) -> Iterator[None]:
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


# --- one function --------------------------------------------------------------------------------


class Trial:
    """A function of a module, replaced by its broken versions one after the other."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.path: str = request["path"]
        self.name: str = request["name"].rpartition(".")[2]
        self.owner: str = request["name"].rpartition(".")[0]
        self.first: int = request["first"]
        self.module = importlib.import_module(request["module"])
        self.random = random.Random(request["seed"])
        self.names = dict(vars(self.module))
        holder = vars(getattr(self.module, self.owner)) if self.owner else vars(self.module)
        self.sound: Any = holder[self.name]
        self.nodeid = f"tests/test_{self.module.__name__.rpartition('.')[2]}.py::test_{self.name}"

    def tell(self, bugs: list[str]) -> list[dict[str, Any] | None]:
        """For each broken version, the failure that shows it; None where none does."""
        known = list(self.inputs())
        return [self.shown(bug, known) for bug in bugs]

    def judge(self, versions: list[str]) -> list[dict[str, Any] | None]:
        """What becomes of each candidate: the first version is the bug, its first failing call the test.

        ``failing`` where that call still differs, ``overfitting`` where only another one does,
        ``correct`` where none does, as far as calls were found.
        """
        known = list(self.inputs())
        visible = next((k for k in known if self._differs(versions[0], [k])), None)
        if visible is None:
            return [None] * (len(versions) - 1)
        return [{"verdict": self._verdict(text, visible, known)} for text in versions[1:]]

    def _verdict(self, text: str, visible: tuple[str, Any], known: list[tuple[str, Any]]) -> str:
        if self._differs(text, [visible]):
            return "failing"
        return "overfitting" if self._differs(text, known) else "correct"

    def _differs(self, text: str, known: list[tuple[str, Any]]) -> bool:
        """Whether a version gives anything else for one of the calls, is late, or does not compile."""
        try:
            replacement = self._compiled(text)
        except (Exception, Late, Refused):
            return True
        with self._replaced(replacement):
            for call, expected in known:
                got = self._value(call)
                if isinstance(got, BaseException) or _literal(got) != _literal(expected):
                    return True
        return False

    def inputs(self) -> Iterator[tuple[str, Any]]:
        """(call, what the sound function gives), as different as they are found."""
        function = getattr(self.sound, "__func__", self.sound)
        if not callable(function) or inspect.iscoroutinefunction(function):
            return
        is_lazy = inspect.isgeneratorfunction(function)
        seen: set[str] = set()
        twins: dict[str, int] = {}
        drawn = inputs.calls(self._unbound(function), self.name, self.random)
        for given in itertools.islice(drawn, TRIES):
            call = self._call(given, is_lazy)
            if call in seen:
                continue
            seen.add(call)
            found = [self._value(call) for _ in range(2)]
            text = _literal(found[0])
            if text is None or text != _literal(found[1]) or twins.get(text, 0) >= 2:
                continue
            twins[text] = twins.get(text, 0) + 1
            yield call, found[0]
            if sum(twins.values()) >= INPUTS:
                return

    def _unbound(self, function: Any) -> Callable[..., Any]:
        """With the signature that a caller sees."""
        if self.owner and not isinstance(self.sound, staticmethod):
            return types.MethodType(function, object())
        return function  # type: ignore[no-any-return]

    def _call(self, given: str, is_lazy: bool) -> str:
        owner = f"{self.owner}()." if self.owner else ""
        call = f"{owner}{self.name}({given})"
        return f"list({call})" if is_lazy else call

    def _value(self, call: str) -> Any:
        """What a call gives, or the exception it ends with."""
        try:
            with bounded(CALL_S), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return eval(compile(call, "<call>", "eval", dont_inherit=True), self.names)
        except (Exception, Late, Refused, SystemExit, KeyboardInterrupt) as error:
            return error

    def shown(self, bug: str, known: list[tuple[str, Any]]) -> dict[str, Any] | None:
        try:
            replacement = self._compiled(bug)
        except (Exception, Late, Refused):
            return None
        with self._replaced(replacement):
            for call, expected in known:
                got = self._value(call)
                if isinstance(got, Late | Refused | SystemExit | KeyboardInterrupt):
                    continue
                if isinstance(got, BaseException) or _literal(got) != _literal(expected):
                    failure = self._failure(call, expected, got)
                    if failure is not None:
                        return failure
        return None

    def _compiled(self, bug: str) -> Any:
        """The broken function, as its module would define it, on the lines where it stands."""
        head = f"class {self.owner}:\n" if self.owner else ""
        code = "\n" * (self.first - 1 - head.count("\n")) + head + bug
        names = dict(vars(self.module))
        with bounded(1.0):
            exec(compile(code, f"{ROOT}/{self.path}", "exec", dont_inherit=True), names)
        return vars(names[self.owner])[self.name] if self.owner else names[self.name]

    @contextlib.contextmanager
    def _replaced(self, function: Any) -> Iterator[None]:
        if not self.owner:
            self.names[self.name] = function
            with contextlib.suppress(AttributeError):  # a recursive call finds the broken one
                function.__globals__[self.name] = function
            try:
                yield
            finally:
                self.names[self.name] = self.sound
            return
        owner = getattr(self.module, self.owner)
        setattr(owner, self.name, function)
        try:
            yield
        finally:
            setattr(owner, self.name, self.sound)

    def _failure(self, call: str, expected: Any, got: Any) -> dict[str, Any] | None:
        """The failing test, and its error stack as the plugin would have captured it."""
        subject = self.owner or self.name
        path, _, test = self.nodeid.partition("::")
        condition = f"{call} == {_literal(expected)}"
        if expected is None or isinstance(expected, bool):
            condition = f"{call} is {expected}"
        text = (
            f"from {self.module.__name__} import {subject}\n\n\n"
            f"def {test}():\n    assert {condition}\n"
        )
        names = {subject: self.names[subject]}
        definition = text.partition("\n")[2]
        exec(compile("\n" + definition, f"{ROOT}/{path}", "exec", dont_inherit=True), names)
        try:
            with bounded(2 * CALL_S):
                names[test]()
        except Exception as error:
            comparison = None
            step = error.__traceback__.tb_next if error.__traceback__ else None
            error = error.with_traceback(step)  # without the frame of this very call
            if step is not None and step.tb_next is None and isinstance(error, AssertionError):
                frame = step.tb_frame
                comparison = Comparison(id(frame), frame.f_code, got, expected)
            plain = capture_stack(error, self.nodeid, "call", comparison=comparison)
            return {"stack": plain, "path": path, "test": text}
        except (Late, Refused, SystemExit, KeyboardInterrupt):
            pass
        return None


def _literal(value: Any) -> str | None:
    """The value as an expression that gives an equal one; None for what has none."""
    if isinstance(value, BaseException):
        return None
    try:
        text = repr(value)
        if len(text) > _RESULT_CHARS:
            return None
        same = value is None or ast.literal_eval(text) == value
        return text if same and type(ast.literal_eval(text)) is type(value) else None
    except (Exception, Late):  # a __repr__ may raise anything
        return None


# --- the conversation ----------------------------------------------------------------------------


def main() -> int:
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w", encoding="utf-8")
    with open(os.devnull, "r+b", buffering=0) as nothing:
        for number in (0, 1, 2):
            os.dup2(nothing.fileno(), number)
    limit()
    forbid()
    for line in requests:
        answers.write(json.dumps(_answer(json.loads(line))) + "\n")
        answers.flush()
    return 0


def _answer(request: dict[str, Any]) -> list[dict[str, Any] | None]:
    for folder in request["folders"]:
        if folder not in sys.path:
            sys.path.insert(0, folder)
    try:
        trial = Trial(request)
        return (trial.judge if request.get("judge") else trial.tell)(request["bugs"])
    except (Exception, Late, Refused, SystemExit):  # code of others, imported for the first time
        return [None] * len(request["bugs"])


if __name__ == "__main__":
    sys.exit(main())
