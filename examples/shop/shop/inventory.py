"""How many pieces there are."""


class OutOfStock(Exception):
    """More was asked for than there is."""


class Inventory:
    def __init__(self, pieces):
        self._pieces = dict(pieces)

    def on_hand(self, code):
        return self._pieces.get(code, 0)

    def reserve(self, cart):
        """Takes everything in the cart off the shelf, or nothing at all."""
        for line in cart.lines:
            code = line.product.code
            if line.quantity > self.on_hand(code):
                raise OutOfStock(f"{code}: {self.on_hand(code)} left")
        for line in cart.lines:
            self._pieces[line.product.code] -= line.quantity

    def put_back(self, cart):
        for line in cart.lines:
            self._pieces[line.product.code] = self.on_hand(line.product.code) + line.quantity

    def low(self, limit=3):
        """Codes of which fewer than ``limit`` pieces are left."""
        return sorted(code for code, pieces in self._pieces.items() if pieces < limit)
