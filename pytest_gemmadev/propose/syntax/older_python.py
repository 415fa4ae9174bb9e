"""What an older Python lacks, written so that it understands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from pytest_gemmadev.propose.syntax.compiler import Fault, compiled
from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.text_layout import indentation
from pytest_gemmadev.text.lines import character_column

_COST = 0.2


def fixes(lines: Sequence[str], fault: Fault) -> Iterator[Fix]:
    """Every use of the feature that the fault names, rewritten; none where there is no plain way."""
    tree = compiled("\n".join(lines))
    if isinstance(tree, Fault):
        return
    for mark, rewrite in _REWRITES.items():
        if mark in fault.message:
            changes: list[Change] = []
            for change in rewrite(lines, tree):
                if not changes or change.first >= changes[-1].last:
                    changes.append(change)  # what lies within another has its turn later
            if changes:
                yield Fix(tuple(changes), _COST, "target", mark)


def _source(lines: Sequence[str], node: ast.expr | ast.pattern) -> str:
    """The code of a node, its lines joined."""
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    start = character_column(lines[first], node.col_offset)
    end = character_column(lines[last], node.end_col_offset or 0)
    if first == last:
        return lines[first][start:end]
    middle = [line.strip() for line in lines[first + 1 : last]]
    return " ".join((lines[first][start:].rstrip(), *middle, lines[last][:end].lstrip()))


# --- assignment expressions ----------------------------------------------------------------------


def _walrus(lines: Sequence[str], tree: ast.Module) -> Iterator[Change]:
    """Those that are evaluated first in their statement, made before it."""
    elifs = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and len(node.orelse) == 1
        for inner in node.orelse
        if isinstance(inner, ast.If) and lines[inner.lineno - 1].lstrip().startswith("elif")
    }
    found: list[Change] = []
    for node in ast.walk(tree):
        test = _evaluated(node)
        named = _first(test) if test is not None else None
        if test is None or named is None or id(node) in elifs:
            continue
        if node.lineno != test.end_lineno or not isinstance(named.target, ast.Name):  # type: ignore[attr-defined]
            continue
        found.append(_hoisted(lines, node, test, named))
    yield from sorted(found, key=lambda change: change.first)


def _evaluated(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.If | ast.While):
        return node.test
    return node.value if isinstance(node, ast.Expr | ast.Assign | ast.Return) else None


def _first(node: ast.expr | None) -> ast.NamedExpr | None:
    """The assignment expression that nothing is evaluated before."""
    match node:
        case ast.NamedExpr():
            return node
        case ast.Compare(left=inner) | ast.UnaryOp(operand=inner) | ast.BinOp(left=inner):
            return _first(inner)
        case ast.BoolOp(values=[inner, *_]) | ast.Attribute(value=inner):
            return _first(inner)
        case ast.Subscript(value=inner):
            return _first(inner)
        case ast.Call(func=ast.Name(), args=[inner, *_]):
            return _first(inner)
    return None


def _hoisted(lines: Sequence[str], node: ast.AST, test: ast.expr, named: ast.NamedExpr) -> Change:
    row = test.lineno - 1
    line = lines[row]
    pad = indentation(line)
    start, end = (
        character_column(line, named.col_offset),
        character_column(line, named.end_col_offset or 0),
    )
    name = _source(lines, named.target)
    before, after = line[:start], line[end:]
    if before.endswith("(") and after.startswith(")") and not re.search(r"[\w\])]\($", before):
        before, after = before[:-1], after[1:]
    assignment = f"{name} = {_source(lines, named.value)}"
    if not isinstance(node, ast.While):
        return Change(row, row + 1, (f"{pad}{assignment}", f"{before}{name}{after}"))
    step = indentation(lines[node.body[0].lineno - 1])
    condition = f"{before}{name}{after}".strip().removeprefix("while").rstrip().removesuffix(":")
    condition = condition.strip()
    negated = f"not {condition}" if condition.isidentifier() else f"not ({condition})"
    loop = (f"{pad}while True:", f"{step}{assignment}", f"{step}if {negated}:")
    return Change(row, row + 1, (*loop, f"{step}{step[len(pad) :]}break"))


# --- parameters, contexts, strings ---------------------------------------------------------------


def _positional(lines: Sequence[str], tree: ast.Module) -> Iterator[Change]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.args.posonlyargs:
            for row in range(node.lineno - 1, node.body[0].lineno):
                new = re.sub(r",\s*/(?=\s*[,)])|^(\s*)/,\s*$", "", lines[row])
                if new != lines[row]:
                    yield Change(row, row + 1, (new,) if new.strip() else ())
                    break


def _contexts(lines: Sequence[str], tree: ast.Module) -> Iterator[Change]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.With | ast.AsyncWith):
            continue
        first, last = node.lineno - 1, node.body[0].lineno - 2
        header = "\n".join(lines[first : last + 1])
        match = re.match(r"(\s*(?:async\s+)?with\s*)\((.*)\)\s*:\s*$", header, re.DOTALL)
        if match is None or not any(item.optional_vars for item in node.items):
            continue
        items = [
            _source(lines, item.context_expr)
            + (f" as {_source(lines, item.optional_vars)}" if item.optional_vars else "")
            for item in node.items
        ]
        pad = indentation(lines[first])
        joined = f", \\\n{pad}        ".join(items) if "\n" in header else ", ".join(items)
        text = f"{match[1].rstrip()} {joined}:"
        yield Change(first, last + 1, tuple(text.split("\n")))


def _nested_quotes(lines: Sequence[str], tree: ast.Module) -> Iterator[Change]:
    """Strings inside the braces of f-strings in the other kind of quotes."""
    changed: dict[int, str] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.FormattedValue):
            continue
        for inner in ast.walk(node.value):
            if not isinstance(inner, ast.Constant) or not isinstance(inner.value, str):
                continue
            row = inner.lineno - 1
            if inner.end_lineno != inner.lineno:
                continue
            line = lines[row]
            start = character_column(line, inner.col_offset)
            end = character_column(line, inner.end_col_offset or 0)
            text = line[start:end]
            other = "'" if text[:1] == '"' else '"'
            if text[:1] in "'\"" and other not in text and "\\" not in text:
                new = changed.get(row, line)
                changed[row] = new[:start] + other + text[1:-1] + other + new[end:]
    yield from (Change(row, row + 1, (new,)) for row, new in sorted(changed.items()))


# --- match ---------------------------------------------------------------------------------------


def _matches(lines: Sequence[str], tree: ast.Module) -> Iterator[Change]:
    """A ``match`` over plain values as a chain of ``if``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Match):
            made = _chain(lines, node)
            if made is not None:
                yield Change(node.lineno - 1, node.end_lineno or node.lineno, made)


