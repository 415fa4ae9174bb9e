from crm.ledger import add_customer


def test_add():
    assert add_customer(4, " dan ") == 4
