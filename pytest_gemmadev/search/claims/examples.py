"""Examples in docstrings: calls with what they are said to give.

Doctests, and the forms that people write without them: ``f(2) -> 4``, ``f(2) == 4``, ``f(2) => 4``,
``f(2) should return 4``, and blocks of ``Input:`` and ``Output:``. What is said in other words, or
depends on statements before it, is left out.
"""

from __future__ import annotations

import ast
import doctest
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pytest_gemmadev.search.claims.documented import Function
from pytest_gemmadev.search.claims.plain_values import RAISES, UNKNOWN, call_of, read_value
from pytest_gemmadev.types import Expression

_GIVES = re.compile(
    r"`{0,2}\s*(?:={1,3}>|-{1,2}>|→|➞|={1,3}|(?:should|must|will|would)?\s*(?:return|give|yield)s?\b"
    r"|evaluates to\b|is\b(?! not\b)|#\s*(?:=+>|-+>|==?|returns\b))\s*:?\s*`{0,2}"
)
_PLAIN = re.compile(r"-?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)(?![\w.]*\w)|(?:True|False|None)\b")
_ENDS = re.compile(r"`{0,2}[ \t]*(?:$|\n|[.,;)#]|\(|\bbecause\b|\bsince\b|\band\b|\bas\b)")
_OPENING = {"(": ")", "[": "]", "{": "}"}
_INPUT = re.compile(
    r"^[ \t]*Inputs?[ \t]*:(.*?)^[ \t]*(?:Outputs?|Returns?)[ \t]*:[ \t]*", re.M | re.S
)
_NAMED = re.compile(r"(?:^|,|\n)\s*([A-Za-z_]\w*)\s*[=:]\s*")


@dataclass(frozen=True, slots=True)
class Example:
    """A call and what a docstring says that it gives."""

    expression: Expression
    expected: str  # `repr`, or ``raises`` and the name of an exception
    function: str  # which it is an example of
    where: str = "docstring"  # or the name of another text


def examples_of(function: Function, text: str = "", *, where: str = "") -> list[Example]:
    """The examples in a function's docstring, or of it in another text.

    Each expression is there once; of two that differ, neither.
    """
    if function.is_lazy:
        return []
    text = text or inspect.cleandoc(function.docstring)
    found = [*_doctests(text), *_in_words(text, function), *_input_blocks(text, function)]
    given: dict[str, str | None] = {}
    for expression, expected in found:
        known = given.setdefault(expression, expected)
        if known is not None and read_value(known) != read_value(expected):
            given[expression] = None
    return [
        Example(
            Expression(function.path, expression), expected, function.name, where or "docstring"
        )
        for expression, expected in given.items()
        if expected is not None
    ]


# --- doctests ------------------------------------------------------------------------------------


def _doctests(text: str) -> Iterator[tuple[str, str]]:
    try:
        examples = doctest.DocTestParser().get_examples(text)
    except ValueError:  # broken indentation
        return
    changed: set[str] = set()  # names that statements before have bound or used
    for each in examples:
        source = each.source.strip()
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        one = tree.body[0] if len(tree.body) == 1 else None
        if not isinstance(one, ast.Expr):
            changed |= {n.id for n in ast.walk(tree) if _is_bound(n)}  # type: ignore[attr-defined]
            continue
        if names & changed:
            continue
        if each.exc_msg is not None:
            yield source, RAISES + each.exc_msg.partition(":")[0].strip().rpartition(".")[2]
        elif each.want.strip():
            want = each.want.strip()
            if "..." not in want and read_value(want) is not UNKNOWN:
                yield source, want
        elif (pair := _compared(one.value)) is not None:
            yield pair


def _is_bound(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def _compared(node: ast.expr) -> tuple[str, str] | None:
    """The two sides of ``f(2) == 4``, which some write without the ``True`` that it gives."""
    if isinstance(node, ast.Compare) and isinstance(node.left, ast.Call):
        right = ast.unparse(node.comparators[0])
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq):
            return (ast.unparse(node.left), right) if read_value(right) is not UNKNOWN else None
    return None


