"""A question's answer as a test that really runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_gemmadev.report.ready_test import (
    imported_modules,
    make_test,
    module_name,
    name_file,
    names_of,
)
from pytest_gemmadev.types import Answer, Question

SOURCE = """\
from dataclasses import dataclass, field
from decimal import Decimal

class Odd(Exception):
    pass

@dataclass
class Cart:
    items: list = field(default_factory=list)

    def add(self, n):
        return [*self.items, n]

def total(xs, start=0):
    return sum(xs, start) if xs else None

def head(xs):
    return xs[0]

def odd(n):
    raise Odd

def put(xs, *, n):
    xs.append(n)

def pairs(n):
    yield from range(n)

def price(n):
    return Decimal(n)
"""


def question(call: str, path: str = "src/shop/cart.py") -> Question:
    return Question(call, (Answer("0", (0,)), Answer("None", (1,))), path)


@pytest.mark.slow
def test_the_tests_hold_for_their_answer_and_for_no_other(tmp_path: Path) -> None:
    right = {
        "total([1], 2)": "3",
        "total([])": "None",
        "head([])": "raises IndexError",
        "odd(1)": "raises Odd",
        "Cart(items=[1]).add(2)": "[1, 2]",
        "put([1], n=2)": "None, and its arguments become (([1, 2],), {'n': 2})",
        "pairs(2)": "iterator over [0, 1]",
        "price(1)": "Decimal('1')",
    }
    wrong = {
        "total([1], 2)": "4",
        "total([])": "False",
        "head([])": "raises KeyError",
        "odd(1)": "raises Even",
        "Cart(items=[1]).add(2)": "[2]",
        "put([1], n=2)": "None, and its arguments become (([1, 3],), {'n': 2})",
        "pairs(2)": "iterator over [0]",
        "price(1)": "Decimal('2')",
    }
    (tmp_path / "cart.py").write_text(SOURCE)
    for kind, results in (("right", right), ("wrong", wrong)):
        for number, (call, result) in enumerate(results.items()):
            text = make_test(question(call, "cart.py"), result)
            (tmp_path / f"test_{kind}_{number}.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    failed = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED")}
    assert {name.partition("_")[2].partition("_")[0] for name in failed} == {"wrong"}, done.stdout
    assert (len(failed), f"{len(right)} passed" in done.stdout) == (len(wrong), True), done.stdout


def test_what_it_looks_like() -> None:
    assert make_test(question("total([])"), "0") == (
        "from shop.cart import total\n\n\ndef test_total_answered():\n    assert total([]) == 0\n"
    )
    assert name_file(question("Cart(items=[1]).add(2)")) == "test_cart_cart_add_gemmadev.py"


@pytest.mark.parametrize(
    ("asked", "result"),
    [
        pytest.param(question("total([])", ""), "0", id="it is not known where it is"),
        pytest.param(question("<Cart>.add(2)"), "[1]", id="an object that cannot be written"),
        pytest.param(question("total([])"), "<object object>", id="a result without a name"),
        pytest.param(question("total([])"), "'aaa…01234abc…zzz'", id="a result that was cut"),
        pytest.param(
            question("pairs(99)"), f"iterator over {[0] * 50}", id="an iterator without end"
        ),
    ],
)
def test_what_cannot_be_a_test(asked: Question, result: str) -> None:
    assert make_test(asked, result) == ""


@pytest.mark.parametrize(
    ("path", "imported", "expected"),
    [
        pytest.param("shop/cart.py", (), "shop.cart", id="by its folders"),
        pytest.param("src/shop/cart.py", (), "shop.cart", id="below src"),
        pytest.param("src/shop/__init__.py", (), "shop", id="a package"),
        pytest.param("code/shop/cart.py", ("shop.cart",), "shop.cart", id="as the test imports it"),
        pytest.param("src/cart.py", ("src.cart",), "src.cart", id="src is a package"),
        pytest.param("cart.py", ("os",), "cart", id="at the top"),
    ],
)
def test_the_name_of_a_module(path: str, imported: tuple[str, ...], expected: str) -> None:
    assert module_name(path, imported) == expected


def test_names_and_imports() -> None:
    assert names_of("total([Item(1), max(2, 3)])") == ("total", "Item")
    assert names_of("total(") == names_of("1 + 1") == names_of("[f][0](1)") == ()
    assert imported_modules("import a.b\nfrom c import d\nfrom . import e\n") == {
        "a.b", "c", "c.d"
    }  # fmt: skip
    assert imported_modules("def") == set()
