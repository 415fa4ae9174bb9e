"""Faults that lines side by side explain: repeated ones, long brackets, comments, blocks that moved."""

from __future__ import annotations

import ast
import textwrap

import pytest

from pytest_gemmadev.propose.syntax import repair_syntax
from pytest_gemmadev.propose.syntax.shape import oddness_of_file, undefined
from pytest_gemmadev.text.edits import apply_edits

CASES = {
    "a header twice": (
        "for x in y:\nfor x in y:\n    if x:\n        z(x)\n",
        "for x in y:\n    if x:\n        z(x)\n",
    ),
    "the first line of a call twice": (
        "x = call(\nx = call(\n    1,\n    2,\n)\n",
        "x = call(\n    1,\n    2,\n)\n",
    ),
    "the rest of a comment": (
        "x = 1\n# what is long goes on here, and\nends on this line\ny = 2\n",
        "x = 1\n# what is long goes on here, and\n# ends on this line\ny = 2\n",
    ),
    "a decorator": (
        "@first\nsecond\ndef f():\n    return 1\n",
        "@first\n@second\ndef f():\n    return 1\n",
    ),
    "a docstring without its beginning": (
        'def f(a,\n      b):\n    Says what it does.\n\n    More of it.\n    """\n    return a + b\n',
        'def f(a,\n      b):\n    """Says what it does.\n\n    More of it.\n    """\n    return a + b\n',
    ),
    "no closing line": (
        "x = [\n    1,\n    2,\n\n\ndef f():\n    return x\n",
        "x = [\n    1,\n    2,\n]\n\n\ndef f():\n    return x\n",
    ),
    "no opening bracket": (
        "names =\n    'a',\n    'b',\n)\nmore = 1\n",
        "names = (\n    'a',\n    'b',\n)\nmore = 1\n",
    ),
    "an entry without its last quote": (
        "x = [\n    'a,\n    'b',\n    'c',\n]\n",
        "x = [\n    'a',\n    'b',\n    'c',\n]\n",
    ),
    "a prefix": ('x = 1\ny = fa {x}"\n', 'x = 1\ny = f"a {x}"\n'),
    "a type": (
        "def f(a: int, b str):\n    return a, b\n",
        "def f(a: int, b: str):\n    return a, b\n",
    ),
    "a lost default sign": (
        "def f(a: int | None  None):\n    return a\n",
        "def f(a: int | None =  None):\n    return a\n",
    ),
    "a hyphen": ("my-name = 1\nprint(my_name)\n", "my_name = 1\nprint(my_name)\n"),
    "a comprehension": ("x = [a + 1 a in range(3)]\n", "x = [a + 1 for a in range(3)]\n"),
    "a lambda": ("x = sorted([], key=lambda a a.name)\n", "x = sorted([], key=lambda a: a.name)\n"),
    "the default of a match": (
        "match 1:\n    case 2:\n        x = 1\n    default:\n        x = 2\n",
        "match 1:\n    case 2:\n        x = 1\n    case _:\n        x = 2\n",
    ),
    "an import cut in two": ("from os\nimport path\n", "from os import path\n"),
    "a class in one line that goes on": (
        "class A(B): x = 1\n    y = 2\n",
        "class A(B):\n    x = 1\n    y = 2\n",
    ),
    "a key too many": ("sif len:\n    x = 1\n", "if len:\n    x = 1\n"),
    "words swapped before a block": (
        "y = []\nx = 1\nx if in y:\n    y = 1\n",
        "y = []\nx = 1\nif x in y:\n    y = 1\n",
    ),
    "no doubled opening bracket": (
        "class A:\n    def f(self, a):\n        self.x.add((a, 1)\n        return a\n",
        "class A:\n    def f(self, a):\n        self.x.add((a, 1))\n        return a\n",
    ),
    "a product, not a call": ("y = x.shape === (2, 3) * 3\n", "y = x.shape == (2, 3) * 3\n"),
    "hard spaces": (
        "def f():\n\u00a0\u00a0\u00a0\u00a0return 1\n",
        "def f():\n    return 1\n",
    ),
    "a pasted block with tabs": (
        "def f():\n    x = 1\n\tif x:\n\t\treturn 1\n    return 2\n",
        "def f():\n    x = 1\n    if x:\n        return 1\n    return 2\n",
    ),
    "a whole body at the margin": (
        'def f(a):\n"""\nDoes.\n"""\nb = a\nwith a:\n    b = 2\nreturn b\n\n\ndef g():\n    pass\n',
        'def f(a):\n    """\n    Does.\n    """\n    b = a\n    with a:\n        b = 2\n    return b\n'
        "\n\ndef g():\n    pass\n",
    ),
    "a header that slipped": (
        "class A:\n    def f(self, a):\n        a.x(1)\n    if a:\n            a.x(2)\n"
        "            a.x(3)\n        a.x(4)\n        return a\n",
        "class A:\n    def f(self, a):\n        a.x(1)\n        if a:\n            a.x(2)\n"
        "            a.x(3)\n        a.x(4)\n        return a\n",
    ),
    "an empty class before another": (
        "class A(Exception):\n\n\nclass B(A):\n    def f(self):\n        return 1\n",
        "class A(Exception):\n    pass\n\n\nclass B(A):\n    def f(self):\n        return 1\n",
    ),
    "the branches of an if": (
        "def f(a, b):\n    while a:\n        if a < b:\n        a.x(1)\n        b -= 1\n    else:\n"
        "        b += 1\n    return b\n",
        "def f(a, b):\n    while a:\n        if a < b:\n            a.x(1)\n            b -= 1\n"
        "        else:\n            b += 1\n    return b\n",
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("broken", "repaired"), CASES.values(), ids=CASES)
def test_repairs_by_the_lines_around(broken: str, repaired: str) -> None:
    repair = repair_syntax(broken)
    assert repair.candidates, repair.message
    assert apply_edits(broken, repair.candidates[0].edits) == repaired
    assert repair_syntax(repaired).is_sound


def test_a_long_list_is_closed_at_once() -> None:
    entries = "".join(f"    ({n}, {n + 1}, 'x{n}'),\n" for n in range(400))
    broken = f"table = [\n{entries}\n\ndef f():\n    return table\n"
    repair = repair_syntax(broken)
    after = apply_edits(broken, repair.candidates[0].edits)
    assert after == f"table = [\n{entries}]\n\n\ndef f():\n    return table\n"


@pytest.mark.parametrize(
    ("odd", "usual"),
    [
        ("for x in y:\n    z(x)\nelse:\n    z(1)\n", "for x in y:\n    z(x)\nz(1)\n"),
        ("def f():\n    return 1\n    z(1)\n", "def f():\n    z(1)\n    return 1\n"),
        ("for x in y:\n    z(x)\n    break\n", "for x in y:\n    z(x)\n    if x: break\n"),
        ("for x in y:\n    z(x)\n    continue\n", "for x in y:\n    z(x)\n"),
        ("class A:\n    pass\ndef f(self): pass\n", "class A:\n    def f(self): pass\n"),
        ("class A:\n    def f(): pass\n", "class A:\n    def f(self): pass\n"),
    ],
    ids=["loop-else", "unreached", "loop-once", "continue", "method-outside", "no-self"],
)
def test_the_shape_of_a_file_tells_which_is_odd(odd: str, usual: str) -> None:
    costs = [oddness_of_file(text, ast.parse(text)) for text in (odd, usual)]
    assert costs[0] > costs[1] == 0.0


def test_undefined_is_what_only_another_scope_defines() -> None:
    text = textwrap.dedent("""\
        def f():
            value = 1
            return value


        def g(items):
            global count
            count = len(items)
            return value, count, nowhere


        print(items)
        """)
    assert undefined(text) == {("g", "value"), ("top", "items")}


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("\x0cdef f(x)\n    return x\n", "\x0cdef f(x):\n    return x\n"),
        ("\n\x0cclass A\n    x = 1\n", "\n\x0cclass A:\n    x = 1\n"),
        (
            "class A:\n    x = 1\n\n\x0c    def f(self)\n        return 1\n",
            "class A:\n    x = 1\n\n\x0c    def f(self):\n        return 1\n",
        ),
    ],
)
def test_indentation_begins_anew_at_a_form_feed(text: str, repaired: str) -> None:
    best = repair_syntax(text, path="a.py").candidates[0]
    assert apply_edits(text, best.edits) == repaired
    assert best.confidence > 0.9
    assert repair_syntax(repaired, path="a.py").is_sound
