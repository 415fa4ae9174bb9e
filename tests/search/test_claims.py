"""What code states of itself: examples and bounds are read from docstrings, and checked."""

from __future__ import annotations

import ast
from collections.abc import Mapping

import pytest

from pytest_gemmadev.search.claims.annotations import fits_annotation
from pytest_gemmadev.search.claims.claim import check_bounds, check_examples, claims_of
from pytest_gemmadev.search.claims.plain_values import (
    call_of,
    exception_name,
    normal_call,
    read_value,
    same_result,
)
from pytest_gemmadev.types import Expression


def examples(docstring: str, head: str = "def f(a, b=0):") -> dict[str, str]:
    source = f"{head}\n    '''{docstring}\n    '''\n    return a\n"
    return {
        each.expression.text: each.expected
        for claim in claims_of("m.py", source)
        for each in claim.examples
    }


FORMS = {
    "doctest": ("Adds.\n    >>> f(1, 2)\n    3", {"f(1, 2)": "3"}),
    "doctest of another function": (">>> len(f(1))\n    3", {"len(f(1))": "3"}),
    "doctest that raises": (
        ">>> f('x')\n    Traceback (most recent call last):\n    ...\n    ValueError: no",
        {"f('x')": "raises ValueError"},
    ),
    "comparison in a doctest": (
        ">>> f(1) == [2]\n    >>> f(2) == []",
        {"f(1)": "[2]", "f(2)": "[]"},
    ),
    "arrow": ("f(1) -> 2", {"f(1)": "2"}),
    "double arrow": ("f('a(') ==> 'b'", {"f('a(')": "'b'"}),
    "fat arrow": ("* f([1, 2]) => [3]", {"f([1, 2])": "[3]"}),
    "no space": ("f(1)==>True", {"f(1)": "True"}),
    "comparison": ("f(1) == 6.00", {"f(1)": "6.00"}),
    "equals sign": ("f([1,2]) = 3", {"f([1, 2])": "3"}),
    "in words": ("For example f(1, 2) returns 3.", {"f(1, 2)": "3"}),
    "should return": ("f(14,-15) should return 20.", {"f(14, -15)": "20"}),
    "marked up": ("``f(1)`` returns ``'a'``.", {"f(1)": "'a'"}),
    "several lines": (
        "f([\n      [1],\n      [2]\n    ], 1) == [(0, 0)]",
        {"f([[1], [2]], 1)": "[(0, 0)]"},
    ),
    "keyword": ("f(1, b=2) -> 'x'", {"f(1, b=2)": "'x'"}),
    "input and output": (
        "Input: a = [[1,2]], b = 3\n    Output: [1]",
        {"f(a=[[1,2]], b=3)": "[1]"},
    ),
    "input on lines": (
        "Input:\n        x : [1]\n        y : 2\n    Output: 6",
        {"f(a=[1], b=2)": "6"},
    ),
}
SILENT = {
    "variable": "f(n) == f(n-1) + 1",
    "expression": "f(2) == 3 * 4",
    "no literal": "f(1) -> a list",
    "after a statement": ">>> x = f(1)\n    >>> f(x)\n    3",
    "cut": ">>> f(1)\n    [1, ..., 9]",
    "object": ">>> f(1)\n    <object at 0x1>",
    "negated": "f(1) is not 3",
    "another function": "g(1) -> 2",
    "two that differ": "f(1) -> 2\n    f(1) -> 3",
    "broken": ">>> f(1\n    3",
    "unequal inputs": "Input: c = 3\n    Output: 4",
    "nothing": "",
}


@pytest.mark.parametrize(("docstring", "found"), FORMS.values(), ids=FORMS)
def test_examples_are_read(docstring: str, found: Mapping[str, str]) -> None:
    assert examples(docstring) == found


@pytest.mark.parametrize("docstring", SILENT.values(), ids=SILENT)
def test_what_is_no_example_is_left_out(docstring: str) -> None:
    assert examples(docstring) == {}


