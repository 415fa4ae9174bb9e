import pytest

from inventory.stock import Stock


@pytest.fixture
def stock():
    stock = Stock()
    stock.receive("bolt", 10)
    stock.receive("nut", 3)
    return stock


def test_receive_adds_up(stock):
    stock.receive("bolt", 5)
    assert stock.take("bolt", 12) == 3


def test_take_more_than_there_is(stock):
    with pytest.raises(ValueError, match="only 3 of nut"):
        stock.take("nut", 4)


def test_low(stock):
    assert stock.low() == ["nut"]
