"""Texts that do not compile, and what becomes of them."""

from __future__ import annotations

import ast
import itertools
import textwrap
from typing import NamedTuple

import pytest

from pytest_gemmadev.models.scripted import ScriptedModel
from pytest_gemmadev.propose.syntax import SyntaxRepair, repair_syntax
from pytest_gemmadev.text.edits import apply_edits


class Case(NamedTuple):
    id: str
    broken: str
    repaired: str


CONTEXT = """\
import os
import sys

LIMIT = 10


def total(items, start=0):
    result = start
    for item in items:
        if item.price > LIMIT and item.name != "x":
            result += item.price
    return result


class Basket:
    def __init__(self, items):
        self.items = list(items)

    def size(self):
        return len(self.items)


"""

ONE_LINERS = (
    # colons
    ("colon-def", "def f(x)\n    return x\n", "def f(x):\n    return x\n"),
    ("colon-class", "class A\n    pass\n", "class A:\n    pass\n"),
    ("colon-else", "if LIMIT:\n    x = 1\nelse\n    x = 2\n", "if LIMIT:\n    x = 1\nelse:\n    x = 2\n"),
    ("colon-comment", "while LIMIT  # loop\n    break\n", "while LIMIT:  # loop\n    break\n"),
    ("colon-annotated", "def f(x) -> int\n    return x\n", "def f(x) -> int:\n    return x\n"),
    ("semicolon", "for i in LIMIT;\n    total(i)\n", "for i in LIMIT:\n    total(i)\n"),
    ("two-colons", "if LIMIT::\n    total(1)\n", "if LIMIT:\n    total(1)\n"),
    ("then", "if LIMIT then\n    total(1)\n", "if LIMIT:\n    total(1)\n"),
    ("brace", "if LIMIT {\n    total(1)\n", "if LIMIT:\n    total(1)\n"),
    # brackets
    ("closer", "x = total(LIMIT\ny = 2\n", "x = total(LIMIT)\ny = 2\n"),
    ("two-closers", "x = total(len(sys.argv\ny = 2\n", "x = total(len(sys.argv))\ny = 2\n"),
    ("closer-header", "for i in range(LIMIT:\n    total(i)\n", "for i in range(LIMIT):\n    total(i)\n"),
    ("closer-inner", "x[LIMIT[0] += 1\n", "x[LIMIT[0]] += 1\n"),
    ("closer-extra", "x = total(LIMIT))\n", "x = total(LIMIT)\n"),
    ("closer-wrong", "x = total(LIMIT]\n", "x = total(LIMIT)\n"),
    ("tuple-in-condition", "if (os, sys in LIMIT:\n    total(1)\n", "if (os, sys) in LIMIT:\n    total(1)\n"),
    (
        "closer-by-indentation",
        "x = [\n    total(1,\n    total(2),\n]\ny = 1\n",
        "x = [\n    total(1),\n    total(2),\n]\ny = 1\n",
    ),
    ("opener", "x = total LIMIT)\n", "x = total(LIMIT)\n"),
    # quotes
    ("quote-end", 'x = "hello there\n', 'x = "hello there"\n'),
    ("quote-call", "print('hello there)\n", "print('hello there')\n"),
    ("quote-kind", "x = 'hello there\"\n", "x = 'hello there'\n"),
    ("quote-stray", "x = total(LIMIT)'\n", "x = total(LIMIT)\n"),
    ("quote-empty", 'x = "\ny = 1\n', 'x = ""\ny = 1\n'),
    ("apostrophe", "x = 'don't stop'\n", "x = 'don\\'t stop'\n"),
    (
        "docstring",
        'def f():\n    """Return nothing.\n    return None\n\n\ndef g():\n    """More."""\n',
        'def f():\n    """Return nothing."""\n    return None\n\n\ndef g():\n    """More."""\n',
    ),
    (
        "docstring-start",
        'def f():\n    Return nothing."""\n    return None\n',
        'def f():\n    """Return nothing."""\n    return None\n',
    ),
    ("f-string-brace", 'x = f"{LIMIT is it"\n', 'x = f"{LIMIT} is it"\n'),
    # commas, operators
    ("comma", "x = [1, 2 3]\n", "x = [1, 2, 3]\n"),
    ("comma-call", "x = total(LIMIT 3)\n", "x = total(LIMIT, 3)\n"),
    ("two-commas", "x = total(LIMIT,, 3)\n", "x = total(LIMIT, 3)\n"),
    ("assignment", "if LIMIT = 3:\n    total(1)\n", "if LIMIT == 3:\n    total(1)\n"),
    (
        "assignments",
        "if LIMIT = 3 and len(x) = 4:\n    total(1)\n",
        "if LIMIT == 3 and len(x) == 4:\n    total(1)\n",
    ),
    ("and", "if LIMIT && len(x):\n    total(1)\n", "if LIMIT and len(x):\n    total(1)\n"),
    ("or", "x = LIMIT || 3\n", "x = LIMIT or 3\n"),
    ("not", "if !LIMIT:\n    total(1)\n", "if not LIMIT:\n    total(1)\n"),
    ("same", "if LIMIT === 3:\n    total(1)\n", "if LIMIT == 3:\n    total(1)\n"),
    ("unequal", "if LIMIT <> 3:\n    total(1)\n", "if LIMIT != 3:\n    total(1)\n"),
    ("increment", "x = 1\nx++\n", "x = 1\nx += 1\n"),
    ("split-operator", "if LIMIT = = 3:\n    total(1)\n", "if LIMIT == 3:\n    total(1)\n"),
    ("ternary", "x = LIMIT ? 1 : 2\n", "x = 1 if LIMIT else 2\n"),
    # words
    ("else-if", "if LIMIT:\n    x = 1\nelse if sys:\n    x = 2\n",
     "if LIMIT:\n    x = 1\nelif sys:\n    x = 2\n"),
    ("esle", "if LIMIT:\n    x = 1\nesle:\n    x = 2\n", "if LIMIT:\n    x = 1\nelse:\n    x = 2\n"),
    ("retrun", "def f():\n    retrun LIMIT\n", "def f():\n    return LIMIT\n"),
    ("deff", "deff f():\n    return LIMIT\n", "def f():\n    return LIMIT\n"),
    ("function", "function f():\n    return LIMIT\n", "def f():\n    return LIMIT\n"),
    ("glued", "defhelper():\n    return LIMIT\n", "def helper():\n    return LIMIT\n"),
    ("case", "For i in LIMIT:\n    total(i)\n", "for i in LIMIT:\n    total(i)\n"),
    ("form-import", "form os import path\n", "from os import path\n"),
    ("import-from", "import path from os\n", "from os import path\n"),
    ("not-is", "if LIMIT not is None:\n    total(1)\n", "if LIMIT is not None:\n    total(1)\n"),
    ("var", "var x = 3\n", "x = 3\n"),
    ("throw", "def f():\n    throw ValueError(1)\n", "def f():\n    raise ValueError(1)\n"),
    ("new", "x = new Basket(LIMIT)\n", "x = Basket(LIMIT)\n"),
    ("for-of", "for x of LIMIT:\n    total(x)\n", "for x in LIMIT:\n    total(x)\n"),
    ("extends", "class B extends Basket:\n    pass\n", "class B(Basket):\n    pass\n"),
    # Python 2
    ("print", "print 'hello', LIMIT\n", "print('hello', LIMIT)\n"),
    ("print-everywhere", "print 1\nprint 2\nprint 'a' % LIMIT\n", "print(1)\nprint(2)\nprint('a' % LIMIT)\n"),
    ("print-to", "print 1\nprint >>sys.stderr, 'no'\n", "print(1)\nprint('no', file=sys.stderr)\n"),
    (
        "except",
        "try:\n    total(1)\nexcept ValueError, e:\n    raise\n",
        "try:\n    total(1)\nexcept ValueError as e:\n    raise\n",
    ),
    ("raise", "def f():\n    raise ValueError, 'no'\n", "def f():\n    raise ValueError('no')\n"),
    ("exec", "exec x in LIMIT\n", "exec(x, LIMIT)\n"),
    ("backticks", "x = `LIMIT`\n", "x = repr(LIMIT)\n"),
    ("octal", "x = 0777\n", "x = 0o777\n"),
    ("ur", "x = ur'a'\n", "x = r'a'\n"),
    ("long", "x = 10L\n", "x = 10\n"),
    ("print-nothing", "print 'a'\nprint\nif x: print\n", "print('a')\nprint()\nif x: print()\n"),
    ("print-part", "print 'a'\nprint ('%s') % x\n", "print('a')\nprint(('%s') % x)\n"),
    ("print-to-more", "print 1\nprint >>f(1, 2), 'a',\n", "print(1)\nprint('a', end=' ', file=f(1, 2))\n"),
    (
        "equal-lines",
        "def f():\n" + "    try:\n        total(1)\n    except ValueError, e:\n        pass\n" * 4,
        "def f():\n" + "    try:\n        total(1)\n    except ValueError as e:\n        pass\n" * 4,
    ),
    (
        "unpacked-exception",
        "try:\n    total(1)\nexcept os.error, (code, said):\n    print code\n",
        "try:\n    total(1)\nexcept os.error as exc:\n    code, said = exc.args\n    print(code)\n",
    ),
    (
        "unpacked-parameter",
        "def f(a, (b, c)):\n    return b\n",
        "def f(a, b_c):\n    (b, c) = b_c\n    return b\n",
    ),
    # characters
    ("typographic", "x = “hello”\n", 'x = "hello"\n'),
    ("nbsp", "x =\u00a03\n", "x = 3\n"),
    ("zero-width", "x = 3\u200b\n", "x = 3\n"),
    ("full-width", "x = total（LIMIT）\n", "x = total(LIMIT)\n"),
    # comments of other languages
    ("slashes", "x = 1\n// set it to one for now\ny = 2\n", "x = 1\n# set it to one for now\ny = 2\n"),
    ("slashes-behind", "x = 1; // one for now\ny = 2\n", "x = 1  # one for now\ny = 2\n"),
    ("c-block", "/* what this does */\nx = 1\n", "# what this does\nx = 1\n"),
    # indentation
    ("body", "def f():\nreturn LIMIT\n", "def f():\n    return LIMIT\n"),
    ("unexpected", "x = 1\n  y = 2\nz = 3\n", "x = 1\ny = 2\nz = 3\n"),
    (
        "between-levels",
        "def f():\n    x = 1\n   y = 2\n    return x\n",
        "def f():\n    x = 1\n    y = 2\n    return x\n",
    ),
    (
        "clause",
        "def f():\n    if LIMIT:\n        x = 1\n      else:\n        x = 2\n    return x\n",
        "def f():\n    if LIMIT:\n        x = 1\n    else:\n        x = 2\n    return x\n",
    ),
    (
        "tabs",
        "def f():\n    x = 1\n\ty = 2\n    return x\n",
        "def f():\n    x = 1\n    y = 2\n    return x\n",
    ),
    (
        "return-outside",
        "def f(x):\n    x = x + 1\nreturn x\n",
        "def f(x):\n    x = x + 1\n    return x\n",
    ),
    ("empty-block", "def f():\n    # nothing yet\n\nx = 1\n",
     "def f():\n    # nothing yet\n    pass\n\nx = 1\n"),
    # line ends
    ("joined", "x = total(1) y = total(2)\n", "x = total(1)\ny = total(2)\n"),
    ("cut", "x = total(1) +\ntotal(2)\n", "x = total(1) + total(2)\n"),
    # leftovers
    ("prompt", ">>> x = 1\n", "x = 1\n"),
    ("marker", "x = 1\n=======\ny = 2\n", "x = 1\ny = 2\n"),
    ("unfinished", "x =\ny = 2\n", "x = None\ny = 2\n"),
    ("fence", "```python\nx = 1\n```\n", "x = 1\n"),
    ("editor", "x = 1\n:wq\ny = 2\n", "x = 1\ny = 2\n"),
    ("magic", "%matplotlib inline\n!ls -l\nx = 1\n", "# %matplotlib inline\n# !ls -l\nx = 1\n"),
    ("command", "pip install shop\nx = 1\n", "# pip install shop\nx = 1\n"),
    ("line-of-marks", "x = 1\n`\ny = 2\n", "x = 1\ny = 2\n"),
    ("diff", "-x = 1\n+x = 2\ny = 1\n", "x = 2\ny = 1\n"),
    ("numbers", "1  x = 1\n2  y = 2\n3  z = 3\n", "x = 1\ny = 2\nz = 3\n"),
    ("blank-to-fill", "key = <your key>\n", 'key = "<your key>"\n'),
    ("space-behind-backslash", "x = 1 + \\ \n    2\n", "x = 1 + \\\n    2\n"),
    # literals and names
    ("path", 'x = "C:\\Users\\me"\n', 'x = r"C:\\Users\\me"\n'),
    ("path-end", 'x = "D:\\data\\"\ny = 1\n', 'x = "D:\\data\\\\"\ny = 1\n'),
    ("keyword-as-name", "total(LIMIT, async=True)\n", "total(LIMIT, async_=True)\n"),
    ("hyphen", "import my-module\n", "import my_module\n"),
    # arguments
    ("dict-equals", "x = {'a' = 1, 'b' = 2}\n", "x = {'a': 1, 'b': 2}\n"),
    ("call-colons", "total(items: 1, start: 2)\n", "total(items=1, start=2)\n"),
    ("order", "total(start=1, LIMIT)\n", "total(LIMIT, start=1)\n"),
    ("repeated", "total(x, start=1, start=1)\n", "total(x, start=1)\n"),
    ("default", "def f(a=1, b):\n    return b\n", "def f(a=1, b=None):\n    return b\n"),
    # statements in the wrong place
    ("async", "def f(x):\n    return await x\n", "async def f(x):\n    return await x\n"),
    (
        "global",
        "def f():\n    total(LIMIT)\n    global LIMIT\n",
        "def f():\n    global LIMIT\n    total(LIMIT)\n",
    ),
    # two at once
    ("two", "def f(x)\n    retrun x\n", "def f(x):\n    return x\n"),
    (
        "two-apart",
        "def f(x)\n    return x\n\n\ny = f(1\n\n\ndef g():\n    return y\n",
        "def f(x):\n    return x\n\n\ny = f(1)\n\n\ndef g():\n    return y\n",
    ),
)  # fmt: skip
CASES = tuple(Case(*row) for row in ONE_LINERS)