# --- other forms ---------------------------------------------------------------------------------


def _in_words(text: str, function: Function) -> Iterator[tuple[str, str]]:
    """Calls of the function itself that are followed by a literal."""
    if not function.is_callable:
        return
    for match in re.finditer(rf"(?<![\w.]){re.escape(function.name)}\(", text):
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        if "assert" in line or "def " in line or " not " in line:
            continue
        end = _closing(text, match.end() - 1)
        gives = _GIVES.match(text, end) if end else None
        if gives is None:
            continue
        if line.lstrip().startswith(">>>") and "=" not in gives[0]:
            continue  # a doctest, read as such
        expected = literal_at(text, gives.end())
        call = call_of(text[match.start() : end])
        if expected and call is not None and _is_literal(call):
            yield function.prefix + ast.unparse(call), expected


def _input_blocks(text: str, function: Function) -> Iterator[tuple[str, str]]:
    """``Input: grid = [[1]], k = 3`` and ``Output: [1]``."""
    if not function.is_callable or not function.parameters:
        return
    for match in _INPUT.finditer(text):
        expected = literal_at(text, match.end())
        arguments = _read_arguments(match[1].strip(), function)
        if expected and arguments is not None:
            words = ", ".join(f"{name}={value}" for name, value in arguments.items())
            yield f"{function.prefix}{function.name}({words})", expected


def _read_arguments(text: str, function: Function) -> Mapping[str, str] | None:
    """Arguments by parameter: named ones, in order where the names are others, or one literal."""
    parameters = function.parameters
    values: dict[str, str] = {}
    at = 0
    while named := _NAMED.match(text, at):
        literal = literal_at(text, named.end(), whole=False)
        if not literal or named[1] in values:
            return None
        values[named[1]] = literal
        at = named.end() + len(literal)
    if not values:
        literal = literal_at(text, 0, whole=False)
        return {parameters[0]: literal} if literal == text and len(parameters) == 1 else None
    if text[at:].strip() or len(values) != len(parameters):
        return None
    if set(values) == set(parameters):
        return values
    return dict(zip(parameters, values.values(), strict=True))


def literal_at(text: str, start: int, *, whole: bool = True) -> str:
    """The literal that stands there; empty for none. A ``whole`` one is followed by no operator."""
    if start >= len(text):
        return ""
    if plain := _PLAIN.match(text, start):
        end = plain.end() - plain[0].endswith(".")
    elif text[start] in _OPENING:
        end = _closing(text, start)
    elif text[start] in "'\"":
        end = _string_end(text, start)
    else:
        return ""
    literal = text[start:end]
    if not end or read_value(literal) is UNKNOWN:
        return ""
    return literal if not whole or _ENDS.match(text, end) else ""


def _closing(text: str, start: int) -> int:
    """The offset after the bracket that closes the one at ``start``; 0 where none does."""
    waiting: list[str] = []
    at = start
    while at < len(text):
        character = text[at]
        if character in "'\"":
            at = _string_end(text, at)
            if not at:
                return 0
            continue
        if character in _OPENING:
            waiting.append(_OPENING[character])
        elif character in ")]}":
            if waiting.pop() != character:
                return 0
            if not waiting:
                return at + 1
        at += 1
    return 0


def _string_end(text: str, start: int) -> int:
    """The offset after the string that begins at ``start``; 0 where it does not end on its line."""
    at = start + 1
    while at < len(text) and text[at] != "\n":
        if text[at] == text[start]:
            return at + 1
        at += 2 if text[at] == "\\" else 1
    return 0


def _is_literal(call: ast.Call) -> bool:
    nodes = [*call.args, *(word.value for word in call.keywords if word.arg)]
    given = len(call.args) + len(call.keywords)
    return len(nodes) == given and all(read_value(ast.unparse(n)) is not UNKNOWN for n in nodes)
