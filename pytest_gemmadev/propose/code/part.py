"""The part of a file that one edit concerns: one function, or what stands outside of functions.

A part is the outermost function around a place, or the statements of a class or module that are in no
function.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cached_property
from typing import TypeAlias

from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.nodes import (
    FUNCTIONS,
    FunctionNode,
    child_nodes,
    docstring_of,
    first_line,
    last_line,
)
from pytest_gemmadev.propose.code.tree import Tree

Root: TypeAlias = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Part(Tree):
    """One function, or the code of a class or module outside functions."""

    root: Root

    def __init__(self, source: Module, root: Root, cls: ast.ClassDef | None) -> None:
        super().__init__(root)
        self.source = source
        self.cls = cls  # the class that holds a method, or None
        self.parents = {}
        self.nodes: list[ast.AST] = []
        self._frozen: set[ast.AST] = set()
        self._index()

    @property
    def path(self) -> str:
        return self.source.path

    @property
    def text(self) -> str:
        return self.source.text

    def _index(self) -> None:
        """Lists the nodes in source order with their parents; functions elsewhere are not opened."""
        inside = isinstance(self.root, FUNCTIONS)
        stack: list[tuple[ast.AST, bool]] = [(self.root, False)]
        while stack:
            node, frozen = stack.pop()
            self.nodes.append(node)
            if frozen:
                self._frozen.add(node)
            if (
                node is not self.root
                and not inside
                and isinstance(node, (*FUNCTIONS, ast.ClassDef))
            ):
                continue
            docstring = docstring_of(node)
            for child in reversed(child_nodes(node)):
                opaque = child is docstring or _is_annotation(child, node)
                opaque = opaque or (isinstance(node, ast.JoinedStr) and not self._located(child))
                self.parents[child] = node
                stack.append((child, frozen or opaque))

    def _located(self, part: ast.AST) -> bool:
        return isinstance(part, ast.FormattedValue) and self.source.is_located(part.value)

    # --- around a node ---------------------------------------------------------------------------

    def editable(self, node: ast.AST) -> bool:
        """False for docstrings, annotations, and code whose position is not known."""
        return node not in self._frozen

    def function(self, node: ast.AST) -> FunctionNode | None:
        """The innermost function around ``node``; None in class and module bodies."""
        return next((a for a in self.ancestors(node) if isinstance(a, FUNCTIONS)), None)

    def scope(self, node: ast.AST) -> Root:
        """The innermost function around ``node``, or the root of the part."""
        return self.function(node) or self.root

    # --- nodes by place and type -----------------------------------------------------------------

    @cached_property
    def by_line(self) -> dict[int, list[ast.AST]]:
        """Editable nodes by the line they begin on; those without a place of their own by their parent's."""
        found: dict[int, list[ast.AST]] = defaultdict(list)
        for node in self.nodes:
            if self.editable(node):
                line = getattr(node, "lineno", None)
                if line is None:
                    places = (getattr(a, "lineno", 0) for a in self.ancestors(node))
                    line = next((n for n in places if n), 0)
                found[line].append(node)
        return found

    @cached_property
    def by_type(self) -> dict[type[ast.AST], list[ast.AST]]:
        found: dict[type[ast.AST], list[ast.AST]] = defaultdict(list)
        for node in self.nodes:
            found[type(node)].append(node)
        return found

    def of_type(self, *types: type[ast.AST]) -> list[ast.AST]:
        """Nodes of the given types, in source order within each type."""
        return [node for kind in types for node in self.by_type.get(kind, ())]

    # --- text ------------------------------------------------------------------------------------

    def span(self, node: ast.AST) -> tuple[int, int]:
        return self.source.extent(node)

    @cached_property
    def extent(self) -> tuple[int, int]:
        """Offsets of the whole lines that any change of the part, also one at its edges, falls into."""
        if isinstance(self.root, ast.Module):
            return 0, len(self.text)
        return self.source.lines_of(self.root, self.root)

    @cached_property
    def step(self) -> str:
        """What one level of indentation is; four blanks where nothing tells."""
        for statement in self.nodes:
            block = self.block(statement) if isinstance(statement, ast.stmt) else None
            if block is not None and isinstance(block.owner, ast.stmt):
                inner = self.source.indentation(statement)
                outer = self.source.indentation(block.owner)
                if inner.startswith(outer) and len(inner) > len(outer):
                    return inner[len(outer) :]
        return "    "


def _is_annotation(child: ast.AST, parent: ast.AST) -> bool:
    match parent:
        case ast.arg() | ast.AnnAssign():
            return child is parent.annotation
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return child is parent.returns
        case _:
            return False


def find_root(source: Module, line: int) -> tuple[Root, ast.ClassDef | None]:
    """(root of the part, class of a method) around a line of a file."""
    root: Root = source.tree
    cls: ast.ClassDef | None = None
    body: list[ast.AST] = list(source.tree.body)
    while True:
        found = next((s for s in body if first_line(s) <= line <= last_line(s)), None)
        if isinstance(found, FUNCTIONS):
            return found, cls
        if found is None:
            return root, cls
        if isinstance(found, ast.ClassDef):
            root = cls = found
        body = [
            c for c in ast.iter_child_nodes(found) if hasattr(c, "body") or isinstance(c, ast.stmt)
        ]
