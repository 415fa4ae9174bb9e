"""Names in reach of a place: variables with a guess at what they hold, and functions."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import log1p

from pytest_gemmadev.propose.code.kinds import (
    ANNOTATION_KINDS,
    METHOD_KINDS,
    NUMBER,
    TEXT,
    kind_of,
)
from pytest_gemmadev.propose.code.nodes import COMPREHENSIONS, FUNCTIONS
from pytest_gemmadev.propose.code.part import Part
from pytest_gemmadev.propose.similarity import letter_similarity

_NAMED = (*FUNCTIONS, ast.ClassDef, ast.ExceptHandler)


@dataclass(frozen=True, slots=True)
class Variable:
    """A name that holds a value."""

    name: str
    kinds: frozenset[str]  # what it may hold, by the evidence in the part; empty: unknown
    lines: tuple[int, ...]  # where it occurs in the part, sorted
    is_local: bool  # bound in the part, not at module level

    def distance(self, line: int) -> int:
        """Lines to its nearest occurrence before or at ``line``; those after count double."""
        place = bisect_right(self.lines, line)
        before = line - self.lines[place - 1] if place else 60
        after = 2 * (self.lines[place] - line) if place < len(self.lines) else 60
        return min(before, after)


class Variables:
    """The names of a part, by scope."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self._bound: dict[ast.AST, dict[str, int]] = {}  # scope -> name -> first line
        self._lines: dict[str, list[int]] = defaultdict(list)
        self._kinds: dict[str, set[str]] = defaultdict(set)
        self._called: set[str] = set()
        self._known: dict[tuple[str, bool], Variable] = {}
        self._visible: dict[tuple[tuple[ast.AST, ...], int, bool], list[Variable]] = {}
        self._values: set[str] = set()  # names read as values somewhere
        self._collect()

    # --- questions -------------------------------------------------------------------------------

    def visible(self, node: ast.AST) -> list[Variable]:
        """Variables that code at ``node`` can read, the innermost scope's first."""
        line = getattr(node, "lineno", 0)
        in_loop = self.part.loop(node) is not None
        scopes = tuple(self._scopes(node))
        key = (scopes, line, in_loop)
        if key not in self._visible:
            self._visible[key] = self._find_visible(node, scopes, line, in_loop=in_loop)
        return self._visible[key]

    def _find_visible(
        self, node: ast.AST, scopes: tuple[ast.AST, ...], line: int, *, in_loop: bool
    ) -> list[Variable]:
        names: dict[str, bool] = {}
        for scope in scopes:
            for name, first in self._bound.get(scope, {}).items():
                late = first > line and not in_loop and scope is self.part.scope(node)
                if not late and name not in names and self._holds_value(name):
                    names[name] = True
        for name in self.module_values:
            names.setdefault(name, False)
        names.pop("_", None)
        return [self.variable(name, is_local=local) for name, local in names.items()]

    def ranked(
        self, node: ast.AST, *, kinds: frozenset[str] = frozenset(), like: str = ""
    ) -> list[tuple[Variable, float]]:
        """Visible variables with weights in nats, best first: fitting kind, similar name, used nearby."""
        line = getattr(node, "lineno", 0)
        weighed = []
        for variable in self.visible(node):
            if variable.name == like:
                continue
            weight = -0.4 * log1p(variable.distance(line))
            if kinds and variable.kinds:
                weight += 0.8 if kinds & variable.kinds else -1.6
            if like:
                weight += 1.5 * letter_similarity(like, variable.name)
            if not variable.is_local:
                weight -= 1.2
            weighed.append((variable, weight))
        weighed.sort(key=lambda pair: -pair[1])
        return weighed

    @cached_property
    def idle(self) -> frozenset[str]:
        """Names that the part binds and never reads: somebody meant to use them."""
        bound = {name for names in self._bound.values() for name in names}
        names = (n for n in self.part.of_type(ast.Name) if isinstance(n, ast.Name))
        read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
        return frozenset(n for n in bound - read if n not in ("self", "cls") and n[:1] != "_")

    def variable(self, name: str, *, is_local: bool = True) -> Variable:
        known = self._known.get((name, is_local))
        if known is None:
            kinds = frozenset(self._kinds.get(name, ())) or self.module_values.get(
                name, frozenset()
            )
            known = Variable(name, kinds, tuple(self._lines.get(name, ())), is_local)
            self._known[name, is_local] = known
        return known

    def kinds(self, node: ast.expr) -> frozenset[str]:
        """What an expression may hold; empty where nothing is known."""
        if isinstance(node, ast.Name):
            return self.variable(node.id).kinds
        own = kind_of(node)
        return frozenset({own}) if own else frozenset()

    def callables(self, node: ast.AST) -> list[str]:
        """Functions and classes of the part and the file that code at ``node`` can call."""
        names: dict[str, None] = {}
        for scope in self._scopes(node):
            for name in self._bound.get(scope, {}):
                if name in self._called or name in self._local_functions:
                    names[name] = None
        names.update(dict.fromkeys(self.module_callables))
        return list(names)

    @cached_property
    def bound_anywhere(self) -> frozenset[str]:
        return frozenset(name for names in self._bound.values() for name in names)

    def bound_in(self, scope: ast.AST) -> list[str]:
        """Names that a scope binds by itself, parameters left out."""
        return [name for name, line in self._bound.get(scope, {}).items() if line]

    @cached_property
    def module_values(self) -> dict[str, frozenset[str]]:
        """Constants and variables of the module, with what they hold."""
        found: dict[str, frozenset[str]] = {}
        if isinstance(self.part.root, ast.Module):
            return found
        for statement in self.part.source.tree.body:
            targets: list[ast.expr] = []
            value: ast.expr | None = None
            if isinstance(statement, ast.Assign):
                targets, value = statement.targets, statement.value
            elif isinstance(statement, ast.AnnAssign):
                targets, value = [statement.target], statement.value
            for target in targets:
                if isinstance(target, ast.Name) and not target.id.startswith("__"):
                    kind = kind_of(value) if value is not None else None
                    found[target.id] = frozenset({kind}) if kind else frozenset()
        return found

    @cached_property
    def module_callables(self) -> tuple[str, ...]:
        tree = self.part.source.tree
        return tuple(s.name for s in tree.body if isinstance(s, (*FUNCTIONS, ast.ClassDef)))

    # --- collection ------------------------------------------------------------------------------

    @cached_property
    def _local_functions(self) -> frozenset[str]:
        return frozenset(
            n.name
            for n in self.part.nodes
            if isinstance(n, (*FUNCTIONS, ast.ClassDef)) and n is not self.part.root
        )

    def _holds_value(self, name: str) -> bool:
        if name in self._local_functions:
            return False
        return name not in self._called or name in self._values

    def _scopes(self, node: ast.AST) -> Iterator[ast.AST]:
        """Scopes whose names are in reach, inside out; comprehensions count as scopes."""
        child = node
        for ancestor in self.part.ancestors(node):
            if isinstance(ancestor, (*FUNCTIONS, ast.Lambda, *COMPREHENSIONS)):
                yield ancestor
            child = ancestor
        if child is self.part.root or node is self.part.root:
            yield self.part.root

    def _collect(self) -> None:
        part = self.part
        for node in part.nodes:
            if isinstance(node, ast.Name):
                self._lines[node.id].append(node.lineno)
                if isinstance(node.ctx, ast.Store):
                    self._bind(node, node.id, node.lineno)
                else:
                    self._use(node)
            elif isinstance(node, ast.arg):
                self._bind(node, node.arg, 0)
                self._lines[node.arg].append(node.lineno)
                self._annotate(node.arg, node.annotation)
            elif isinstance(node, _NAMED) and node.name and node is not part.root:
                self._bind(node, node.name, node.lineno)
            self._infer(node)
        for lines in self._lines.values():
            lines.sort()

    def _bind(self, node: ast.AST, name: str, line: int) -> None:
        scope: ast.AST = self.part.root
        for ancestor in self.part.ancestors(node):
            if isinstance(ancestor, (*FUNCTIONS, ast.Lambda)):
                scope = ancestor
                break
            if isinstance(ancestor, ast.comprehension):
                scope = self.part.parent(ancestor) or self.part.root
                break
        known = self._bound.setdefault(scope, {})
        known[name] = min(known.get(name, line), line)

    def _use(self, node: ast.Name) -> None:
        parent = self.part.parent(node)
        if isinstance(parent, ast.Call) and parent.func is node:
            self._called.add(node.id)
            return
        self._values.add(node.id)
        kinds = self._kinds[node.id]
        match parent:
            case ast.Attribute(attr=attribute) if attribute in METHOD_KINDS:
                kinds.add(METHOD_KINDS[attribute])
            case ast.BinOp(op=ast.Sub() | ast.FloorDiv() | ast.Div() | ast.Pow()) | ast.Slice():
                kinds.add(NUMBER)
            case ast.Call(func=ast.Name(id="range")):
                kinds.add(NUMBER)
            case ast.Compare():
                others = (o for o in (parent.left, *parent.comparators) if o is not node)
                kinds.update(k for o in others if (k := kind_of(o)) in (NUMBER, TEXT) and k)
            case _:
                pass

    def _annotate(self, name: str, annotation: ast.expr | None) -> None:
        base = annotation.value if isinstance(annotation, ast.Subscript) else annotation
        if isinstance(base, ast.Name) and base.id in ANNOTATION_KINDS:
            self._kinds[name].add(ANNOTATION_KINDS[base.id])

    def _infer(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._learn(name, value)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                self._learn(name, value)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                for target, value in zip(names, values, strict=False):
                    if isinstance(target, ast.Name):
                        self._learn(target.id, value)
            case ast.For(target=target, iter=ast.Call(func=ast.Name(id="range"))):
                self._learn_numbers([target])
            case ast.comprehension(target=target, iter=ast.Call(func=ast.Name(id="range"))):
                self._learn_numbers([target])
            case ast.For(
                target=ast.Tuple(elts=[first, *_]), iter=ast.Call(func=ast.Name("enumerate"))
            ):
                self._learn_numbers([first])
            case _:
                pass

    def _learn(self, name: str, value: ast.expr) -> None:
        kind = kind_of(value)
        if kind is not None:
            self._kinds[name].add(kind)

    def _learn_numbers(self, targets: Iterable[ast.expr]) -> None:
        for target in targets:
            if isinstance(target, ast.Name):
                self._kinds[target.id].add(NUMBER)
