"""Errors that say what is wrong: a call that is missing, an `await` too much, a result that is lost."""

from __future__ import annotations

from pytest_gemmadev.propose.rules.rule import FAIR, LIKELY, SURE, WEAK, Example
from pytest_gemmadev.propose.templates.template import ErrorTemplate, Rewrite
from pytest_gemmadev.types import ErrorKind

_ANY = (
    ErrorKind.ASSERTION,
    ErrorKind.TIMEOUT,
    ErrorKind.TYPE,
    ErrorKind.ATTRIBUTE,
    ErrorKind.INDEX,
    ErrorKind.KEY,
    ErrorKind.VALUE,
    ErrorKind.OTHER,
)
_TEXT_METHODS = "|".join(
    n
    for n in dir(str)
    if not n.startswith("_") and n not in ("count", "index", "format", "join", "find")
)

TEMPLATES = (
    # ``await`` before something that is no coroutine.
    ErrorTemplate(
        "awaited_value",
        Rewrite("await $x", "$x", weight=SURE, why="`$x` is no coroutine"),
        message="in 'await' expression",
        kinds=(ErrorKind.TYPE,),
        examples=(
            Example(
                "import asyncio\n\n\ndef price():\n    return 1\n\n\n"
                "async def total():\n    return await price()\n\n\n"
                "def run():\n    return asyncio.run(total())\n",
                "run()",
                "await price()",
                "price()",
            ),
            Example("def total(x):\n    return x + None\n", "total(1)"),
        ),
    ),
    # A method that lacks its parentheses: ``name.strip.upper()`` for ``name.strip().upper()``.
    ErrorTemplate(
        "not_called_before_attribute",
        Rewrite(
            "$f.$missing",
            "$f().$missing",
            "f is name or attribute",
            weight=SURE,
            why="`$f` is a function: it has to be called first",
        ),
        message=r"'(function|method|builtin_function_or_method|method-wrapper)' object"
        r" has no attribute '(?P<missing>\w+)'",
        kinds=(ErrorKind.ATTRIBUTE,),
        examples=(
            Example(
                "def f(s):\n    return s.strip.upper()\n",
                "f(' a ')",
                "s.strip.upper",
                "s.strip().upper",
            ),
            Example("def f(s):\n    return s.strip().uper()\n", "f(' a ')"),
        ),
    ),
    # A method of the elements called on the list: on each of them, or on one.
    ErrorTemplate(
        "element_not_list",
        (
            Rewrite(
                "$x.$missing($$$a)",
                "[part.$missing($$$a) for part in $x]",
                weight=LIKELY,
                why="`$missing` is a method of the elements",
            ),
            Rewrite(
                "$x.$missing($$$a)",
                "$x[0].$missing($$$a)",
                weight=FAIR - 0.3,
                why="`$missing` is a method of the elements",
            ),
        ),
        message=rf"'(list|tuple)' object has no attribute '(?P<missing>{_TEXT_METHODS})'",
        kinds=(ErrorKind.ATTRIBUTE,),
        examples=(
            Example(
                "def f(line):\n    return line.split(',').strip()\n",
                "f('a, b')",
                "line.split(',').strip()",
                "[part.strip() for part in line.split(',')]",
            ),
            Example("def f(xs):\n    return xs.rotate()\n", "f([1])"),
        ),
    ),
    # ``next`` of an iterator that has nothing left: a default.
    ErrorTemplate(
        "exhausted",
        Rewrite(
            "next($x)",
            {"next($x, None)": 0.0, "next($x, 0)": -0.6, "next($x, [])": -1.2},
            weight=LIKELY,
            why="there may be nothing left",
        ),
        message="^StopIteration: |raised StopIteration",
        kinds=(ErrorKind.OTHER,),
        examples=(
            Example(
                "def f(xs):\n    return next(x for x in xs if x > 1)\n",
                "assert f([1]) is None",
                "next(x for x in xs if x > 1)",
                "next((x for x in xs if x > 1), None)",
            ),
            Example("def f():\n    raise OSError('no')\n", "f()"),
        ),
    ),
    # ``name.strip()`` as a statement: its result is lost.
    ErrorTemplate(
        "discarded_result",
        (
            Rewrite(
                "$x.$method($$$a)",
                "$x = $x.$method($$$a)",
                "pure",
                weight=SURE - 0.1,
                why="the result of `$_` is lost",
            ),
            Rewrite(
                "$f($x, $$$a)",
                "$x = $f($x, $$$a)",
                "f is named sorted, named reversed, named abs, named round; f is name",
                weight=SURE - 0.1,
                why="the result of `$_` is lost",
            ),
        ),
        where="x is name, attribute or subscript",
        everywhere=True,
        kinds=_ANY,
        examples=(
            Example(
                "def clean(name):\n    name.strip()\n    return name\n",
                "assert clean(' a ') == 'a'",
                "    name.strip()",
                "    name = name.strip()",
            ),
            Example(
                "def order(xs):\n    sorted(xs)\n    return xs\n",
                "assert order([2, 1]) == [1, 2]",
                "    sorted(xs)",
                "    xs = sorted(xs)",
            ),
            Example("def f(xs):\n    xs.append(1)\n    return xs\n", "assert f([]) == [2]"),
        ),
    ),
    # ``x == 1`` or ``x + 1`` as a statement: an assignment is meant.
    ErrorTemplate(
        "compared_not_assigned",
        (
            Rewrite("$x == $y", "$x = $y", weight=SURE - 0.05, why="a comparison is no assignment"),
            Rewrite(
                "$x $op $y",
                "$x $op= $y",
                "op is binary operator",
                weight=SURE - 0.1,
                why="the result is lost",
            ),
        ),
        where="x is dotted",
        everywhere=True,
        kinds=_ANY,
        examples=(
            Example(
                "def f(x):\n    y = 0\n    y == x\n    return y\n",
                "assert f(1) == 1",
                "y == x",
                "y = x",
            ),
            Example(
                "def f(xs):\n    n = 0\n    for x in xs:\n        n + x\n    return n\n",
                "assert f([1]) == 1",
                "n + x",
                "n += x",
            ),
            Example("def f(x):\n    return x == 1\n", "assert f(2)"),
        ),
    ),
    # ``self.save`` as a statement: a call is meant.
    ErrorTemplate(
        "named_not_called",
        (
            Rewrite("$s", "$s()", "s not variable", weight=SURE - 0.05, why="`$s` is never called"),
            Rewrite("$s", "$s()", "s is variable", weight=WEAK, why="`$s` is never called"),
        ),
        where="s is expression statement; s is dotted",
        everywhere=True,
        kinds=_ANY,
        examples=(
            Example(
                "def f(xs):\n    xs.clear\n    return xs\n",
                "assert f([1]) == []",
                "xs.clear",
                "xs.clear()",
            ),
            Example("def f(xs):\n    return xs.clear\n", "assert f([1]) == []"),
        ),
    ),
)
