"""A template as a rule: offers its edits for errors that a message tells, where those were raised."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from pytest_gemmadev.propose.code.module import Module
from pytest_gemmadev.propose.code.nodes import own_nodes
from pytest_gemmadev.propose.code.part import find_root
from pytest_gemmadev.propose.code.replacements import Replacement
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.rules.failure import Failure
from pytest_gemmadev.propose.rules.rule import Fix, Rule, fix
from pytest_gemmadev.propose.templates.holes import fill_names
from pytest_gemmadev.propose.templates.matcher import Bound, Match
from pytest_gemmadev.propose.templates.rewriting import Rewrites
from pytest_gemmadev.propose.templates.template import ErrorTemplate, TemplateError


class TemplateRule(Rule):
    """The fixes of one template. Raises `TemplateError` for one that cannot be used."""

    def __init__(self, template: ErrorTemplate) -> None:
        self.name = template.name
        self.kinds = template.kinds
        self.examples = template.examples
        self._template = template
        try:
            self._message = re.compile(template.message)
        except re.error as error:
            raise TemplateError(f"template {self.name!r}: message: {error}") from None
        self.rewrites = Rewrites(template, self._message.groupindex)

    def fixes(self, failure: Failure) -> Iterator[Fix]:
        told = self._message.search(f"{failure.stack.error}: {failure.message}")
        if told is None:
            return
        facts: Bound = {name: value for name, value in told.groupdict().items() if value}
        for module, nodes in self._nodes(failure):
            for node in nodes:
                yield from self._at(module, node, facts)

    def _nodes(self, failure: Failure) -> Iterator[tuple[Module, Sequence[ast.AST]]]:
        """The nodes that may be meant: of the failing line, or of all suspected functions."""
        roots = tuple(self.rewrites.by_root)
        if self._template.everywhere:
            for function in failure.suspects:
                found = [n for n in own_nodes(function.node) if isinstance(n, roots)]
                yield function.module, found
        elif failure.site is not None:
            yield failure.site.module, failure.site.nodes(*roots)

    def _at(self, module: Module, node: ast.AST, facts: Bound) -> Iterator[Fix]:
        fitting = [r for r in self.rewrites.by_root.get(type(node), ()) if r.fits(node, facts)]
        if not fitting or module.span(node) is None:
            return
        unit = Unit(module, *find_root(module, getattr(node, "lineno", 1)))
        for rewrite in fitting if self.rewrites.allowed(node, unit) else ():
            for match in rewrite.matches(node, unit, facts):
                why = explained(rewrite.why, match)
                for change in rewrite.changes(match):
                    edits = [module.edit(*_added(unit, r)) for r in change.replacements]
                    yield from fix(change.weight, why, *edits)


def explained(why: str, match: Match) -> str:
    """The words for a person, with the code that the holes in them hold; ``$_`` is all of it."""

    def code(hole: str) -> str:
        found = match.bound.get(hole, match.node)
        if isinstance(found, list):
            return ", ".join(map(match.unit.code, found))
        return found if isinstance(found, str) else match.unit.code(found)

    return fill_names(why, code)


def _added(unit: Unit, replacement: Replacement) -> Replacement:
    """The replacement, as an insertion where all of the old code stays at the end."""
    start, end, new = replacement
    old = unit.text[start:end]
    return (start, start, new.removesuffix(old)) if new.endswith(old) else replacement
