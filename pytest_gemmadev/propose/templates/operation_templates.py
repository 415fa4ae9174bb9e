"""Operators and operands: another operator, another order, a sign, a call around more or less."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_gemmadev.propose.templates.holes import ARITHMETIC, BITWISE
from pytest_gemmadev.propose.templates.ingredients import one_of, table
from pytest_gemmadev.propose.templates.template import Rewrite, Template


def _rows(
    likely: Mapping[str, Mapping[str, float]], otherwise: float
) -> dict[str, dict[str, float]]:
    """For each operator those of its kind, and those of the other kind that are likely for it."""
    rows: dict[str, dict[str, float]] = {}
    for symbol in (*ARITHMETIC, *BITWISE, "@"):
        known = likely.get(symbol, {})
        rows[symbol] = {
            other: known.get(other, otherwise)
            for other in (*ARITHMETIC, *BITWISE)
            if other != symbol and (other in known or (symbol in BITWISE) == (other in BITWISE))
        }
    return rows


_LIKELY = {
    "+": {"-": 2.0, "*": 1.0},
    "-": {"+": 2.0, "*": 0.5},
    "*": {"//": 1.0, "+": 1.0, "/": 1.0, "**": 1.0},
    "/": {"//": 2.5, "*": 1.5, "%": 0.5},
    "//": {"/": 2.0, "%": 2.0, "*": 1.0},
    "%": {"//": 2.5, "/": 1.0},
    "**": {"*": 2.0},
    "&": {"|": 2.0, "^": 1.0},
    "|": {"&": 2.0, "^": 1.0},
    "^": {"&": 1.5, "|": 1.5},
    "<<": {">>": 2.5},
    ">>": {"<<": 2.5},
}
_SEPARATORS = ("' '", "','", "', '", "'.'", "'-'", "'_'", "'/'", "':'", "'\\n'")


TEMPLATES = (
    # Another arithmetic or bitwise operator between the same operands.
    Template(
        "arithmetic_operator",
        Rewrite(
            "$a $op $b",
            "$a $new $b",
            ingredients={"new": table("op", _rows(_LIKELY, -1.0))},
            in_place=True,
        ),
        where="op is binary operator; new is binary operator; not formatting text",
        examples=(
            ("def f(a, b):\n    return a - b\n", "def f(a, b):\n    return a + b\n"),
            ("def f(a, b):\n    return (a+1)/b\n", "def f(a, b):\n    return (a+1)//b\n"),
            ("def f(a, b):\n    return a ^ b\n", "def f(a, b):\n    return a & b\n"),
        ),
        untouched=("def f(a, b):\n    return a and b\n", 'def f(a):\n    return "%s" % a\n'),
    ),
    # Another operator in an augmented assignment, or a plain assignment.
    Template(
        "augmented_operator",
        (
            Rewrite(
                "$x $op= $v",
                "$x $new= $v",
                ingredients={"new": table("op", _rows(_LIKELY, -1.5))},
                in_place=True,
            ),
            Rewrite("$x $op= $v", "$x = $v", weight=1.5, in_place=True),
        ),
        where="op is binary operator; new is binary operator",
        examples=(
            ("def f(a):\n    a += 1\n    return a\n", "def f(a):\n    a -= 1\n    return a\n"),
            ("def f(a, b):\n    a += b\n    return a\n", "def f(a, b):\n    a = b\n    return a\n"),
        ),
        untouched=("def f(a):\n    a = 1\n    return a\n",),
    ),
    # ``x += v`` in place of ``x = v``; ``x =- v`` read as ``x -= v``.
    Template(
        "plain_to_augmented",
        (
            Rewrite(
                "$x = $v",
                {
                    "$x += $v": 1.5,
                    "$x -= $v": 0.5,
                    "$x *= $v": -0.5,
                    "$x |= $v": -1.0,
                    "$x //= $v": -1.5,
                },
                "v not dictionary or lambda",
                in_place=True,
            ),
            Rewrite("$x = -$v", "$x -= $v", weight=1.5, in_place=True),
            Rewrite("$x = +$v", "$x += $v", weight=1.5, in_place=True),
        ),
        where="x is name, attribute or subscript",
        examples=(
            ("def f(a, b):\n    a = b\n    return a\n", "def f(a, b):\n    a += b\n    return a\n"),
            (
                "def f(a, b):\n    a =- b\n    return a\n",
                "def f(a, b):\n    a -= b\n    return a\n",
            ),
        ),
        untouched=("def f(a, b):\n    a, b = b, a\n    return a\n",),
    ),
    # A sign added or removed: ``-x`` for ``x`` and back.
    Template(
        "sign",
        (
            Rewrite("-$x", "$x", weight=0.5),
            Rewrite("+$x", "$x", weight=0.5),
            Rewrite("~$x", "$x", weight=0.5),
            Rewrite("$x", "-$x", "x is name, subscript, call, attribute or operation; number due"),
        ),
        bias=(("leading a sum", -3.0),),  # `-a + b` is written `b - a`
        examples=(
            ("def f(a):\n    return -a\n", "def f(a):\n    return a\n"),
            ("def f(xs, i):\n    return xs[i]\n", "def f(xs, i):\n    return xs[-i]\n"),
            (
                "def f(a, b):\n    return min(a - b, 0)\n",
                "def f(a, b):\n    return min(-(a - b), 0)\n",
            ),
        ),
        untouched=("def f(a):\n    return a == ''\n", "def f(a):\n    a.x = [1]\n"),
    ),
    # ``b - a`` for ``a - b``, where the order matters.
    Template(
        "swap_operands",
        Rewrite("$a $op $b", "$b $op $a", "op is binary operator; not commuting"),
        examples=(
            ("def f(a, b):\n    return a - b\n", "def f(a, b):\n    return b - a\n"),
            ("def f(a, b):\n    return a % (b + 1)\n", "def f(a, b):\n    return (b + 1) % a\n"),
        ),
        untouched=("def f(a, b):\n    return a * b\n",),
    ),
    # ``xs[n:] + xs[:n]`` for ``xs[:n] + xs[n:]``: parts that were cut to be put in order.
    Template(
        "swap_parts",
        Rewrite(
            "$a + $b",
            "$b + $a",
            "a is part of sequence; b is part of sequence; not commuting",
        ),
        examples=(
            (
                "def f(s, n):\n    return s[:n] + s[n:]\n",
                "def f(s, n):\n    return s[n:] + s[:n]\n",
            ),
        ),
        untouched=("def f(a, b):\n    return a[1] + b[1]\n", "def f(a, b):\n    return a - b\n"),
    ),
    # A separator or a text of the function put between two joined texts, or behind them.
    Template(
        "add_text",
        Rewrite(
            "$a + $b",
            {"$a + $text + $b": 0.0, "$a + $b + $text": -1.0},
            "not joining other than text; a not in parentheses",
            {"text": one_of(*_SEPARATORS)},
            in_place=True,
        ),
        examples=(
            ("def f(a):\n    return a + 'x'\n", "def f(a):\n    return a + '.' + 'x'\n"),
            ("def f(a):\n    return a + 'x'\n", "def f(a):\n    return a + 'x' + ' '\n"),
        ),
        untouched=("def f(a):\n    return a + 1\n", "def f(a, b):\n    return a * 'x'\n"),
    ),
    # An operand moved into a call's argument or out of it: ``int(a / b)`` for ``int(a) / b``.
    Template(
        "move_across_call",
        (
            Rewrite("$f($a) $op $b", "$f($a $op $b)"),
            Rewrite("$a $op $f($b)", "$f($a $op $b)"),
            Rewrite("$f($a $op $b)", {"$f($a) $op $b": 0.0, "$a $op $f($b)": -0.5}),
        ),
        where="op is binary operator; a not generator; b not generator",
        examples=(
            ("def f(a, b):\n    return int(a) / b\n", "def f(a, b):\n    return int(a / b)\n"),
            ("def f(a, b):\n    return len(a + b)\n", "def f(a, b):\n    return len(a) + b\n"),
        ),
        untouched=("def f(a, b):\n    return max(a, b)\n",),
    ),
)
