"""The ways in which people run their tests: each is repaired, to the byte, and can be taken back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from whole_runs import Files, contents, run, undo, write

pytestmark = pytest.mark.slow

FIX = ("--gemmadev-fix", "--gemmadev-accept=guess", "--gemmadev-model=none")
ALL_OFF = "[pytest]\naddopts = -p no:cacheprovider\n"


@dataclass(frozen=True)
class Case:
    """A project, how it is run, and the one text in each file that has to change."""

    files: Files
    fixes: Mapping[str, tuple[str, str] | tuple[bytes, bytes]]
    options: Sequence[str] = ()
    needs: Sequence[str] = ()  # modules without which it does not apply
    folder: str = ""  # where pytest is called
    root: str = ""  # what pytest takes for the rootdir
    shows: Sequence[str] = ()
    before: Callable[[Path], object] = field(default=lambda _root: None)


def fails_first(root: Path) -> None:
    assert run(root).status == 1
    assert (root / ".pytest_cache" / "v" / "cache" / "lastfailed").exists()


CART = """\
TAXES = {"food": 7, "books": 7, "other": 19}


def taxed(net, kind):
    return net * (100 + TAXES[kid]) // 100
"""
STOCK = """\
class Stock:
    def __init__(self):
        self.items = {}

    def add(self, name, count):
        self.items[name] = self.itmes.get(name, 0) + count
"""
DELIVERY = """\
import asyncio


async def arrive(days):
    await asyncio.sleep(0)
    return dayz + 1
"""
TEXTS = '''\
def shout(word):
    """The word, louder.

    >>> shout("now")
    'NOW!'
    """
    return word.uper() + "!"
'''
STYLES = {
    "shop/__init__.py": "",
    "shop/cart.py": CART,
    "shop/stock.py": STOCK,
    "shop/delivery.py": DELIVERY,
    "shop/texts.py": TEXTS,
    "tests/test_cart.py": """\
import pytest
from shop.cart import taxed


@pytest.mark.parametrize(
    ("net", "kind", "gross"),
    [(100, "food", 107), pytest.param(200, "other", 238, id="a::b/c [ü]"), (0, "books", 0)],
)
def test_taxed(net, kind, gross):
    assert taxed(net, kind) == gross
""",
    "tests/test_stock.py": """\
import unittest

from shop.stock import Stock


class StockTest(unittest.TestCase):
    def setUp(self):
        self.stock = Stock()

    def test_empty(self):
        self.assertEqual(self.stock.items, {})

    def test_add(self):
        self.stock.add("pen", 2)
        self.stock.add("pen", 1)
        with self.subTest("once"):
            self.assertEqual(self.stock.items, {"pen": 3})
""",
    "tests/test_delivery.py": """\
import pytest
import pytest_asyncio
from shop.delivery import arrive


@pytest_asyncio.fixture
async def weekend():
    return await arrive(1)


@pytest.mark.asyncio
async def test_arrive(weekend):
    assert (weekend, await arrive(2)) == (2, 3)
""",
}
STYLES_FIXED = {
    "shop/cart.py": ("TAXES[kid]", "TAXES[kind]"),
    "shop/stock.py": ("self.itmes", "self.items"),
    "shop/texts.py": ("word.uper()", "word.upper()"),
}
TWO = {
    "shop.py": "def total(prices):\n    return sum(price)\n",
    "rates.py": 'RATES = {"DE": 19}\n\n\ndef rate(country):\n    return RATES[county]\n',
    "fine.py": "def one():\n    return 1\n",
    "test_rates.py": 'import rates\n\n\ndef test_rate():\n    assert rates.rate("DE") == 19\n',
    "test_fine.py": "import fine\n\n\ndef test_one():\n    assert fine.one() == 1\n",
    "test_shop.py": "import shop\n\n\ndef test_total():\n    assert shop.total([1, 2]) == 3\n",
}
TWO_FIXED = {
    "shop.py": ("sum(price)", "sum(prices)"),
    "rates.py": ("[county]", "[country]"),
}

CASES = {
    "xdist, unittest, parameters, doctests, three files": Case(
        STYLES
        | {
            "pytest.ini": "[pytest]\npythonpath = .\n",
            "shop/delivery.py": DELIVERY.replace("z", "s"),
        },
        STYLES_FIXED,
        ("-n", "2", "--doctest-modules"),
        needs=("xdist", "pytest_asyncio"),
    ),
    "async tests and fixtures": Case(
        STYLES | {"pytest.ini": "[pytest]\npythonpath = .\n"},
        {"shop/delivery.py": ("dayz", "days")},
        ("tests/test_delivery.py", "-W", "error::RuntimeWarning"),
        needs=("pytest_asyncio",),
    ),
    "stop at the first failure": Case(TWO, TWO_FIXED, ("-x",)),
    "without a terminal report": Case(TWO, TWO_FIXED, ("-p", "no:terminal")),
    "the last failures only": Case(TWO, TWO_FIXED, ("--lf",), before=fails_first),
    "asked for in the ini file, no cache": Case(
        TWO
        | {
            "pytest.ini": "[pytest]\naddopts = --gemmadev-fix -p no:cacheprovider\n"
            "gemmadev_model = none\ngemmadev_confine = off\n",  # else its file is private
            "conftest.py": """\
