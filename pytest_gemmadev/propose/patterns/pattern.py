"""What a fix pattern is: one small class with one job, and the examples that define it."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.priors import BEST_SHARES, PRIORS

Replacement: TypeAlias = tuple[int, int, str]
"""(start, end, new text): offsets into the text of the file."""

Node = TypeVar("Node", bound=ast.AST)


@dataclass(frozen=True, slots=True)
class Change:
    """One edit that a pattern offers at a node, as one or more replacements of text."""

    replacements: tuple[Replacement, ...]
    weight: float = 0.0
    # how much likelier, in nats, than the pattern's other changes at the node; only differences count
    region: ast.AST | None = None
    # the smallest statement or block owner that the change stays inside; None: the node's statement


class Pattern(ABC, Generic[Node]):
    """Offers changes at the nodes of its types. Stateless; the code it sees is never modified."""

    name: str
    nodes: tuple[type[ast.AST], ...]
    examples: tuple[tuple[str, str], ...]
    # (code, code that must be among the results)
    untouched: tuple[str, ...]
    # code in which the pattern must find nothing to change

    @property
    def prior(self) -> float:
        """Log-probability that the fault is this pattern's at one node of a suspicious statement."""
        return PRIORS[self.name]

    @property
    def bound(self) -> float:
        """An upper bound, seldom wrong, of the prior of any one change."""
        return self.prior + BEST_SHARES.get(self.name, 0.0)

    def bias(self, node: Node, unit: Unit) -> float:
        """Nats added to the prior at this node, at most 0: some places are likelier than others."""
        return 0.0

    @abstractmethod
    def edits(self, node: Node, unit: Unit) -> Iterator[Change]:
        """The changes at ``node``, in any order."""


AnyPattern: TypeAlias = Pattern[Any]


def replace(node: ast.expr, code: str, unit: Unit, weight: float = 0.0) -> Change:
    """The change of one expression to ``code``, in parentheses where its place needs them."""
    start, end = unit.span(node)
    own = f"({unit.code(node)})"
    is_whole = isinstance(unit.parent(node), (ast.Assign, ast.AugAssign, ast.Return))
    if is_whole and code.startswith(f"{own} ") and unit.enclosed(node):
        behind = unit.text.index(")", end) + 1  # it stands in parentheses that will do
        return Change(((behind, behind, code.removeprefix(own)),), weight)
    return Change(((start, end, unit.fitted(node, code)),), weight)
