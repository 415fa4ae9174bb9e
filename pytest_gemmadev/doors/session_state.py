"""The state of this process before the tests ran, in place while the repair runs in it.

Tests run in the process that repairs, and some leave it changed: an emptied ``sys.path``, a stub in
``sys.modules``, ``open`` replaced, a timer that goes off, a folder that is gone. The repair works in
the state of before and gives back what it found.

Covered: what ``sys.modules`` holds, variables of the standard library's modules and attributes of their
classes, the lists that imports look into, the environment, the working folder, signal handlers and
timers, limits of the process. Not covered: objects that change in themselves, other packages.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager, suppress
from types import ModuleType
from typing import Any

# Frames for walking a syntax tree: each ``elif`` nests one deeper. Python's own calls take no room on
# the C stack since 3.11; before, threads have enough of it on Linux.
_DEEP = 10_000 if sys.version_info >= (3, 11) or sys.platform == "linux" else 3_000

# What the repair needs of the standard library and pytest may not have imported yet.
_NEEDED = ("concurrent.futures", "difflib", "hashlib", "json", "queue", "shutil", "socket",
           "subprocess", "tempfile", "tokenize")  # fmt: skip

# Changed by pytest itself and by what it runs between tests, and put back by it.
_NOT_OURS = frozenset({"warnings", "__main__"})
_STREAMS_AND_HOOKS = frozenset({
    "stdin", "stdout", "stderr", "modules", "displayhook", "excepthook", "unraisablehook",
    "breakpointhook", "last_exc", "last_type", "last_value", "last_traceback", "tracebacklimit",
})  # fmt: skip
_IMPORT_LISTS = ("path", "meta_path", "path_hooks")
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE: attributes of other classes cannot be assigned
_GONE: Any = object()

_Later = Callable[..., object]
_Put = Callable[[_Later], None]
"""Puts one part of the state in place, and passes on the call that gives it back."""


class ProcessState:
    """The state of this process at the time when this was made."""

    def __init__(self) -> None:
        for name in _NEEDED:
            importlib.import_module(name)
        library = {
            module
            for name, module in list(sys.modules.items())
            if name.partition(".")[0] in sys.stdlib_module_names
            and name not in _NOT_OURS
            and isinstance(module, ModuleType)
        }
        # Modules and names first: what puts back the rest calls them.
        self._parts: list[_Put] = [
            _restore_namespaces({module: _variables(module) for module in library}),
            _restore_classes(library),
            _restore_modules(dict(sys.modules)),
            *(_restore_import_list(name, list(getattr(sys, name))) for name in _IMPORT_LISTS),
            _restore_environment(dict(os.environ)),
            *_restore_signals(),
            *_restore_limits(),
        ]
        with suppress(OSError):  # it may be gone already
            self._parts.append(_restore_folder(os.getcwd()))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Has the state of before inside the block, and that of now again after it."""
        with ExitStack() as given_back:

            def later(function: Callable[..., object], *arguments: object) -> None:
                given_back.callback(_try_to_call, function, *arguments)

            for put in self._parts:
                _try_to_call(put, later)
            yield


