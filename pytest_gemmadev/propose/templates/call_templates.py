"""Calls, attributes and indices: one more or fewer, an argument alone, a method left out."""

from __future__ import annotations

from pytest_gemmadev.propose.templates.ingredients import variables
from pytest_gemmadev.propose.templates.template import Rewrite, Template

TEMPLATES = (
    # The object itself in place of its attribute.
    Template(
        "drop_attribute",
        Rewrite("$x.$name", "$x", "not called; read"),
        examples=(("def f(a):\n    return a.b\n", "def f(a):\n    return a\n"),),
        untouched=("def f(a):\n    return a.b()\n", "def f(a):\n    a.b = 1\n"),
    ),
    # ``f()`` for ``f``, ``x.m()`` for ``x.m``.
    Template(
        "call_missing",
        Rewrite(
            "$f",
            "$f()",
            "f is attribute or name; f is attribute or name of function; read;"
            " not part of call, owner of attribute",
            in_place=True,
        ),
        examples=(
            ("def f(s):\n    return s.strip\n", "def f(s):\n    return s.strip()\n"),
            (
                "def g():\n    return 1\n\n\ndef f():\n    return g\n",
                "def g():\n    return 1\n\n\ndef f():\n    return g()\n",
            ),
        ),
        untouched=("def f(s):\n    return s\n", "def f(s):\n    s.x = 1\n"),
    ),
    # The object in place of what its method returns: ``s`` for ``s.strip()``.
    Template(
        "method_extra",
        Rewrite("$x.$method($$$_)", "$x", "not used as statement"),
        examples=(("def f(s):\n    return s.lower()\n", "def f(s):\n    return s\n"),),
        untouched=("def f(s):\n    s.clear()\n", "def f(s):\n    return g(s)\n"),
    ),
    # One argument fewer.
    Template(
        "drop_argument",
        Rewrite("$f($$$a, $x, $$$b)", "$f($$$a, $$$b)", "x is argument", in_place=True),
        examples=(
            ("def f(a, b):\n    return g(a, b)\n", "def f(a, b):\n    return g(a)\n"),
            (
                "def f(a):\n    return sorted(a, reverse=True)\n",
                "def f(a):\n    return sorted(a)\n",
            ),
        ),
        untouched=("def f(a):\n    return g(a)\n",),
    ),
    # An argument in place of the call: ``x`` for ``abs(x)``.
    Template(
        "unwrap_call",
        Rewrite(
            "$f($$$a, $x, $$$b)",
            "$x",
            "not used as statement, given more than three arguments",
        ),
        examples=(
            ("def f(x):\n    return abs(x)\n", "def f(x):\n    return x\n"),
            ("def f(x, y):\n    return max(x, y)\n", "def f(x, y):\n    return y\n"),
        ),
        untouched=("def f(x):\n    print(x)\n", "def f():\n    return g()\n"),
    ),
    # Another operand for ``max`` or ``min``; one of their arguments corrected by one.
    Template(
        "extend_bound",
        (
            Rewrite(
                "$f($x, $y, $$$rest)",
                "$f($x, $y, $$$rest, $v)",
                ingredients={"v": variables("number", best=6)},
                in_place=True,
            ),
            Rewrite(
                "$f($x, $y, $$$rest)",
                {"$f($x, $y, $$$rest, 0)": -1.0, "$f($x, $y, $$$rest, 1)": -1.0},
                in_place=True,
            ),
        ),
        where="f is name; f is named max or named min; not given keywords; x is argument; y is argument",
        examples=(
            (
                "def f(a, b, c):\n    return max(a, b)\n",
                "def f(a, b, c):\n    return max(a, b, c)\n",
            ),
        ),
        untouched=("def f(a, b):\n    return g(a, b)\n",),
    ),
    # Other arguments of ``range``: start, end, step, backwards.
    Template(
        "range_bounds",
        (
            Rewrite(
                "range($n)",
                {
                    "range(1, $n)": 1.0,
                    "range(1, $n + 1)": 1.0,
                    "range(2, $n)": 0.0,
                    "range(2, $n + 1)": 0.0,
                    "range(1, $n - 1)": -0.5,
                    "range($n - 1, -1, -1)": 1.0,
                    "range($n, 0, -1)": 0.0,
                    "range($n, -1, -1)": -0.5,
                    "range($n - 1, 0, -1)": -0.5,
                    "range(0, $n, 2)": 0.0,
                    "range(1, $n, 2)": -0.5,
                },
            ),
            Rewrite(
                "range($n)",
                {"range($v, $n)": 0.0, "range($v + 1, $n)": 0.0, "range($n, $v)": -1.0},
                ingredients={"v": variables("number", best=5)},
            ),
            Rewrite(
                "range($a, $b)",
                {
                    "range($b)": 1.0,
                    "range(0, $b)": 0.0,
                    "range($a + 1, $b + 1)": 1.0,
                    "range($a - 1, $b - 1)": -0.5,
                    "range($a, $b, 2)": 0.5,
                    "range($a, $b, -1)": 0.5,
                    "range($b, $a, -1)": 0.0,
                    "range($b - 1, $a - 1, -1)": 0.0,
                    "range($a, $a + $b)": 0.0,
                },
            ),
            Rewrite(
                "range($a, $b)", "range($a, $b, $v)", ingredients={"v": variables("number", best=5)}
            ),
            Rewrite(
                "range($a, $b, $c)",
                {
                    "range($a, $b)": 1.0,
                    "range($a - 1, $b - 1, $c)": 0.0,
                    "range($a + 1, $b + 1, $c)": 0.0,
                },
            ),
            Rewrite("range($a, $b, -$c)", {"range($a, $b, $c)": 0.0, "range($b, $a, $c)": 0.0}),
            Rewrite(
                "range($a, $b, $c)",
                {"range($a, $b, -$c)": 0.0, "range($b, $a, -$c)": 0.0},
                "c not unary",
            ),
        ),
        examples=(
            ("def f(n):\n    return range(n)\n", "def f(n):\n    return range(1, n + 1)\n"),
            ("def f(n):\n    return range(1, n)\n", "def f(n):\n    return range(n)\n"),
            ("def f(n):\n    return range(n)\n", "def f(n):\n    return range(n - 1, -1, -1)\n"),
            ("def f(a, b):\n    return range(a, b)\n", "def f(a, b):\n    return range(a, b, 2)\n"),
            (
                "def f(a, b):\n    return range(b, a)\n",
                "def f(a, b):\n    return range(b, a, -1)\n",
            ),
        ),
        untouched=("def f(n):\n    return arange(n)\n",),
    ),
    # An index counted from the end, dropped, or made a slice.
    Template(
        "index_form",
        (
            Rewrite("$x[$i]", "$x", weight=0.5),
            Rewrite(
                "$x[$i]",
                {
                    "$x[-$i - 1]": -0.5,
                    "$x[len($x) - $i - 1]": -0.5,
                    "$x[:$i]": 0.0,
                    "$x[$i:]": 0.0,
                    "$x[:$i + 1]": 0.0,
                    "$x[$i + 1:]": 0.0,
                },
                "i not text",
            ),
        ),
        where="read; i not tuple",
        examples=(
            ("def f(xs, i):\n    return xs[i]\n", "def f(xs, i):\n    return xs[-i - 1]\n"),
            ("def f(xs, i):\n    return xs[i]\n", "def f(xs, i):\n    return xs[:i]\n"),
            ("def f(xs, i):\n    return xs[i]\n", "def f(xs, i):\n    return xs\n"),
        ),
        untouched=(
            "def f(xs, i):\n    return xs[i:]\n",
            "def f(xs: list[int]) -> None:\n    xs.sort()\n",
        ),
    ),
    # ``t[j][i]`` for ``t[i][j]``; ``i[t]`` for ``t[i]`` where both are names.
    Template(
        "swap_indices",
        Rewrite("$x[$i][$j]", "$x[$j][$i]", in_place=True),
        examples=(
            ("def f(t, i, j):\n    return t[i][j]\n", "def f(t, i, j):\n    return t[j][i]\n"),
        ),
        untouched=("def f(t):\n    return t[0][0]\n", "def f(t, i):\n    return t[i]\n"),
    ),
    # ``''.join(xs)`` for ``xs`` or ``str(xs)``, the separator and the iterable swapped, and back.
    Template(
        "join_strings",
        (
            Rewrite("$s.join($x)", "$x.join($s)"),
            Rewrite("$s.join($x)", {"$x": 0.0, "$s.join(map(str, $x))": 0.0}, "x not generator"),
            Rewrite("str($x)", "''.join($x)"),
            Rewrite(
                "$x",
                dict.fromkeys(
                    ("''.join($x)", "' '.join($x)", "', '.join($x)", "''.join(map(str, $x))"), 0.0
                ),
                "x is name or list comprehension; read; returned or assigned; holds list",
            ),
        ),
        examples=(
            (
                "def f():\n    out = []\n    return out\n",
                "def f():\n    out = []\n    return ''.join(out)\n",
            ),
            ("def f(xs):\n    return ''.join(xs)\n", "def f(xs):\n    return xs\n"),
            ("def f(xs):\n    return xs.join(',')\n", "def f(xs):\n    return ','.join(xs)\n"),
        ),
        untouched=("def f(n):\n    return n - 1\n", "def f():\n    out = 1\n    return out\n"),
    ),
    # `await` before a call in a coroutine, or without it.
    Template(
        "await_call",
        (
            Rewrite("await $x", "$x"),
            Rewrite("$f($$$a)", "await $f($$$a)", "in async function; not awaited"),
        ),
        examples=(
            ("async def f(a):\n    return g(a)\n", "async def f(a):\n    return await g(a)\n"),
            ("async def f(a):\n    return await g(a)\n", "async def f(a):\n    return g(a)\n"),
        ),
        untouched=("def f(a):\n    return g(a)\n",),
    ),
)