def _chain(lines: Sequence[str], node: ast.Match) -> tuple[str, ...] | None:
    pad = indentation(lines[node.lineno - 1])
    subject = _source(lines, node.subject)
    made: list[str] = []
    if not isinstance(node.subject, ast.Name | ast.Attribute):
        made.append(f"{pad}matched = {subject}")
        subject = "matched"
    word = "if"
    for case in node.cases:
        test = _test(lines, case.pattern, subject)
        if test is None:
            return None
        if case.guard is not None:
            test = (
                f"{test} and ({_source(lines, case.guard)})" if test else _source(lines, case.guard)
            )
        body = case.body
        header_row, first = case.pattern.lineno - 1, body[0].lineno - 1
        if first == header_row:
            return None  # on one line with its case
        made.append(
            f"{pad}{word} {test}:"
            if test
            else f"{pad}else:"
            if word == "elif"
            else f"{pad}if True:"
        )
        step = len(indentation(lines[header_row])) - len(pad)
        last = max(n.end_lineno or n.lineno for n in body)
        made += [line[step:] if line.strip() else line for line in lines[header_row + 1 : last]]
        word = "elif"
    return tuple(made)


def _test(lines: Sequence[str], pattern: ast.pattern, subject: str) -> str | None:
    """The condition that a pattern stands for; empty for one that always holds."""
    match pattern:
        case ast.MatchValue(value=value):
            return f"{subject} == {_source(lines, value)}"
        case ast.MatchSingleton(value=value):
            return f"{subject} is {value!r}"
        case ast.MatchAs(pattern=None, name=None):
            return ""
        case ast.MatchOr(patterns=patterns):
            tests = [_test(lines, one, subject) for one in patterns]
            if all(tests):
                return " or ".join(t for t in tests if t)
    return None


_REWRITES = {
    "Assignment expressions": _walrus,
    "Positional-only": _positional,
    "Parenthesized context managers": _contexts,
    "f-string: its own quotes": _nested_quotes,
    "Pattern matching": _matches,
}
