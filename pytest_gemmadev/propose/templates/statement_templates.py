"""Statements: returns and jumps, results put to use, exceptions, guards, the order of statements."""

from __future__ import annotations

from pytest_gemmadev.propose.templates.ingredients import (
    conditions_of_guard,
    exceptions,
    jumps,
    returned,
    tests,
    variables,
)
from pytest_gemmadev.propose.templates.template import Rewrite, Template

_JUMPS = "break, continue, pass"


TEMPLATES = (
    # Another exception raised.
    Template(
        "raised_exception",
        tuple(
            Rewrite(
                f"raise $x{rest}",
                f"raise $other{rest}",
                ingredients={"other": exceptions(like="x", best=14, first=1.0, step=0.15)},
                in_place=True,
            )
            for rest in ("", "($$$a)", " from $cause", "($$$a) from $cause")
        ),
        where="x is name",
        examples=(
            ("def f(a):\n    raise ValueError('no')\n", "def f(a):\n    raise TypeError('no')\n"),
            ("def f(a):\n    raise KeyError\n", "def f(a):\n    raise IndexError\n"),
        ),
        untouched=("def f(a):\n    try:\n        g(a)\n    except KeyError:\n        raise\n",),
    ),
    # `raise` for a returned exception, `return` of a value for `raise`.
    Template(
        "raise_or_return",
        (
            Rewrite("$s", "return $v", "s is raise; in function", {"v": returned(best=6)}),
            Rewrite("return $x", "raise $x", "x is exception"),
            Rewrite("$s", "raise $s", "s is expression statement; s is exception"),
        ),
        examples=(
            ("def f(a):\n    raise ValueError('no')\n", "def f(a):\n    return None\n"),
            ("def f(a):\n    return ValueError('no')\n", "def f(a):\n    raise ValueError('no')\n"),
        ),
        untouched=("def f(a):\n    return a\n",),
    ),
    # A `return`, `break` or `continue` in place of a simple statement or after it in a block.
    Template(
        "missing_jump",
        Rewrite(
            "$s",
            {"$s\nbreak": 0.5, "$s\ncontinue": 0.5},
            "s is simple statement; movable; last in block; not return, raise, break or continue;"
            " in loop; in branch",
        ),
        examples=(
            (
                "def f(xs):\n"
                "    n = 0\n"
                "    for x in xs:\n"
                "        if x:\n"
                "            n = x\n"
                "    return n\n",
                "def f(xs):\n    n = 0\n    for x in xs:\n        if x:\n            n = x\n"
                "            break\n    return n\n",
            ),
        ),
        untouched=("def f(a):\n    g(a)\n    return a\n",),
    ),
    # Another value returned: a variable, a flag, an empty value, one that is returned elsewhere.
    Template(
        "return_value",
        (
            Rewrite("$s", "return $v", ingredients={"v": returned(best=14, first=0.5, step=0.1)}),
            Rewrite(
                "$s",
                "return $v",
                "v not named self or named cls",
                {"v": variables(best=12, local=True, plus=0.3)},
            ),
            Rewrite("$s", "return $v", ingredients={"v": tests(weight=-1.0)}),
        ),
        where="s is return",
        examples=(
            ("def f(a, b):\n    return a + b\n", "def f(a, b):\n    return b\n"),
            (
                "def f(a):\n    if a:\n        return a[0]\n    return 1\n",
                "def f(a):\n    if a:\n        return 1\n    return 1\n",
            ),
            ("def f(a):\n    return\n", "def f(a):\n    return a\n"),
            (
                "def f(a):\n    b = a == 1\n    return True\n",
                "def f(a):\n    b = a == 1\n    return a == 1\n",
            ),
        ),
        untouched=("def f():\n    g()\n",),
    ),
    # `yield` for `return`, and back; `yield from`; a `return` whose value is only computed.
    Template(
        "return_form",
        (
            Rewrite("return $x", {"yield $x": 0.0, "yield from $x": -0.5}),
            Rewrite("return $f($$$a)", "$f($$$a)", "not last in function"),
            Rewrite("yield $x", {"yield from $x": 0.5, "return $x": 0.0}),
            Rewrite("yield from $x", "yield $x"),
            Rewrite(
                "$f($$$a)",
                {"yield from $f($$$a)": 0.5, "yield $f($$$a)": 0.0},
                "in generator function",
            ),
        ),
        examples=(
            (
                "def f(a):\n    for x in a:\n        return x\n",
                "def f(a):\n    for x in a:\n        yield x\n",
            ),
            ("def f(a):\n    yield a\n", "def f(a):\n    return a\n"),
            ("def f(a):\n    yield f(a)\n", "def f(a):\n    yield from f(a)\n"),
            ("def f(a):\n    yield from a\n", "def f(a):\n    yield a\n"),
            (
                "def f(a):\n    f(a)\n    yield a\n",
                "def f(a):\n    yield from f(a)\n    yield a\n",
            ),
            (
                "def f(a):\n    return g(a)\n    a += 1\n",
                "def f(a):\n    g(a)\n    a += 1\n",
            ),
        ),
        untouched=("def f(a):\n    g(a)\n", "def f(a):\n    return\n"),
    ),
    # Another jump: `break`, `continue`, `pass`, `return`.
    Template(
        "jump",
        (
            Rewrite(
                "$s",
                {"break": 1.0, "continue": 1.0, "pass": 0.0},
                f"s is {_JUMPS}, return; in loop",
            ),
            Rewrite("$s", "pass", f"s is {_JUMPS}, return; not in loop"),
            Rewrite("$s", "return", f"s is {_JUMPS}; in function", weight=-0.5),
            Rewrite(
                "$s",
                "return $v",
                f"s is {_JUMPS}; in function",
                {"v": returned(best=8, first=0.3, step=0.15)},
            ),
            Rewrite(
                "$s",
                "return $v",
                f"s is {_JUMPS}; in function",
                {"v": variables(best=4, local=True, plus=-0.5)},
            ),
        ),
        examples=(
            (
                "def f(xs):\n    for x in xs:\n        if x:\n            break\n",
                "def f(xs):\n    for x in xs:\n        if x:\n            continue\n",
            ),
            (
                "def f(xs):\n    for x in xs:\n        if x:\n            break\n    return 0\n",
                "def f(xs):\n    for x in xs:\n        if x:\n            return 0\n    return 0\n",
            ),
        ),
        untouched=("def f(xs):\n    g(xs)\n",),
    ),
    # A condition returned as such: ``return c`` for ``if c: return True``.
    Template(
        "return_condition",
        (
            Rewrite("if $c:\n    return $_", "return $c"),
            Rewrite("if $c:\n    return", "return $c"),
        ),
        where="on its own lines",
        examples=(
            (
                "def f(a):\n    if a > 1:\n        return 2\n    return 3\n",
                "def f(a):\n    return a > 1\n    return 3\n",
            ),
        ),
        untouched=("def f(a):\n    if a > 1:\n        g(a)\n",),
    ),
    # A result put to use: ``s = s.strip()`` for ``s.strip()``, ``x = 1`` for ``x == 1``.
    Template(
        "assign_result",
        (
            Rewrite("$x == $y", "$x = $y", weight=3.0),
            Rewrite("$x.$method($$$a)", "$x = $x.$method($$$a)", weight=1.0),
            Rewrite(
                "$f($$$a, $x, $$$b)",
                "$x = $f($$$a, $x, $$$b)",
                "x is name, attribute or subscript",
                weight=0.5,
            ),
            Rewrite(
                "$f($$$a)",
                {"$v = $f($$$a)": -1.0, "$v += $f($$$a)": -1.0},
                "given arguments",
                {"v": variables(best=4, local=True)},
            ),
        ),
        examples=(
            (
                "def f(s):\n    s.strip()\n    return s\n",
                "def f(s):\n    s = s.strip()\n    return s\n",
            ),
            ("def f(x):\n    x == 1\n    return x\n", "def f(x):\n    x = 1\n    return x\n"),
            (
                "def f(xs):\n    sorted(xs)\n    return xs\n",
                "def f(xs):\n    xs = sorted(xs)\n    return xs\n",
            ),
        ),
        untouched=("def f():\n    g()\n",),
    ),
    # Two assignments made at once, or one of a pair made one after the other.
    Template(
        "simultaneous_assignment",
        (
            Rewrite(
                "$a = $x\n$b = $y",
                "$a, $b = $x, $y",
                "a not tuple; x not tuple; y not tuple",
            ),
            Rewrite("$a, $b = $x, $y", {"$a = $x\n$b = $y": 0.0, "$b = $y\n$a = $x": 0.0}),
        ),
        where="movable",
        examples=(
            (
                "def f(a, b):\n    a = b\n    b = a + b\n    return b\n",
                "def f(a, b):\n    a, b = b, a + b\n    return b\n",
            ),
            (
                "def f(a, b):\n    a, b = b, a\n    return b\n",
                "def f(a, b):\n    b = a\n    a = b\n    return b\n",
            ),
        ),
        untouched=("def f(a):\n    a = 1\n    return a\n",),
    ),
    # A jump out under a condition, before a statement: `continue`, `break`, `return`.
    Template(
        "inner_guard",
        Rewrite(
            "$s",
            "if $c:\n    $jump\n$s",
            "s is statement; movable; in function",
            {"c": conditions_of_guard(), "jump": jumps()},
        ),
        examples=(
            (
                "def f(xs, seen):\n"
                "    for x in xs:\n"
                "        g(x)\n"
                "        if x in seen:\n"
                "            h(x)\n",
                "def f(xs, seen):\n    for x in xs:\n        if x in seen:\n            continue\n"
                "        g(x)\n        if x in seen:\n            h(x)\n",
            ),
            (
                "def f(a, b):\n    c = a + b\n    return c / b\n",
                "def f(a, b):\n    c = a + b\n    if not b:\n        return c\n    return c / b\n",
            ),
        ),
        untouched=("x = 1\n", "def f():\n    return 1\n"),
    ),
    # A statement and the next one in each other's place.
    Template(
        "swap_statements",
        Rewrite(
            "$a\n$b",
            "$b\n$a",
            "a is statement; a not return or raise; movable; b not function",
            in_place=True,
        ),
        examples=(
            (
                "def f(xs):\n    xs.append(1)\n    xs.sort()\n    return xs\n",
                "def f(xs):\n    xs.sort()\n    xs.append(1)\n    return xs\n",
            ),
            (
                "def f(n):\n    if n > 3:\n        return 3\n    if n > 5:\n        return 5\n",
                "def f(n):\n    if n > 5:\n        return 5\n    if n > 3:\n        return 3\n",
            ),
        ),
        untouched=("def f(a):\n    'text'\n    g(a)\n", "def f(a):\n    a = 1; b = 2\n"),
    ),
)
