"""What a customer wants to buy."""

from dataclasses import dataclass

from shop.catalog import Product


@dataclass
class Line:
    product: Product
    quantity: int

    @property
    def cents(self):
        return self.product.cents * self.quantity


class Cart:
    """Lines in the order in which their products were first added."""

    def __init__(self, catalog):
        self._catalog = catalog
        self._lines = {}

    @property
    def lines(self):
        return list(self._lines.values())

    def add(self, code, quantity=1):
        if quantity < 1:
            raise ValueError(f"cannot add {quantity} of {code}")
        product = self._catalog.find(code)
        line = self._lines.get(product.code)
        if line is None:
            self._lines[product.code] = Line(prodcut, quantity)
        else:
            line.quantity += quantity

    def remove(self, code):
        self._lines.pop(self._catalog.find(code).code, None)

    def count(self):
        return sum(line.quantity for line in self.lines)

    def subtotal(self):
        return sum(line.cents for line in self.lines)
