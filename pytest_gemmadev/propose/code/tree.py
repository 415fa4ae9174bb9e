"""The nodes below a root, and what stands around each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, TypeVar

from pytest_gemmadev.propose.code.nodes import BLOCKS, FUNCTIONS, LOOPS, child_nodes

N = TypeVar("N", bound=ast.AST)
Loop: TypeAlias = ast.For | ast.AsyncFor | ast.While


@dataclass(frozen=True, slots=True)
class Block:
    """Where a statement stands: the list that holds it, its owner, and its index."""

    owner: ast.AST
    field: str  # ``body``, ``orelse``, ``finalbody``
    statements: list[ast.stmt]
    index: int


class Tree:
    """A syntax tree, or a part of one: what stands around the root is not seen."""

    def __init__(self, root: ast.AST) -> None:
        self.root = root
        self._blocks: dict[ast.AST, Block] = {}

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The parent of each node, breadth first; the root, operators and contexts have none."""
        found: dict[ast.AST, ast.AST] = {}
        queue: list[ast.AST] = [self.root]
        for node in queue:  # it grows meanwhile
            for child in child_nodes(node):
                found[child] = node
                queue.append(child)
        return found

    def parent(self, node: ast.AST) -> ast.AST | None:
        """The node around ``node``; None for the root."""
        return self.parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Parents from the inside out, the root last."""
        parents = self.parents
        found = parents.get(node)
        while found is not None:
            yield found
            found = parents.get(found)

    def enclosing(self, node: ast.AST, kind: type[N] | tuple[type[N], ...]) -> N | None:
        """The innermost node of ``kind`` around ``node``."""
        return next((a for a in self.ancestors(node) if isinstance(a, kind)), None)

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """``node`` where it is a statement, else the innermost one around it."""
        return node if isinstance(node, ast.stmt) else self.enclosing(node, ast.stmt)

    def loop(self, node: ast.AST) -> Loop | None:
        """The innermost loop whose body holds ``node``, within its function."""
        child = node
        for ancestor in self.ancestors(node):
            if isinstance(ancestor, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
                return None
            if isinstance(ancestor, LOOPS) and child in ancestor.body:
                return ancestor
            child = ancestor
        return None

    def block(self, statement: ast.stmt) -> Block | None:
        """The statements among which ``statement`` stands; None where it is not of this tree."""
        if statement not in self._blocks and (owner := self.parents.get(statement)) is not None:
            for name in BLOCKS:
                block = getattr(owner, name, None)
                if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                    self._blocks.update(
                        (s, Block(owner, name, block, i)) for i, s in enumerate(block)
                    )
        return self._blocks.get(statement)
