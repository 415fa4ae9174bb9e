"""Rewrites of templates, compiled: finds where they fit and makes the changes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from typing import TypeAlias

from pytest_gemmadev.propose.code.statement_lines import SIMPLE
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change, replace
from pytest_gemmadev.propose.templates.block_printer import Layout, layout_of
from pytest_gemmadev.propose.templates.difference import Differences
from pytest_gemmadev.propose.templates.holes import (
    Code,
    hole,
    hole_names,
    is_expression,
    is_header,
    read,
    symbols,
)
from pytest_gemmadev.propose.templates.kept import kept_nodes
from pytest_gemmadev.propose.templates.matcher import Bound, Match, Shape
from pytest_gemmadev.propose.templates.printer import Part, fill, parts_of
from pytest_gemmadev.propose.templates.template import (
    ErrorTemplate,
    Rewrite,
    Template,
    TemplateError,
)
from pytest_gemmadev.propose.templates.where import Clause, read_clauses

_NO_FACTS: Bound = {}

Guard: TypeAlias = tuple[Callable[[Match], bool], ...]


class Rewrites:
    """The rewrites of a template, by the types of nodes that may have their shape.

    ``known`` names holes that are filled before a node is looked at. Raises `TemplateError`.
    """

    def __init__(self, template: Template | ErrorTemplate, known: Collection[str] = ()) -> None:
        self._name = template.name
        with naming(template.name):
            self._compile(template.rewrites, template.where, known)

    def _compile(
        self, rewrites: Rewrite | tuple[Rewrite, ...], where: str, known: Collection[str]
    ) -> None:
        every = (rewrites,) if isinstance(rewrites, Rewrite) else rewrites
        holes = {h for r in every for h in (*hole_names(r.before), *r.ingredients)} | set(known)
        clauses = read_clauses(where, holes)
        self._guard = tuple(clause.holds for clause in clauses if not clause.hole)
        self.by_root: dict[type[ast.AST], list[CompiledRewrite]] = {}
        for rewrite in every:
            compiled = CompiledRewrite(rewrite, where, holes=holes, known=known)
            for root in compiled.roots:
                self.by_root.setdefault(root, []).append(compiled)

    def allowed(self, node: ast.AST, unit: Unit) -> bool:
        """Whether what the template asks of the node itself, in all of its rewrites, is true."""
        if not self._guard:
            return True
        match = Match(node, _NO_FACTS, unit)
        return all(holds(match) for holds in self._guard)

    def check(self) -> None:
        """Compiles what is otherwise compiled at its first use."""
        with naming(self._name):
            for rewrites in self.by_root.values():
                for rewrite in rewrites:
                    rewrite.check()


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Names the template in a `TemplateError` that is raised meanwhile."""
    try:
        yield
    except TemplateError as error:
        raise TemplateError(f"template {name!r}: {error}") from None


