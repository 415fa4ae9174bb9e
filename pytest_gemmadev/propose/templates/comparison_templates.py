"""Comparisons and conditions: the operator, the sides, a bound or a condition more, the truth of a value."""

from __future__ import annotations

from pytest_gemmadev.propose.patterns.comparisons import LIKELY
from pytest_gemmadev.propose.templates.ingredients import conditions, table, variables
from pytest_gemmadev.propose.templates.template import Rewrite, Template

_NAMES = "name, attribute, subscript, call"
_VALUE = f"x is {_NAMES}"


TEMPLATES = (
    # Another comparison of the same two sides, the boundary first.
    Template(
        "comparison_operator",
        Rewrite(
            "$a $op $b",
            "$a $new $b",
            "op is comparison operator; new is comparison operator",
            {"new": table("op", LIKELY)},
            in_place=True,
        ),
        examples=(
            ("def f(a, b):\n    return a<b\n", "def f(a, b):\n    return a<=b\n"),
            ("def f(a, b):\n    return a in b\n", "def f(a, b):\n    return a not in b\n"),
            ("def f(a, b):\n    return a is 'x'\n", "def f(a, b):\n    return a == 'x'\n"),
            ("def f(a, b):\n    return 0<a<b\n", "def f(a, b):\n    return 0<a<=b\n"),
        ),
        untouched=("def f(a, b):\n    return a and b\n",),
    ),
    # ``b in a`` for ``a in b``; a comparison of sizes is swapped by its operator already.
    Template(
        "swap_sides",
        (Rewrite("$a in $b", "$b in $a"), Rewrite("$a not in $b", "$b not in $a")),
        examples=(("def f(a, b):\n    return a in b\n", "def f(a, b):\n    return b in a\n"),),
        untouched=("def f(a, b):\n    return a == b\n", "def f(a, b):\n    return a < b\n"),
    ),
    # A lower or upper bound added: ``0 <= i < n`` for ``i < n``.
    Template(
        "extend_chain",
        (
            Rewrite(
                "$a $op $b",
                dict.fromkeys(
                    ("0 <= $a $op $b", "0 < $a $op $b", "1 <= $a $op $b", "1 < $a $op $b"), 0.0
                ),
                "op is < or <=; a not constant",
            ),
            Rewrite(
                "$a $op $b",
                {"$a $op $b < $v": -1.0, "$a $op $b <= $v": -1.0},
                "op is < or <=; b not constant",
                {"v": variables("number", best=4)},
            ),
            Rewrite(
                "$a $op $b",
                dict.fromkeys(
                    ("0 >= $a $op $b", "0 > $a $op $b", "1 >= $a $op $b", "1 > $a $op $b"), 0.0
                ),
                "op is > or >=; a not constant",
            ),
            Rewrite(
                "$a $op $b",
                {"$a $op $b > $v": -1.0, "$a $op $b >= $v": -1.0},
                "op is > or >=; b not constant",
                {"v": variables("number", best=4)},
            ),
        ),
        examples=(("def f(i, n):\n    return i < n\n", "def f(i, n):\n    return 0 <= i < n\n"),),
        untouched=("def f(i, n):\n    return i == n\n",),
    ),
    # What a condition asks of a value: its truth, whether it is None, its sign or its length.
    Template(
        "truth_test",
        (
            Rewrite("$x", {"$x is not None": 1.0, "$x is None": 0.0}, _VALUE),
            Rewrite(
                "$x",
                dict.fromkeys(("$x > 0", "$x == 0", "$x >= 0", "$x < 0", "$x == 1", "$x > 1"), 0.0),
                f"{_VALUE}; may hold number",
            ),
            Rewrite(
                "$x",
                dict.fromkeys(("len($x) > 1", "len($x) == 1", "len($x) == 0"), -0.5),
                f"{_VALUE}; may hold list or may hold mapping or may hold set or may hold text",
            ),
            Rewrite("$x", "$x.strip()", f"{_VALUE}; may hold text", weight=-1.0),
            Rewrite(
                "$x $op $y",
                {"$x": 0.0, "not $x": 0.0},
                "op is comparison operator; y is falsy",
            ),
            Rewrite(
                "$x $op $y",
                {"$x > 1": -0.5, "$x == 1": -0.5},
                "op is > or != or ==; y is zero",
            ),
        ),
        where="in condition",
        examples=(
            (
                "def f(a):\n    if a:\n        return 1\n",
                "def f(a):\n    if a is not None:\n        return 1\n",
            ),
            (
                "def f(a):\n    if a is None:\n        return 1\n",
                "def f(a):\n    if not a:\n        return 1\n",
            ),
            (
                "def f(s):\n    while len(s) > 0:\n        s.pop()\n",
                "def f(s):\n    while len(s) > 1:\n        s.pop()\n",
            ),
        ),
        untouched=("def f(a):\n    return a\n",),
    ),
    # The opposite of a condition.
    Template(
        "negate",
        (
            Rewrite("not $x", "$x"),
            Rewrite("$x", "not $x", f"x is {_NAMES}, boolean; truth value"),
            Rewrite("$x", "not $x", "x is comparison; x is chain; truth value"),
        ),
        where="not operand of unary",  # there the `not` is what goes
        examples=(
            (
                "def f(a):\n    if a:\n        return 1\n",
                "def f(a):\n    if not a:\n        return 1\n",
            ),
            (
                "def f(a):\n    if not a:\n        return 1\n",
                "def f(a):\n    if a:\n        return 1\n",
            ),
            (
                "def f(a, b):\n    if a and b:\n        return 1\n",
                "def f(a, b):\n    if not (a and b):\n        return 1\n",
            ),
            ("def f(a):\n    return a.isdigit()\n", "def f(a):\n    return not a.isdigit()\n"),
        ),
        untouched=("def f(a):\n    if a < 1:\n        a = 2\n", "def f(a):\n    return a + 1\n"),
    ),
    # A part added to a condition, built from conditions and variables of the function.
    Template(
        "add_condition",
        Rewrite(
            "$c",
            {"$c and $more": 0.0, "$c or $more": -0.3, "$more and $c": -0.7, "$more or $c": -1.2},
            f"c is {_NAMES}, unary, boolean or comparison; decision",
            {"more": conditions()},
        ),
        examples=(
            (
                "def f(a, b):\n    if a > 1:\n        return b\n",
                "def f(a, b):\n    if a > 1 and b:\n        return b\n",
            ),
            (
                "def f(a, b):\n    if a:\n        return 1\n    if b < 2:\n        return 2\n",
                "def f(a, b):\n    if a or b < 2:\n        return 1\n    if b < 2:\n        return 2\n",
            ),
        ),
        untouched=("def f(a):\n    return a + 1\n",),
    ),
    # Another condition: of the same function, or on a variable in scope.
    Template(
        "other_condition",
        Rewrite(
            "$c",
            "$other",
            f"c is {_NAMES}, unary or comparison; in condition; not operand of unary",
            {"other": conditions()},
        ),
        examples=(
            (
                "def f(a, b):\n    if a:\n        return 1\n    if b < 2:\n        return 2\n",
                "def f(a, b):\n    if b < 2:\n        return 1\n    if b < 2:\n        return 2\n",
            ),
        ),
        untouched=("def f(a):\n    return a + 1\n",),
    ),
    # The branches of a conditional expression swapped, or one of them alone.
    Template(
        "conditional_expression",
        Rewrite("$a if $c else $b", {"$b if $c else $a": 0.0, "$a": 0.0, "$b": 0.0}),
        examples=(
            (
                "def f(a, b, c):\n    return a if c else b\n",
                "def f(a, b, c):\n    return b if c else a\n",
            ),
            ("def f(a, b, c):\n    return a if c else b\n", "def f(a, b, c):\n    return a\n"),
        ),
        untouched=("def f(a):\n    return a\n",),
    ),
    # A value that depends: ``e if c else 0`` for ``e``.
    Template(
        "make_conditional",
        Rewrite(
            "$x",
            dict.fromkeys(
                (
                    f"$x if $c else {value}"
                    for value in ("None", "0", "''", "[]", "False", "-1", "1")
                ),
                0.0,
            ),
            f"x is {_NAMES}, operation, list or constant; result",
            {"c": conditions(best=8)},
        ),
        examples=(("def f(a):\n    return a[0]\n", "def f(a):\n    return a[0] if a else None\n"),),
        untouched=("def f(a):\n    g(a)\n",),
    ),
    # What decides for a default: that a value is false, or that it is None.
    Template(
        "or_default",
        (
            Rewrite("$a or $b", "$a if $a is not None else $b"),
            Rewrite("$a if $a is not None else $b", "$a or $b"),
            Rewrite("$a if $a != None else $b", "$a or $b"),
        ),
        examples=(
            (
                "def f(a, b):\n    return a.x or b\n",
                "def f(a, b):\n    return a.x if a.x is not None else b\n",
            ),
            (
                "def f(a, b):\n    return a if a is not None else b\n",
                "def f(a, b):\n    return a or b\n",
            ),
        ),
        untouched=(
            "def f(a, b):\n    return a and b\n",
            "def f(a, b):\n    return b if a else 0\n",
        ),
    ),
    # Both sides of a comparison of strings put in one case.
    Template(
        "case_insensitive",
        Rewrite(
            "$a $op $b",
            "$a.lower() $op $b.lower()",
            "op is == or !=; a is name, attribute or subscript; b is name, attribute or subscript;"
            " a holds text; b holds text",
            in_place=True,
        ),
        examples=(
            (
                "def f(a: str, b: str):\n    return a == b\n",
                "def f(a: str, b: str):\n    return a.lower() == b.lower()\n",
            ),
        ),
        untouched=("def f(a: int, b: int):\n    return a == b\n",),
    ),
)
