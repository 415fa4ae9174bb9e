"""Loops: what is iterated, what is bound, when the loop ends."""

from __future__ import annotations

from pytest_gemmadev.propose.templates.ingredients import one_of, variables
from pytest_gemmadev.propose.templates.template import Rewrite, Template


def _over(unpacked: bool) -> dict[str, float]:
    """What a loop may run over instead of a collection; pairs where it has several variables."""
    return {
        "for $x in range(len($xs))": 0.5,
        "for $x in range($xs)": 0.5,
        "for $x in enumerate($xs)": 1.0 if unpacked else -1.0,
        "for $x in $xs.items()": 1.0 if unpacked else -1.0,
        "for $x in $xs.values()": -0.5,
        **dict.fromkeys(
            (f"for $x in $xs{part}" for part in ("[1:]", "[:-1]", "[::-1]", "[:]")), 0.0
        ),
    }


_HOLDS_ITEMS = "v may hold list or may hold text or may hold mapping"
_HOLDS_NO_ITEMS = "v not may hold list or may hold text or may hold mapping"


TEMPLATES = (
    # Another thing to iterate: a collection in scope, its indices, its items, part of it.
    Template(
        "loop_iterable",
        (
            Rewrite(
                "for $x in range(len($xs))",
                {"for $x in $xs": 1.0, "for $x in reversed(range(len($xs)))": 0.0},
            ),
            Rewrite(
                "for $x in range($n)",
                dict.fromkeys(
                    (
                        "for $x in $n",
                        "for $x in reversed(range($n))",
                        "for $x in range(len($n))",
                    ),
                    0.0,
                ),
                otherwise=True,
            ),
            Rewrite("for $x in range($$$n)", "for $x in reversed(range($$$n))", otherwise=True),
            Rewrite(
                "for $x in $f($xs, $$$_)",
                "for $x in $xs",
                "f is named enumerate, named reversed, named sorted",
                otherwise=True,
            ),
            Rewrite(
                "for $x in $xs.items($$$_)",
                {"for $x in $xs.keys()": 0.0, "for $x in $xs.values()": 0.0},
                otherwise=True,
            ),
            Rewrite(
                "for $x in $xs.keys($$$_)",
                {"for $x in $xs.items()": 0.0, "for $x in $xs.values()": 0.0},
                otherwise=True,
            ),
            Rewrite(
                "for $x in $xs.values($$$_)",
                {"for $x in $xs.items()": 0.0, "for $x in $xs.keys()": 0.0},
                otherwise=True,
            ),
            Rewrite("for $x in $xs", _over(unpacked=True), "x is tuple", otherwise=True),
            Rewrite("for $x in $xs", _over(unpacked=False), "x not tuple", otherwise=True),
            Rewrite(
                "for $x in $xs",
                {
                    "for $x in $v": (0.0, _HOLDS_ITEMS),
                    "for $x in range(len($v))": (0.0, _HOLDS_ITEMS),
                    "for $x in range($v)": (0.0, _HOLDS_NO_ITEMS),
                },
                ingredients={"v": variables("list", "text", best=5, at="x")},
            ),
        ),
        examples=(
            (
                "def f(xs, ys):\n    for x in xs:\n        g(x)\n",
                "def f(xs, ys):\n    for x in range(len(xs)):\n        g(x)\n",
            ),
            (
                "def f(xs, ys):\n    for x in range(len(xs)):\n        g(x)\n",
                "def f(xs, ys):\n    for x in xs:\n        g(x)\n",
            ),
            (
                "def f(d):\n    return [k for k in d.keys()]\n",
                "def f(d):\n    return [k for k in d.values()]\n",
            ),
            (
                "def f(n):\n    for i in n:\n        g(i)\n",
                "def f(n):\n    for i in range(n):\n        g(i)\n",
            ),
        ),
        untouched=("def f(xs):\n    return xs\n",),
    ),
    # An index bound beside the element, or one of two targets alone.
    Template(
        "loop_target",
        (
            Rewrite(
                "for $i, $x in enumerate($xs, $$$_)", {"for $i in $xs": 0.0, "for $x in $xs": 0.0}
            ),
            Rewrite(
                "for $x in $xs",
                "for $i, $x in enumerate($xs)",
                "x is name; xs not calls enumerate",
                {"i": one_of("i", "idx", "index", "j", "k", other_than="x", best=3)},
            ),
        ),
        examples=(
            (
                "def f(xs):\n    for x in xs:\n        g(i, x)\n",
                "def f(xs):\n    for i, x in enumerate(xs):\n        g(i, x)\n",
            ),
            (
                "def f(xs):\n    for i, x in enumerate(xs):\n        g(x)\n",
                "def f(xs):\n    for x in xs:\n        g(x)\n",
            ),
        ),
        untouched=("def f(xs):\n    return xs\n",),
    ),
    # A loop that only its body ends: ``while True``.
    Template(
        "loop_condition",
        Rewrite(
            "while $c:\n    $$$body\nelse:\n    $$$rest",
            "while True:\n    $$$body\nelse:\n    $$$rest",
            in_place=True,
        ),
        where="body is on its own lines",
        examples=(
            (
                "def f(a):\n    while a:\n        a = g(a)\n",
                "def f(a):\n    while True:\n        a = g(a)\n",
            ),
        ),
        untouched=("def f(a):\n    while a: a = g(a)\n", "def f(a):\n    return a\n"),
    ),
)
