"""One error as rules see it: where it was raised, who called, and what the project knows of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias, TypeVar

from pytest_gemmadev.propose.code.module import Function, Module
from pytest_gemmadev.propose.code.nodes import FUNCTIONS, header_nodes
from pytest_gemmadev.propose.code.project import Class, Project
from pytest_gemmadev.propose.code.reach import visible_names
from pytest_gemmadev.types import ErrorFacts, ErrorStack, Fact, Frame, Role

N = TypeVar("N", bound=ast.AST)
Loop: TypeAlias = ast.For | ast.AsyncFor | ast.comprehension

MAX_PLACES = 12  # frames looked at, the innermost ones
MAX_SUSPECTS = 16  # functions searched for statements that do nothing and the like


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One frame of an error in a file of the project or of its tests."""

    module: Module
    frame: Frame
    statement: ast.stmt
    function: Function | None  # None at module and class level

    @property
    def line(self) -> int:
        return self.frame.line

    @property
    def editable(self) -> bool:
        return self.frame.role is Role.SOURCE

    @property
    def cls(self) -> ast.ClassDef | None:
        """The class around the place."""
        return self.module.enclosing(self.statement, ast.ClassDef)

    def nodes(self, *kinds: type[N]) -> list[N]:
        """Nodes of the statement being executed, those on the very line first, in source order."""
        found = [n for n in header_nodes(self.statement) if isinstance(n, kinds)]
        found.sort(key=lambda n: (not _on_line(n, self.line), *_position(n)))
        return found

    @property
    def loops(self) -> list[Loop]:
        """Loops and comprehensions whose header the statement is or holds."""
        kinds = (ast.For, ast.AsyncFor, ast.comprehension)
        return [n for n in self.nodes(ast.AST) if isinstance(n, kinds)]

    def fact(self, name: str) -> Fact | None:
        """What the frame knows of a variable."""
        return next((f for f in self.frame.facts if f.name == name), None)

    def type_of(self, node: ast.expr) -> str:
        """The type of an expression: of a constant or a variable seen; empty where not known."""
        if isinstance(node, ast.Constant):
            return type(node.value).__name__
        if isinstance(node, ast.JoinedStr):
            return "str"
        if isinstance(node, ast.Name):
            fact = self.fact(node.id)
            return fact.type if fact else ""
        return ""


class Failure:
    """One error of a task, or the cause of one."""

    def __init__(self, stack: ErrorStack, project: Project) -> None:
        self.stack = stack
        self.project = project

    @property
    def message(self) -> str:
        return self.stack.message

    @property
    def facts(self) -> ErrorFacts:
        return self.stack.facts

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """The frames in files of the project and its tests, the innermost first."""
        found: list[Place] = []
        frames = self.stack.frames
        for index in range(len(frames) - 1, -1, -1):
            frame = _with_outer_facts(frames, index)
            module = self.project.module(frame.path)
            statement = module.statement_at(frame.line) if module else None
            if module is None or statement is None:
                continue
            found.append(Place(module, frame, statement, _running(module, statement, frame)))
            if len(found) == MAX_PLACES:
                break
        return tuple(found)

    @cached_property
    def inner(self) -> Place | None:
        """The innermost place, of the project or of a test."""
        return self.places[0] if self.places else None

    @cached_property
    def site(self) -> Place | None:
        """The innermost place where it may be edited: where nothing of the tests lies deeper."""
        return self.inner if self.inner is not None and self.inner.editable else None

    @property
    def sites(self) -> Iterator[Place]:
        """The places that may be edited, the innermost first."""
        return (place for place in self.places if place.editable)

    @cached_property
    def tested(self) -> Place | None:
        """The place in the test, nearest to the project."""
        return next((p for p in self.places if p.frame.role is Role.TEST), None)

    @cached_property
    def owner(self) -> Class | None:
        """The project's class that the error speaks of."""
        owner = self.facts.owner
        return self.project.class_named(owner) if owner and "." in owner else None

    @cached_property
    def suspects(self) -> tuple[Function, ...]:
        """Functions that may hold the fault, the likeliest first.

        Those on the stack and those their lines call, those that the failing line of the test
        calls and those called there, what localization names.
        """
        found: dict[ast.AST, Function] = {}
        for place in self.sites:
            if place.function is not None:
                found.setdefault(place.function.node, place.function)
        for place in self.sites:
            for call in place.nodes(ast.Call):
                for function in self.project.callees(place.module, call, place.frame):
                    found.setdefault(function.node, function)
        for function in self.called:
            found.setdefault(function.node, function)
        for function in self._localized():
            found.setdefault(function.node, function)
        for function in self.called[:4]:
            for node in ast.walk(function.node):
                if isinstance(node, ast.Call):
                    for inner in self.project.callees(function.module, node):
                        found.setdefault(inner.node, inner)
        return tuple(found.values())[:MAX_SUSPECTS]

    def _localized(self) -> Iterator[Function]:
        for suspicion in self.project.task.suspicions[:40]:
            module = self.project.module(suspicion.span.path)
            statement = module.statement_at(suspicion.span.start_line) if module else None
            holder = module.function_of(statement) if module and statement else None
            if holder is not None:
                yield holder

    @cached_property
    def called(self) -> tuple[Function, ...]:
        """Functions that the failing test reaches by name, those of the failing line first."""
        place = self.tested
        if place is None:
            return ()
        found: dict[ast.AST, Function] = {}
        wanted = list(header_nodes(place.statement))
        names = {n.id for n in wanted if isinstance(n, ast.Name)}
        if place.function is not None:
            for node in ast.walk(place.function.node):
                if isinstance(node, ast.Assign) and node.lineno <= place.line:
                    targets = {
                        n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)
                    }
                    if targets & names:
                        wanted += ast.walk(node.value)
            wanted += ast.walk(place.function.node)
        for node in wanted:
            if isinstance(node, ast.Call):
                for function in self.project.callees(place.module, node, place.frame):
                    found.setdefault(function.node, function)
            elif isinstance(node, ast.Attribute):
                for function in self.project.functions(node.attr)[:2]:
                    if function.cls is not None and not function.name.startswith("__"):
                        found.setdefault(function.node, function)
        return tuple(found.values())

    def visible(self, place: Place, node: ast.AST) -> dict[str, str]:
        """Names that code at ``node`` can read: ``local``, ``global`` or ``builtin`` by name."""
        return visible_names(place.module, node)


def _with_outer_facts(frames: Sequence[Frame], index: int) -> Frame:
    """The frame; of a comprehension or lambda, with what the code around it knows as well."""
    frame = frames[index]
    if index == 0 or not frame.function.endswith(("comp>", "<genexpr>", "<lambda>")):
        return frame
    outer = _with_outer_facts(frames, index - 1)
    own = {fact.name for fact in frame.facts}
    further = tuple(f for f in outer.facts if f.name not in own and not f.name.startswith("."))
    return replace(frame, facts=frame.facts + further) if outer.path == frame.path else frame


def _running(module: Module, statement: ast.stmt, frame: Frame) -> Function | None:
    """The function whose frame it is; a ``def`` being executed runs in what is around it."""
    holder = statement
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        outer = module.enclosing(statement, FUNCTIONS)
        return module.function_of(outer) if outer else None
    return module.function_of(holder)


def _on_line(node: ast.AST, line: int) -> bool:
    first = getattr(node, "lineno", 0)
    return bool(first <= line <= getattr(node, "end_lineno", first))


def _position(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