def test_examples_of_methods_need_an_object_that_can_be_made() -> None:
    method = "class A:\n    def f(self, a):\n        '''f(1) -> 2'''\n"
    needs = method.replace("    def f", "    def __init__(self, x): ...\n    def f")
    assert [e.expression.text for c in claims_of("m.py", method) for e in c.examples] == [
        "A().f(1)"
    ]
    assert claims_of("m.py", needs) == ()
    assert claims_of("m.py", "def f(:") == ()


BOUNDS = {
    "limit": ("Limit x to no more than high.", "f(5, 1, 3)", "3", "4"),
    "limits": ("Return x, at least low and at most `high`.", "f(5, 1, 3)", "3", "0"),
    "number": ("Returns the size, at least 1.", "f(5, 1, 3)", "3", "0"),
    "range": ("Clamp x between low and high.", "f(5, 1, 3)", "1", "4"),
    "range of numbers": ("Returns a number between 0 and 1.", "f(1, 1, 1)", "0.5", "2"),
    "rising": ("Return the names in ascending order.", "f(1, 1, 1)", "['a', 'b']", "['b', 'a']"),
    "sorted": ("Return a sorted list.", "f(1, 1, 1)", "[1, 1]", "[2, 1]"),
    "falling": ("Returns items in descending order", "f(1, 1, 1)", "[3, 1]", "[1, 3]"),
    "case": ("Convert x to lower case.", "f(1, 1, 1)", "'ab'", "'aB'"),
    "unique": ("Remove duplicates.", "f(1, 1, 1)", "[1, 2]", "[1, 1]"),
    "length": ("Return a list of the same length as x.", "f([1], 1, 1)", "[2]", "[]"),
    "sign": ("Return a non-negative integer.", "f(1, 1, 1)", "0", "-1"),
    "positive": ("Return a positive number.", "f(1, 1, 1)", "1", "0"),
    "parity": ("Return the even digits.", "f(1, 1, 1)", "[2, 4]", "[2, 3]"),
    "type": ("Return a list of things.", "f(1, 1, 1)", "[]", "()"),
    "text": ("Returns a string.", "f(1, 1, 1)", "''", "None"),
    "empty": ("Return 0 if x is empty.", "f([], 1, 1)", "0", "1"),
    "empty list": (
        "Return the items. If x is empty, return an empty list.",
        "f([], 1, 1)",
        "[]",
        "None",
    ),
}
VAGUE = {
    "of the argument": "Return the sum of x, where x is at least high.",
    "of the items": "Return the number of words with at least high letters.",
    "of chunks": "Split x into parts of at most low items.",
    "conditional": "Return a sorted list if high is set.",
    "sorted by": "Return the items sorted by their length.",
    "sorted input": "Return the median of the sorted list.",
    "either": "Return a list or a tuple.",
    "alike": "Remove consecutive duplicates.",
    "not a parameter": "Limit x to no more than ten.",
    "first letters": "Return x with the first letter in upper case.",
    "other conditions": "Return 0 if x is negative.",
}


def checked(
    docstring: str, results: Mapping[str, str], head: str = "def f(x, low, high):"
) -> tuple[int, int]:
    found = check_bounds(claims_of("m.py", f"{head}\n    '''{docstring}'''\n"), results)
    assert len(found.broken_texts) == found.broken
    return found.held, found.broken


@pytest.mark.parametrize(("docstring", "call", "holds", "breaks"), BOUNDS.values(), ids=BOUNDS)
def test_bounds_are_checked(docstring: str, call: str, holds: str, breaks: str) -> None:
    held, broken = checked(docstring, {call: holds})
    assert held >= 1
    assert broken == 0
    assert checked(docstring, {call: holds, call + " ": breaks})[1] >= 1
    assert checked(
        docstring, {call: "raises ValueError", "g(1)": breaks, "f(y, 1, 1)": breaks}
    ) == (0, 0)


