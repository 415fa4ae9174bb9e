"""Values as text: read them, compare them, and read the calls that gave them."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence

RAISES = "raises "
_MUTATED = re.compile(r", and its arguments become \(.*\Z", re.DOTALL)
_EXCEPTION = re.compile(r"[A-Z]\w*(?:Error|Exception|Warning|Exit|Interrupt|Iteration)")
_ITERATOR = re.compile(r"iterator over (\[.*\])", re.DOTALL)


class Unknown:
    """What is not a literal."""


UNKNOWN = Unknown()


def read_value(text: str) -> object:
    """The value of a literal, of an empty set, or of the items of an iterator; else `UNKNOWN`."""
    text = _MUTATED.sub("", text.strip())
    if iterator := _ITERATOR.fullmatch(text):
        text = iterator[1]
    if text == "set()":
        return set()
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return UNKNOWN


def exception_name(text: str) -> str:
    """The exception that a result is, without its package; empty where it is a value."""
    text = text.strip()
    if text.startswith(RAISES):
        return text[len(RAISES) :].strip().rpartition(".")[2]
    return text if _EXCEPTION.fullmatch(text) else ""


def same_result(first: str, second: str) -> bool | None:
    """Whether two results are equal, floats about so; None where that cannot be told."""
    raised = exception_name(first), exception_name(second)
    if any(raised):
        return raised[0] == raised[1] if all(raised) or _both_known(first, second) else None
    one, other = read_value(first), read_value(second)
    if one is UNKNOWN or other is UNKNOWN:
        return True if _squeeze(first) == _squeeze(second) else None
    return _equal(one, other)


def call_of(text: str) -> ast.Call | None:
    """The call that an expression is, in no more than brackets; None where it is something else."""
    try:
        body = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return body if isinstance(body, ast.Call) else None


def called_name(call: ast.Call) -> str:
    """The last part of what is called; empty where that is no name."""
    if isinstance(call.func, ast.Name):
        return call.func.id
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def bind(call: ast.Call, parameters: Sequence[str]) -> dict[str, object] | None:
    """Arguments by parameter; None where some are no literals or fit no parameter."""
    if len(call.args) > len(parameters):
        return None
    given = [*zip(parameters, call.args, strict=False)]
    given += [(word.arg or "", word.value) for word in call.keywords]
    bound = {name: read_value(ast.unparse(node)) for name, node in given}
    known = all(value is not UNKNOWN for value in bound.values())
    return bound if known and set(bound) <= set(parameters) and len(bound) == len(given) else None


def with_defaults(
    arguments: Mapping[str, object], defaults: Sequence[tuple[str, str]]
) -> dict[str, object]:
    """The arguments and those defaults that are literals."""
    values = {name: read_value(text) for name, text in defaults}
    return {n: v for n, v in values.items() if v is not UNKNOWN} | dict(arguments)


def normal_call(call: ast.Call, parameters: Sequence[str]) -> str:
    """The same string for calls with the same arguments, however they are written."""
    bound = bind(call, parameters)
    if bound is None:
        return ast.unparse(call)
    words = ", ".join(f"{name}={bound[name]!r}" for name in parameters if name in bound)
    return f"{called_name(call)}({words})"


def _both_known(*texts: str) -> bool:
    return all(exception_name(t) or read_value(t) is not UNKNOWN for t in texts)


def _equal(one: object, other: object) -> bool:
    if isinstance(one, float | complex) or isinstance(other, float | complex):
        if isinstance(one, int | float) and isinstance(other, int | float):
            return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
        return one == other
    if isinstance(one, list | tuple) and type(one) is type(other):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(_equal(a, b) for a, b in pairs)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[k], other[k]) for k in one)
    return one == other


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text)
