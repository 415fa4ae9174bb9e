"""Documented functions to finish: head and docstring as the question, the body as the answer.

Only functions that stand alone count: what they use is their own, built in, or imported at the top of
the file, and those imports come first in the question.
"""

from __future__ import annotations

import ast
import builtins
import warnings
from collections.abc import Iterable, Iterator, Mapping

from training.data.examples import Example
from training.data.functions import OWN, Sound, SourceText, functions_of, is_permissive
from training.rewrites.texts import Text, lines_of

BODY_LINES = (2, 24)  # shortest and longest answer
DOC_CHARS = (24, 900)  # of the docstring
_NAMED = (ast.ExceptHandler, ast.FunctionDef, ast.ClassDef, ast.MatchAs, ast.MatchStar)
_KNOWN = frozenset(dir(builtins)) | {"__name__", "__file__"}


def body_examples(files: Iterable[SourceText], *, any_license: bool = False) -> Iterator[Example]:
    """A question for each documented function of the modules that stands alone."""
    for source in files:
        if not (any_license or source.license == OWN or is_permissive(source.license)):
            continue
        imports = _imports(source.text)
        text = Text(source.text)
        for sound in functions_of(source):
            if not sound.owner:
                yield from _asked(sound, text, imports)


def _asked(sound: Sound, text: Text, imports: Mapping[str, str]) -> Iterator[Example]:
    node = sound.node
    documentation = ast.get_docstring(node, clean=False) or ""
    if isinstance(node, ast.AsyncFunctionDef) or node.decorator_list or len(node.body) < 2:
        return
    first, last = lines_of(node.body[1])[0], node.end_lineno or 0
    docstring_ends = node.body[0].end_lineno or 0
    if not DOC_CHARS[0] <= len(documentation) <= DOC_CHARS[1] or first <= docstring_ends:
        return
    needed = _free(node) - {node.name}
    if not needed <= imports.keys() or not BODY_LINES[0] <= last - first + 1 <= BODY_LINES[1]:
        return
    begin, middle = text.starts[node.lineno - 1], text.starts[docstring_ends]
    end = text.starts[last] if last < len(text.starts) else len(text.text)
    head = "".join(f"{line}\n" for line in dict.fromkeys(imports[name] for name in sorted(needed)))
    origin = f"{sound.source.origin}:{sound.source.path}:{sound.name}"
    yield Example(
        prompt=(f"{head}\n\n" if head else "") + text.text[begin:middle],
        completion=text.text[middle:end].rstrip() + "\n",
        id=f"{origin}#body",
        origin=origin,
        license=sound.source.license,
    )


def _imports(text: str) -> dict[str, str]:
    """The statement that brings each name which the top of a file imports, by absolute name."""
    found: dict[str, str] = {}
    for node in _statements(text):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = f"import {_written(alias)}"
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module != "__future__":
            for alias in node.names:
                found[alias.asname or alias.name] = f"from {node.module} import {_written(alias)}"
    return found


def _statements(text: str) -> list[ast.stmt]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError):
        return []


def _written(alias: ast.alias) -> str:
    return f"{alias.name} as {alias.asname}" if alias.asname else alias.name


def _free(function: ast.FunctionDef) -> set[str]:
    """Names that the function reads and that are neither its own nor built in."""
    read: set[str] = set()
    own: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else own).add(node.id)
        elif isinstance(node, ast.arg):
            own.add(node.arg)
        elif isinstance(node, _NAMED) and node is not function and node.name:
            own.add(node.name)
        elif isinstance(node, ast.alias):
            own.add(node.asname or node.name.partition(".")[0])
    return read - own - _KNOWN
