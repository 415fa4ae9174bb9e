"""Restores what a test changes in its process, so that another candidate can be run there.

Covered: module variables of the project, its classes' attributes, the containers in both, in
defaults and in attributes of functions, those of objects that modules hold; caches of
``functools``; the environment, the working folder, and the state of ``random`` and numpy's.
Deeper state is not: whether a process can still be trusted is for a run of the unchanged code to
say. Where there is too much to compare, none of it is covered and `ProcessState.is_known` is false.
"""

from __future__ import annotations

import functools
import os
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import FunctionType, ModuleType
from typing import Any

from pytest_gemmadev.validate.child.overlay import SourceOverlay
from pytest_gemmadev.validate.resources import ChildLimits

_LIMITS = ChildLimits()
_LRU_CACHE = type(functools.lru_cache(len))
_PLAIN = frozenset({list, dict, set, deque, bytearray, defaultdict, OrderedDict, Counter})


class ProcessState:
    """What the process was like when this was made."""

    def __init__(self, overlay: SourceOverlay) -> None:
        self._restorers: list[Callable[[], object]] = []
        self._seen: set[int] = set()
        self._entries = 0
        self._modules = _project_modules(overlay)
        names = {module.__name__ for module in self._modules}
        for module in self._modules:
            self._keep(vars(module), _restore_dict)
            for value in list(vars(module).values()):
                self._keep_value(value, names)
        self._restorers += _restorers_of_process()

    @property
    def is_known(self) -> bool:
        """Whether everything that is covered is restored; else nothing is."""
        return self._entries <= _LIMITS.state_entries

    def restore(self) -> None:
        """Makes what is covered what it was. Best effort: what refuses stays as it is."""
        for restore in self._restorers:
            with suppress(Exception):  # comparing and assigning may run the project's code
                restore()

    def _keep_value(self, value: Any, project: set[str]) -> None:
        """Keeps what a module variable holds that can change without being assigned anew."""
        owner = getattr(type(value), "__module__", None)
        if isinstance(value, type):
            if value.__module__ in project and id(value) not in self._seen:
                self._seen.add(id(value))
                self._keep_class(value)
        elif isinstance(value, FunctionType):
            self._keep_function(value)
        elif type(value) in _PLAIN:
            self._keep_container(value)
        elif _is_cache(value):
            self._keep_cache(value)
        elif owner in project and isinstance(getattr(value, "__dict__", None), dict):
            self._keep(vars(value), _restore_dict)
            self._keep_containers(vars(value).values())

    def _keep_class(self, cls: type) -> None:
        before = dict(vars(cls))
        self._entries += len(before)
        self._restorers.append(lambda: _restore_class(cls, before))
        for value in before.values():
            function = getattr(value, "__func__", value)
            if isinstance(function, FunctionType):
                self._keep_function(function)
            elif _is_cache(value):
                self._keep_cache(value)
            elif type(value) in _PLAIN:
                self._keep_container(value)

    def _keep_function(self, function: FunctionType) -> None:
        self._keep_containers(function.__defaults__ or ())
        self._keep_containers((function.__kwdefaults__ or {}).values())
        self._keep_containers(function.__dict__.values())
        attributes = dict(function.__dict__)
        self._restorers.append(lambda: _restore_dict(function.__dict__, attributes))

    def _keep_cache(self, cache: Any) -> None:
        def clear() -> None:
            if cache.cache_info().currsize:
                cache.cache_clear()

        self._restorers.append(clear)

    def _keep_containers(self, values: Iterable[Any]) -> None:
        for value in list(values):
            if type(value) in _PLAIN:
                self._keep_container(value)

    def _keep_container(self, value: Any) -> None:
        if isinstance(value, dict):
            self._keep(value, _restore_dict)
        elif isinstance(value, set):
            self._keep(value, _restore_set)
        else:
            self._keep(value, _restore_sequence)

    def _keep(self, thing: Any, restore: Callable[[Any, Any], object]) -> None:
        if id(thing) in self._seen:
            return
        self._seen.add(id(thing))
        self._entries += len(thing)
        if self.is_known:
            before = thing.copy()
            self._restorers.append(lambda: restore(thing, before))


def _project_modules(overlay: SourceOverlay) -> list[ModuleType]:
    found = []
    for module in list(sys.modules.values()):
        path = vars(module).get("__file__") if isinstance(module, ModuleType) else None
        if isinstance(path, str) and overlay.own(path):
            found.append(module)
    return found


def _is_cache(value: Any) -> bool:
    return isinstance(value, _LRU_CACHE)


def _are_equal(now: Any, before: Any) -> bool:
    """Whether two containers hold equal values, compared by identity first; False where that is unclear."""
    try:
        return bool(now == before)
    except Exception:  # whatever the project's comparisons raise
        return False


def _restore_dict(now: Any, before: Any) -> None:
    if not _are_equal(now, before) or list(now) != list(before):
        now.clear()
        now.update(before)


def _restore_set(now: Any, before: Any) -> None:
    if not _are_equal(now, before):
        now.clear()
        now.update(before)


def _restore_sequence(now: Any, before: Any) -> None:
    if not _are_equal(now, before):
        now.clear()
        now.extend(before)


def _restore_class(cls: type, before: dict[str, Any]) -> None:
    if _are_equal(vars(cls), before):
        return
    for name in [name for name in vars(cls) if name not in before]:
        delattr(cls, name)
    for name, value in before.items():
        if vars(cls).get(name) is not value:
            setattr(cls, name, value)


def _restorers_of_process() -> Iterator[Callable[[], object]]:
    environ, folder = dict(os.environ), os.getcwd()

    def restore_environ() -> None:
        if dict(os.environ) != environ:
            _restore_dict(os.environ, environ)

    def restore_folder() -> None:
        os.chdir(folder)

    yield restore_environ
    yield restore_folder
    for name, get, put in (
        ("random", "getstate", "setstate"),
        ("numpy.random", "get_state", "set_state"),
    ):
        if name in sys.modules:
            module = sys.modules[name]
            with suppress(AttributeError):
                yield _restorer_of_random(getattr(module, get)(), getattr(module, put))


def _restorer_of_random(state: object, put: Callable[[object], object]) -> Callable[[], object]:
    return lambda: put(state)
