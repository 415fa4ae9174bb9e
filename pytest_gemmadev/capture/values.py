"""Values as bounded strings: what frames held and what exceptions know, safe to keep and to send.

Covers a ``__repr__`` that raises, recurses or returns megabytes, huge and cyclic containers, and
lone surrogates. User code runs through ``__repr__`` and ``__str__`` only, never through attribute
access or iteration, and what comes out holds no memory addresses, so that equal runs give equal
strings. Does not cover a ``__repr__`` that never returns: after `PATIENCE_S` no further one is
called.
"""

from __future__ import annotations

import re
import time
import types
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from pytest_gemmadev.capture.shapes import PlainFact

MAX_TEXT = 300  # characters of one value
MAX_ITEMS = 20  # of one container
MAX_DEPTH = 4
MAX_NODES = 120  # values rendered inside one value
MAX_FACTS = 30  # of one frame
PATIENCE_S = 0.5  # for all custom ``__repr__`` of one stack together

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_QUALNAME: Any = type.__dict__["__qualname__"]
_MODULE: Any = type.__dict__["__module__"]
_MRO: Any = type.__dict__["__mro__"]
_CALLABLES = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
)
_SCALARS: tuple[type, ...] = (bool, float, complex, type(None), type(...), type(NotImplemented))


def clip(text: str, limit: int) -> str:
    """``text``, at most ``limit`` characters long and encodable as UTF-8."""
    text = str.__str__(text)  # a subclass may lie about its length
    if len(text) > limit:
        text = text[: max(limit - 1, 0)] + "…"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def without_addresses(text: str) -> str:
    """``text`` without `` at 0x7f…``, which differs from run to run."""
    return _ADDRESS.sub("", text)


def type_name(value: object) -> str:
    """The qualified name of the type of ``value``; built-ins without their module."""
    return class_name(type(value))


def class_name(cls: type) -> str:
    """The qualified name of ``cls``, read past any metaclass."""
    name = clip(str(_QUALNAME.__get__(cls)), 100)
    module = _MODULE.__get__(cls)
    return name if module == "builtins" or type(module) is not str else f"{module}.{name}"


def class_dicts(cls: type) -> Iterator[types.MappingProxyType[str, Any]]:
    """The namespaces of ``cls`` and its bases, in lookup order, read past any metaclass."""
    namespace: Any = type.__dict__["__dict__"]
    for base in _MRO.__get__(cls):
        yield namespace.__get__(base)


