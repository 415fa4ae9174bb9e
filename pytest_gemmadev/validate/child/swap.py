"""Gives the functions of imported modules the code of a new source, where that equals a new import.

It does where the sources differ in the bodies of functions that have not run yet: nothing that ran
while importing (module level, class bodies, defaults, decorators, whatever these called) may
differ. Every reference to a function sees its new code, for the function object stays. Anything
else is refused with a reason, and takes a new import. Not covered: copies of code objects that
decorators make, and state that C extensions derive from a function; a candidate that needs them
looks as if it had not been applied, which costs a repair and never accepts a wrong one.

A swap may be *loose*: functions that ran while importing are given new code too, though what they left
behind then is the old code's. Most tests call them again. A failure with such a candidate says little,
and `Swapper.is_loose` says so.
"""

from __future__ import annotations

import gc
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from functools import partial
from types import CodeType, FunctionType
from typing import Any, TypeAlias

from pytest_gemmadev.validate.child.chunk import Chunk, Outline, changed_chunk, outline
from pytest_gemmadev.validate.child.overlay import SourceOverlay

# Flags of code objects, as in `inspect`.
_OPTIMIZED = 0x1  # the code of a function, not of a module or class body
_VARARGS, _VARKEYWORDS = 0x4, 0x8
_HAS_DOCSTRING = 0x4000000  # 3.14

Pair: TypeAlias = tuple[CodeType, CodeType]


class NeedsImport(Exception):
    """The new source takes a new import; the message says why."""


class Swapper:
    """Knows the functions of a process that has collected its tests."""

    def __init__(self, overlay: SourceOverlay, ran: Mapping[int, CodeType]) -> None:
        """``ran`` holds the code objects that have run, by id."""
        self._overlay = overlay
        self._ran = ran
        self._functions = _functions_by_code(overlay)
        self._outlines: dict[str, Outline] = {}  # by real path
        self._loosely = False
        self.is_loose = False  # a function that ran while importing has new code
        self._undo: list[Callable[[], object]] = []

    def swap(self, path: str, data: bytes, *, loosely: bool = False) -> None:
        """Applies the new source of one file, by real path. Raises `NeedsImport`, and as compile does."""
        overlay = self._overlay
        self._loosely = loosely
        if path in overlay.rewritten:
            raise NeedsImport(f"pytest rewrote the assertions of {path}")
        replaced = 0
        for old in self._live_modules(path):
            for before, after in self._replacements(path, old, data):
                for function in self._functions.get(id(before), ()):
                    self._undo.append(partial(setattr, function, "__code__", function.__code__))
                    function.__code__ = after
                    replaced += 1
            self._undo.append(_restorer(linecache.cache, old.co_filename))
            overlay.show(old.co_filename, data)
        self._undo.append(_restorer(overlay.files, path))
        overlay.files[path] = data
        if replaced:
            overlay.imported.add(path)

    def restore(self) -> None:
        """Undoes every swap, those that were refused half-way too."""
        while self._undo:
            self._undo.pop()()
        self.is_loose = False

    def prepare(self, path: str) -> None:
        """Reads the source of a module now, in the process that all swaps are forked from."""
        if path in self._overlay.texts and path not in self._outlines:
            self._outlines[path] = outline(self._overlay.texts[path])

    def _replacements(self, path: str, old: CodeType, data: bytes) -> list[Pair]:
        """Codes of live functions, and what to replace each by."""
        chunk = changed_chunk(self._outlines[path], data, old) if path in self._outlines else None
        if chunk is not None:
            if _own_part(chunk.old) != _own_part(chunk.new):
                raise NeedsImport("a definition itself differs, and it runs while importing")
            live = [_find_equal(code, old) for code in _nested(chunk.old)]
            if None not in live:
                pairs = [
                    pair
                    for before, after in zip(live, _nested(chunk.new), strict=True)
                    if before is not None
                    for pair in self._differences(before, after)
                ]
                return [*pairs, *self._shift_followers(old, chunk)]
        return list(
            self._differences(old, compile(data, old.co_filename, "exec", dont_inherit=True))
        )

    def _shift_followers(self, module: CodeType, chunk: Chunk) -> Iterator[Pair]:
        """Functions behind the chunk, whose lines are others now."""
        if chunk.shift:
            for code in _with_nested(module):
                if code.co_firstlineno > chunk.end and id(code) in self._functions:
                    yield code, _shift(code, chunk.shift)

    def _live_modules(self, path: str) -> list[CodeType]:
        """Module codes of a file, without those of imports that failed."""
        codes = self._overlay.modules.get(path, [])
        live = [code for code in codes if any(id(c) in self._functions for c in _with_nested(code))]
        if codes and not live:
            raise NeedsImport(f"no function of {path} is left")
        return live

    def _differences(self, old: CodeType, new: CodeType, *, within: bool = False) -> Iterator[Pair]:
        """Function codes to replace; ``within`` a function, new ones are made whenever it runs."""
        if old == new and _lines(old) == _lines(new):
            return
        same = _own_part(old) == _own_part(new)
        if not same:
            self._require_replaceable(old, new, within=within)
        if old.co_flags & _OPTIMIZED:
            yield old, new
            within = True
        if same:  # otherwise it has not run, and nothing made by it exists
            for before, after in zip(_nested(old), _nested(new), strict=True):
                yield from self._differences(before, after, within=within)

    def _require_replaceable(self, old: CodeType, new: CodeType, *, within: bool) -> None:
        """Raises `NeedsImport` unless replacing the code of live functions is all that it takes.

        Marks the swap as loose where the function ran while importing.
        """
        name = old.co_name
        if not old.co_flags & _OPTIMIZED:
            raise NeedsImport(f"{name} differs, and it runs while importing")
        if id(old) in self._ran:
            if not self._loosely:
                raise NeedsImport(f"{name} ran while importing")
            self.is_loose = True
        if _shape(old) != _shape(new):
            raise NeedsImport(
                f"{name} takes other arguments, closes over other names or is documented anew"
            )
        if not within and id(old) not in self._functions:
            raise NeedsImport(f"no function of {name} is left")