def best(repair: SyntaxRepair, text: str) -> str:
    assert repair.candidates, repair.message
    result = apply_edits(text, repair.candidates[0].edits)
    assert isinstance(result, str)
    return result


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_repairs(case: Case) -> None:
    text = CONTEXT + case.broken
    assert best(repair_syntax(text), text) == CONTEXT + case.repaired


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_leaves_the_repaired_text_alone(case: Case) -> None:
    repair = repair_syntax(CONTEXT + case.repaired)
    assert repair.is_sound
    assert repair.candidates == ()


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_newlines_stay_as_they_are(newline: str) -> None:
    text = "def f(x)\n    if x = 1:\n    return x\n".replace("\n", newline)
    repaired = "def f(x):\n    if x == 1:\n        return x\n".replace("\n", newline)
    assert best(repair_syntax(text), text) == repaired


def test_a_missing_final_newline_stays_missing() -> None:
    text = "x = [1, 2"
    assert best(repair_syntax(text), text) == "x = [1, 2]"


@pytest.mark.parametrize(
    "text",
    ["", "\n", "x = 1", "# only a comment", "\f\nx = 1\n", "def f():\n\treturn 1\n", "x = '\\d'\n"],
    ids=["empty", "newline", "no-newline", "comment", "form-feed", "tab", "warning"],
)
def test_sound_texts(text: str) -> None:
    assert repair_syntax(text).is_sound


