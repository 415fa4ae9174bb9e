"""How much tests say: which calls they assert, and what of it was false before.

In bits: the more a value tells, the harder it is to hit by chance.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log2

_MOST_BITS = 24.0  # of one value


@dataclass(frozen=True, slots=True)
class Asserted:
    """A call that a test makes and what it is to give, both as they would be written."""

    call: str
    expected: str  # a literal


def asserted_in(text: str, tests: Sequence[str] = ()) -> list[Asserted]:
    """Calls that are compared with literals in a test file; in all of it, or in the functions named."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    found: dict[Asserted, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (
            not tests or node.name in tests
        ):
            for each in ast.walk(node):
                found.update(dict.fromkeys(_asserted(each)))
    return list(found)


def _asserted(node: ast.AST) -> Iterator[Asserted]:
    pairs: list[tuple[ast.expr, ast.expr]] = []
    if isinstance(node, ast.Assert):
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            if isinstance(test.ops[0], (ast.Eq, ast.Is)):
                pairs = [(test.left, test.comparators[0]), (test.comparators[0], test.left)]
        elif isinstance(test, ast.Call):
            pairs = [(test, ast.Constant(True))]
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            pairs = [(test.operand, ast.Constant(False))]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ("assertEqual", "assertIs", "assertEquals") and len(node.args) >= 2:
            pairs = [(node.args[0], node.args[1]), (node.args[1], node.args[0])]
        elif node.func.attr in ("assertTrue", "assertFalse", "assertIsNone") and node.args:
            values = {"assertTrue": True, "assertFalse": False, "assertIsNone": None}
            pairs = [(node.args[0], ast.Constant(values[node.func.attr]))]
    for call, expected in pairs:
        if isinstance(call, ast.Call) and _is_literal(expected):
            yield Asserted(ast.unparse(call), ast.unparse(expected))


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def bits_of(literal: str) -> float:
    """About how many bits a value tells: 1 for a truth value, more for numbers, texts and lists."""
    try:
        value = ast.literal_eval(literal)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return 2.0
    return min(_MOST_BITS, _bits(value))


def _bits(value: object) -> float:
    if value is None or isinstance(value, bool):
        return 1.0
    if isinstance(value, int):
        return 2.0 + log2(1 + min(abs(value), 10**6))
    if isinstance(value, (float, complex)):
        return 8.0
    if isinstance(value, (str, bytes)):
        return 1.0 + 2.0 * len(value)
    if isinstance(value, Mapping):
        return 2.0 + sum(_bits(k) + _bits(v) for k, v in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return 2.0 + sum(map(_bits, value))
    return 2.0


def is_met(result: str | None, expected: str) -> bool:
    """Whether what a call gave (its ``repr``) is what was expected."""
    if result is None:
        return False
    if result == expected:
        return True
    try:
        return bool(ast.literal_eval(result) == ast.literal_eval(expected))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False


@dataclass(frozen=True, slots=True)
class Told:
    """What the asserted calls of the tests say together."""

    calls: int = 0
    false_before: int = 0  # of them with the code as it is
    bits: float = 0.0
    bits_false: float = 0.0  # of those


def told_by(asserted: Sequence[Asserted], before: Mapping[str, str]) -> Told:
    """``before`` is what each call gives with the code as it is; a call that is not in it was false."""
    wrong = [each for each in asserted if not is_met(before.get(each.call), each.expected)]
    return Told(
        len(asserted),
        len(wrong),
        sum(bits_of(each.expected) for each in asserted),
        sum(bits_of(each.expected) for each in wrong),
    )
