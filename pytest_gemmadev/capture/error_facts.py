"""What an exception knows: the facts that name the way out.

Facts come from the live objects: the exception's own attributes, the frame it was raised in, the
instruction that raised it. The message is read for one thing only, the name in ``f() takes …``,
which the interpreter keeps nowhere else.
"""

from __future__ import annotations

import dis
import linecache
import os
import re
import sys
import types
from collections import deque
from collections.abc import Iterable
from typing import Any, TypedDict

from pytest_gemmadev.capture.exceptions import Comparison, is_installed, module_of, steps
from pytest_gemmadev.capture.shapes import PlainErrorFacts, empty_facts
from pytest_gemmadev.capture.values import (
    argument_names,
    bounded_repr,
    class_dicts,
    class_name,
    clip,
    instance_dict,
)

MAX_NAMES = 200  # alternatives of one error
MAX_KEYS = 50
_CALLED = re.compile(r"([\w.<>]+)\(\) ")
# The second operand of unittest's assertions that take only one.
_IMPLIED = {
    "assertTrue": "True",
    "assertFalse": "False",
    "assertIsNone": "None",
    "assertIsNotNone": "not None",
}


class _SomeFacts(TypedDict, total=False):
    """Those of the facts that apply to one kind of error."""

    name: str
    owner: str
    alternatives: list[str]
    left: str
    right: str


def error_facts(
    error: BaseException, tb: types.TracebackType | None, comparison: Comparison | None
) -> PlainErrorFacts:
    """Plain `types.ErrorFacts` of ``error``; empty where nothing applies."""
    facts = empty_facts()
    last = next(iter(deque(steps(tb), maxlen=1)), None)
    if isinstance(error, ImportError):
        facts.update(_import_facts(error, last))
    elif isinstance(error, AttributeError):
        facts.update(_attribute_facts(error))
    elif last is None:
        return facts
    elif isinstance(error, NameError):
        facts.update(_name_facts(error, last))
    elif isinstance(error, KeyError):
        facts.update(_key_facts(error, last))
    elif isinstance(error, TypeError):
        facts.update(_call_facts(error, last))
    elif isinstance(error, AssertionError):
        facts.update(_comparison_facts(last, tb, comparison))
    return facts


def _import_facts(error: ImportError, last: types.TracebackType | None) -> _SomeFacts:
    module = _string_attribute(error, "name")
    if not module:
        return {}
    if isinstance(error, ModuleNotFoundError):
        parent = module.rpartition(".")[0]
        found = sys.modules.get(parent)
        names = _module_names(found) if found is not None else () if parent else _importable()
        return {"name": module, "owner": parent, "alternatives": _nearest(module, names)}
    name = _string_attribute(error, "name_from")  # from 3.12 on
    if not name and last is not None:
        name = _operand(last, "IMPORT_FROM")
    found = sys.modules.get(module)
    names = _module_names(found) if found is not None else ()
    return {"name": name, "owner": module, "alternatives": _nearest(name, names)}


def _module_names(module: types.ModuleType) -> set[str]:
    """What can be imported from ``module``: its names, and its submodules where it is a package."""
    namespace = instance_dict(module)
    names = {n for n in namespace if type(n) is str and not n.startswith(("__", "@"))}
    path = namespace.get("__path__", ())
    try:
        folders = [str(folder) for folder in path]
    except Exception:  # __path__ can be any object
        return names
    return names.union(*(_modules_in(folder) for folder in folders))


def _importable() -> set[str]:
    """Top-level modules and packages on ``sys.path`` that are not installed ones."""
    folders = (entry or os.getcwd() for entry in sys.path if type(entry) is str)
    return set().union(*(_modules_in(f) for f in folders if not is_installed(os.path.abspath(f))))


def _modules_in(folder: str) -> set[str]:
    found: set[str] = set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                stem, dot, suffix = entry.name.partition(".")
                is_module = suffix == "py" or (not dot and entry.is_dir())
                if is_module and stem.isidentifier() and not stem.startswith("__"):
                    found.add(stem)
    except OSError:  # an entry of sys.path may not exist, or be a zip file
        pass
    return found


def _attribute_facts(error: AttributeError) -> _SomeFacts:
    name = _string_attribute(error, "name")
    if not name:
        return {}
    owner = getattr(error, "obj", None)
    if isinstance(owner, types.ModuleType):
        label = instance_dict(owner).get("__name__", "")
        return {
            "name": name,
            "owner": label if type(label) is str else "",
            "alternatives": _nearest(name, _module_names(owner)),
        }
    is_class = issubclass(type(owner), type)
    names = {n for n in instance_dict(owner) if type(n) is str}
    for namespace in class_dicts(owner if is_class else type(owner)):  # type: ignore[arg-type]
        names.update(n for n in namespace if type(n) is str)
    if not name.startswith("__"):
        names = {n for n in names if not n.startswith("__")}
    label = class_name(owner) if is_class else class_name(type(owner))  # type: ignore[arg-type]
    return {"name": name, "owner": label, "alternatives": _nearest(name, names)}


