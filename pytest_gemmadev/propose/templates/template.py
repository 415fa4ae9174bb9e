"""What a template is: data that says which shape of code becomes which, and the examples that define it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pytest_gemmadev.propose.rules.rule import Example
    from pytest_gemmadev.propose.templates.matcher import Match
    from pytest_gemmadev.types import ErrorKind

Value: TypeAlias = tuple[str, float]
"""(code, weight): what a hole of the after side may be filled with, and how likely it is, in nats."""

Ingredient: TypeAlias = "Callable[[Match], Iterable[Value]]"
"""Where the code comes from that the before side does not hold: `ingredients` has the usual ones."""

After: TypeAlias = "str | Mapping[str, float | tuple[float, str]]"
"""The code that takes the place; of several, each with its weight, or with its weight and a guard."""


class TemplateError(ValueError):
    """A template that cannot be used. The message names it and says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Code of one shape, and what may take its place."""

    before: str
    after: After
    where: str = ""  # clauses, separated by semicolons: see `where`
    ingredients: Mapping[str, Ingredient] = field(default_factory=dict)
    weight: float = 0.0
    # how much likelier, in nats, than the template's other rewrites; only differences count
    in_place: bool = False
    # only what differs is replaced, so that what stands between, comments too, stays as it is
    why: str = ""  # a few words for a person, for rewrites that an error asks for; may have holes
    otherwise: bool = False
    # only where none of the template's rewrites before it has fitted


@dataclass(frozen=True, slots=True)
class Template:
    """A named edit: its rewrites, how likely it is, and examples that are its tests."""

    name: str
    rewrites: Rewrite | tuple[Rewrite, ...]
    _: KW_ONLY
    examples: tuple[tuple[str, str], ...]
    # (code, code that must be among the results)
    untouched: tuple[str, ...]
    # code in which the template must find nothing to change
    where: str = ""  # clauses that hold for all rewrites
    bias: tuple[tuple[str, float], ...] = ()
    # (clause, nats added to the prior where it holds, at most 0)
    per_thousand: float | None = None
    # of 1,000 nodes that it fits, where its edit is the repair; None: `priors` has the figure


@dataclass(frozen=True, slots=True)
class ErrorTemplate:
    """An edit for errors whose message tells of it; the weight of a rewrite is its whole prior."""

    name: str
    rewrites: Rewrite | tuple[Rewrite, ...]
    _: KW_ONLY
    kinds: tuple[ErrorKind, ...]
    examples: tuple[Example, ...]
    # projects whose test fails: one that must be repaired, one that must be left alone
    message: str = ""
    # a regular expression, searched in ``KeyError: 'x'``; its named groups are holes that it fills
    everywhere: bool = False
    # looks at all functions that may hold the fault, not only at the line that failed
    where: str = ""
