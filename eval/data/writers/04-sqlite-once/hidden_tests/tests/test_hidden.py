import sqlite3

from crm.ledger import PATH, add_customer


def test_title():
    add_customer(50, "eve")
    base = sqlite3.connect(PATH)
    assert base.execute("SELECT name FROM customers WHERE id = 50").fetchone() == ("Eve",)
    base.close()