def _restorer(entries: MutableMapping[str, Any], key: str) -> Callable[[], object]:
    """What makes one entry of a dictionary what it is now."""
    if key in entries:
        return partial(entries.__setitem__, key, entries[key])
    return partial(entries.pop, key, None)


def _functions_by_code(overlay: SourceOverlay) -> dict[int, list[FunctionType]]:
    """All functions of project modules by the id of their code."""
    known = {path: overlay.own(path) is not None for path in _paths(overlay)}
    found: dict[int, list[FunctionType]] = {}
    for thing in gc.get_objects():
        if type(thing) is FunctionType and known.get(thing.__code__.co_filename):
            found.setdefault(id(thing.__code__), []).append(thing)
    return found


def _paths(overlay: SourceOverlay) -> set[str]:
    return {code.co_filename for codes in overlay.modules.values() for code in codes}


def _find_equal(wanted: CodeType, module: CodeType) -> CodeType | None:
    """The code in a live module that equals one compiled from the same lines."""
    return next((code for code in _nested(module) if code == wanted), None)


def _shift(code: CodeType, lines: int) -> CodeType:
    consts = tuple(_shift(c, lines) if isinstance(c, CodeType) else c for c in code.co_consts)
    return code.replace(co_firstlineno=code.co_firstlineno + lines, co_consts=consts)


def _with_nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for nested in _nested(code):
        yield from _with_nested(nested)


def _nested(code: CodeType) -> list[CodeType]:
    return [const for const in code.co_consts if isinstance(const, CodeType)]


def _lines(code: CodeType) -> tuple[int, bytes]:
    return code.co_firstlineno, code.co_linetable


def _own_part(code: CodeType) -> tuple[Any, ...]:
    """What a code object does, without its lines and without the codes nested in it."""
    # A class body holds its own line as a constant (3.13).
    line = None if code.co_flags & _OPTIMIZED else code.co_firstlineno
    consts = tuple(
        ("line",) if const == line and type(const) is int else _const(const)
        for const in code.co_consts
    )
    table = getattr(code, "co_exceptiontable", b"")  # 3.11
    names = (code.co_names, code.co_varnames, code.co_cellvars)
    return (code.co_code, consts, names, table, _shape(code))


def _const(const: object) -> tuple[Any, ...]:
    if isinstance(const, CodeType):
        return ("code", const.co_name)
    return (type(const), repr(const))  # 1, 1.0 and True are equal, their representations are not


def _shape(code: CodeType) -> tuple[Any, ...]:
    """What others may have read from a function before it ran."""
    first = code.co_consts[0] if code.co_consts else None
    documented = isinstance(first, str) and (
        sys.version_info < (3, 14) or bool(code.co_flags & _HAS_DOCSTRING)
    )
    variadic = bool(code.co_flags & _VARARGS) + bool(code.co_flags & _VARKEYWORDS)
    return (
        code.co_name,
        code.co_flags,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + variadic],
        code.co_freevars,
        first if documented else None,
    )
