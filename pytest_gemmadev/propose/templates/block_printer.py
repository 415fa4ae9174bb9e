"""Writes the after side of a template of statements: whole lines, at the indentation of their place."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from pytest_gemmadev.propose.code.replacements import Replacement
from pytest_gemmadev.propose.code.statement_lines import SIMPLE, owner, reindented
from pytest_gemmadev.propose.code.unit import Unit
from pytest_gemmadev.propose.patterns.changes import Change
from pytest_gemmadev.propose.templates.holes import Code, hole, many
from pytest_gemmadev.propose.templates.kept import Kept
from pytest_gemmadev.propose.templates.matcher import Found, Match
from pytest_gemmadev.propose.templates.printer import Gap, Part, fill, parts_of


@dataclass(frozen=True, slots=True)
class Simple:
    """One simple statement in place of another, on its own or beside others of a line."""

    parts: tuple[Part, ...]

    def change(self, match: Match, weight: float) -> Change:
        span = match.unit.span(match.node)
        return Change(((*span, fill(self.parts, match)),), weight)


@dataclass(frozen=True, slots=True)
class Beside:
    """Lines before or after a statement, which stays."""

    head: tuple[Part, ...]
    tail: tuple[Part, ...]

    def change(self, match: Match, weight: float) -> Change:
        node, unit = match.node, match.unit
        assert isinstance(node, ast.stmt)
        indent = unit.source.indentation(node)
        start, end = unit.source.lines_of(node, node)
        replacements: list[Replacement] = []
        if self.head:
            replacements.append((start, start, laid_out(self.head, match, indent) + "\n"))
        if self.tail:
            replacements.append((end, end, "\n" + laid_out(self.tail, match, indent)))
        return Change(tuple(replacements), weight, owner(unit, node))


@dataclass(frozen=True, slots=True)
class Lines:
    """New lines in place of one or several statements."""

    parts: tuple[Part, ...]
    holes: frozenset[str]  # that hold statements
    count: int  # of the statements that the template matches, one after the other

    def change(self, match: Match, weight: float) -> Change:
        node, unit = match.node, match.unit
        assert isinstance(node, ast.stmt)
        block = unit.block(node)
        last = block.statements[block.index + self.count - 1] if block is not None else node
        if not self.holes:
            text = laid_out(self.parts, match, unit.source.indentation(node)).lstrip()
            span = (unit.span(node)[0], unit.span(last)[1])
            return Change(((*span, text),), weight, owner(unit, node))
        rest = [n for name in self.holes for n in _statements(match.bound[name])]
        start, _ = unit.source.lines_of(node, node)
        _, end = unit.source.lines_of(node, max([last, *rest], key=lambda s: unit.span(s)[1]))
        return Change(((start, end, self._text(match, unit, node)),), weight, owner(unit, node))

    def _text(self, match: Match, unit: Unit, node: ast.stmt) -> str:
        indent = unit.source.indentation(node)
        lines: list[str] = []
        for line in _split_lines(self.parts):
            held = next((p for p in line if isinstance(p, Gap) and p.hole in self.holes), None)
            if held is None:
                lines.append(laid_out(line, match, indent))
                continue
            blanks = line[0] if isinstance(line[0], str) else ""
            statements = _statements(match.bound[held.hole])
            if statements:
                inner = indent + unit.step * (len(blanks) // 4)
                lines.append(reindented(unit, statements, inner))
        return "\n".join(lines)


Layout = Simple | Beside | Lines


def laid_out(parts: tuple[Part, ...], match: Match, indent: str) -> str:
    """The text of the parts, each line of the template at its depth below ``indent``."""
    done: list[str] = []
    for line in _split_lines(parts):
        first = line[0] if line and isinstance(line[0], str) else ""
        body = first.lstrip(" ")
        depth = (len(first) - len(body)) // 4
        rest = (body, *line[1:]) if first else line
        done.append(indent + match.unit.step * depth + fill(rest, match) if line else "")
    return "\n".join(done)


def layout_of(old: Code, new: Code, kept: Kept, *, is_simple: bool) -> Layout:
    """How the after side of a template of statements is put in place of the before side."""
    assert isinstance(old.body, list)
    assert isinstance(new.body, list)
    held = old.holes
    holds = frozenset(
        name
        for root in new.body
        for s in ast.walk(root)
        if isinstance(s, ast.Expr) and (name := hole(s) or many(s)) in held
    )
    stays = [i for i, s in enumerate(new.body) if len(old.body) == 1 and _same(old.body[0], s)]
    if len(stays) == 1 and not any(h for h in holds if h != hole(old.body[0])):
        lines = _split_lines(parts_of(new, kept))
        at = next(n for n, line in enumerate(lines) if _is_only(line, hole(old.body[0])))
        return Beside(_joined(lines[:at]), _joined(lines[at + 1 :]))
    single = len(old.body) == len(new.body) == 1
    if single and is_simple and isinstance(new.body[0], SIMPLE) and not holds:
        return Simple(parts_of(new, kept))
    return Lines(parts_of(new, kept), holds, len([s for s in old.body if not many(s)]))


def _same(one: ast.stmt, two: ast.stmt) -> bool:
    return bool(hole(one)) and hole(one) == hole(two)


def _is_only(line: tuple[Part, ...], name: str) -> bool:
    return len(line) == 1 and isinstance(line[0], Gap) and line[0].hole == name


def _split_lines(parts: tuple[Part, ...]) -> list[tuple[Part, ...]]:
    lines: list[list[Part]] = [[]]
    for part in parts:
        if isinstance(part, Gap):
            lines[-1].append(part)
            continue
        for index, piece in enumerate(re.split("\n", part)):
            if index:
                lines.append([])
            if piece:
                lines[-1].append(piece)
    return [tuple(line) for line in lines]


def _joined(lines: list[tuple[Part, ...]]) -> tuple[Part, ...]:
    parts: list[Part] = []
    for index, line in enumerate(lines):
        parts += ["\n", *line] if index else line
    return tuple(parts)


def _statements(found: Found) -> list[ast.stmt]:
    nodes = found if isinstance(found, list) else [found]
    return [n for n in nodes if isinstance(n, ast.stmt)]