def test_only_reported_lines_change() -> None:
    text = CONTEXT + "def f(x)\n    y = [x, 2 3]\n    retrun y\n"
    repair = repair_syntax(text)
    after = best(repair, text).split("\n")
    before = text.split("\n")
    differing = {n for n, (a, b) in enumerate(zip(before, after, strict=True), 1) if a != b}
    assert differing == set(repair.candidates[0].lines)
    assert len(differing) == 3


JOINS = {
    "two lines": ("x = total(1) +\ntotal(2)\ny = 1\n", (1, 2)),
    "one of two": ("y = 0\nx = total(\n    1))\ny = 1\n", (3,)),
    "a line goes": ("x = 1\n=======\ny = 2\n", (2,)),
}


@pytest.mark.parametrize(("broken", "lines"), JOINS.values(), ids=JOINS)
def test_lines_that_are_joined_or_taken_out_are_reported(
    broken: str, lines: tuple[int, ...]
) -> None:
    offset = CONTEXT.count("\n")
    repair = repair_syntax(CONTEXT + broken)
    assert repair.candidates[0].lines == tuple(line + offset for line in lines)


def test_every_candidate_compiles_and_no_two_have_one_tree() -> None:
    text = CONTEXT + "x = total(LIMIT, 3\ny = 1\nif LIMIT = 2:\n    y = x z\n"
    trees = []
    for candidate in repair_syntax(text).candidates:
        result = apply_edits(text, candidate.edits)
        assert isinstance(result, str)
        trees.append(ast.dump(ast.parse(result)))
    assert len(trees) > 1
    assert len(set(trees)) == len(trees)