@contextmanager
def room_for_recursion() -> Iterator[None]:
    """Raises the recursion limit inside the block, for syntax trees that are nested deep."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _DEEP))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _try_to_call(function: Callable[..., object], *arguments: object) -> None:
    """Calls a function; what it cannot put back stays as it is."""
    with suppress(Exception):
        function(*arguments)


# --- modules -------------------------------------------------------------------------------------


def _variables(module: ModuleType) -> dict[str, Any]:
    left_out = _STREAMS_AND_HOOKS if module is sys else frozenset()
    return {name: value for name, value in vars(module).items() if name not in left_out}


def _restore_namespaces(before: Mapping[ModuleType, Mapping[str, Any]]) -> _Put:
    """Variables of modules. One that could be called and no longer can stays put back."""

    def put(later: _Later) -> None:
        for module, names in before.items():
            held = vars(module)
            for name, value in names.items():
                now = held.get(name, _GONE)
                if now is not value:
                    held[name] = value
                    if now is not _GONE and (callable(now) or not callable(value)):
                        later(held.__setitem__, name, now)

    return put


def _restore_classes(library: set[ModuleType]) -> _Put:
    classes = {
        value
        for module in library
        for value in list(vars(module).values())
        if isinstance(value, type)
        and value.__flags__ & _HEAP_TYPE
        and str(value.__module__).partition(".")[0] in sys.stdlib_module_names
    }
    before = [(cls, dict(vars(cls))) for cls in classes]

    def put(later: _Later) -> None:
        for cls, attributes in before:
            held = vars(cls)
            for name, value in attributes.items():
                now = held.get(name, _GONE)
                if now is not value:
                    _try_to_call(setattr, cls, name, value)
                    if now is not _GONE:
                        later(setattr, cls, name, now)

    return put


def _is_imported(module: object) -> bool:
    """Whether a module was imported, and is no stub that somebody has put in its place."""
    return isinstance(module, ModuleType) and getattr(module, "__spec__", None) is not None


def _restore_modules(before: Mapping[str, ModuleType]) -> _Put:
    """Modules by name. Those imported since stay; a stub does not come back in place of a module."""

    def put(later: _Later) -> None:
        held: MutableMapping[str, Any] = sys.modules
        for name, module in before.items():
            now = held.get(name, _GONE)
            if now is not module:
                held[name] = module
                if now is not _GONE and (_is_imported(now) or not _is_imported(module)):
                    later(held.__setitem__, name, now)
        for name in [
            n for n, module in held.items() if n not in before and not _is_imported(module)
        ]:
            later(held.__setitem__, name, held.pop(name))

    return put


def _restore_import_list(name: str, before: list[Any]) -> _Put:
    """A list of ``sys``. One with which nothing can be imported any more does not come back."""
    library = os.path.dirname(os.__file__)

    def put(later: _Later) -> None:
        held: list[Any] = getattr(sys, name)
        if held == before:
            return
        now = held[:]
        held[:] = before
        sys.path_importer_cache.clear()
        importlib.invalidate_caches()
        if library in now if name == "path" else now:
            later(held.__setitem__, slice(None), now)

    return put


# --- the process ---------------------------------------------------------------------------------


def _restore_environment(before: dict[str, str]) -> _Put:
    def put(later: _Later) -> None:
        now = dict(os.environ)
        if now != before:
            _set_environment(before)
            later(_set_environment, now)

    return put


def _set_environment(wanted: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name not in wanted]:
        del os.environ[name]
    os.environ.update(wanted)


def _restore_folder(before: str) -> _Put:
    def put(later: _Later) -> None:
        now = ""
        with suppress(OSError):
            now = os.getcwd()
        if now != before:
            os.chdir(before)
            if now:
                later(os.chdir, now)

    return put


def _restore_signals() -> Iterator[_Put]:
    """Handlers and timers, which only the main thread may set."""
    if threading.current_thread() is not threading.main_thread():
        return
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}

    def put_handlers(later: _Later) -> None:
        for number, before in handlers.items():
            now = signal.getsignal(number)
            # None stands for a handler that no Python code has set, and none can.
            if now is not before and now != before and None not in (now, before):
                signal.signal(number, before)
                later(signal.signal, number, now)

    yield put_handlers
    for name in ("ITIMER_REAL", "ITIMER_VIRTUAL", "ITIMER_PROF"):
        timer = getattr(signal, name, None)
        if timer is not None and not signal.getitimer(timer)[0]:
            yield _stop_for_good(timer)


def _stop_for_good(timer: int) -> _Put:
    """Stops a timer for good: what it was to guard or to end is over."""
    return lambda _later: signal.setitimer(timer, 0) and None


def _restore_limits() -> Iterator[_Put]:
    import socket

    mask = os.umask(0o077)
    os.umask(mask)
    yield _put_back_old_value(lambda: os.umask(mask), os.umask)
    yield _exchange(socket.getdefaulttimeout, socket.setdefaulttimeout)
    yield _exchange(gc.isenabled, lambda on: gc.enable() if on else gc.disable())
    depth = sys.getrecursionlimit()
    yield lambda later: _raise_limit(
        depth, sys.getrecursionlimit, sys.setrecursionlimit, later=later
    )
    with suppress(ImportError):  # there is none on Windows
        import resource

        for name in [name for name in dir(resource) if name.startswith("RLIMIT_")]:
            yield from _restore_soft_limit(resource, getattr(resource, name))


def _put_back_old_value(put_back: Callable[[], Any], give_back: Callable[[Any], object]) -> _Put:
    """For a setting of which the function that sets it returns the one of before."""

    def put(later: _Later) -> None:
        later(give_back, put_back())

    return put


def _exchange(get: Callable[[], Any], set_to: Callable[[Any], object]) -> _Put:
    before = get()

    def put(later: _Later) -> None:
        now = get()
        if now != before:
            set_to(before)
            later(set_to, now)

    return put


def _raise_limit(
    before: int, get: Callable[[], int], set_to: Callable[[int], object], *, later: _Later
) -> None:
    """For a limit: a lower one, under which pytest could not end either, does not come back."""
    now = get()
    if now != before:
        set_to(before)
        if now > before:
            later(set_to, now)


def _restore_soft_limit(resource: Any, number: int) -> Iterator[_Put]:
    def get() -> int:
        soft: int = resource.getrlimit(number)[0]
        return soft if soft != resource.RLIM_INFINITY else sys.maxsize

    def set_to(soft: int) -> None:
        hard = resource.getrlimit(number)[1]  # only a privileged process may raise this one
        most = hard if hard != resource.RLIM_INFINITY else sys.maxsize
        value = min(soft, most)
        resource.setrlimit(number, (value if value != sys.maxsize else hard, hard))

    with suppress(OSError, ValueError):  # the system may not know this one
        before = get()
        yield lambda later: _raise_limit(before, get, set_to, later=later)
