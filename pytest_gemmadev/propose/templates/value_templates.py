"""Values and names: a constant, a variable or an expression in place of another, one kept to itself."""

from __future__ import annotations

from pytest_gemmadev.propose.templates.ingredients import (
    expressions,
    expressions_with_another_variable,
    variables,
)
from pytest_gemmadev.propose.templates.template import Rewrite, Template

_NEW = ("[]", "{}", "set()", "dict()", "list()")
_COUNTED = ("defaultdict(int)", "defaultdict(list)", "defaultdict(set)")
_OTHERS = ("deque()", "Counter()")
_DONORS = "attribute, subscript, call, operation, conditional, list comprehension"
_COPIES = {
    "$x.copy()": 0.0,
    "copy.deepcopy($x)": -1.0,
    "deepcopy($x)": -1.0,
    "[row[:] for row in $x]": -0.5,
}


TEMPLATES = (
    # True for False, and back; None for either.
    Template(
        "flag_constant",
        (
            Rewrite("True", {"False": 2.5, "None": -1.0}),
            Rewrite("True", {"0": -1.0, "1": -1.0}, "initial value"),
            Rewrite("False", {"True": 2.5, "None": -1.0}),
            Rewrite("False", {"0": -1.0, "1": -1.0}, "initial value"),
        ),
        examples=(("def f():\n    return True\n", "def f():\n    return False\n"),),
        untouched=("def f():\n    return 1\n",),
    ),
    # A value where None stands in an expression.
    Template(
        "none_constant",
        (
            Rewrite("None", "$v", ingredients={"v": variables(best=8)}),
            Rewrite("None", dict.fromkeys(("''", "0", "[]", "{}", "True", "False"), -1.0)),
        ),
        where="not compared or default",
        examples=(("def f(a):\n    return g(None)\n", "def f(a):\n    return g(a)\n"),),
        untouched=("def f(a):\n    return a is None\n",),
    ),
    # A variable where a constant stands.
    Template(
        "constant_to_name",
        (
            Rewrite("$c", "$v", "c is flag", {"v": variables("flag", best=10)}),
            Rewrite(
                "$c",
                {
                    "$v": 0.0,
                    "$v + 1": (-2.0, "v may hold number"),
                    "$v - 1": (-2.0, "v may hold number"),
                    "len($v)": (-0.5, "v not may hold number"),
                },
                "c is number",
                {"v": variables("number", best=10)},
            ),
            Rewrite("$c", "$v", "c is text", {"v": variables("text", best=10)}),
        ),
        where="c is constant; not part of f-string, used as statement, default",
        examples=(("def f(xs, i):\n    return xs[0]\n", "def f(xs, i):\n    return xs[i]\n"),),
        untouched=("def f():\n    return 0\n",),
    ),
    # Another variable in scope, ordered by kind, similarity of name, and nearness of use.
    Template(
        "wrong_variable",
        Rewrite(
            "$x",
            "$v",
            "x is name; read; not called",
            {"v": variables(like="x", best=25)},
        ),
        examples=(
            (
                "def f(low, high):\n    return low + low\n",
                "def f(low, high):\n    return low + high\n",
            ),
            (
                "def f(n):\n    m = n\n    for i in range(n):\n        m += n\n    return m\n",
                "def f(n):\n    m = n\n    for i in range(n):\n        m += i\n    return m\n",
            ),
        ),
        untouched=("def f(x):\n    return x\n", "def f(x, y):\n    return g(1)\n"),
    ),
    # Another variable assigned to.
    Template(
        "wrong_target",
        Rewrite(
            "$x",
            "$v",
            "x is name; x is stored; target",
            {"v": variables(like="x", best=25, local=True)},
        ),
        examples=(
            ("def f(a, b):\n    a = 1\n    return b\n", "def f(a, b):\n    b = 1\n    return b\n"),
            (
                "def f(a, b):\n    a += 1\n    return b\n",
                "def f(a, b):\n    b += 1\n    return b\n",
            ),
        ),
        untouched=("def f(x):\n    x = 1\n    return x\n",),
    ),
    # A variable in place of what is computed: ``fold`` for ``self._fold(x)``.
    Template(
        "value_to_variable",
        Rewrite(
            "$x",
            "$v",
            "x is call or subscript; read; not used as statement, awaited, managed, called;"
            " v not named self, named cls",
            {"v": variables(like="x", best=8, local=True)},
        ),
        examples=(
            (
                "def f(a):\n    size = a.size()\n    return g(a.size_of(1))\n",
                "def f(a):\n    size = a.size()\n    return g(size)\n",
            ),
        ),
        untouched=("def f():\n    return g()\n", "def f(a):\n    a.b()\n"),
    ),
    # Another expression of the same function.
    Template(
        "donor_expression",
        Rewrite(
            "$x",
            "$other",
            f"x is name, {_DONORS}, list; used as value",
            {"other": expressions()},
        ),
        examples=(
            (
                "def f(a, b):\n    c = a[0] + 1\n    return g(b)\n",
                "def f(a, b):\n    c = a[0] + 1\n    return g(a[0] + 1)\n",
            ),
        ),
        untouched=("def f(a):\n    return a\n",),
    ),
    # Another expression of the same function, or the one there, with one variable replaced.
    Template(
        "substituted_donor",
        Rewrite(
            "$x",
            "$other",
            f"x is {_DONORS}; used as value",
            {"other": expressions_with_another_variable()},
        ),
        examples=(
            (
                "def f(a, b):\n    c = a[0] + 1\n    return g(c[1])\n",
                "def f(a, b):\n    c = a[0] + 1\n    return g(b[0])\n",
            ),
        ),
        untouched=("def f(a, b):\n    return a\n",),
    ),
    # A container of another kind to fill: `set()`, `deque()`, `defaultdict(int)` for `[]` or `{}`.
    Template(
        "empty_container",
        (
            Rewrite(
                "$x",
                dict.fromkeys(_NEW, 0.5)
                | dict.fromkeys(_COUNTED, 0.0)
                | dict.fromkeys(_OTHERS, 0.5),
                "x not calls defaultdict",
            ),
            Rewrite(
                "$x",
                dict.fromkeys(_NEW, 0.0)
                | dict.fromkeys(_COUNTED, 0.5)
                | dict.fromkeys(_OTHERS, 0.0),
                "x is calls defaultdict",
            ),
        ),
        where="x is list, dictionary or call; x is empty container; assigned or annotated",
        examples=(
            (
                "def f():\n    d = {}\n    d[1] += 1\n",
                "def f():\n    d = defaultdict(int)\n    d[1] += 1\n",
            ),
            ("def f():\n    d = defaultdict(int)\n", "def f():\n    d = defaultdict(list)\n"),
        ),
        untouched=("def f(a):\n    d = [a]\n",),
    ),
    # A copy where an object is shared: ``list(x)``, ``x[:]``, ``x.copy()``, ``deepcopy(x)``.
    Template(
        "copy_value",
        (
            Rewrite("$x", {"$x[:]": 0.5, "list($x)": 0.5, **_COPIES}, "x holds list"),
            Rewrite("$x", {"$x[:]": 0.0, "list($x)": 0.0, **_COPIES}, "x not holds list"),
        ),
        where="x is name, attribute or subscript; read; not immutable;"
        " assigned, returned, part of tuple or passed",
        examples=(
            ("def f(a):\n    b = a\n    return b\n", "def f(a):\n    b = a[:]\n    return b\n"),
            ("def f(out, p):\n    out.append(p)\n", "def f(out, p):\n    out.append(list(p))\n"),
        ),
        untouched=("def f(a):\n    return a + 1\n", "def f(a):\n    b = 1\n    c = b\n"),
    ),
    # Separate rows for a row repeated: ``[[0] * n for _ in range(m)]`` for ``[[0] * n] * m``.
    Template(
        "repeated_rows",
        Rewrite("[$x] * $n", "[$x for _ in range($n)]", "x not constant or name"),
        examples=(
            (
                "def f(n, m):\n    return [[0] * n] * m\n",
                "def f(n, m):\n    return [[0] * n for _ in range(m)]\n",
            ),
        ),
        untouched=("def f(n):\n    return [0] * n\n", "def f(a, b):\n    return a * b\n"),
    ),
    # ``d.get(k, default)`` for ``d[k]``, and back; another default.
    Template(
        "lookup_default",
        (
            Rewrite(
                "$d[$k]",
                dict.fromkeys(
                    (
                        "$d.get($k)",
                        "$d.get($k, 0)",
                        "$d.get($k, [])",
                        "$d.get($k, '')",
                        "$d.get($k, $k)",
                    ),
                    0.0,
                ),
                "read; d not holds only list or holds only text",
            ),
            Rewrite("$d.get($k, $$$_)", "$d[$k]"),
        ),
        examples=(
            ("def f(d, k):\n    return d[k]\n", "def f(d, k):\n    return d.get(k, 0)\n"),
            ("def f(d, k):\n    return d.get(k)\n", "def f(d, k):\n    return d[k]\n"),
        ),
        untouched=("def f(d):\n    return d[1:]\n", "def f(d):\n    d[1] = 2\n"),
    ),
)
