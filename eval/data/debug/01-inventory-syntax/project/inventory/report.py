"""A text report of an order."""

from inventory.orders import purchase_order


def lines(stock, suppliers):
    order = purchase_order(stock, suppliers)
    return [f"{name}: {', '.join(skus)}" for name, skus in sorted(order.items())]
