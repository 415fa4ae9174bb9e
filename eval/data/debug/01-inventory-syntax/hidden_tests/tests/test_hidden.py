import pytest

from inventory.orders import purchase_order
from inventory.stock import Stock


def test_reorder_level_is_kept_from_the_first_delivery():
    stock = Stock()
    stock.receive("screw", 8, reorder_at=7)
    assert stock.low() == []
    stock.take("screw", 1)
    assert stock.low() == ["screw"]
    stock.receive("screw", 1)
    assert stock.low() == []


def test_nothing_is_received_for_zero():
    with pytest.raises(ValueError):
        Stock().receive("screw", 0)


def test_unknown_supplier():
    stock = Stock()
    stock.receive("screw", 1)
    assert purchase_order(stock, {}) == {"unknown": ["screw"]}
