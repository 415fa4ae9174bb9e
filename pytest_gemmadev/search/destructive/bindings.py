"""One function after the other: what binds its names, which calls stand in it, under what conditions.

A condition guards what stands under it, and what comes after it where it may end the function or
the turn of a loop first.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

_JUMPS = (ast.Return, ast.Raise, ast.Break, ast.Continue)
_EXITS = frozenset(("exit", "_exit", "quit", "abort", "fail", "skip"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Guard:
    """Why a statement may not be reached."""

    shape: str
    nodes: tuple[ast.AST, ...]  # that decide it


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in its function."""

    at: int  # in the order of the text
    guards: tuple[Guard, ...] = ()
    loops: frozenset[int] = frozenset()

    def reaches(self, other: Place) -> bool:
        """Whether what is done here may be seen there."""
        return self.at <= other.at or bool(self.loops & other.loops)


@dataclass(frozen=True, slots=True)
class Binding:
    """A name gets a value; ``node`` says which."""

    node: ast.AST
    place: Place


@dataclass(slots=True)
class Scope:
    """A function, a class, or a module's own statements."""

    node: ast.AST
    parent: Scope | None = None
    parameters: dict[str, ast.expr | None] = field(default_factory=dict)  # with their defaults
    bindings: dict[str, list[Binding]] = field(default_factory=dict)
    calls: list[tuple[ast.Call, Place]] = field(default_factory=list)
    effects: list[tuple[ast.Call, Place]] = field(default_factory=list)  # calls for their own sake

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)

    @property
    def name(self) -> str:
        return getattr(self.node, "name", "")


def scopes_of(statements: Sequence[ast.stmt]) -> list[Scope]:
    """The scopes that the statements hold, their own first."""
    reader = _Reader()
    top = Scope(ast.Module(list(statements), []))
    reader.scopes.append(top)
    reader.block(statements, top, Place(0))
    return reader.scopes


