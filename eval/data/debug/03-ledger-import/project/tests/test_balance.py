from ledger.balance import balances, statement

BOOK = """
# January
2024-01-02 salary 2500.00
2024-01-05 rent -950.00
2024-01-09 food -80.25
2024-01-20 food -19.75
"""


def test_balances():
    assert balances(BOOK.splitlines()) == {"salary": 250000, "rent": -95000, "food": -10000}


def test_statement():
    assert statement(BOOK.splitlines()) == [
        "food -100.00",
        "rent -950.00",
        "salary 2500.00",
        "total 1450.00",
    ]


def test_nothing():
    assert statement([]) == ["total 0.00"]
