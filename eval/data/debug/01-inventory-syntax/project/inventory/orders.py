"""Orders to suppliers for what runs low."""

from inventory.stock import Stock


def purchase_order(stock: Stock, suppliers: dict) -> dict:
    """Units to order by supplier."""
    order = {}
    for sku in stock.low():
        supplier = suppliers.get(sku, "unknown")
        order.setdefault(supplier, []).append(sku)
    return order