def bound_names(target: ast.AST) -> Iterator[str]:
    """The names that an assignment to ``target`` binds; ``.attribute`` for one of an object.

    Where an item is assigned, the name of what it is in.
    """
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Attribute):
        yield f".{target.attr}"
    elif isinstance(target, (ast.Subscript, ast.Starred)):
        yield from bound_names(target.value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from bound_names(element)
    elif isinstance(target, ast.pattern):
        for node in ast.walk(target):
            name = getattr(node, "name", None) or getattr(node, "rest", None)
            if name:
                yield name


def shape_of(statement: ast.stmt) -> tuple[str, tuple[ast.AST, ...]]:
    """How a statement may end what comes after it, and what decides that; empty where it cannot."""
    if isinstance(statement, _JUMPS):
        return type(statement).__name__, ()
    if isinstance(statement, ast.Assert):
        return "assert", (statement.test,)
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        name = getattr(function, "attr", "") or getattr(function, "id", "")
        return ("exit", ()) if name in _EXITS else ("", ())
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return "", ()
    shapes: list[str] = []
    nodes: list[ast.AST] = []
    for name in ("body", "handlers", "cases", "orelse", "finalbody"):
        for part in getattr(statement, name, ()):
            inner = getattr(part, "body", ()) if not isinstance(part, ast.stmt) else (part,)
            for shape, more in map(shape_of, inner):
                shapes += [f"{name}:{shape}"] if shape else []
                nodes += more
    if not shapes:
        return "", ()
    decides = _heads(statement)
    if _is_try(statement):
        decides = (*statement.body, *decides)
    return f"{type(statement).__name__}({' '.join(shapes)})", (*decides, *nodes)


def _is_try(statement: ast.stmt) -> TypeGuard[ast.Try]:
    return type(statement).__name__ in ("Try", "TryStar")  # the latter from Python 3.11 on


def _heads(statement: ast.stmt) -> tuple[ast.AST, ...]:
    names = ("test", "target", "iter", "subject")
    heads = [getattr(statement, name) for name in names if hasattr(statement, name)]
    heads += [h.type for h in getattr(statement, "handlers", ()) if h.type is not None]
    for case in getattr(statement, "cases", ()):
        heads += [case.pattern, *([case.guard] if case.guard is not None else [])]
    return tuple(heads)


@dataclass(slots=True)
class _Reader:
    scopes: list[Scope] = field(default_factory=list)
    count: int = 0

    def block(self, statements: Sequence[ast.stmt], scope: Scope, place: Place) -> None:
        """Reads statements one after the other; in a loop, what may end a turn guards them all."""
        jumps = [Guard(*shape_of(statement)) for statement in statements]
        for index, statement in enumerate(statements):
            before = [Guard(f"after {j.shape}", j.nodes) for j in jumps[:index] if j.shape]
            later = [
                Guard(f"before {j.shape}", j.nodes)
                for j in (jumps[index + 1 :] if place.loops else ())
                if j.shape
            ]
            self.count += 1
            here = Place(self.count, (*place.guards, *before, *later), place.loops)
            self._statement(statement, scope, here)

    def _statement(self, node: ast.stmt, scope: Scope, place: Place) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._function(node, scope, place)
        elif isinstance(node, ast.ClassDef):
            self._bind([node.name], node, scope=scope, place=place)
            inner = Scope(node, scope)
            self.scopes.append(inner)
            self.block(node.body, inner, Place(self.count))
        elif isinstance(node, ast.If):
            self.expression(node.test, scope, place)
            self.block(node.body, scope, _under(place, "if", node.test))
            self.block(node.orelse, scope, _under(place, "else", node.test))
        elif isinstance(node, ast.While):
            inside = _in_loop(_under(place, "while", node.test), self.count)
            self.expression(node.test, scope, inside)
            self.block(node.body, scope, inside)
            self.block(node.orelse, scope, place)
        elif isinstance(node, (ast.For, ast.AsyncFor)):
            self.expression(node.iter, scope, place)
            inside = _in_loop(_under(place, "for", node.target, node.iter), self.count)
            self._bind(
                bound_names(node.target), _pair(node.target, node.iter), scope=scope, place=inside
            )
            self.block(node.body, scope, inside)
            self.block(node.orelse, scope, place)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                self.expression(item.context_expr, scope, place)
                if item.optional_vars is not None:
                    self._bind(bound_names(item.optional_vars), item, scope=scope, place=place)
            self.block(node.body, scope, place)
        elif _is_try(node):
            self._try(node, scope, place)
        elif isinstance(node, ast.Match):
            self.expression(node.subject, scope, place)
            for case in node.cases:
                decides = [node.subject, case.pattern, *([case.guard] if case.guard else [])]
                names = bound_names(case.pattern)
                self._bind(names, _pair(case.pattern, node.subject), scope=scope, place=place)
                self.block(case.body, scope, _under(place, "case", *decides))
        else:
            self._simple(node, scope, place)

    def _try(self, node: ast.Try, scope: Scope, place: Place) -> None:
        self.block(node.body, scope, place)
        for handler in node.handlers:
            decides = [handler.type] if handler.type is not None else []
            self.block(handler.body, scope, _under(place, "except", *decides))
        self.block(node.orelse, scope, place)
        self.block(node.finalbody, scope, place)

    def _simple(self, node: ast.stmt, scope: Scope, place: Place) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._bind(bound_names(target), node, scope=scope, place=place)
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
            value = node.value
            if value is not None:
                bare = node if isinstance(node, ast.AugAssign) else _pair(node.target, value)
                self._bind(bound_names(node.target), bare, scope=scope, place=place)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                name = (alias.asname or alias.name).partition(".")[0]
                module = (
                    f"{'.' * node.level}{node.module}" if isinstance(node, ast.ImportFrom) else ""
                )
                statement = ast.Constant(f"import {module} {alias.name}")
                self._bind([name], statement, scope=scope, place=place)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            scope.effects.append((node.value, place))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expression(child, scope, place)

    def _function(self, node: Function, scope: Scope, place: Place) -> None:
        self._bind([node.name], node, scope=scope, place=place)
        if scope.is_class:
            self._bind([f".{node.name}"], node, scope=scope, place=place)
        inner = Scope(node, scope)
        arguments = node.args
        for expression in (*node.decorator_list, *arguments.defaults, *arguments.kw_defaults):
            if expression is not None:
                self.expression(expression, scope, place)
        positional = [*arguments.posonlyargs, *arguments.args]
        defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
        inner.parameters = {
            argument.arg: default
            for argument, default in zip(
                [*positional, *arguments.kwonlyargs],
                [*defaults, *arguments.defaults, *arguments.kw_defaults],
                strict=True,
            )
        }
        for rest in (arguments.vararg, arguments.kwarg):
            if rest is not None:
                inner.parameters[rest.arg] = None
        self.scopes.append(inner)
        self.block(node.body, inner, Place(self.count))

    def _bind(
        self, names: Iterator[str] | list[str], node: ast.AST, *, scope: Scope, place: Place
    ) -> None:
        for name in names:
            scope.bindings.setdefault(name, []).append(Binding(node, place))

    def expression(self, node: ast.expr, scope: Scope, place: Place) -> None:
        """Notes the calls in an expression, each with what in it decides whether it is made."""
        if isinstance(node, ast.Call):
            scope.calls.append((node, place))
        if isinstance(node, ast.BoolOp):
            for index, value in enumerate(node.values):
                kind = type(node.op).__name__
                guarded = _under(place, kind, *node.values[:index]) if index else place
                self.expression(value, scope, guarded)
            return
        if isinstance(node, ast.IfExp):
            self.expression(node.test, scope, place)
            self.expression(node.body, scope, _under(place, "if", node.test))
            self.expression(node.orelse, scope, _under(place, "else", node.test))
            return
        if isinstance(node, ast.NamedExpr):
            self._bind(bound_names(node.target), node, scope=scope, place=place)
        generators = getattr(node, "generators", None)
        if generators:
            for part in generators:
                self._bind(
                    bound_names(part.target),
                    _pair(part.target, part.iter),
                    scope=scope,
                    place=place,
                )
                place = _under(place, "for", part.target, part.iter, *part.ifs)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.expression(child, scope, place)
            elif isinstance(child, (ast.keyword, ast.comprehension)):
                for inner in ast.iter_child_nodes(child):
                    if isinstance(inner, ast.expr):
                        self.expression(inner, scope, place)


def _under(place: Place, shape: str, *nodes: ast.AST) -> Place:
    return Place(place.at, (*place.guards, Guard(shape, nodes)), place.loops)


def _in_loop(place: Place, loop: int) -> Place:
    return Place(place.at, place.guards, place.loops | {loop})


def _pair(target: ast.AST, value: ast.expr) -> ast.AST:
    """Both, without what stands under them."""
    return ast.Tuple([target, value], ast.Load())  # type: ignore[list-item]
