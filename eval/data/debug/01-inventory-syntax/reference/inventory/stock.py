"""What lies on the shelves."""

from dataclasses import dataclass


@dataclass
class Item:
    sku: str
    quantity: int
    reorder_at: int = 5


class Stock:
    """Items by stock-keeping unit."""

    def __init__(self):
        self._items = {}

    def receive(self, sku, quantity, reorder_at=5):
        if quantity <= 0:
            raise ValueError("quantity must be positive")
        item = self._items.get(sku)
        if item is None:
            self._items[sku] = Item(sku, quantity, reorder_at)
        else:
            item.quantity += quantity

    def take(self, sku, quantity):
        item = self._items[sku]
        if quantity > item.quantity:
            raise ValueError(f"only {item.quantity} of {sku} left")
        item.quantity -= quantity
        return item.quantity

    def low(self):
        return sorted(i.sku for i in self._items.values() if i.quantity <= i.reorder_at)
