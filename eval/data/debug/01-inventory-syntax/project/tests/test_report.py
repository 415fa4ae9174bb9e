from inventory.report import lines
from inventory.stock import Stock


def test_lines_by_supplier():
    stock = Stock()
    stock.receive("nut", 3)
    stock.receive("washer", 1)
    stock.receive("bolt", 50)
    assert lines(stock, {"nut": "Acme", "washer": "Acme"}) == ["Acme: nut, washer"]
