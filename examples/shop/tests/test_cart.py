import pytest

from shop.cart import Cart


def test_lines_keep_their_order(cart):
    assert [line.product.code for line in cart.lines] == ["TEA-G", "POT"]


def test_adding_again_adds_up(cart):
    cart.add("tea-g", 3)
    assert cart.lines[0].quantity == 5
    assert len(cart.lines) == 2


def test_count_and_subtotal(cart):
    assert cart.count() == 3
    assert cart.subtotal() == 3700


def test_remove(cart):
    cart.remove("POT")
    assert cart.subtotal() == 1300


def test_nothing_cannot_be_added(catalog):
    with pytest.raises(ValueError):
        Cart(catalog).add("CUP", 0)
