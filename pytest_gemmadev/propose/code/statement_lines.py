"""Statements as lines of text: inserted, removed, moved and indented anew, all else left as it is.

Works on statements that have their lines for themselves; others (``a; b``, ``if a: b``) are left alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from pytest_gemmadev.propose.code.part import Part
from pytest_gemmadev.propose.code.replacements import Replacement
from pytest_gemmadev.propose.code.tree import Block
from pytest_gemmadev.text.lines import line_around, lines_with_ends

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


def alone(part: Part, statement: ast.AST) -> bool:
    """True when a statement has its lines for itself, comments aside, and may be moved."""
    if not part.editable(statement) or part.source.is_elif(statement):
        return False
    return part.source.has_own_lines(statement)


def removal(part: Part, first: ast.stmt, last: ast.stmt) -> Replacement:
    """The replacement that takes out whole lines, with the newline behind or before them."""
    start, end = part.source.lines_of(first, last)
    if end < len(part.text):
        return (*line_around(part.text, start, end), "")
    before = re.compile(r"(\r\n|\n|\r)\Z").search(part.text[:start])
    return before.start() if before else start, end, ""


def reindented(part: Part, statements: Sequence[ast.stmt], indent: str) -> str:
    """The lines of neighbouring statements at another indentation; texts over several lines keep theirs."""
    start, end = part.source.lines_of(statements[0], statements[-1])
    old = part.source.indentation(statements[0])
    raw = _continued_strings(part, statements)
    number = part.source.line_of(start)
    result = []
    for offset, line in enumerate(lines_with_ends(part.text[start:end])):
        if number + offset in raw or not line.startswith(old) or not line.strip():
            result.append(line)
        else:
            result.append(indent + line[len(old) :])
    return "".join(result)


def _continued_strings(part: Part, statements: Sequence[ast.stmt]) -> set[int]:
    """Lines that begin inside a string."""
    found: set[int] = set()
    for statement in statements:
        for node in ast.walk(statement):
            text = isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
            if text or isinstance(node, ast.JoinedStr):
                assert isinstance(node, ast.expr)
                found.update(range(node.lineno + 1, (node.end_lineno or node.lineno) + 1))
    return found


def shaped(part: Part, code: str, indent: str) -> str:
    """New lines of code, written with four blanks a level, at an indentation of the part."""
    level = part.step
    result = []
    for line in code.split("\n"):
        body = line.lstrip(" ")
        depth = (len(line) - len(body)) // 4
        result.append(f"{indent}{level * depth}{body}" if body else "")
    return "\n".join(result)


def owner(part: Part, statement: ast.stmt) -> ast.AST | None:
    """The node whose block holds a statement."""
    block = part.block(statement)
    return block.owner if block is not None else None


def siblings(part: Part, statement: ast.stmt) -> Block | None:
    """The block of a statement that can be moved in it, or None."""
    block = part.block(statement)
    if block is None or not alone(part, statement) or isinstance(block.owner, ast.ClassDef):
        return None
    return block


def real_statements(block: Block, part: Part) -> list[ast.stmt]:
    """The block without its docstring."""
    return [s for s in block.statements if part.editable(s)]