def test_confidence_falls_where_repairs_differ() -> None:
    sure = repair_syntax(CONTEXT + "def f(x)\n    return x\n")
    unsure = repair_syntax("x = alpha beta\n")
    assert sure.is_sure
    assert not unsure.is_sure
    assert sum(c.confidence for c in unsure.candidates) <= 1.0


CONFLICT = """\
def f():
<<<<<<< HEAD
    x = 1
    y = 2
=======
    x = 1
>>>>>>> feature
    return x
"""


def test_a_conflict_takes_the_side_that_holds_the_other() -> None:
    repair = repair_syntax(CONFLICT)
    assert best(repair, CONFLICT) == "def f():\n    x = 1\n    y = 2\n    return x\n"
    assert repair.is_sure


def test_a_real_conflict_is_not_decided() -> None:
    text = CONFLICT.replace("    x = 1\n>>>", "    x = 3\n>>>")
    repair = repair_syntax(text)
    assert not repair.is_sure
    results = {apply_edits(text, c.edits) for c in repair.candidates}
    assert "def f():\n    x = 1\n    y = 2\n    return x\n" in results
    assert "def f():\n    x = 3\n    return x\n" in results


def test_a_conflict_between_sure_ones_leaves_the_file_to_a_person() -> None:
    text = CONFLICT + "<<<<<<< a\nz = 1\n=======\nz = 2\n>>>>>>> b\n"
    repair = repair_syntax(text)
    after = best(repair, text)
    assert "    x = 1\n    y = 2\n    return x\n" in after  # decided where a side holds the other
    assert all(c.confidence <= 0.3 for c in repair.candidates)