def _name_facts(error: NameError, last: types.TracebackType) -> _SomeFacts:
    name = _string_attribute(error, "name") or _operand(last, "LOAD_", "DELETE_")
    frame = last.tb_frame
    names = {n for n in (*frame.f_locals, *frame.f_globals) if type(n) is str}
    known = (n for n in names if n.isidentifier() and not n.startswith("__") and n != name)
    return {"name": name, "alternatives": _nearest(name, known)}


def _key_facts(error: KeyError, last: types.TracebackType) -> _SomeFacts:
    if len(error.args) != 1:
        return {}
    key = error.args[0]
    facts: _SomeFacts = {"name": bounded_repr(key)}
    found = _mapping_without(key, last)
    if found is not None:
        facts["owner"], mapping = found
        keys = [bounded_repr(k, limit=100) for k in dict.keys(mapping)]
        facts["alternatives"] = sorted(keys) if len(keys) <= MAX_KEYS else _nearest("", keys)
    return facts


def _mapping_without(key: object, last: types.TracebackType) -> tuple[str, dict[Any, Any]] | None:
    """The dictionary on the failing line that lacks ``key``, with the expression that names it."""
    if type(key) not in (str, int, float, bool, bytes, type(None)):
        return None  # looking a key up runs its __hash__ and __eq__: only where they are built in
    frame = last.tb_frame
    line = linecache.getline(frame.f_code.co_filename, last.tb_lineno)
    mentioned = set(re.findall(r"\w+", line))
    values = {**frame.f_globals, **frame.f_locals}
    for name in sorted(mentioned & values.keys(), key=line.find):
        value = values[name]
        if _lacks(value, key):
            return name, value
        for attribute, inner in instance_dict(value).items():
            if attribute in mentioned and _lacks(inner, key):
                return f"{name}.{attribute}", inner
    return None


def _lacks(value: Any, key: object) -> bool:
    return issubclass(type(value), dict) and not dict.__contains__(value, key)


def _call_facts(error: TypeError, last: types.TracebackType) -> _SomeFacts:
    """The callable of a call that does not fit, and its parameters where it can be found."""
    message = error.args[0] if error.args else None
    match = _CALLED.match(message) if type(message) is str else None
    if match is None:
        return {}
    name = match[1]
    return {"name": name, "alternatives": list(_parameters(name.split("."), last.tb_frame))}


def _parameters(path: list[str], frame: types.FrameType) -> tuple[str, ...]:
    """The parameters of the function with that qualified name, looked for around ``frame``."""
    spaces: list[dict[str, Any]] = [dict(frame.f_locals), frame.f_globals]
    spaces += [instance_dict(v) for s in spaces[:2] for v in list(s.values()) if _is_module(v)]
    owners: list[Any] = [space.get(path[0]) for space in spaces]
    owners += [type(value) for value in spaces[0].values()]
    candidates = [space.get(path[-1]) for space in spaces]
    for owner in owners:
        if issubclass(type(owner), type):
            candidates += [d[path[-1]] for d in class_dicts(owner) if path[-1] in d]
    for found in candidates:
        if isinstance(found, types.FunctionType) and found.__qualname__ == ".".join(path):
            return argument_names(found.__code__)
    return ()


def _comparison_facts(
    last: types.TracebackType, tb: types.TracebackType | None, comparison: Comparison | None
) -> _SomeFacts:
    """Both sides of the comparison that failed: got on the left, expected on the right."""
    if (
        comparison is not None
        and comparison.frame_id == id(last.tb_frame)
        and comparison.code is last.tb_frame.f_code
    ):
        return {"left": bounded_repr(comparison.left), "right": bounded_repr(comparison.right)}
    for step in steps(tb):
        frame = step.tb_frame
        name = frame.f_code.co_name
        if module_of(frame) == "unittest.case" and name.startswith("assert"):
            names = frame.f_code.co_varnames[1 : frame.f_code.co_argcount]
            values = [bounded_repr(frame.f_locals.get(n)) for n in names if n != "msg"]
            values.append(_IMPLIED.get(name, ""))
            return {"left": values[0], "right": values[1]} if len(values) > 1 else {}
    return {}


def _operand(step: types.TracebackType, *prefixes: str) -> str:
    """The name that the instruction being executed works on, if it is one of ``prefixes``."""
    for instruction in dis.get_instructions(step.tb_frame.f_code):
        if instruction.offset == step.tb_lasti:
            fits = instruction.opname.startswith(prefixes)
            return instruction.argval if fits and type(instruction.argval) is str else ""
    return ""


def _nearest(name: str, names: Iterable[str]) -> list[str]:
    """``names`` sorted; where there are too many, those that look most like ``name``."""
    bounded = sorted({clip(n, 100) for n in names})
    if len(bounded) <= MAX_NAMES:
        return bounded
    letters = set(name)
    by_likeness = sorted(bounded, key=lambda n: (len(letters ^ set(n)), abs(len(n) - len(name)), n))
    return sorted(by_likeness[:MAX_NAMES])


def _is_module(value: object) -> bool:
    return issubclass(type(value), types.ModuleType)


def _string_attribute(error: BaseException, attribute: str) -> str:
    """A string attribute of an exception, which a subclass may have made anything."""
    try:
        value = getattr(error, attribute, None)
    except Exception:
        return ""
    return clip(value, 200) if isinstance(value, str) else ""
