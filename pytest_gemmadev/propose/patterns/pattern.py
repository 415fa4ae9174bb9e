"""What a fix pattern is: one small class with one job, and the examples that define it."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, TypeAlias, TypeVar

from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change
from pytest_gemmadev.propose.patterns.priors import BEST_SHARES, PRIORS

Node = TypeVar("Node", bound=ast.AST)


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