def test_markers_of_a_conflict_half_resolved_are_doubtful() -> None:
    text = "x = 1\n=======\ny = 2\n>>>>>>> b\n"
    repair = repair_syntax(text)
    assert best(repair, text) == "x = 1\ny = 2\n"
    assert not repair.is_sure


AGREED = {
    "equal": ("x = 1", "x = 1", "x = 1"),
    "same tree": ("x = [1, 2]", "x = [1,2]", "x = [1, 2]"),
    "a comment more": ("x = 1", "# one\nx = 1", "# one\nx = 1"),
    "one empty": ("x = 1", "", "x = 1"),
    "one compiles": ("x = (1", "x = 2", "x = 2"),
    "imports": ("import json\nimport re", "import csv\nimport re",
                "import json\nimport re\nimport csv"),
    "definitions": ("def f():\n    pass", "def g():\n    pass",
                    "def f():\n    pass\n\n\ndef g():\n    pass"),
}  # fmt: skip


@pytest.mark.parametrize(("ours", "theirs", "expected"), AGREED.values(), ids=AGREED)
def test_a_conflict_in_which_nothing_is_lost(ours: str, theirs: str, expected: str) -> None:
    theirs = f"{theirs}\n" if theirs else ""
    text = f"{CONTEXT}<<<<<<< a\n{ours}\n=======\n{theirs}>>>>>>> b\ny = 2\n"
    repair = repair_syntax(text)
    assert best(repair, text) == f"{CONTEXT}{expected}\ny = 2\n"
    assert repair.is_sure


