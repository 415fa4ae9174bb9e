import pytest

from shop.discounts import best, bulk, coupon, percent_of


@pytest.mark.parametrize("cents, percent, part", [(100, 5, 5), (110, 5, 6), (109, 5, 5), (0, 5, 0)])
def test_percent_of_rounds_half_up(cents, percent, part):
    assert percent_of(cents, percent) == part


def test_bulk_is_for_ten_and_more(cart):
    cart.add("CUP", 9)
    assert bulk(cart) == 0
    cart.add("CUP")
    assert bulk(cart) == 450


def test_coupon(cart):
    assert coupon(cart, "welcome") == 370
    assert coupon(cart, "NOTHING") == 0


def test_the_larger_discount_counts(cart):
    assert best(cart, "WELCOME") == 370
    cart.add("CUP", 20)
    assert best(cart) == 900
    assert best(cart, "TEATIME") == 3255
