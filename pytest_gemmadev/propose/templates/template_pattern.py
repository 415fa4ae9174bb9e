"""A template as a pattern: offers its edits to the search as every other pattern does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from math import log

from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change
from pytest_gemmadev.propose.patterns.pattern import Pattern
from pytest_gemmadev.propose.templates.matcher import Match
from pytest_gemmadev.propose.templates.rewriting import Rewrites, naming
from pytest_gemmadev.propose.templates.template import Template
from pytest_gemmadev.propose.templates.where import read_clauses


class TemplatePattern(Pattern[ast.AST]):
    """The edits of one template. Raises `TemplateError` for one that cannot be used."""

    def __init__(self, template: Template) -> None:
        self.name = template.name
        self.examples = template.examples
        self.untouched = template.untouched
        self._per_thousand = template.per_thousand
        self.rewrites = Rewrites(template)
        with naming(template.name):
            self._bias = [(read_clauses(text, ())[0], nats) for text, nats in template.bias]
        self.nodes = tuple(self.rewrites.by_root)

    @property
    def prior(self) -> float:
        return super().prior if self._per_thousand is None else log(self._per_thousand / 1000)

    def bias(self, node: ast.AST, unit: Unit) -> float:
        return sum(nats for clause, nats in self._bias if clause.holds(Match(node, {}, unit)))

    def edits(self, node: ast.AST, unit: Unit) -> Iterator[Change]:
        if not self.rewrites.allowed(node, unit):
            return
        fitted = False
        for rewrite in self.rewrites.by_root.get(type(node), ()):
            if fitted and rewrite.otherwise:
                continue
            for match in rewrite.matches(node, unit):
                fitted = True
                yield from rewrite.changes(match)
