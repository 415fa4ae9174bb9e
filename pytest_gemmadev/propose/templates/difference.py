"""Where the two sides of a template differ: the places that are edited when all else is to stay."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from pytest_gemmadev.propose.code.replacements import Replacement
from pytest_gemmadev.propose.code.statement_lines import owner, reindented
from pytest_gemmadev.propose.patterns.operators import operator_span, spaced, with_operator
from pytest_gemmadev.propose.templates.holes import Code, hole, many, name_of
from pytest_gemmadev.propose.templates.kept import kept_nodes
from pytest_gemmadev.propose.templates.matcher import Match, Shape, symbol_of
from pytest_gemmadev.propose.templates.printer import Part, fill, operands, parts_of
from pytest_gemmadev.propose.templates.template import TemplateError


@dataclass(frozen=True, slots=True)
class OtherNode:
    """A node of the before side that is written anew."""

    key: str  # under which the match holds it
    parts: tuple[Part, ...]
    whole: bool  # all of it is replaced, also where it would do to add something

    def replacements(self, match: Match) -> Iterator[Replacement]:
        unit, node = match.unit, match.bound[self.key]
        if isinstance(node, ast.stmt):
            other = match.bound[str(getattr(self.parts[0], "hole", ""))]
            assert isinstance(other, ast.stmt)
            text = reindented(unit, [other], unit.source.indentation(node))
            yield (*unit.source.lines_of(node, node), text)
            return
        assert isinstance(node, ast.expr)
        start, end = unit.span(node)
        old, new = unit.text[start:end], fill(self.parts, match)
        if not isinstance(getattr(node, "ctx", None), ast.Store):
            new = unit.fitted(node, new)
        if new.startswith(old) and not self.whole:
            yield end, end, new[len(old) :]
        elif new.endswith(old) and not self.whole:
            yield start, start, new[: -len(old)]
        else:
            yield start, end, new


@dataclass(frozen=True, slots=True)
class OtherOperator:
    """An operator, or the sign of an assignment, that another takes the place of."""

    key: str  # of the operation
    left: str
    right: str
    old: str  # a symbol, or the hole that holds it
    new: str

    def replacements(self, match: Match) -> Iterator[Replacement]:
        unit, bound = match.unit, match.bound
        old, new = str(bound.get(self.old, self.old)), str(bound.get(self.new, self.new))
        operation, left, right = (bound[k] for k in (self.key, self.left, self.right))
        assert isinstance(left, ast.expr)
        assert isinstance(right, ast.expr)
        before = f"{old}=" if isinstance(operation, ast.AugAssign) else old
        place = operator_span(unit, left, right, before)
        if place is None:
            return
        if isinstance(operation, (ast.AugAssign, ast.Assign)):
            yield (*place, new if new == "=" else f"{new}=")
        elif isinstance(operation, ast.BinOp):
            yield from with_operator(operation, unit, place, new)
        else:
            yield (*place, spaced(unit, *place, new))


@dataclass(frozen=True, slots=True)
class OtherName:
    """An attribute or keyword of another name."""

    key: str
    new: str

    def replacements(self, match: Match) -> Iterator[Replacement]:
        node = match.bound[self.key]
        assert isinstance(node, (ast.Attribute, ast.keyword))
        start, end = match.unit.span(node)
        new = str(match.bound.get(name_of(self.new), self.new))
        if isinstance(node, ast.Attribute):
            yield end - len(node.attr), end, new
        elif node.arg is not None:
            yield start, start + len(node.arg), new


@dataclass(frozen=True, slots=True)
class Longer:
    """Elements put behind all others of a list."""

    key: str  # of the call
    parts: tuple[tuple[Part, ...], ...]

    def replacements(self, match: Match) -> Iterator[Replacement]:
        call = match.bound[self.key]
        assert isinstance(call, ast.Call)
        end = max(match.unit.span(a)[1] for a in (*call.args, *call.keywords))
        yield end, end, "".join(f", {fill(parts, match)}" for parts in self.parts)


@dataclass(frozen=True, slots=True)
class Shorter:
    """An element taken out of the arguments of a call, with the comma before or behind it."""

    key: str  # of the call
    gone: str

    def replacements(self, match: Match) -> Iterator[Replacement]:
        call, gone = match.bound[self.key], match.bound[self.gone]
        assert isinstance(call, ast.Call)
        arguments: list[ast.AST] = [*call.args, *call.keywords]
        spans = [match.unit.span(a) for a in arguments]
        index = next(i for i, a in enumerate(arguments) if a is gone)
        if index:
            yield spans[index - 1][1], spans[index][1], ""
        elif len(spans) > 1:
            yield spans[0][0], spans[1][0], ""


Difference = OtherNode | OtherOperator | OtherName | Longer | Shorter


class _Unlike(Exception):
    """The nodes have too little in common: the one is written in place of the other."""


class Differences:
    """Compares the sides of a rewrite, so that only what differs is edited."""

    def __init__(self, shape: Shape, before: Code, after: Code, *, whole: bool) -> None:
        self._shape, self._before, self._after = shape, before, after
        self._whole = whole
        self._kept = kept_nodes(shape, before, after)
        olds: list[ast.AST] = [*before.body] if isinstance(before.body, list) else [before.body]
        news: list[ast.AST] = [*after.body] if isinstance(after.body, list) else [after.body]
        if len(olds) != len(news):
            raise TemplateError("in place, both sides have the same number of statements")
        self.found: list[Difference] = [
            d for old, new in zip(olds, news, strict=True) for d in self._compare(old, new)
        ]

    def replacements(self, match: Match) -> tuple[Replacement, ...]:
        """What is replaced where; what only blanks divide is one replacement."""
        made = [list(d.replacements(match)) for d in self.found]
        if not all(made):
            return ()
        joined: list[Replacement] = []
        for start, end, text in sorted((r for rs in made for r in rs), key=lambda r: r[:2]):
            last = joined[-1] if joined else None
            if last is not None and (start, end) == last[:2]:
                joined[-1] = (start, end, last[2] + text)
            elif (
                last is not None
                and last[0] < last[1]
                and start < end
                and not (between := match.unit.text[last[1] : start]).strip(" ")
            ):
                joined[-1] = (last[0], end, f"{last[2]}{between or ' '}{text}")
            else:
                joined.append((start, end, text))
        return tuple(joined)

    def region(self, match: Match) -> ast.AST | None:
        """What a change of statements stays inside; None for changes of expressions."""
        moves = any(isinstance(match.bound.get(d.key), ast.stmt) for d in self._other_nodes())
        return owner(match.unit, match.node) if moves and isinstance(match.node, ast.stmt) else None

    def _other_nodes(self) -> Iterator[OtherNode]:
        return (d for d in self.found if isinstance(d, OtherNode))

    def _compare(self, old: ast.AST, new: ast.AST) -> list[Difference]:
        if _same_hole(old, new) or self._kept.get((new, new), "") == self._shape.parts.get(
            old, "-"
        ):
            return []
        around = isinstance(new, ast.expr) and any(
            self._shape.parts.get(old) == self._kept.get((n, n), "") for n in ast.walk(new)
        )
        try:
            if around or (self._whole and isinstance(old, ast.expr)):
                raise _Unlike
            return list(self._within(old, new))
        except _Unlike:
            if not isinstance(new, (ast.expr, ast.stmt)):
                raise
            parts = parts_of(self._after, self._kept, new)
            return [OtherNode(self._key(old), parts, self._whole)]

    def _key(self, node: ast.AST) -> str:
        return hole(node) or self._shape.parts[node]

    def _within(self, old: ast.AST, new: ast.AST) -> Iterator[Difference]:
        """Differences inside two nodes of one kind."""
        if isinstance(old, (ast.Assign, ast.AugAssign)) and isinstance(
            new, (ast.Assign, ast.AugAssign)
        ):
            yield from self._operation(old, new)
            return
        if type(old) is not type(new) or isinstance(old, (ast.Name, ast.Constant)):
            raise _Unlike
        if isinstance(old, (ast.BinOp, ast.BoolOp, ast.Compare)):
            yield from self._operation(old, new)
            return
        if isinstance(old, ast.Call) and isinstance(new, ast.Call):
            yield from self._compare(old.func, new.func)
            yield from self._arguments(old, new)
            return
        for field, value in ast.iter_fields(old):
            other = getattr(new, field)
            if isinstance(value, ast.AST) and isinstance(other, ast.AST):
                if not isinstance(value, ast.expr_context):
                    yield from self._compare(value, other)
            elif isinstance(value, list) and len(value) == len(other):
                for one, two in zip(value, other, strict=True):
                    yield from self._compare(one, two)
            elif value != other:
                if field not in ("attr", "arg"):
                    raise _Unlike
                yield OtherName(self._key(old), other)

    def _operation(self, old: ast.AST, new: ast.AST) -> Iterator[Difference]:
        if isinstance(old, ast.BoolOp) and len(old.values) != 2:
            raise _Unlike
        left, right = operands(old)
        other_left, other_right = operands(new)
        before, after = self._symbol(self._before, old), self._symbol(self._after, new)
        yield from self._compare(left, other_left)
        if before != after:
            one, two = self._key(left), self._key(right)
            yield OtherOperator(self._key(old), one, two, before, after)
        yield from self._compare(right, other_right)

    def _symbol(self, code: Code, node: ast.AST) -> str:
        if node in code.operators:
            return code.operators[node]
        if isinstance(node, ast.Assign):
            return "="
        op = node.ops[0] if isinstance(node, ast.Compare) else getattr(node, "op", node)
        return symbol_of(op)

    def _argument(self, node: ast.expr | ast.keyword) -> tuple[Part, ...]:
        if isinstance(node, ast.keyword):
            return (f"{node.arg}=", *parts_of(self._after, self._kept, node.value))
        return parts_of(self._after, self._kept, node)

    def _arguments(self, old: ast.Call, new: ast.Call) -> Iterator[Difference]:
        olds: list[ast.AST] = [*old.args, *old.keywords]
        news: list[ast.AST] = [*new.args, *new.keywords]
        head = 0
        while head < min(len(olds), len(news)) and _same_hole(olds[head], news[head]):
            head += 1
        if len(olds) == len(news):
            for one, two in zip(olds, news, strict=True):
                if not (many(one) and many(one) == many(two)):
                    yield from self._compare(one, two)
        elif head == len(olds):
            further = [n for n in news[head:] if isinstance(n, (ast.expr, ast.keyword))]
            yield Longer(self._key(old), tuple(map(self._argument, further)))
        elif (
            len(olds) == len(news) + 1
            and not many(olds[head])
            and all(_same_hole(a, b) for a, b in zip(olds[head + 1 :], news[head:], strict=True))
        ):
            yield Shorter(self._key(old), self._key(olds[head]))
        else:
            raise _Unlike


def _same_hole(one: ast.AST, two: ast.AST) -> bool:
    name = hole(one) or many(one)
    return bool(name) and name == (hole(two) or many(two))