def instance_dict(value: object) -> dict[str, Any]:
    """The instance's own ``__dict__``, without running its ``__getattribute__``; may be empty."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except Exception:  # no __dict__, or a property of that name that raises
        return {}
    return found if type(found) is dict else {}


def state(value: object) -> Iterator[tuple[str, Any]]:
    """Names and values of the attributes that the instance itself stores, slots included."""
    yield from list(instance_dict(value).items())
    for namespace in class_dicts(type(value)):
        for name, descriptor in list(namespace.items()):
            if type(descriptor) is types.MemberDescriptorType and not name.startswith("__"):
                try:
                    yield name, descriptor.__get__(value)
                except AttributeError:  # a slot that was never set
                    continue


def bounded_repr(value: object, *, limit: int = MAX_TEXT, deadline: float | None = None) -> str:
    """A repr of at most ``limit`` characters. Past ``deadline`` (monotonic s) no user code runs."""
    return _Rendering(limit, deadline).render_clipped(value)


class _Rendering:
    """Makes one value a string; counts what it renders, so that the work is bounded too."""

    __slots__ = ("deadline", "inside", "left", "limit")

    def __init__(self, limit: int, deadline: float | None) -> None:
        self.limit = limit
        self.deadline = deadline
        self.left = MAX_NODES
        self.inside: set[int] = set()  # ids of the containers being rendered

    def render_clipped(self, value: object) -> str:
        try:
            return clip(self.render(value, 0), self.limit)
        except KeyboardInterrupt:
            raise
        except BaseException:  # whatever a value does, it must not end the user's run
            return f"<{type_name(value)}>"

    def render(self, value: Any, depth: int) -> str:
        self.left -= 1
        cls = type(value)
        if cls in _SCALARS:
            return repr(value)
        if cls is int:
            return self._int(value)
        if issubclass(cls, str):
            return repr(str.__getitem__(value, slice(self.limit)))
        if issubclass(cls, (bytes, bytearray)):
            return repr(bytes(memoryview(value)[: self.limit]))
        if issubclass(cls, type):
            return f"<class {class_name(value)}>"
        if cls in _CALLABLES:
            return f"<function {getattr(value, '__qualname__', '?')}>"
        if cls is types.ModuleType:
            return f"<module {instance_dict(value).get('__name__')}>"
        if depth >= MAX_DEPTH or self.left <= 0 or id(value) in self.inside:
            return "…"
        self.inside.add(id(value))
        try:
            return self._compound(value, cls, depth + 1)
        finally:
            self.inside.discard(id(value))

    def _int(self, value: int) -> str:
        bits = value.bit_length()
        return repr(value) if bits <= 2048 else f"<int of {bits} bits>"

    def _compound(self, value: Any, cls: type, depth: int) -> str:
        if issubclass(cls, dict):
            return self._named(cls, dict, "{" + self._pairs(value, depth) + "}")
        if issubclass(cls, list):
            return self._named(cls, list, f"[{self._items(list.__iter__(value), depth)}]")
        if issubclass(cls, tuple):
            return self._tuple(value, cls, depth)
        if issubclass(cls, (set, frozenset)):
            return self._set(value, cls, depth)
        if issubclass(cls, deque):
            return f"{_QUALNAME.__get__(cls)}([{self._items(deque.__iter__(value), depth)}])"
        if issubclass(cls, BaseException):
            arguments: Any = BaseException.__dict__["args"].__get__(value)
            return f"{class_name(cls)}({self._items(iter(arguments), depth)})"
        return self._instance(value, cls, depth)

    def _set(self, value: Any, cls: type, depth: int) -> str:
        elements = list(set.__iter__(value) if issubclass(cls, set) else frozenset.__iter__(value))
        if all(type(element) is str for element in elements):
            elements.sort()  # the order of a set of strings differs from run to run
        shown = sorted(self.render(element, depth) for element in elements[:MAX_ITEMS])
        more = ["…"] if len(elements) > MAX_ITEMS else []
        inner = "{" + ", ".join([*shown, *more]) + "}" if shown else ""
        return inner if cls is set and shown else f"{_QUALNAME.__get__(cls)}({inner})"

    def _tuple(self, value: Any, cls: type, depth: int) -> str:
        fields = next((d["_fields"] for d in class_dicts(cls) if "_fields" in d), None)
        if type(fields) is tuple and len(fields) == tuple.__len__(value):
            pairs = zip(fields, tuple.__iter__(value), strict=True)
            return f"{_QUALNAME.__get__(cls)}({self._keywords(pairs, depth)})"
        inner = self._items(tuple.__iter__(value), depth)
        comma = "," if tuple.__len__(value) == 1 else ""
        return self._named(cls, tuple, f"({inner}{comma})")

    def _instance(self, value: object, cls: type, depth: int) -> str:
        own = next((d["__repr__"] for d in class_dicts(cls) if "__repr__" in d), None)
        plain = own is object.__repr__
        if plain or any("__dataclass_fields__" in d for d in class_dicts(cls)):
            return f"{_QUALNAME.__get__(cls)}({self._keywords(state(value), depth)})"
        if self.deadline is not None and time.monotonic() > self.deadline:
            return f"<{class_name(cls)}>"
        try:
            return without_addresses(clip(repr(value), self.limit))
        except KeyboardInterrupt:
            raise
        except BaseException:  # pytest.fail and SystemExit in a __repr__ are no Exceptions
            return f"<{class_name(cls)} whose repr raises>"

    def _named(self, cls: type, base: type, text: str) -> str:
        return text if cls is base else f"{_QUALNAME.__get__(cls)}({text})"

    def _items(self, values: Iterator[Any], depth: int) -> str:
        shown = [self.render(value, depth) for value in islice(values, MAX_ITEMS)]
        return ", ".join([*shown, *(["…"] if next(values, self) is not self else [])])

    def _pairs(self, mapping: dict[Any, Any], depth: int) -> str:
        pairs = islice(dict.items(mapping), MAX_ITEMS)
        shown = [f"{self.render(k, depth)}: {self.render(v, depth)}" for k, v in pairs]
        more = ["…"] if dict.__len__(mapping) > MAX_ITEMS else []
        return ", ".join([*shown, *more])

    def _keywords(self, pairs: Iterable[tuple[str, Any]], depth: int) -> str:
        return ", ".join(f"{n}={self.render(v, depth)}" for n, v in islice(pairs, MAX_ITEMS))


def frame_facts(frame: types.FrameType, deadline: float) -> list[PlainFact]:
    """The arguments and locals of ``frame`` as plain facts, arguments first."""
    code = frame.f_code
    try:
        values: dict[str, Any] = dict(frame.f_locals)
    except Exception:  # a class body may run in any mapping
        return []
    arguments = argument_names(code)
    module_level = code.co_name == "<module>"
    names = [n for n in arguments if n in values]
    names += [n for n in values if type(n) is str and n not in arguments]
    facts: list[PlainFact] = []
    for name in names:
        value = values[name]
        if not name.isidentifier() or (module_level and not _is_data(name, value)):
            continue  # ``@py_assert1`` and ``.0`` are made up by pytest and by the interpreter
        facts.append(
            {
                "name": name,
                "value": bounded_repr(value, deadline=deadline),
                "type": type_name(value),
                "is_argument": name in arguments,
            }
        )
        if len(facts) == MAX_FACTS:
            break
    return facts


def argument_names(code: types.CodeType) -> tuple[str, ...]:
    """The parameters of a function, ``*args`` and ``**kwargs`` included."""
    count = code.co_argcount + code.co_kwonlyargcount
    count += bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)  # CO_VARARGS, CO_VARKEYWORDS
    return code.co_varnames[:count]


def _is_data(name: str, value: object) -> bool:
    cls = type(value)
    return not (
        name.startswith("__")
        or issubclass(cls, type)
        or cls in _CALLABLES
        or cls is types.ModuleType
    )
