from crm.store import customers


def test_one():
    assert len(customers(1)) == 1
    assert customers(0) == []
