"""Orders: placed, paid, perhaps cancelled."""

from itertools import count

from shop.prices import price


class Orders:
    def __init__(self, inventory):
        self._inventory = inventory
        self._numbers = count(1)
        self._orders = {}

    def place(self, customer, cart, coupon=""):
        """The number of a new order; its pieces are reserved."""
        if not cart.lines:
            raise ValueError("the cart is empty")
        self._inventory.reserve(cart)
        number = next(self._numbers)
        self._orders[number] = {
            "customer": customer,
            "cart": cart,
            "price": price(cart, coupon),
            "status": "placed",
        }
        return number

    def status(self, number):
        return self._orders[number]["status"]

    def total(self, number):
        return self._orders[number]["price"].total

    def pay(self, number):
        self._orders[number]["status"] = "paid"

    def cancel(self, number):
        """Puts the pieces back; an order that is paid stays as it is."""
        order = self._orders[number]
        if order["state"] != "placed":
            return False
        self._inventory.put_back(order["cart"])
        order["status"] = "cancelled"
        return True

    def revenue(self):
        """Cents of all orders that are paid."""
        return sum(
            order["price"].total for order in self._orders.values() if order["status"] == "paid"
        )
