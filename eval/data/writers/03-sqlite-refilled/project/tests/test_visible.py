import sqlite3

import pytest

from crm.store import PATH, customers


@pytest.fixture(autouse=True)
def filled():
    with sqlite3.connect(PATH) as base:
        base.execute("DELETE FROM customers")
        base.executemany("INSERT INTO customers VALUES (?, ?)", [(7, "Gil"), (8, "Hal"), (9, "Ivy")])
    base.close()


def test_all():
    assert customers() == ["Gil", "Hal", "Ivy"]


def test_limit():
    assert customers(2) == ["Gil", "Hal"]
