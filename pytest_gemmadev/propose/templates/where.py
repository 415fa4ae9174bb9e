"""Reads guards of templates: clauses made of named kinds of nodes and named predicates.

A clause is ``[hole] [is] [not] NAME[, NAME …][ or NAME]``: ``x is name or call``, ``not in condition``,
``v holds number``. Without a hole it speaks of the node that the template matches. All names are in
`node_predicates`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_gemmadev.propose.templates.holes import symbols
from pytest_gemmadev.propose.templates.node_predicates import (
    KINDS,
    NAMING,
    PREDICATES,
    Predicate,
)
from pytest_gemmadev.propose.templates.template import TemplateError

if TYPE_CHECKING:
    from pytest_gemmadev.propose.templates.matcher import Match


@dataclass(frozen=True, slots=True)
class Clause:
    """One guard: what is true of a hole, or of the matched node where it names none."""

    hole: str
    negated: bool
    types: tuple[type[ast.AST], ...]
    predicates: tuple[Predicate, ...]
    holds: Callable[[Match], bool]


def _test(
    hole: str, types: tuple[type[ast.AST], ...], predicates: tuple[Predicate, ...], *, negated: bool
) -> Callable[[Match], bool]:
    """The clause as a function; of several nodes that a hole holds, it must be true of each."""
    if types and not predicates:
        of: Predicate = lambda node, unit: isinstance(node, types)  # noqa: E731
    elif len(predicates) == 1 and not types:
        of = predicates[0]
    else:
        of = lambda node, unit: (  # noqa: E731
            isinstance(node, types) or any(p(node, unit) for p in predicates)
        )
    if not hole:
        return lambda match: of(match.node, match.unit) is not negated

    def holds(match: Match) -> bool:
        found = match.bound.get(hole)
        if isinstance(found, list):
            return all(of(node, match.unit) for node in found) is not negated
        node = ast.Name(found, ast.Load()) if isinstance(found, str) else found
        return node is not None and of(node, match.unit) is not negated

    return holds


def read_clauses(text: str, holes: Collection[str]) -> tuple[Clause, ...]:
    """The clauses of a guard; raises `TemplateError` for what it does not know.

    What a clause says of operators is the matcher's to see to, and left out.
    """
    parts = [part.strip() for part in text.split(";")]
    return tuple(_read_clause(p, holes) for p in parts if p and not symbols(_said(p)))


def _said(clause: str) -> str:
    return clause.partition(" is ")[2]


def _read_clause(text: str, holes: Collection[str]) -> Clause:
    first, _, rest = text.partition(" ")
    subject, phrase = (first, rest) if first in holes else ("", text)
    phrase = phrase.removeprefix("is ")
    negated = phrase.startswith("not ")
    types: list[type[ast.AST]] = []
    predicates: list[Predicate] = []
    phrase = phrase.removeprefix("not ")
    for name in re.split(r", | or ", phrase):
        verb, _, word = name.partition(" ")
        if name in KINDS:
            types += KINDS[name]
        elif name in PREDICATES:
            predicates.append(PREDICATES[name])
        elif verb in NAMING and word:
            predicates.append(NAMING[verb](word))
        else:
            raise TemplateError(_unknown(text, name))
    kinds, tests = tuple(types), tuple(predicates)
    return Clause(subject, negated, kinds, tests, _test(subject, kinds, tests, negated=negated))


def _unknown(clause: str, name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, [*KINDS, *PREDICATES], 3)
    hint = f"; near it are {', '.join(map(repr, near))}" if near else ""
    return f"where {clause!r}: nothing is called {name!r}{hint}"
