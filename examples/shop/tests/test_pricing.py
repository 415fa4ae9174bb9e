import pytest

from shop.pricing import contained_tax, format_cents, net, price, shipping, tax_percent


@pytest.mark.parametrize("cents, expected", [(0, 490), (4999, 490), (5000, 0), (9000, 0)])
def test_shipping(cents, expected):
    assert shipping(cents) == expected


def test_books_are_taxed_less():
    assert tax_percent("books") == 7
    assert tax_percent("kitchen") == 19


def test_net():
    assert net(119, 19) == 100
    assert net(107, 7) == 100


def test_contained_tax(cart):
    assert contained_tax(cart) == 591
    cart.add("BOOK")
    assert contained_tax(cart) == 709


def test_price(cart):
    amounts = price(cart)
    assert (amounts.subtotal, amounts.discount, amounts.shipping) == (3700, 0, 490)
    assert amounts.total == 4190


def test_price_with_a_coupon(cart):
    cart.add("POT")
    amounts = price(cart, "WELCOME")
    assert (amounts.discount, amounts.shipping, amounts.total) == (610, 0, 5490)


def test_format_cents():
    assert format_cents(1205) == "12.05"