UNDECIDED = {
    "values": ("x = 1", "x = 2"),
    "one definition, two bodies": ("def f():\n    return 1", "def f():\n    return 2"),
    "a definition and a statement": ("def f():\n    return 1", "x = 2"),
    "headers": ("if LIMIT:", "if sys:"),
}


@pytest.mark.parametrize(("ours", "theirs"), UNDECIDED.values(), ids=UNDECIDED)
def test_a_conflict_in_which_something_is_lost_is_a_guess(ours: str, theirs: str) -> None:
    text = f"{CONTEXT}<<<<<<< a\n{ours}\n=======\n{theirs}\n>>>>>>> b\n    y = 2\n"
    if not ours.endswith(":"):
        text = text.replace("    y = 2", "y = 2")
    repair = repair_syntax(text)
    assert repair.candidates
    assert not repair.is_sure


def test_a_template_is_left_to_a_person() -> None:
    text = "import {{ package.name }}\nx = [1, 2\n"
    assert not repair_syntax(text).is_sure


def test_a_conflict_with_its_base_takes_the_changed_side() -> None:
    text = "<<<<<<< a\nx = 1\n||||||| base\nx = 1\n=======\nx = 2\n>>>>>>> b\n"
    assert best(repair_syntax(text), text) == "x = 2\n"


@pytest.mark.slow
def test_a_fault_far_down_a_long_file() -> None:
    body = "".join(f"def f{n}(a, b):\n    return [a, {n}, (b, 'x')]\n\n\n" for n in range(3000))
    text = f"{body}def last(a, b)\n    return a\n\n\n{body}"
    repair = repair_syntax(text)
    assert best(repair, text) == text.replace("last(a, b)\n", "last(a, b):\n")
    assert repair.candidates[0].lines == (12001,)


@pytest.mark.slow
def test_nesting_beyond_the_parser_is_reported() -> None:
    repair = repair_syntax("x = " + "(" * 5000 + ")" * 5000)
    assert repair.message
    assert not repair.is_sure


def test_a_lone_surrogate_is_no_crash() -> None:
    assert not repair_syntax("x = '\ud800'\ny = (\n").is_sound


@pytest.mark.parametrize("budget_s", [0.0, -1.0], ids=["none", "negative"])
def test_without_time_there_is_a_message_and_no_candidate(budget_s: float) -> None:
    repair = repair_syntax("def f(x)\n    return x\n", budget_s=budget_s)
    assert repair.message == "expected ':'"
    assert repair.line == 1
    assert repair.candidates == ()


@pytest.mark.parametrize(
    ("clock_s", "work_s", "is_found"),
    [(0.0, 0.0, True), (100.0, 0.0, False), (0.0, 100.0, False)],
    ids=["in time", "clock", "work"],
)
def test_the_search_ends_by_work_and_by_the_clock(
    clock_s: float, work_s: float, is_found: bool
) -> None:
    clock, work = itertools.count(step=clock_s), itertools.count(step=work_s)
    repair = repair_syntax(
        "def f(x)\n    return x\n", clock=lambda: next(clock), work=lambda: next(work)
    )
    assert bool(repair.candidates) is is_found
    assert repair.is_late is not is_found


# --- older targets -------------------------------------------------------------------------------


def test_a_sound_text_may_be_broken_for_an_older_target() -> None:
    text = textwrap.dedent(
        """\
        def f(items):
            if (n := len(items)) > 3:
                return n
            return 0
        """
    )
    assert repair_syntax(text).is_sound
    repair = repair_syntax(text, target=(3, 7))
    assert "3.8" in repair.message
    expected = text.replace("    if (n := len(items)) > 3:", "    n = len(items)\n    if n > 3:")
    assert best(repair, text) == expected


