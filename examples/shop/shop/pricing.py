"""From a cart to what the customer pays."""

from dataclasses import dataclass

from shop.discounts import best

TAX_PERCENT = {"books": 7}
STANDARD_TAX_PERCENT = 19
SHIPPING = 490
FREE_SHIPPING_FROM = 5000  # after the discount


@dataclass(frozen=True)
class Price:
    subtotal: int
    discount: int
    shipping: int
    tax: int  # contained in the total

    @property
    def total(self):
        return self.subtotal - self.discount + self.shipping


def tax_percent(category):
    return TAX_PERCENT.get(category, STANDARD_TAX_PERCENT)


def contained_tax(cart):
    """Tax contained in the prices, before any discount."""
    return sum(
        line.cents - net(line.cents, tax_percent(line.product.category)) for line in cart.lines
    )


def net(cents, percent):
    """What is left of a price without its tax."""
    return round(cents * 100 / (100 + percent))


def shipping(cents):
    return 0 if cents > FREE_SHIPPING_FROM else SHIPPING


def price(cart, coupon=""):
    subtotal = cart.subtotal()
    discount = best(cart, coupon)
    return Price(subtotal, discount, shipping(subtotal - discount), contained_tax(cart))


def format_cents(cents):
    return f"{cents // 100}.{cents % 100:02d}"
