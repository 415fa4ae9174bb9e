"""The text of a file by the nodes of its syntax tree, and the names that a function uses."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

Change: TypeAlias = tuple[int, int, str]
"""(start, end, new text): offsets into the text of the file."""
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_LOAD = ast.Load()


@dataclass(slots=True)
class Text:
    """The text of a file with the offsets of its nodes."""

    text: str
    starts: list[int] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines = self.text.split("\n")
        at = 0
        for line in self.lines:
            self.starts.append(at)
            at += len(line) + 1

    def offset(self, line: int, column: int) -> int:
        """The offset of a node's position, whose columns count UTF-8 bytes."""
        text = self.lines[line - 1]
        if not text.isascii():
            column = len(text.encode()[:column].decode("utf-8", "ignore"))
        return self.starts[line - 1] + column

    def span(self, node: ast.AST) -> tuple[int, int]:
        line, column = node.lineno, node.col_offset  # type: ignore[attr-defined]
        end_line, end = node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]
        return self.offset(line, column), self.offset(end_line, end)

    def code(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def whole_lines(self, first: int, last: int) -> tuple[int, int]:
        """Offsets of the lines with their ends."""
        return self.starts[first - 1], self.starts[last] if last < len(self.starts) else len(
            self.text
        )


@dataclass(slots=True)
class Names:
    """What the function itself uses, for replacing one thing with another."""

    variables: list[str] = field(default_factory=list)
    attributes: dict[str, list[str]] = field(default_factory=dict)  # by owner's name
    strings: list[str] = field(default_factory=list)
    nodes: list[ast.expr] = field(default_factory=list)  # expressions with a value

    @classmethod
    def of(cls, function: Function) -> Names:
        found = cls()
        args = function.args
        known: dict[str, None] = {}
        for argument in (*args.posonlyargs, *args.args, *args.kwonlyargs):
            known[argument.arg] = None
        strings: dict[str, None] = {}
        for node in inside(function):
            if isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", _LOAD), ast.Load):
                found.nodes.append(node)
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                known[node.id] = None
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owned = found.attributes.setdefault(node.value.id, [])
                if node.attr not in owned:
                    owned.append(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                strings[node.value] = None
        found.variables = [name for name in known if name not in ("self", "cls")]
        found.strings = [string for string in strings if string.isidentifier()]
        return found


Rewrite: TypeAlias = Callable[[ast.AST, Text, Names], Iterator[Change]]


def bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for attribute_ in ("body", "orelse", "finalbody"):
        body = getattr(node, attribute_, None)
        if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
            yield body


def lines_of(node: ast.stmt) -> tuple[int, int]:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(d.lineno for d in decorators)])
    return first, node.end_lineno or node.lineno


def inside(function: Function) -> Iterator[ast.AST]:
    """Nodes whose places can be trusted: not those in an f-string, wrong before Python 3.12.

    Annotations and docstrings are left out as well: nothing that runs hangs on them.
    """
    waiting: list[ast.AST] = [function]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.JoinedStr):
            continue
        for name_, value in ast.iter_fields(node):
            if name_ in ("annotation", "returns", "decorator_list", "type_params"):
                continue
            children = value if isinstance(value, list) else [value]
            waiting += [c for c in children if isinstance(c, ast.AST) and not _is_docstring(c)]


def _is_docstring(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def misspelt(word: str) -> Iterator[str]:
    """Two slips: letters swapped, a plural wrong or a letter lost."""
    if len(word) < 3 or not re.fullmatch(r"[a-zA-Z]\w+", word):
        return
    middle = len(word) // 2
    turned = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
    if turned != word:
        yield turned
    yield word[:-1] if word.endswith("s") else word + "s"
