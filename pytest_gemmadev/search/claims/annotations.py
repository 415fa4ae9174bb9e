"""Whether a value fits the annotation of what a function returns."""

from __future__ import annotations

import ast
from collections.abc import Mapping

_PLAIN: Mapping[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "complex": (complex, float, int),
    "str": (str,),
    "bytes": (bytes,),
    "bool": (bool,),
    "list": (list,),
    "List": (list,),
    "tuple": (tuple,),
    "Tuple": (tuple,),
    "dict": (dict,),
    "Dict": (dict,),
    "set": (set,),
    "Set": (set,),
    "frozenset": (frozenset,),
    "FrozenSet": (frozenset,),
}


def fits_annotation(node: ast.expr, value: object) -> bool | None:
    """Whether a value fits, as far as built-in types say; None where the annotation names others."""
    if isinstance(node, ast.Constant):
        return _fits_constant(node.value, value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _fits_any([node.left, node.right], value)
    name = _last_name(node)
    if name in _PLAIN:
        return isinstance(value, _PLAIN[name]) and _is_no_odd_bool(_PLAIN[name], value)
    if isinstance(node, ast.Subscript):
        return _fits_subscript(_last_name(node.value), node.slice, value)
    return None


def _fits_constant(stated: object, value: object) -> bool | None:
    if stated is None:
        return value is None
    if isinstance(stated, str):
        try:
            return fits_annotation(ast.parse(stated, mode="eval").body, value)
        except (SyntaxError, ValueError, RecursionError):
            return None
    return None


def _fits_subscript(name: str, inner: ast.expr, value: object) -> bool | None:
    parts = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
    if name == "Optional":
        return True if value is None else fits_annotation(inner, value)
    if name == "Union":
        return _fits_any(parts, value)
    if name not in _PLAIN:
        return None
    if not isinstance(value, _PLAIN[name]):
        return False
    if isinstance(value, dict):
        if len(parts) != 2:
            return None
        return _all(
            [*(_fit(parts[0], k) for k in value), *(_fit(parts[1], v) for v in value.values())]
        )
    if isinstance(value, tuple) and not _is_open(parts):
        return len(parts) == len(value) and _all(
            [_fit(p, v) for p, v in zip(parts, value, strict=True)]
        )
    if isinstance(value, list | set | frozenset | tuple):
        return _all([_fit(parts[0], item) for item in value])
    return None


_fit = fits_annotation


def _is_open(parts: list[ast.expr]) -> bool:
    """Whether a tuple's annotation ends in dots: any number of items."""
    last = parts[-1] if parts else None
    return isinstance(last, ast.Constant) and last.value is Ellipsis


def _fits_any(nodes: list[ast.expr], value: object) -> bool | None:
    fits = [fits_annotation(node, value) for node in nodes]
    return True if True in fits else None if None in fits else False


def _all(fits: list[bool | None]) -> bool | None:
    return False if False in fits else None if None in fits else True


def _is_no_odd_bool(kinds: tuple[type, ...], value: object) -> bool:
    """A bool is an int for Python; where a number is stated it may be one, a count for instance."""
    return not isinstance(value, bool) or bool in kinds or int in kinds


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""
