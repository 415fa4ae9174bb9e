"""Statements as lines of text: inserted, removed, moved and indented anew, all else left as it is.

Works on statements that have their lines for themselves; others (``a; b``, ``if a: b``) are left alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from pytest_gemmadev.core.lines import lines_with_ends
from pytest_gemmadev.propose.code.unit import FUNCTIONS, Block, Unit
from pytest_gemmadev.propose.patterns.pattern import Change, Replacement

SIMPLE = (
    ast.Assign,
    ast.AugAssign,
    ast.AnnAssign,
    ast.Expr,
    ast.Return,
    ast.Raise,
    ast.Delete,
    ast.Pass,
    ast.Break,
    ast.Continue,
    ast.Assert,
)
COMPOUND = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.AsyncFor, ast.AsyncWith)
MOVABLE = (*SIMPLE, *COMPOUND)


def is_elif(unit: Unit, statement: ast.AST) -> bool:
    """True for the `if` of an ``elif``, which is no statement on its own."""
    return isinstance(statement, ast.If) and unit.text.startswith("elif", unit.span(statement)[0])


def alone(unit: Unit, statement: ast.AST) -> bool:
    """True when a statement has its lines for itself, comments aside, and may be moved."""
    if not unit.editable(statement) or is_elif(unit, statement):
        return False
    start, end = unit.span(statement)
    before = unit.text[unit.source.line_start(start) : start]
    after = unit.text[end : unit.source.line_end(end)].strip()
    return not before.strip() and (not after or after.startswith("#"))


def indentation(unit: Unit, statement: ast.AST) -> str:
    return unit.source.indentation(unit.span(statement)[0])


def lines_of(unit: Unit, first: ast.stmt, last: ast.stmt) -> tuple[int, int]:
    """(start of the first line, end of the last line without its newline) of neighbours."""
    start = unit.source.line_start(unit.span(first)[0])
    return start, unit.source.line_end(unit.span(last)[1])


def removal(unit: Unit, first: ast.stmt, last: ast.stmt) -> Replacement:
    """The replacement that takes out whole lines, with the newline behind or before them."""
    start, end = lines_of(unit, first, last)
    if end < len(unit.text):
        newline = re.compile(r"\r\n|\n|\r").match(unit.text, end)
        return start, newline.end() if newline else end, ""
    before = re.compile(r"(\r\n|\n|\r)\Z").search(unit.text[:start])
    return before.start() if before else start, end, ""


def reindented(unit: Unit, statements: Sequence[ast.stmt], indent: str) -> str:
    """The lines of neighbouring statements at another indentation; texts over several lines keep theirs."""
    start, end = lines_of(unit, statements[0], statements[-1])
    old = indentation(unit, statements[0])
    raw = _continued_strings(unit, statements)
    number = unit.source.line_of(start)
    result = []
    for offset, line in enumerate(lines_with_ends(unit.text[start:end])):
        if number + offset in raw or not line.startswith(old) or not line.strip():
            result.append(line)
        else:
            result.append(indent + line[len(old) :])
    return "".join(result)


def _continued_strings(unit: Unit, statements: Sequence[ast.stmt]) -> set[int]:
    """Lines that begin inside a string."""
    found: set[int] = set()
    for statement in statements:
        for node in ast.walk(statement):
            text = isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
            if text or isinstance(node, ast.JoinedStr):
                assert isinstance(node, ast.expr)
                found.update(range(node.lineno + 1, (node.end_lineno or node.lineno) + 1))
    return found


def shaped(unit: Unit, code: str, indent: str) -> str:
    """New lines of code, written with four blanks a level, at an indentation of the unit."""
    level = unit.step
    result = []
    for line in code.split("\n"):
        body = line.lstrip(" ")
        depth = (len(line) - len(body)) // 4
        result.append(f"{indent}{level * depth}{body}" if body else "")
    return "\n".join(result)


def before(unit: Unit, statement: ast.stmt, code: str, weight: float = 0.0) -> Change:
    """The insertion of lines before a statement."""
    start = unit.source.line_start(unit.span(statement)[0])
    text = shaped(unit, code, indentation(unit, statement)) + "\n"
    return Change(((start, start, text),), weight, owner(unit, statement))


def after(unit: Unit, statement: ast.stmt, code: str, weight: float = 0.0) -> Change:
    """The insertion of lines after a statement."""
    end = unit.source.line_end(unit.span(statement)[1])
    text = "\n" + shaped(unit, code, indentation(unit, statement))
    return Change(((end, end, text),), weight, owner(unit, statement))


def instead(unit: Unit, statement: ast.stmt, code: str, weight: float = 0.0) -> Change:
    """New lines in place of a statement; a comment behind it stays."""
    start, end = unit.span(statement)
    text = shaped(unit, code, indentation(unit, statement)).lstrip()
    return Change(((start, end, text),), weight, owner(unit, statement))


def owner(unit: Unit, statement: ast.stmt) -> ast.AST | None:
    """The node whose block holds a statement."""
    block = unit.block(statement)
    return block.owner if block is not None else None


def siblings(unit: Unit, statement: ast.stmt) -> Block | None:
    """The block of a statement that can be moved in it, or None."""
    block = unit.block(statement)
    if block is None or not alone(unit, statement) or isinstance(block.owner, ast.ClassDef):
        return None
    return block


def has_docstring_first(block: Block, unit: Unit) -> bool:
    """True when the block's first statement is a docstring, which nothing may go before."""
    return not unit.editable(block.statements[0])


def real_statements(block: Block, unit: Unit) -> list[ast.stmt]:
    """The block without its docstring."""
    return [s for s in block.statements if unit.editable(s)]


def inner_blocks(statement: ast.stmt) -> list[tuple[str, list[ast.stmt]]]:
    """(name, statements) of the blocks that a compound statement owns, `elif` chains not opened."""
    found: list[tuple[str, list[ast.stmt]]] = []
    if isinstance(statement, FUNCTIONS):
        return found
    for name in ("body", "orelse", "finalbody"):
        block = getattr(statement, name, None)
        if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
            found.append((name, block))
    return found
