import pytest

from shop.cart import Cart
from shop.inventory import Inventory
from shop.orders import Orders


@pytest.fixture
def inventory():
    return Inventory({"TEA-G": 5, "POT": 3})


@pytest.fixture
def orders(inventory):
    return Orders(inventory)


def test_place(orders, inventory, cart):
    number = orders.place("ann", cart)
    assert orders.status(number) == "placed"
    assert orders.total(number) == 4190
    assert inventory.on_hand("TEA-G") == 3


def test_numbers_count_up(orders, cart):
    assert [orders.place("ann", cart), orders.place("bob", cart)] == [1, 2]


def test_an_empty_cart_is_no_order(orders, catalog):
    with pytest.raises(ValueError):
        orders.place("ann", Cart(catalog))


def test_cancel_puts_the_pieces_back(orders, inventory, cart):
    number = orders.place("ann", cart)
    assert orders.cancel(number)
    assert orders.status(number) == "cancelled"
    assert inventory.on_hand("POT") == 3


def test_what_is_paid_stays(orders, cart):
    number = orders.place("ann", cart)
    orders.pay(number)
    assert not orders.cancel(number)
    assert orders.status(number) == "paid"


def test_revenue_counts_paid_orders(orders, cart):
    orders.pay(orders.place("ann", cart))
    orders.place("bob", cart)
    assert orders.revenue() == 4190
