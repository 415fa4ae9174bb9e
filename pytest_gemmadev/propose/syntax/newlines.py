"""Line ends that are missing, or that stand where a statement goes on."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from pytest_gemmadev.propose.syntax.compiler import Fault, Target
from pytest_gemmadev.propose.syntax.counts import surprise
from pytest_gemmadev.propose.syntax.draft import Change, Fix
from pytest_gemmadev.propose.syntax.scan import CLOSER, OPENER, Token, code_tokens
from pytest_gemmadev.propose.syntax.statement import standing
from pytest_gemmadev.propose.syntax.text_layout import (
    HEADERS,
    first_word,
    indent,
    indent_unit,
    indentation,
    is_code,
    previous_code,
    statements,
)

_SPLIT, _JOIN = 1.6, 1.0
_FROM = re.compile(r"\s*from\s+[\w.]+\s*$")
_RARE = 0.4  # nats of cost for a nat of surprise
_TOUCHING_BEFORE = (".", "(", "[", ")", "]", "}", ",", ":")
_TOUCHING_BEHIND = (".", "(", "[", "{")


def fixes(lines: Sequence[str], fault: Fault, target: Target | None) -> Iterator[Fix]:
    """The line at the fault cut in two, or joined with one of its neighbours."""
    row = min(fault.line, len(lines) - 1)

    def stands(text: str, row_behind: int) -> ast.Module | None:
        deeper = row_behind < len(lines) and indent(lines[row_behind]) > indent(text)
        result = standing(text, deeper, target)
        return None if isinstance(result, Fault) else result[0]

    yield from _split(lines, row, stands)
    if "unexpected indent" in fault.message:
        yield from _unfolded(lines, row)
    is_text = "unterminated string" in fault.message
    yield from _joined(lines, row, stands, is_text=is_text)
    if row + 1 < len(lines):
        yield from _joined(lines, row + 1, stands, is_text=is_text)


def _split(
    lines: Sequence[str], row: int, stands: Callable[[str, int], ast.Module | None]
) -> Iterator[Fix]:
    line = lines[row]
    tokens = code_tokens(line)
    width = indent(line)
    unit = indent_unit(lines)
    levels = sorted({indent(one) for one in lines[max(0, row - 80) : row] if is_code(one)})
    for before, after in pairwise(tokens):
        if not _may_part(before, after):
            continue
        head, tail = line[: before.end], line[after.start :]
        one = stands(head, row + 1)
        two = stands(tail, row + 1) if one is not None else None
        if one is None or two is None:
            continue
        cost = _SPLIT + _RARE * surprise(before.sort, "\n", after.sort)
        cost += 1.5 * (after.start == before.end) - 0.6 + 1.2 * (_idle(one) + _idle(two))
        opens = before.text == ":"
        choices = [width + unit] if opens else [w for w in levels if w <= width] or [width]
        for target_width in choices:
            more = 0.0 if target_width in (width, width + unit) else 0.7
            new = (head, " " * target_width + tail)
            yield Fix((Change(row, row + 1, new),), cost + more, "newline", "a missing line end")


def _unfolded(lines: Sequence[str], row: int) -> Iterator[Fix]:
    """``class A: x = 1`` before a block that goes on with it: a line end behind the colon."""
    above = previous_code(lines, row)
    if above < 0 or first_word(lines[above]) not in HEADERS:
        return
    line, depth = lines[above], 0
    for token in code_tokens(line):
        depth += (token.text in CLOSER) - (token.text in OPENER) if token.kind == "op" else 0
        if token.text == ":" and not depth and (rest := line[token.end :].strip()):
            new = (line[: token.end], f"{indentation(lines[row])}{rest}")
            yield Fix((Change(above, above + 1, new),), 0.7, "newline", "a missing line end")
            return


def _idle(tree: ast.Module) -> bool:
    """True for a statement of which nothing comes."""
    return any(isinstance(n, ast.Expr) and not isinstance(n.value, ast.Call) for n in tree.body)


def _may_part(before: Token, after: Token) -> bool:
    """True where one statement may end and another begin."""
    ends = before.kind in ("name", "number", "string") or before.text in (")", "]", "}", ":", "...")
    return ends and (after.kind in ("name", "string") or after.text in ("@", "(", "[", "*"))


def _joined(
    lines: Sequence[str],
    row: int,
    stands: Callable[[str, int], ast.Module | None],
    *,
    is_text: bool,
) -> Iterator[Fix]:
    above = previous_code(lines, row)
    if above < 0 or not is_code(lines[row]) or "#" in lines[above]:
        return
    last = statements(lines[row : row + 40])[0].last + row
    head, tail = lines[above].rstrip(), lines[row].lstrip()
    close = not is_text and (tail.startswith(_TOUCHING_BEFORE) or head.endswith(_TOUCHING_BEHIND))
    whole = f"{head}{'' if close else ' '}{tail}"
    if stands("\n".join((whole, *lines[row + 1 : last])), last) is not None:
        alone = stands(lines[above], row) is not None
        cost = _JOIN + 0.5 * alone + 0.3 * (row - above - 1)
        behind = stands("\n".join(lines[row:last]), last)
        if behind is not None:  # it needs nothing before it
            assigns = any(isinstance(node, ast.Assign) for node in behind.body)
            cost += 2.0 if assigns else 0.6
        if _FROM.match(lines[above]) and tail.startswith("import "):
            cost = 0.4
        yield Fix((Change(above, row + 1, (whole,)),), cost, "newline", "a line end too many")