class CompiledRewrite:
    """One rewrite of a template: its before side compiled, its after sides at their first use."""

    def __init__(
        self, rewrite: Rewrite, where: str, *, holes: set[str], known: Collection[str]
    ) -> None:
        self._rewrite = rewrite
        self.otherwise = rewrite.otherwise
        self.why = rewrite.why
        self._known = {*hole_names(rewrite.before), *rewrite.ingredients, *known}
        guard = f"{where};{rewrite.where}"
        self._operators = _operators(guard)
        self._weighed = _weighed(rewrite)
        common = [c for c in read_clauses(where, holes) if c.hole in ("", *self._known)]
        clauses = [*common, *self._own_clauses(holes)]
        self._expression = self._is_expression(clauses)
        self._before = self._read(rewrite.before)
        self._shape = Shape(
            self._before, self._operators, arguments=_arguments(guard), links=rewrite.in_place
        )
        self.roots, settled = self._roots(clauses)
        # The template asks what it says of the node itself once, before its rewrites.
        asked = [c for c in common if not c.hole]
        left = [c for c in clauses if c is not settled and c not in asked]
        self._early = [c.holds for c in left if c.hole not in rewrite.ingredients]
        self._late = [c.holds for c in left if c.hole in rewrite.ingredients]
        self._outcomes: list[_Outcome] | None = None

    def _own_clauses(self, holes: set[str]) -> tuple[Clause, ...]:
        clauses = read_clauses(self._rewrite.where, holes)
        for clause in clauses:
            if clause.hole and clause.hole not in self._known:
                raise TemplateError(f"`{self._rewrite.before}` has no ${clause.hole}")
        return clauses

    def _is_expression(self, clauses: Sequence[Clause]) -> bool:
        """Whether both sides are expressions; a lone hole may hold statements as well."""
        before = self._rewrite.before
        if is_header(before):
            return True
        kinds = self._kinds_of(before.removeprefix("$"), clauses)
        if kinds is not None and all(issubclass(kind, ast.stmt) for kind in kinds.types):
            return False
        return all(map(is_expression, (before, *self._weighed)))

    def _kinds_of(self, hole: str, clauses: Sequence[Clause]) -> Clause | None:
        """The clause that says what a template that is all one hole holds."""
        if hole not in self._known:
            return None
        kinds = [c for c in clauses if c.hole in ("", hole) and c.types and not c.negated]
        return kinds[0] if kinds else None

    def _read(self, text: str) -> Code:
        return read(text, expression=self._expression, families=self._operators)

    def _roots(self, clauses: Sequence[Clause]) -> tuple[tuple[type[ast.AST], ...], Clause | None]:
        """The types of the nodes that may have the shape, and the clause that says no more."""
        if is_header(self._rewrite.before):
            return (ast.For, ast.comprehension), None
        if self._shape.root is not None:
            return (self._shape.root,), None
        body = self._before.body
        name = hole(body[0] if isinstance(body, list) else body)
        kinds = self._kinds_of(name, clauses)
        if kinds is None:
            raise TemplateError(f"say what ${name} may be, as in `where='{name} is name or call'`")
        return kinds.types, kinds if not kinds.predicates else None

    def check(self) -> None:
        self._after_sides()

    def fits(self, node: ast.AST, facts: Bound) -> bool:
        """Whether a node may have the shape, its guard aside."""
        return self._shape.is_several or any(True for _ in self._shape.matches(node, None, facts))

    def matches(self, node: ast.AST, unit: Unit, facts: Bound = _NO_FACTS) -> Iterator[Match]:
        """Each way in which the node has the shape and the guard holds."""
        for bound in self._shape.matches(node, unit, facts):
            match = Match(node, bound, unit)
            for holds in self._early:
                if not holds(match):
                    break
            else:
                yield match

    def changes(self, match: Match) -> list[Change]:
        """The changes for each choice of ingredients, in the order in which those come."""
        made: list[Change] = []
        ingredients = self._rewrite.ingredients
        if not ingredients:
            self._write(match, self._rewrite.weight, made)
            return made
        for values in product(*(make(match) for make in ingredients.values())):
            weight = self._rewrite.weight
            for name, (code, fit) in zip(ingredients, values, strict=True):
                match.bound[name] = code
                weight += fit
            if not self._late or all(holds(match) for holds in self._late):
                self._write(match, weight, made)
        return made

    def _write(self, match: Match, weight: float, made: list[Change]) -> None:
        """Adds the change of each after side whose guard holds."""
        for outcome in self._outcomes or self._after_sides():
            if not outcome.guard or all(holds(match) for holds in outcome.guard):
                change = outcome.change(match, weight + outcome.weight)
                if change is not None:
                    made.append(change)

    def _after_sides(self) -> list[_Outcome]:
        if self._outcomes is None:
            self._outcomes = [
                self._outcome(text, weight, guard)
                for text, (weight, guard) in self._weighed.items()
            ]
        return self._outcomes

    def _outcome(self, text: str, weight: float, guard: str) -> _Outcome:
        code = self._read(text)
        unknown = code.holes - self._known
        if unknown:
            raise TemplateError(f"`{text}`: nothing says what ${min(unknown)} is")
        clauses = tuple(c.holds for c in read_clauses(guard, self._known))
        if self._rewrite.in_place or is_header(text):
            whole = not self._rewrite.in_place
            return _InPlace(
                weight, clauses, Differences(self._shape, self._before, code, whole=whole)
            )
        kept = kept_nodes(self._shape, self._before, code)
        if self._expression:
            return _Whole(weight, clauses, parts_of(code, kept))
        simple = all(issubclass(root, SIMPLE) for root in self.roots)
        layout = layout_of(self._before, code, kept, is_simple=simple)
        return _Statements(weight, clauses, layout)


class _Outcome:
    """One after side: how it is written, its weight and its guard."""

    def __init__(self, weight: float, guard: Guard) -> None:
        self.weight = weight
        self.guard = guard

    def change(self, match: Match, weight: float) -> Change | None:
        """The change of a match; None where it cannot be made."""
        raise NotImplementedError


class _Whole(_Outcome):
    """An expression written in place of the one matched."""

    def __init__(self, weight: float, guard: Guard, parts: tuple[Part, ...]) -> None:
        super().__init__(weight, guard)
        self._parts = parts

    def change(self, match: Match, weight: float) -> Change | None:
        assert isinstance(match.node, ast.expr)
        return replace(match.node, fill(self._parts, match), match.unit, weight)


class _Statements(_Outcome):
    """Statements written in place of those matched, or beside them."""

    def __init__(self, weight: float, guard: Guard, layout: Layout) -> None:
        super().__init__(weight, guard)
        self._layout = layout

    def change(self, match: Match, weight: float) -> Change | None:
        return self._layout.change(match, weight)


class _InPlace(_Outcome):
    """Only what differs between the sides is written."""

    def __init__(self, weight: float, guard: Guard, found: Differences) -> None:
        super().__init__(weight, guard)
        self._found = found

    def change(self, match: Match, weight: float) -> Change | None:
        replacements = self._found.replacements(match)
        return Change(replacements, weight, self._found.region(match)) if replacements else None


def _weighed(rewrite: Rewrite) -> dict[str, tuple[float, str]]:
    """Each after side with its weight and its guard."""
    after = rewrite.after
    weighed = after if isinstance(after, Mapping) else {after: 0.0}
    return {
        text: weight if isinstance(weight, tuple) else (weight, "")
        for text, weight in weighed.items()
    }


def _operators(guard: str) -> dict[str, tuple[str, ...]]:
    """What each operator hole stands for: as a clause like ``op is arithmetic operator`` says."""
    found: dict[str, tuple[str, ...]] = {}
    for clause in guard.split(";"):
        name, _, rest = clause.strip().partition(" is ")
        if known := symbols(rest):
            found[name] = known
    return found


def _arguments(guard: str) -> frozenset[str]:
    """Holes that hold arguments of any form: as a clause like ``x is argument`` says."""
    return frozenset(
        clause.strip().partition(" ")[0]
        for clause in guard.split(";")
        if clause.strip().endswith(" is argument")
    )
