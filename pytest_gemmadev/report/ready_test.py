"""A pytest test that holds the answer to a question, ready to be put into a file."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection
from pathlib import PurePosixPath

from pytest_gemmadev.types import Question

RAISES = "raises "  # what the result of a call that raises begins with
BECOME = (
    ", and its arguments become "  # between the value and what the call has made of its arguments
)
ITERATOR = "iterator over "  # what the result begins with that was read from an iterator
_CUT = re.compile("…[0-9a-f]{8}…")  # in a text that is not there as a whole
_MOST_ITEMS = 50  # of an iterator that are read: where so many came there may be more
_LAYOUT = {"src", "lib", "source", "python"}  # folders that hold packages and are none


def make_test(question: Question, result: str, imported: Collection[str] = ()) -> str:
    """The text of a file with the test; empty where none can be written.

    ``imported`` are modules that the failing test imports: they say by what name the file is known.
    """
    names = names_of(question.call)
    if not question.path or not names or _CUT.search(question.call + result):
        return ""
    assertion = _assert(question.call, result)
    if not assertion:
        return ""
    module = module_name(question.path, imported)
    first = "import pytest\n\n" if "pytest." in assertion else ""
    words = re.sub(r"\W+", "_", _function(question.call)).strip("_").lower()
    body = "\n".join(f"    {line}" for line in assertion.splitlines())
    return (
        f"{first}from {module} import {', '.join(names)}\n\n\n"
        f"def test_{words}_answered():\n{body}\n"
    )


def name_file(question: Question) -> str:
    """The name of a new file for the test: ``test_cart_total_gemmadev.py``."""
    module = PurePosixPath(question.path).stem.strip("_")
    words = re.sub(r"\W+", "_", f"{module}_{_function(question.call)}").strip("_").lower()
    return f"test_{words}_gemmadev.py"


def names_of(call: str) -> tuple[str, ...]:
    """Names that a call needs beside the builtins, that of what it calls first; empty where it is no
    expression of Python."""
    try:
        tree = ast.parse(call, mode="eval").body
    except (SyntaxError, ValueError):
        return ()
    if not isinstance(tree, ast.Call):
        return ()
    found = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    root: ast.expr = tree
    while isinstance(root, (ast.Call, ast.Attribute)):
        root = root.func if isinstance(root, ast.Call) else root.value
    if not isinstance(root, ast.Name):
        return ()
    own = [name for name in found if not hasattr(builtins, name) and name != root.id]
    return (root.id, *sorted(set(own)))


def module_name(path: str, imported: Collection[str] = ()) -> str:
    """The dotted name of a file: one of the ``imported`` that ends it, else by its folders."""
    parts = list(PurePosixPath(path).with_suffix("").parts)
    if parts[-1] == "__init__" and len(parts) > 1:
        del parts[-1]
    names = [".".join(parts[start:]) for start in range(len(parts))]
    known = next((name for name in names if name in imported), "")
    if known:
        return known
    return names[1] if len(names) > 1 and parts[0] in _LAYOUT else names[0]


def imported_modules(source: str) -> set[str]:
    """Dotted names of modules that a file imports or imports from; empty where it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _function(call: str) -> str:
    """The dotted name of what is called, without what is in brackets."""
    parsed = ast.parse(call, mode="eval").body
    parts: list[str] = []
    root: ast.expr = parsed
    while not isinstance(root, ast.Name):
        if isinstance(root, ast.Attribute):
            parts.insert(0, root.attr)
            root = root.value
        elif isinstance(root, ast.Call):
            root = root.func
        else:
            return ".".join(parts)
    return ".".join((root.id, *parts))


def _assert(call: str, result: str) -> str:
    """Statements that hold where the call gives the result; empty where none can be written."""
    value, changes, arguments = result.partition(BECOME)
    if changes:
        return _assert_changes(call, value, arguments)
    return _assert_value(call, value)


def _assert_value(call: str, value: str) -> str:
    if value.startswith(RAISES):
        error = value.removeprefix(RAISES)
        if isinstance(getattr(builtins, error, None), type):
            return f"with pytest.raises({error}):\n    {call}"
        return (
            f"with pytest.raises(Exception) as raised:\n    {call}\n"
            f"assert type(raised.value).__name__ == {error!r}"
        )
    if value.startswith(ITERATOR):
        items = value.removeprefix(ITERATOR)
        given = _literal(items)
        if not isinstance(given, list) or len(given) >= _MOST_ITEMS:
            return ""
        return f"assert list({call}) == {items}"
    if value in ("None", "True", "False"):
        return f"assert {call} is {value}"
    if _literal(value) is not None:
        return f"assert {call} == {value}"
    return "" if value.startswith("<") else f"assert repr({call}) == {value!r}"


def _assert_changes(call: str, value: str, arguments: str) -> str:
    """The same for a call that changes what it is given."""
    tree = ast.parse(call, mode="eval").body
    given = _literal(arguments)
    if not isinstance(tree, ast.Call) or not isinstance(given, tuple) or len(given) != 2:
        return ""
    args = "".join(f"{ast.unparse(each)}, " for each in tree.args)
    keywords = ", ".join(f"{each.arg!r}: {ast.unparse(each.value)}" for each in tree.keywords)
    inner = _assert_value(f"{ast.unparse(tree.func)}(*args, **keywords)", value)
    if not inner:
        return ""
    return (
        f"args, keywords = ({args}), {{{keywords}}}\n{inner}\n"
        f"assert (list(args), keywords) == (list({given[0]!r}), {given[1]!r})"
    )


def _literal(text: str) -> object:
    """The value of a literal; None where it is none."""
    try:
        value: object = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return value