import os

from pytest_gemmadev.plugin import MODE


def pytest_configure(config):
    with open(os.environ["MODES"], "a") as file:
        print(config.stash[MODE], file=file)
""",
        },
        TWO_FIXED,
    ),
    "src layout, called below the rootdir": Case(
        {
            "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n',
            "src/shop/__init__.py": "from .cart import total\n",
            "src/shop/cart.py": "def total(prices):\n    return sum(price)\n",
            "tests/unit/test_cart.py": "from shop import total\n\n\n"
            "def test_total():\n    assert total([1, 2]) == 3\n",
        },
        {"src/shop/cart.py": ("sum(price)", "sum(prices)")},
        ("unit",),
        folder="tests",
    ),
    "rootdir below the folder pytest is called in": Case(
        {
            "project/setup.cfg": "[tool:pytest]\npythonpath = .\n",
            "project/space/inner/cart.py": "def total(prices):\n    return sum(price)\n",
            "project/tests/test_cart.py": "from space.inner.cart import total\n\n\n"
            "def test_total():\n    assert total([1, 2]) == 3\n",
            "elsewhere/cart.py": "def total(prices):\n    return sum(price)\n",
        },
        {"project/space/inner/cart.py": ("sum(price)", "sum(prices)")},
        ("project/tests",),
        root="project",
    ),
    "spaces, other letters and other encodings": Case(
        {
            "eine Mappe/läden/__init__.py": "",
            "eine Mappe/läden/korb.py": b"\xef\xbb\xbfdef total(prices):\r\n"
            b"    # 1 \xe2\x82\xac\n\treturn sum(price)  # \xf0\x9f\x9b\x92\r\n\r\nEND = 1",
            "eine Mappe/läden/steuer.py": b"# -*- coding: latin-1 -*-\r\nNAME = 'K\xf6ln'\r\n\x0c\r\n"
            b"def satz(land):\r\n    return {NAME: 19}[lande]  # \xa7 12\r\n",
            "pytest.ini": "[pytest]\npythonpath = 'eine Mappe'\n",
            "eine Mappe/tests/test_ü b.py": "from läden.korb import total\n"
            "from läden.steuer import satz\n\n\ndef test_ß():\n    assert total([1, 2]) == 3\n\n\n"
            'def test_satz():\n    assert satz("Köln") == 19\n',
        },
        {
            "eine Mappe/läden/korb.py": (b"sum(price)", b"sum(prices)"),
            "eine Mappe/läden/steuer.py": (b"[lande]", b"[land]"),
        },
    ),
    "a broken import, a syntax error behind an import, a bug behind both": Case(
        {
            "shop/__init__.py": "",
            "shop/cart.py": "from shop.rates import rate\n\n\n"
            "def total(prices):\n    return sum(price) + rate()\n",
            "shop/rates.py": "def rate()\n    return 1\n",
            "shop/stock.py": "from shop.rates import rat\n\n\ndef stock():\n    return rat()\n",
            "conftest.py": "",
            "tests/test_cart.py": "from shop.cart import total\n\n\n"
            "def test_total():\n    assert total([1, 2]) == 4\n",
            "tests/test_stock.py": "from shop.stock import stock\n\n\n"
            "def test_stock():\n    assert stock() == 1\n",
            "tests/test_fine.py": "def test_fine():\n    pass\n",
        },
        {
            "shop/cart.py": ("sum(price)", "sum(prices)"),
            "shop/rates.py": ("rate()\n", "rate():\n"),
            "shop/stock.py": (
                "import rat\n\n\ndef stock():\n    return rat()",
                "import rate\n\n\ndef stock():\n    return rate()",
            ),
        },
    ),
    "a conftest that cannot be imported": Case(
        {
            "shop.py": 'RATES = {"DE": 19}\nTAX = RATS["DE"]\n\n\n'
            "def total(prices):\n    return sum(price)\n",
            "conftest.py": "import pytest\nfrom shop import TAX\n\n\n"
            "@pytest.fixture\ndef tax():\n    return TAX\n",
            "test_shop.py": "import shop\n\n\ndef test_tax(tax):\n    assert tax == 19\n\n\n"
            "def test_total():\n    assert shop.total([1, 2]) == 3\n",
        },
        {"shop.py": ("RATS", "RATES")},
        ("-k", "tax"),
    ),
    "errors of several in one, the raise not to blame": Case(
        {
            "shop.py": """\