@pytest.mark.parametrize("docstring", VAGUE.values(), ids=VAGUE)
def test_what_is_no_bound_of_the_result_is_left_out(docstring: str) -> None:
    values = ["[2, 1]", "[]", "9", "-9", "'bA'", "None", "[1, 1]", "True", "('b', 'a')"]
    results = {
        f"f({text}, 1, {high})": v for v in values for text in ("[]", "5") for high in (0, 3)
    }
    assert checked(docstring, results)[1] == 0


def test_a_decorated_function_may_give_something_else() -> None:
    source = "@decorate\ndef f(x) -> int:\n    '''Return a list.'''\n"
    assert claims_of("m.py", source) == ()


ANNOTATIONS = {
    "int": ([1, True], ["x", 1.5, None]),
    "float": ([1, 1.5], ["x"]),
    "list[int]": ([[], [1]], [["x"], (1,), None]),
    "Optional[str]": ([None, "x"], [1]),
    "int | None": ([None, 1], ["x"]),
    "'Union[int, str]'": ([1, "x"], [1.5, None]),
    "dict[str, int]": ([{}, {"a": 1}], [{1: 1}, {"a": "b"}]),
    "tuple[int, str]": ([(1, "a")], [(1,), (1, 2)]),
    "tuple[int, ...]": ([(), (1, 2)], [("a",)]),
    "typing.List[str]": ([["a"]], ["a", [1]]),
    "None": ([None], [1]),
}


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
def test_values_fit_annotations(annotation: str) -> None:
    node = ast.parse(annotation, mode="eval").body
    fits, does_not = ANNOTATIONS[annotation]
    assert [fits_annotation(node, value) for value in fits] == [True] * len(fits)
    assert [fits_annotation(node, value) for value in does_not] == [False] * len(does_not)


@pytest.mark.parametrize("annotation", ["Cart", "Iterable[int]", "'('", "Any", "list[Cart]"])
def test_an_unknown_annotation_says_nothing(annotation: str) -> None:
    assert fits_annotation(ast.parse(annotation, mode="eval").body, [1]) is None


RESULTS = [
    ("1", "1.0", True),
    ("0.1", "0.1000000001", True),
    ("[1, 2]", "[1,2]", True),
    ("[1]", "(1,)", False),
    ("raises ValueError", "raises ValueError", True),
    ("raises a.B", "B()", None),
    ("raises ValueError", "3", False),
    ("ValueError", "raises ValueError", True),
    ("<Cart>", "<Cart>", True),
    ("<Cart>", "3", None),
    ("None, and its arguments become (([2],), {})", "None", True),
    ("iterator over [1]", "[1]", True),
]


@pytest.mark.parametrize(("first", "second", "same"), RESULTS)
def test_results_are_compared(first: str, second: str, same: bool | None) -> None:
    assert same_result(first, second) is same
    assert same_result(second, first) is same


def test_results_are_read() -> None:
    assert read_value("set()") == set()
    assert exception_name("raises shop.Absent") == "Absent"
    assert exception_name("'ValueError'") == ""


def test_calls_are_the_same_however_they_are_written() -> None:
    texts = ["f(1, b=[2])", "f(a=1, b=[2])", "f(1,[2])"]
    calls = [call_of(text) for text in texts]
    assert {normal_call(c, ["a", "b"]) for c in calls if c is not None} == {"f(a=1, b=[2])"}
    assert call_of("1 + f(2)") is None


def test_examples_are_checked() -> None:
    claims = claims_of(
        "m.py", "def f(a):\n    '''f(1) -> 2\n    f(2) -> 3\n    f(3) -> 4\n    f(4) -> 5'''\n"
    )
    given = {"f(1)": "2", "f(2)": "4", "f(3)": "raises NameError"}
    found = check_examples(claims, {Expression("m.py", k): v for k, v in given.items()})
    assert (found.held, found.broken) == (1, 1)
    assert found.broken_texts == ("f(2) gives 4, documented as 3",)
