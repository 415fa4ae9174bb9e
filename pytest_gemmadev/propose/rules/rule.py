"""What a rule is: one small class with one job, and the examples that define it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_gemmadev.types import Edit, ErrorKind

if TYPE_CHECKING:
    from pytest_gemmadev.propose.rules.failure import Failure

SURE = -0.1  # the error leaves hardly another way
LIKELY = -0.4
FAIR = -1.0
WEAK = -1.8
GUESS = -2.8


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that one rule offers for one error."""

    edits: tuple[Edit, ...]
    prior: float  # natural logarithm, at most 0
    why: str  # a few words for a person


@dataclass(frozen=True, slots=True)
class Example:
    """A small project whose test fails, and what must become of it.

    ``tree`` holds the files one after the other, each under a line ``--- path``; without such a
    line it is ``app.py``. ``test`` is what a test runs, imports and a line ``---`` before it;
    without imports the names of ``app`` are in reach.
    """

    tree: str
    test: str
    old: str = ""  # occurs once in the tree; empty: the rule must offer nothing
    new: str = ""  # what one of the rule's fixes leaves in its place


class Rule(ABC):
    """Offers fixes for errors of its kinds. Stateless."""

    name: str
    kinds: tuple[ErrorKind, ...]
    examples: tuple[Example, ...]  # one that changes something, one that must not

    @abstractmethod
    def fixes(self, failure: Failure) -> Iterator[Fix]:
        """Fixes for the error, in any order; none where the rule does not apply."""


def fix(prior: float, why: str, *edits: Edit | None) -> Iterator[Fix]:
    """One fix of all the edits together; none where one of them cannot be made."""
    made = [edit for edit in edits if edit is not None]
    if made and len(made) == len(edits):
        yield Fix(tuple(made), min(prior, -0.01), why)


def alike_prior(likeness: float, best: float = SURE) -> float:
    """The prior of a respelling that is ``likeness`` (in [0, 1]) close to what is there."""
    return best - 5.0 * (1.0 - likeness)
