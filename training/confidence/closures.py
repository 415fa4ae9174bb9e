"""Functions of packages as small modules that stand alone, with what they need of their own files."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass

from training.data.functions import SourceText, functions_of
from training.rewrites.texts import lines_of

# Modules without a side effect that a wrong program could have.
HARMLESS = frozenset(
    [
        "math",
        "cmath",
        "re",
        "string",
        "itertools",
        "functools",
        "collections",
        "operator",
        "bisect",
        "heapq",
        "datetime",
        "fractions",
        "decimal",
        "statistics",
        "textwrap",
        "unicodedata",
        "copy",
        "types",
        "typing",
        "calendar",
        "json",
        "enum",
        "dataclasses",
        "numbers",
        "abc",
        "difflib",
        "__future__",
        "keyword",
        "html",
        "base64",
        "binascii",
        "struct",
        "colorsys",
    ]
)
_MAX_LINES = 140
_MAX_PARTS = 8
_BUILTINS = frozenset(dir(builtins)) - {
    "open",
    "input",
    "exec",
    "eval",
    "compile",
    "breakpoint",
    "exit",
    "quit",
}


@dataclass(frozen=True, slots=True)
class Program:
    """A module and the function in it that is to be broken."""

    id: str  # where it is from: ``networkx==3.6.1:networkx/utils/misc.py:flatten``
    origin: str  # the package; what is held back is held back by this
    module: str  # its name
    text: str
    function: str
    family: str  # ``package`` or ``drill``


def programs_of(source: SourceText) -> Iterator[Program]:
    """Each function of a file that can stand alone, with what it needs."""
    try:
        tree = ast.parse(source.text)
    except (SyntaxError, ValueError, RecursionError):
        return
    lines = source.text.split("\n")
    parts = _parts(tree)
    stem = source.path.rpartition("/")[2].removesuffix(".py").lstrip("_") or "module"
    for sound in functions_of(source):
        if sound.owner or isinstance(sound.node, ast.AsyncFunctionDef) or sound.node.decorator_list:
            continue
        needed = _closure(sound.name, parts)
        if needed is None:
            continue
        chosen = sorted(needed, key=lambda node: lines_of(node)[0])
        texts = ["\n".join(lines[lines_of(n)[0] - 1 : n.end_lineno]) for n in chosen]
        text = _joined(chosen, texts)
        if text.count("\n") <= _MAX_LINES:
            origin = source.origin.partition("==")[0]
            name = f"{source.origin}:{source.path}:{sound.name}"
            yield Program(
                name, origin, stem if stem.isidentifier() else "module", text, sound.name, "package"
            )


def _joined(nodes: list[ast.stmt], texts: list[str]) -> str:
    found = ""
    for node, text in zip(nodes, texts, strict=True):
        is_definition = isinstance(node, ast.FunctionDef | ast.ClassDef)
        found += ("\n\n" if is_definition and found else "") + text + "\n"
    return found


def _parts(tree: ast.Module) -> dict[str, ast.stmt]:
    """Statements of a module by the names that they bind, where each binds it once."""
    found: dict[str, ast.stmt] = {}
    twice: set[str] = set()
    for node in tree.body:
        for name in _bound(node):
            if name in found:
                twice.add(name)
            found[name] = node
    return {name: node for name, node in found.items() if name not in twice}


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]
    if isinstance(node, ast.Assign):
        return [t.id for t in node.targets if isinstance(t, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def _closure(name: str, parts: dict[str, ast.stmt]) -> set[ast.stmt] | None:
    """The statements that a function needs, itself among them; None where that is too much or does harm."""
    found: set[ast.stmt] = set()
    pending = [name]
    while pending:
        wanted = pending.pop()
        node = parts.get(wanted)
        if node is None:
            return None
        if node in found:
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [a.name for a in node.names]
            )
            if getattr(node, "level", 0) or not all(
                m.partition(".")[0] in HARMLESS for m in modules
            ):
                return None
        found.add(node)
        if len(found) > _MAX_PARTS:
            return None
        needed = _free(node)
        if needed is None:
            return None
        pending += sorted(needed - _BUILTINS)
    return found


def _free(node: ast.stmt) -> set[str] | None:
    """Names that a statement takes from around it; None where that cannot be told."""
    loaded: set[str] = set()
    stored: set[str] = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            (loaded if isinstance(each.ctx, ast.Load) else stored).add(each.id)
        elif isinstance(each, ast.arg):
            stored.add(each.arg)
        elif isinstance(each, ast.FunctionDef | ast.ClassDef) and each is not node:
            stored.add(each.name)
        elif isinstance(each, ast.Import | ast.ImportFrom):
            modules = (
                [each.module or ""]
                if isinstance(each, ast.ImportFrom)
                else [a.name for a in each.names]
            )
            if not isinstance(node, ast.Import | ast.ImportFrom) and not all(
                m.partition(".")[0] in HARMLESS for m in modules
            ):
                return None
            stored.update((a.asname or a.name).partition(".")[0] for a in each.names)
        elif isinstance(each, ast.ExceptHandler) and each.name:
            stored.add(each.name)
        elif isinstance(each, ast.Global | ast.Nonlocal | ast.Await):
            return None
    if loaded & {"open", "input", "exec", "eval", "compile", "globals", "breakpoint", "__import__"}:
        return None
    return loaded - stored - {"__name__", "__file__"}