TARGETS = {
    "while": (
        (3, 7),
        "while (line := f()):\n    g(line)\n",
        "while True:\n    line = f()\n    if not line:\n        break\n    g(line)\n",
    ),
    "positional-only": ((3, 7), "def f(a, /, b):\n    pass\n", "def f(a, b):\n    pass\n"),
    "with": (
        (3, 8),
        "with (open(a) as f, open(b) as g):\n    pass\n",
        "with open(a) as f, open(b) as g:\n    pass\n",
    ),
    "match": (
        (3, 9),
        "match c:\n    case 1 | 2:\n        x = 1\n    case None if d:\n        x = 2\n"
        "    case _:\n        x = 3\n",
        "if c == 1 or c == 2:\n    x = 1\nelif c is None and (d):\n    x = 2\nelse:\n    x = 3\n",
    ),
}


@pytest.mark.parametrize(("target", "text", "expected"), TARGETS.values(), ids=TARGETS)
def test_what_an_older_target_lacks_is_written_otherwise(
    target: tuple[int, int], text: str, expected: str
) -> None:
    repair = repair_syntax(text, target=target)
    assert best(repair, text) == expected
    assert repair.is_sure
    assert repair_syntax(expected, target=target).is_sound
    assert repair_syntax(text, target=(3, 10)).is_sound


NO_PLAIN_WAY = {
    "elif": ((3, 7), "if x:\n    pass\nelif m := f(x):\n    g(m)\n"),
    "and": ((3, 7), "if x and (m := f(x)):\n    g(m)\n"),
    "comprehension": ((3, 7), "y = [m for x in xs if (m := f(x))]\n"),
    "capture": ((3, 9), "match c:\n    case [a, b]:\n        print(a)\n"),
    "annotation": ((3, 5), "x: int = 3\n"),
}


@pytest.mark.parametrize(("target", "text"), NO_PLAIN_WAY.values(), ids=NO_PLAIN_WAY)
def test_what_has_no_plain_way_for_a_target_is_no_more_than_a_guess(
    target: tuple[int, int], text: str
) -> None:
    repair = repair_syntax(text, target=target)
    assert "only supported in Python" in repair.message
    assert not repair.is_sure
    assert all(candidate.confidence <= 0.3 for candidate in repair.candidates)


# --- the model -----------------------------------------------------------------------------------

AMBIGUOUS = "x = alpha beta\n"


def test_the_model_chooses_between_repairs_that_parse() -> None:
    for wanted in ("x = alpha + beta\n", "x = alpha.beta\n"):
        model = ScriptedModel(
            scores=lambda _prefix, text, wanted=wanted: 0.0 if text.startswith(wanted) else -40.0
        )
        repair = repair_syntax(AMBIGUOUS, model=model)
        results = [apply_edits(AMBIGUOUS, c.edits) for c in repair.candidates]
        if wanted in results:
            assert results[0] == wanted
        assert repair.used_model


def test_the_model_is_not_asked_where_the_repair_is_clear() -> None:
    model = ScriptedModel()
    repair = repair_syntax(CONTEXT + "def f(x)\n    return x\n", model=model)
    assert not repair.used_model
    assert model.scored == []
    assert model.prompts == []


@pytest.mark.slow
def test_the_model_reads_what_differs_and_little_more() -> None:
    model = ScriptedModel()
    body = "".join(f"value_{n} = total([{n}])\n" for n in range(400))
    text = f"def f(x)\n    return x\n\n\n{body}{AMBIGUOUS}{body}"
    repair_syntax(text, model=model)
    ((prefix, texts),) = model.scored
    assert prefix.endswith("value_399 = total([399])\n")
    assert len(prefix) <= 1200
    assert all(one.startswith("x = alpha") or "alpha" in one for one in texts)
    assert all(len(one.splitlines()) <= 10 for one in texts)
    assert len(set(texts)) == len(texts) > 1