def check(orders):
    errors = []
    for order in orders:
        try:
            price(order)
        except Exception as error:
            errors.append(error)
    if errors:
        raise LookupError(len(errors)) from errors[0]
    return len(orders)


def price(order):
    return order["amount"] * ordr["each"]
""",
            "test_shop.py": "import shop\n\n\ndef test_check():\n"
            "    order = {'amount': 1, 'each': 2}\n"
            "    assert shop.check([order, order]) == 2\n",
        },
        {"shop.py": ("ordr[", "order[")},
    ),
    "setup, teardown and chained exceptions": Case(
        {
            "store.py": """\
class Store:
    def open(self):
        self.rows = lits()

    def close(self):
        self.rows.cler()


def parse(text):
    try:
        return int(text)
    except ValueError as error:
        raise RuntimeError(f"not a number: {txt}") from error


def load(texts):
    try:
        return [parse(text) for text in texts]
    except RuntimeError as error:
        raise LookupError(str(error)) from error
""",
            "test_store.py": """\
import pytest
import store


@pytest.fixture
def opened():
    one = store.Store()
    one.open()
    yield one
    one.close()


def test_opened(opened):
    assert opened.rows == []


def test_load():
    with pytest.raises(LookupError, match="not a number: x"):
        store.load(["1", "x"])
""",
        },
        {"store.py": ("", "")},
    ),
}
CHANGES = {  # where more than one place of a file changes
    "setup, teardown and chained exceptions": [
        ("lits()", "list()"),
        ("cler()", "clear()"),
        ("{txt}", "{text}"),
    ],
}


def repaired(name: str, case: Case) -> dict[str, bytes]:
    """The files as they are meant to be."""
    wanted = {p: t.encode() if isinstance(t, str) else t for p, t in case.files.items()}
    for path, (old, new) in case.fixes.items():
        for one, other in CHANGES.get(name, [(old, new)]):
            old_bytes, new_bytes = (t.encode() if isinstance(t, str) else t for t in (one, other))
            assert wanted[path].count(old_bytes) == 1
            wanted[path] = wanted[path].replace(old_bytes, new_bytes)
    return wanted


@pytest.mark.parametrize("name", CASES)
def test_repaired_and_taken_back(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    for module in case.needs:
        pytest.importorskip(module)
    root = tmp_path / "root"
    write(root, case.files)
    before = contents(root)
    case.before(root)
    options = () if "ini file" in name else FIX
    modes = tmp_path / "modes"

    ran = run(root / case.folder, *options, *case.options, MODES=str(modes))

    assert ran.status == 0, ran.output
    assert "INTERNALERROR" not in ran.output
    assert "Traceback" not in ran.output.partition(" gemmadev ===")[2]
    assert contents(root) == repaired(name, case), ran.output
    if modes.exists():
        first, *later = modes.read_text().split()
        assert (first, set(later)) == ("fix", {"off"})

    undone = undo(root / case.root)
    while undone.status == 0 and contents(root) != before:  # a conftest's repair is an entry too
        undone = undo(root / case.root)
    assert undone.status == 0, undone.output
    assert contents(root) == before
    assert "nothing to undo" in undo(root / case.root).output
