import pytest

from shop.cart import Cart
from shop.catalog import sample_catalog


@pytest.fixture
def catalog():
    return sample_catalog()


@pytest.fixture
def cart(catalog):
    cart = Cart(catalog)
    cart.add("TEA-G", 2)
    cart.add("POT")
    return cart
